# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fusion is fitted and judged on label-paired draws; what it claims holds on made pools."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.fusion.combine import LEAST_QUALITY, CombineSettings
from emotion_perception.fusion.learnt import FEATURES, LearntFusion, Seen, features
from emotion_perception.models import ModelError
from emotion_perception.models.balance import BALANCED, NATURAL, rebalance
from emotion_training.common.files import TrainingError
from emotion_training.fusion import evaluate, methods, pools, sources
from emotion_training.fusion import train as train_fusion
from emotion_training.fusion.pairs import (
    SCENARIOS,
    Pairs,
    Rows,
    balanced,
    draw,
    label_paired,
    training_mixture,
    unpaired,
)
from emotion_training.fusion.pools import (
    FACE_CONDITIONS,
    FIT,
    TEST,
    VOICE_CONDITIONS,
    Pool,
    cached,
)

SEEN = {'face': Seen('some-face', 'aa', 8), 'voice': Seen('some-voice', 'bb', 9)}


def made_pool(
    conditions: tuple[str, ...],
    parts: tuple[str, ...],
    skill: float,
    seed: int,
    width: int,
    count: int = 40,
) -> Pool:
    """Return a pool of a model that is right more often the greater its skill.

    A corrupted condition has a third of the skill, and a low quality. Two values of the
    embedding say more about some classes than the probabilities do.
    """
    rng = np.random.default_rng(seed)
    truth = np.tile(np.arange(6), len(parts) * count)
    pool = Pool(truth, np.repeat(parts, 6 * count))
    for condition in conditions:
        strength = skill if condition == 'clean' else skill / 3
        logits = rng.normal(0, 1, (len(truth), 6))
        pool.embedding[condition] = rng.normal(3, 2, (len(truth), width)).astype(np.float32)
        pool.embedding[condition][:, 0] += 6.0 * strength / skill * (truth == 1)
        pool.embedding[condition][:, 1] -= 6.0 * strength / skill * (truth == 5)
        logits[np.arange(len(truth)), truth] += strength
        pool.probabilities[condition] = softmax(strength * logits)
        pool.quality[condition] = np.full(
            len(truth), 0.9 if condition == 'clean' else 0.3, np.float32
        )
    return pool


@pytest.fixture(scope='module')
def faces() -> Pool:
    return made_pool(FACE_CONDITIONS, (FIT, TEST), 2.0, 1, 8)


@pytest.fixture(scope='module')
def voices() -> Pool:
    return made_pool(VOICE_CONDITIONS, ('fold 0', 'fold 1'), 1.4, 2, 9)


@pytest.fixture(scope='module')
def mixture(faces: Pool, voices: Pool) -> Pairs:
    return training_mixture(faces.of(FIT), voices.of('fold 0'), 3000, np.random.default_rng(0))


def test_pairs_are_of_one_class_and_equally_many_of_each(faces: Pool) -> None:
    labels = balanced(7)
    chosen = draw(faces.truth, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(faces.truth[chosen], labels)
    assert np.bincount(labels).tolist() == [7] * 6


def test_a_missing_modality_has_no_weight_and_no_say(faces: Pool, voices: Pool) -> None:
    for scenario in SCENARIOS:
        pairs = label_paired(faces, voices, scenario, 3, np.random.default_rng(0))
        assert pairs.present[:, 0].all() == bool(scenario.face)
        assert pairs.present[:, 1].all() == bool(scenario.voice)
        if not scenario.face:
            assert not pairs.weights[:, 0].any()
            assert not features(pairs.face, pairs.voice, pairs.weights)[:, :14].any()


def test_the_mixture_to_fit_on_holds_every_scenario(mixture: Pairs) -> None:
    assert (~mixture.present[:, 0]).any()
    assert (~mixture.present[:, 1]).any()
    assert (mixture.present.all(axis=1)).mean() > 0.6


def test_a_part_without_a_class_is_named(faces: Pool) -> None:
    chosen = faces.truth != EMOTIONS.index('Fear')
    less = Pool(faces.truth[chosen], faces.part[chosen])
    with pytest.raises(TrainingError, match='test part has no sample of Fear'):
        less.of(TEST)


def test_every_method_gains_where_both_are_clean_and_loses_nothing_where_one_is_not(
    faces: Pool, voices: Pool, mixture: Pairs
) -> None:
    fitted = train_fusion.fit_all(mixture, SEEN)
    trial = evaluate.Trial(evaluate.methods_of(fitted), faces.of(TEST), voices.of('fold 1'))
    table = evaluate.judge([trial], 20, 40, 1)
    for name in ('product', 'stacker', 'network'):
        found = evaluate.goals(table, name)
        assert found['gain'] > 0.05, name
        assert found['worst_loss'] < 0.04, name
        assert found['ece_clean'] < 0.06, name
    assert 'voice' not in table['voice missing']


def test_the_network_makes_use_of_what_only_embeddings_show(
    faces: Pool, voices: Pool, mixture: Pairs
) -> None:
    answer = methods.learnt(methods.train(methods.Network, mixture, 0))
    pairs = label_paired(
        faces.of(TEST), voices.of('fold 1'), SCENARIOS[0], 300, np.random.default_rng(0)
    )
    plain = dataclasses.replace(
        pairs,
        embeddings={
            name: Rows(rows.table.mean(axis=0, keepdims=True), np.zeros_like(rows.index))
            for name, rows in pairs.embeddings.items()
        },
    )
    assert (
        methods.log_loss(answer(pairs), pairs.truth)
        < methods.log_loss(answer(plain), pairs.truth) - 0.002
    )


def test_voices_that_are_overconfident_are_calibrated_first(faces: Pool, voices: Pool) -> None:
    sharp = voices.balanced(0.3)
    temperature = train_fusion.fit_temperature_of(sharp)
    assert temperature > 2.0
    truth = voices.truth
    assert methods.log_loss(
        sharp.balanced(temperature).probabilities['clean'], truth
    ) < methods.log_loss(sharp.probabilities['clean'], truth)


def test_a_face_alone_is_as_sure_as_its_model_and_two_are_surer(
    faces: Pool, voices: Pool, mixture: Pairs
) -> None:
    settings = methods.fit_closed_form(mixture, 'product')
    assert (settings.face_temperature, settings.voice_temperature) == (1.0, 1.0)
    alone = dataclasses.replace(settings, face_trust=0.0, floor=0.0001)
    pairs = label_paired(faces, voices, SCENARIOS[1], 20, np.random.default_rng(0))
    np.testing.assert_allclose(methods.closed_form(alone)(pairs), pairs.face, atol=2e-3)


LEAN = np.array([0.3, 0.01, 0.3, 0.29, 0.05, 0.05], np.float32)


def leaning(pool: Pool, shares: np.ndarray) -> Pool:
    """Return the pool as models would read it that were trained on other class shares."""
    return dataclasses.replace(
        pool,
        shares=np.tile(shares, (len(pool.truth), 1)),
        probabilities={
            name: rebalance(value, shares, NATURAL, BALANCED)
            for name, value in pool.probabilities.items()
        },
    )


def test_what_a_model_was_trained_on_does_not_change_what_is_fitted(
    faces: Pool, voices: Pool
) -> None:
    learnt = leaning(faces, LEAN).of(FIT), leaning(voices, LEAN[::-1].copy()).of('fold 0')
    fitted = [
        methods.fit_closed_form(training_mixture(*pair, 600, np.random.default_rng(0)), 'product')
        for pair in ((faces.of(FIT), voices.of('fold 0')), [pool.balanced() for pool in learnt])
    ]
    for name in ('face_trust', 'voice_trust', 'agreement'):
        values = [getattr(item, name) for item in fitted]
        assert values[0] == pytest.approx(values[1], abs=0.02), name


def test_calibration_is_judged_for_both_mixtures(faces: Pool, voices: Pool) -> None:
    table = {'product': methods.closed_form(CombineSettings()), 'face': methods.face_only}
    unknown = evaluate.judge([evaluate.Trial(table, faces, voices)], 2, 20, 0)
    assert unknown['both clean']['product']['ece_natural'] is None
    assert 'not known' in evaluate.table_text(unknown, 'ece_natural')
    known = evaluate.judge(
        [evaluate.Trial(table, leaning(faces, LEAN).balanced(), leaning(voices, LEAN).balanced())],
        2,
        20,
        0,
    )
    for row in known.values():
        for figure in row.values():
            assert 0 < figure['ece_natural'] < 0.3
    # The same pairs, the same answers.
    assert known['both clean']['face']['ece'] == pytest.approx(
        unknown['both clean']['face']['ece'], abs=1e-3
    )


def test_random_pairs_teach_a_network_not_to_listen(faces: Pool, voices: Pool) -> None:
    found = evaluate.failure(faces, voices, 2, 50, 0, 3000)
    ignorant = found['random pairs, label of the face']
    # Another's voice changes nothing, another's face everything: it is deaf.
    assert abs(ignorant['both'] - ignorant['voice of another']) < 0.03
    assert ignorant['face of another'] < 0.3
    assert found['random pairs, label by row']['both'] < 0.35
    assert found['pairs of one class']['both'] > ignorant['both'] + 0.03


def test_unpaired_labels_say_nothing_about_the_voice(faces: Pool, voices: Pool) -> None:
    pairs = unpaired(faces, voices, 3000, 'face', np.random.default_rng(0))
    assert (pairs.face.argmax(axis=1) == pairs.truth).mean() > 0.5
    assert abs((pairs.voice.argmax(axis=1) == pairs.truth).mean() - 1 / 6) < 0.03


@pytest.mark.parametrize('kind', ['stacker', 'Network'])
def test_a_trained_combination_runs_the_same_in_the_runtime(
    mixture: Pairs, tmp_path: Path, kind: str
) -> None:
    module = methods.train(getattr(methods, kind), mixture, 0, epochs=2)
    path = tmp_path / f'{kind}.onnx'
    methods.export(module, path, SEEN)
    assert path.stat().st_size < 20_000
    loaded = LearntFusion(path)
    assert loaded.seen == ({} if kind == 'stacker' else SEEN)
    weights = mixture.present * np.maximum(mixture.weights, LEAST_QUALITY)
    everything = {name: rows.take(slice(None)) for name, rows in mixture.embeddings.items()}
    np.testing.assert_allclose(
        loaded(mixture.face, mixture.voice, weights, everything),
        methods.learnt(module)(mixture),
        atol=1e-5,
    )


def test_an_untrained_network_is_the_product_of_experts(mixture: Pairs) -> None:
    network = methods.Network({'face': 8, 'voice': 9}).eval()
    plain = CombineSettings(
        face_temperature=1.0,
        voice_temperature=1.0,
        face_trust=1.0,
        voice_trust=1.0,
        agreement=0.0,
        floor=0.001,
    )
    np.testing.assert_allclose(
        methods.learnt(network)(mixture), methods.closed_form(plain)(mixture), atol=0.05
    )


def test_a_missing_embedding_is_never_looked_at(mixture: Pairs) -> None:
    module = methods.train(methods.Network, mixture, 0)
    missing = ~mixture.present[:, 1]
    rows = mixture.embeddings['voice']
    assert not rows.take(missing).any()
    elsewhere = dataclasses.replace(
        mixture, embeddings={**mixture.embeddings, 'voice': Rows(rows.table, np.abs(rows.index))}
    )
    np.testing.assert_array_equal(
        methods.learnt(module)(elsewhere)[missing], methods.learnt(module)(mixture)[missing]
    )


def test_an_embedding_is_brought_to_another_models_coordinates() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=(200, 12))
    other = np.hstack((own[:, :4] * 2 + 1, own[:, 4:] @ rng.normal(size=(8, 8))))
    found = sources.Translation.fit(own[:150], other[:150])
    assert found.explained > 0.95
    np.testing.assert_allclose(found(own[150:]), other[150:], atol=0.5)


def test_a_combination_that_is_missing_or_no_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='emotion train fusion'):
        LearntFusion(tmp_path / 'none.onnx')
    (tmp_path / 'bad.onnx').write_bytes(b'not a model')
    with pytest.raises(ModelError, match='damaged'):
        LearntFusion(tmp_path / 'bad.onnx')
    methods.export(torch.nn.Linear(FEATURES, 4), tmp_path / 'four.onnx')
    with pytest.raises(ModelError, match='4 outputs'):
        LearntFusion(tmp_path / 'four.onnx')


def test_a_pool_is_made_once_for_the_same_things(faces: Pool, tmp_path: Path) -> None:
    made = []

    def make() -> Pool:
        made.append(1)
        return faces

    for depends in (('a', 1), ('a', 1), ('a', 2)):
        pool = cached(tmp_path, 'faces', depends, make)
    assert len(made) == 2
    np.testing.assert_array_equal(pool.truth, faces.truth)
    assert set(pool.probabilities) == set(FACE_CONDITIONS)


def test_corruptions_do_what_their_names_say() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (48, 48), np.uint8)
    blurred = pools.corrupt_face(picture, 'blur', rng)
    assert blurred.std() < 0.5 * picture.std()
    assert pools.corrupt_face(picture, 'dark', rng).mean() < 0.3 * picture.mean()
    assert pools.corrupt_face(np.full_like(picture, 128), 'noise', rng).std() > 15
    assert pools.corrupt_face(picture, 'clean', rng) is picture


def test_the_models_window_of_a_canonical_crop_is_the_picture() -> None:
    from emotion_perception.models.face import cut_window

    window = (0.1, 0.1, 0.9, 0.9)
    picture = np.random.default_rng(0).integers(0, 255, (102, 102), np.uint8)
    crop = pools.canonical(picture, window)
    assert crop.shape == (128, 128, 3)
    np.testing.assert_array_equal(cut_window(crop, window)[..., 0], picture)


def test_tables_name_every_method_and_leave_missing_ones_out(faces: Pool, voices: Pool) -> None:
    trial = evaluate.Trial({'face': methods.face_only, 'voice': methods.voice_only}, faces, voices)
    table = evaluate.judge([trial], 2, 5, 0)
    text = evaluate.table_text(table)
    assert text.splitlines()[0] == '| | face | voice |'
    assert '| voice missing |' in text
    assert '–' in text


def test_without_data_the_command_says_what_to_name(capsys: pytest.CaptureFixture) -> None:
    assert train_fusion.main([]) == 2
    assert '--faces DIR --voices NAME=PATH' in capsys.readouterr().err
    assert evaluate.main(['--json', 'x.json', '--audiovisual', 'nothing']) == 2
    assert 'CORPUS=PATH' in capsys.readouterr().err


# ------------------------------------------------------------------------- from files to figures


@pytest.fixture(scope='module')
def small_data(tmp_path_factory) -> Path:
    """Return a folder with mosaics of made faces, sounds of made speakers, and two models."""
    import cv2
    import soundfile

    from support.models import face_model, voice_model

    root = tmp_path_factory.mktemp('fusion')
    rng = np.random.default_rng(0)
    names = (
        'neutral',
        'happiness',
        'surprise',
        'sadness',
        'anger',
        'disgust',
        'fear',
        'contempt',
        'unknown',
        'no_face',
    )
    order = {
        'Angry': 'anger',
        'Fear': 'fear',
        'Happy': 'happiness',
        'Neutral': 'neutral',
        'Sad': 'sadness',
        'Surprise': 'surprise',
    }
    rows = ['name,split,' + ','.join(names) + ',fer2013_label']
    for index in range(36):
        label = EMOTIONS[index % 6]
        votes = ','.join('10' if name == order[label] else '0' for name in names)
        rows.append(f'f{index},{"valid" if index < 18 else "test"},{votes},{label}')
    (root / 'faces').mkdir()
    (root / 'faces' / 'ferplus.csv').write_text('\n'.join(rows) + '\n')
    cv2.imwrite(
        str(root / 'faces' / 'ferplus_00.png'), rng.integers(0, 255, (2400, 2400), np.uint8)
    )
    for actor in range(1, 7):
        for emotion in range(1, 9):
            path = root / 'ravdess' / f'03-01-{emotion:02}-01-01-01-{actor:02}.wav'
            path.parent.mkdir(exist_ok=True)
            tone = np.sin(np.arange(12800) * (100 + 30 * emotion + actor) / 2546)
            soundfile.write(path, 0.3 * tone + rng.normal(0, 0.01, tone.size), 16000)
    for name, speakers in (
        ('stranger', [f'ravdess/A{actor:02}' for actor in range(1, 7)]),
        ('friend', ['nemo/AB0']),
    ):
        (root / name).mkdir()
        model = voice_model(root / name, embedding=True)
        model.with_suffix('.json').write_text(json.dumps({'speakers': speakers}))
    face_model(root, embedding=True)
    return root


def arguments(root: Path, model: str = 'stranger') -> list[str]:
    voice = str(root / model / 'voice.onnx')
    return [
        '--faces',
        str(root / 'faces'),
        '--voices',
        f'ravdess={root / "ravdess"}',
        '--fer-model',
        str(root / 'face.onnx'),
        '--ser-model',
        voice,
        '--ser-target',
        voice,
    ]


def test_from_files_to_figures_models_and_a_plot(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'figures.json'
    assert (
        evaluate.main(
            [
                *arguments(small_data),
                '--out',
                str(tmp_path),
                '--json',
                str(out),
                '--draws',
                '3',
                '--per-class',
                '4',
                '--pairs',
                '300',
            ]
        )
        == 0
    )
    result = json.loads(out.read_text())
    assert result['kind'] == 'label-paired'
    assert set(result['table']) == {scenario.name for scenario in SCENARIOS}
    assert result['voices'] == {f'fold {fold}': [2, 2, 2, 4, 2, 2] for fold in range(3)}
    assert (tmp_path / 'figures.png').stat().st_size > 10_000
    settings = json.loads((tmp_path / 'fusion.json').read_text())
    assert settings['product']['face_temperature'] > 0
    LearntFusion(tmp_path / 'fusion_stacker.onnx')
    seen = LearntFusion(tmp_path / 'fusion_network.onnx').seen
    assert seen['face'].model == str(small_data / 'face.onnx')
    assert {name: item.size for name, item in seen.items()} == {'face': 6, 'voice': 6}
    printed = capsys.readouterr().out
    assert '| both clean |' in printed and 'face_trust: ' in printed


def test_a_model_that_knows_every_speaker_is_refused(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train_fusion.main([*arguments(small_data, 'friend'), '--out', str(tmp_path)]) == 2
    assert 'every speaker of these corpora was heard' in capsys.readouterr().err


def test_no_speaker_both_fits_and_judges(small_data: Path, tmp_path: Path) -> None:
    from emotion_training.ser.corpora import read

    listener = sources.load_listener(str(small_data / 'stranger' / 'voice.onnx'))
    voices = sources.choose_voices(
        read(f'ravdess={small_data / "ravdess"}'), [listener], 99, lambda line: None
    )
    parts = {voice.speaker: set() for voice in voices}
    for voice in voices:
        parts[voice.speaker].add(voice.part)
    assert all(len(found) == 1 for found in parts.values())
    assert len(set.union(*parts.values())) == sources.FOLDS


def test_a_model_of_unknown_speakers_is_refused(small_data: Path, tmp_path: Path) -> None:
    from support.models import voice_model

    with pytest.raises(TrainingError, match='nothing says which speakers'):
        sources.load_listener(str(voice_model(tmp_path)))
