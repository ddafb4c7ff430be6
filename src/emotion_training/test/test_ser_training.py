# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every training of speech emotion runs end to end on little data and loads into the runtime."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.audio import steady
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import SpeechEmotionRecognizer, VoiceMemory, load_model
from emotion_perception.models.balance import Mixture
from emotion_training.common.files import TrainingError, load_torch
from emotion_training.ser import batches, encoders, evaluate, fit, noise, workshop
from emotion_training.ser import train as train_ser
from emotion_training.ser.answers import Answers, judge
from emotion_training.ser.augment import Augmenter, Strength
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.eight_bits import pack, unpack
from emotion_training.ser.encoders import load_encoder
from emotion_training.ser.export import WaveformModel, export, fit_temperature, gate
from emotion_training.ser.levelling import steady as steady_batch
from emotion_training.ser.logmel import LogMel
from emotion_training.ser.ravdess import RAVDESS_FOLDS
from emotion_training.ser.robustness import add_noise
from emotion_training.ser.sessions import SESSIONS, profiles
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import (
    OUTPUTS,
    SILENT,
    VoiceModel,
    activity,
    relative,
    statistics,
    to_six,
)
from emotion_training.ser.whisper import WhisperEncoder, WhisperShape

TINY = WhisperShape(width=32, heads=2, layers=2, inner=48)


def voice(kind: int, speaker: int, seconds: float = 0.9) -> np.ndarray:
    """Return a buzz whose pitch, glide and tremor tell the kind, its formant the speaker."""
    rng = np.random.default_rng(100 * kind + speaker)
    time = np.arange(round(seconds * 16000)) / 16000
    pitch = (110 + 35 * kind) * (1 + 0.1 * (kind % 3 - 1) * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    sound = sum(np.sin(order * phase) / order for order in range(1, 8))
    sound *= 1 + 0.5 * np.sin(2 * np.pi * (3 + kind) * time)
    sound += 0.3 * np.sin(2 * np.pi * (900 + 100 * speaker) * time)
    return (0.2 * sound + rng.normal(0, 0.002, time.size)).astype(np.float32)


def untrained() -> VoiceModel:
    """Return a model on a tiny encoder with random weights."""
    torch.manual_seed(0)
    return VoiceModel(WhisperEncoder(TINY), hidden=24).eval()


def sounds(labels: list[int], speakers: list[str], corpora: list[str]) -> Sounds:
    """Return short clips with these labels."""
    clips = [
        np.round(voice(label, place, 0.5) * 16384).astype(np.int16)
        for place, label in enumerate(labels)
    ]
    return Sounds(
        np.concatenate(clips),
        np.cumsum([0, *map(len, clips)]),
        np.array(labels),
        np.zeros((len(labels), len(CLASSES)), np.float32),
        np.array(speakers),
        np.array(corpora),
        np.array([f'clip{place}' for place in range(len(labels))]),
        np.full(len(labels), ''),
    )


@pytest.fixture(scope='module')
def encoder(tmp_path_factory) -> Path:
    """Return the folder of a tiny Whisper as Transformers saves it."""
    from emotion_perception.models.transformers_backend import import_transformers

    transformers = import_transformers()
    torch.manual_seed(2)
    config = transformers.WhisperConfig(
        vocab_size=60,
        num_mel_bins=80,
        d_model=TINY.width,
        encoder_layers=TINY.layers,
        decoder_layers=1,
        encoder_attention_heads=TINY.heads,
        decoder_attention_heads=2,
        encoder_ffn_dim=TINY.inner,
        decoder_ffn_dim=32,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    path = tmp_path_factory.mktemp('encoder') / 'whisper'
    transformers.WhisperForAudioClassification(config).save_pretrained(path)
    return path


@pytest.fixture(scope='module', autouse=True)
def quick():
    """Let every stage be a few small batches."""
    with pytest.MonkeyPatch.context() as patch:
        small = fit.Recipe(steps=4, groups=2, each=4, silent=2)
        patch.setattr(workshop, 'FULL', small)
        patch.setattr(Augmenter, 'ROOMS', 3)
        patch.setattr(noise, 'MADE', 12)
        yield


@pytest.fixture(scope='module')
def corpora_arguments(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp('corpora')
    for actor in (1, 3, 4, 8):
        for emotion in range(1, 9):
            for take in (1, 2):
                path = root / 'ravdess' / f'03-01-{emotion:02}-01-01-{take:02}-{actor:02}.wav'
                path.parent.mkdir(exist_ok=True)
                soundfile.write(path, voice(emotion, actor + take), 16000)
    for speaker in range(3):
        for kind, name in enumerate(
            ('anger', 'fear', 'happiness', 'neutral', 'sadness', 'surprised')
        ):
            path = root / 'nemo' / f'AB{speaker}_{name}_1.wav'
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, voice(kind + 1, speaker + 20), 16000)
    return [f'--corpus=ravdess={root / "ravdess"}', f'--corpus=nemo={root / "nemo"}']


@pytest.fixture(scope='module')
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('own')
    with open(root / 'manifest.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(('path', 'label', 'speaker'))
        for kind, label in enumerate(EMOTIONS):
            for take in range(4):
                name = f'{label}_{take}.wav'
                soundfile.write(root / name, voice(kind, 40 + take), 16000)
                writer.writerow((name, label, f's{take % 2}'))
    return root / 'manifest.csv'


@pytest.fixture(scope='module')
def trained(tmp_path_factory, corpora_arguments, encoder) -> Path:
    out = tmp_path_factory.mktemp('default')
    assert train_ser.main([*corpora_arguments, f'--encoder={encoder}', f'--out={out}']) == 0
    return out / 'ser_default.onnx'


def test_spectrum_equals_librosa():
    librosa = pytest.importorskip('librosa', reason='librosa is the reference')
    samples = voice(2, 3)
    mel = librosa.feature.melspectrogram(
        y=samples, sr=16000, n_fft=400, hop_length=160, n_mels=80, pad_mode='reflect'
    )[:, :-1]
    level = np.log10(np.maximum(mel, 1e-10))
    expected = (np.maximum(level, level.max() - 8) + 4) / 4
    assert np.abs(LogMel()(torch.from_numpy(samples[None]))[0].numpy() - expected).max() < 1e-4


@pytest.mark.parametrize('samples', [8000, 16000, 30001, 48000, 160000])
def test_the_file_answers_as_the_model_with_its_weights_in_eight_bits(tmp_path_factory, samples):
    import onnxruntime

    folder = tmp_path_factory.getbasetemp() / 'parity'
    folder.mkdir(exist_ok=True)
    network = untrained()
    network.load_state_dict(unpack(pack(network.state_dict())), strict=False)
    if not (folder / 'net.onnx').exists():
        export(network, folder / 'net.onnx')
    waveform = np.stack([np.resize(voice(kind, 5), samples) for kind in (1, 5)])
    session = onnxruntime.InferenceSession(str(folder / 'net.onnx'))
    profile = np.random.default_rng(1).random((1, 1 + 2 * network.width), np.float32) * 8
    nobody = np.zeros_like(profile)
    for known, feed in ((nobody, {}), (profile, {'profile': profile})):
        found, embedding = session.run(['logits', 'embedding'], {'waveform': waveform, **feed})
        with torch.no_grad():
            inside = WaveformModel(network)(torch.from_numpy(waveform), torch.from_numpy(known))
        # What flows through the large products is in eight bits in the file only.
        assert np.abs(found - inside[0].numpy()).max() < 0.05
        assert np.abs(embedding - inside[1].numpy()).mean() < 0.02


def test_eight_bit_weights_stored_again_are_the_same():
    state = untrained().state_dict()
    once = unpack(pack(state))
    twice = unpack(pack(once))
    assert all(torch.equal(once[name], twice[name]) for name in once)
    assert any(not torch.equal(once[name], state[name]) for name in once)


def test_silence_around_an_utterance_and_a_click_weigh_nothing_in_the_statistics():
    sound = np.pad(steady.steady(voice(3, 1, 1.6), 16000), 16000)
    sound[4000:4080] = 2.0
    weight = activity(torch.from_numpy(sound[None]))[0]
    assert weight[60:120].min() > 0.5
    assert weight[20:45].max() < 1e-2
    assert weight[135:].max() < 1e-2
    level = torch.randn(1, len(weight), 3)
    mean, spread = statistics(level, weight[None])[0].split(3)
    spoken = level[0, weight > 0.5]
    assert torch.allclose(mean, spoken.mean(0), atol=0.1)
    assert torch.allclose(spread, spoken.std(0), atol=0.1)


def test_batches_are_levelled_as_the_runtime_does():
    samples = voice(3, 1, 1.6) + np.float32(0.1)
    expected = steady.steady(samples, 16000)
    found = steady_batch(torch.from_numpy(np.stack((samples, 0.01 * samples))))
    assert np.abs(found.numpy() - expected).max() < 1e-3


@pytest.mark.parametrize('kind', ['wav2vec2', 'hubert', 'wavlm'])
def test_any_transformers_speech_encoder_serves(tmp_path, kind):
    from emotion_perception.models.transformers_backend import import_transformers

    transformers = import_transformers()
    config = transformers.AutoConfig.for_model(
        kind,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_feat_extract_layers=7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / kind)
    encoder = load_encoder(str(tmp_path / kind))
    sound = torch.from_numpy(np.stack([voice(kind, 1) for kind in (1, 2)]))
    with torch.no_grad():
        levels = encoder(sound)
        model = VoiceModel(encoder, hidden=8).eval()
        assert model.pooled(sound).shape == (2, 2 * 3 * 24)
    assert len(levels) == encoder.levels == 3
    assert levels[0].shape == (2, 44, 24)
    # Below the layers what lies between them and the convolutions, which are never tuned.
    depths = encoder.depths()
    assert [bool(depth) for depth in depths] == [True] * 3
    tuned = {weight for depth in depths for weight in depth}
    fixed = {name for name, weight in encoder.named_parameters() if weight not in tuned}
    assert {name.split('.')[1] for name in fixed} <= {'feature_extractor', 'masked_spec_embed'}


def test_a_transformers_whisper_gives_what_transformers_computes(encoder):
    from emotion_perception.models.transformers_backend import import_transformers

    model = import_transformers().WhisperForAudioClassification.from_pretrained(encoder).eval()
    ours = load_encoder(str(encoder))
    ours.positions = model.encoder.embed_positions.weight.detach()
    sound = torch.from_numpy(np.resize(voice(1, 1), 30 * 16000)[None])
    with torch.no_grad():
        expected = model.encoder(ours.front(sound), output_hidden_states=True)
        found = ours(sound)
    assert torch.allclose(found[0], expected.hidden_states[0], atol=1e-4)
    assert torch.allclose(found[-1], expected.last_hidden_state, atol=1e-4)


def test_an_encoder_that_is_missing_says_what_to_do(tmp_path, capsys, corpora_arguments):
    (tmp_path / 'empty').mkdir()
    assert (
        train_ser.main(
            [*corpora_arguments, f'--encoder={tmp_path / "empty"}', f'--out={tmp_path}']
        )
        == 2
    )
    assert 'config.json' in capsys.readouterr().err


def test_an_encoder_of_a_package_is_the_very_file_or_is_refused(tmp_path, monkeypatch):
    (tmp_path / 'carrier').mkdir()
    (tmp_path / 'carrier' / '__init__.py').touch()
    (tmp_path / 'carrier' / 'model.bin').write_bytes(b'another model')
    monkeypatch.syspath_prepend(tmp_path)
    for package, says in (
        ('carrier', 'is not the file that encoder some was made from'),
        ('no_such_carrier', 'pip install its-distribution'),
    ):
        monkeypatch.setitem(
            encoders.PACKAGED, 'some', ('its-distribution', package, 'model.bin', '0' * 64)
        )
        with pytest.raises(TrainingError, match=says):
            load_encoder('some')


def test_six_logits_join_calm_and_drop_disgust():
    logits = torch.randn(4, OUTPUTS)
    six = torch.softmax(to_six(logits), dim=1)
    eight = torch.exp(logits[:, :8])
    assert torch.allclose(
        six[:, 3] / six[:, 0], (eight[:, 3] + eight[:, 7]) / eight[:, 0], rtol=1e-4
    )
    assert six.shape == (4, 6)


def test_no_speech_flattens_the_answer():
    logits = torch.zeros(1, OUTPUTS)
    logits[0, 2] = 5.0
    sure = torch.softmax(gate(logits), dim=1).max()
    logits[0, SILENT] = 12.0
    assert sure > 0.8
    assert torch.softmax(gate(logits), dim=1).max() < 0.2


def test_augmentation_keeps_the_shape_is_repeatable_and_leaves_some_clips_alone():
    sound = torch.from_numpy(np.stack([voice(kind, 1) for kind in range(8)]))
    change = Augmenter(np.zeros(0, np.float32), strength=Strength(clean=0.0))
    torch.manual_seed(3)
    first = change(sound)
    torch.manual_seed(3)
    assert torch.equal(first, change(sound))
    assert first.shape == sound.shape
    assert torch.isfinite(first).all()
    assert ((first - sound).abs().amax(dim=1) > 1e-3).all()
    same = Augmenter(np.zeros(0, np.float32), strength=Strength(clean=1.0))(sound)
    assert torch.equal(same, sound)


def test_noise_stands_at_the_ratio_that_was_drawn():
    sound = torch.from_numpy(np.stack([voice(kind, 1, 2.0) for kind in range(6)]))
    only = Strength(
        clean=0, room=0, noise=1, band=0, tilt=0, codec=0, hum=0, clip=0, lowest=10, highest=10
    )
    noise_alone = Augmenter(np.zeros(0, np.float32), strength=only)(sound) - sound
    ratio = 10 * torch.log10(sound.square().mean(1) / noise_alone.square().mean(1))
    assert (ratio - 10).abs().max() < 2.5


def test_temperature_recovers_what_made_the_logits_overconfident():
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 6)).astype(np.float32) * 1.5
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(6, p=row / row.sum()) for row in probabilities.astype(float)])
    assert fit_temperature(honest * 3, truth) == pytest.approx(3.0, rel=0.1)


def test_a_class_that_a_corpus_lacks_is_hardly_taught():
    data = sounds([0, 0, 1, 1], list('abcd'), ['one'] * 4)
    shift = torch.from_numpy(batches.log_shares(data, np.arange(4))['one'])[None]
    target = torch.eye(OUTPUTS)[:1]
    logits = torch.zeros(1, OUTPUTS, requires_grad=True)
    fit.loss_of(logits, target, shift, 0.0).backward()
    assert logits.grad[0, 5] < 0.1 * logits.grad[0, 1]


def test_batches_hold_groups_of_one_speaker_with_profiles_of_that_speaker():
    labels = [0, 1, 2, 3] * 6 + [SILENT] * 3
    speakers = [name for name in 'abc' for _ in range(8)] + ['none'] * 3
    data = sounds(labels, speakers, ['one'] * 24 + ['nonspeech'] * 3)
    sampler = batches.Sampler(data, np.arange(27), np.random.default_rng(0))
    rows = sampler.draw(2, 6, 2)
    assert len(rows.rows) == 14
    for group in (rows.rows[:6], rows.rows[6:12]):
        assert len(set(data.speakers[group])) == 1
    assert (data.labels[rows.rows[12:]] == SILENT).all()
    values = torch.eye(14)
    count, mean, _ = batches.draw_profiles(values, rows, nothing=0.0)
    assert (mean[torch.arange(12), torch.arange(12)] == 0).all()
    assert (mean[:6, 6:] == 0).all()
    assert ((count[:12] >= 1) & (count[:12] <= 5)).all()
    count, _, _ = batches.draw_profiles(values, rows, nothing=1.0)
    assert (count == 0).all()


def test_class_shares_say_how_often_training_shows_each_of_the_six():
    data = sounds([0, 3, 5, 7], list('abcd'), ['one'] * 4)
    share = dict(zip(EMOTIONS, batches.class_shares(data, np.arange(4))))
    assert share['Neutral'] == pytest.approx(2 * share['Angry'])
    assert share['Fear'] < 0.1 * share['Angry']
    assert sum(share.values()) == pytest.approx(1)


@pytest.mark.parametrize('name', ['P1', 'P2', 'P3', 'LOCO'])
def test_each_protocol_is_one_command(tmp_path, corpora_arguments, encoder, name):
    status = train_ser.main(
        [*corpora_arguments, f'--encoder={encoder}', f'--out={tmp_path}', f'--protocol={name}']
    )
    found = json.loads((tmp_path / f'{name}.json').read_text())
    assert status == 0
    assert {'accuracy', 'uar', 'macro_f1', 'n'} <= set(found)
    assert (tmp_path / f'{name}.png').stat().st_size > 1000
    if name == 'P2':
        assert len(found['runs']) == 4
        assert found['known']['n'] == found['n']
    if name == 'P3':
        assert set(found['voice_memory']) == set(SESSIONS)
        assert set(found['corpora']) == {'ravdess', 'nemo'}
        assert found['classes'] == list(EMOTIONS)
        unheard = json.loads((tmp_path / 'p3_fold0.json').read_text())['speakers']
        assert unheard
        fold = load_model(str(tmp_path / 'p3_fold0.onnx'), 'ser')
        assert fold.profile
        assert fold.shares.sum() == pytest.approx(1, abs=1e-3)
    if name == 'LOCO':
        assert set(found['left_out']) == {'ravdess', 'nemo'}


def test_p3_calibrates_the_default_that_all_speakers_train(tmp_path, corpora_arguments, encoder):
    arguments = [*corpora_arguments, f'--encoder={encoder}', f'--out={tmp_path}']
    assert train_ser.main([*arguments, '--protocol=P3']) == 0
    assert train_ser.main(arguments) == 0
    found = json.loads((tmp_path / 'ser_default.json').read_text())
    assert 0 <= found['ece_in_sessions'] <= 1
    assert found['n'] == 4 * 7 * 2 + 18


def test_a_frozen_encoder_is_heard_once_and_stays_as_it_is(
    tmp_path, corpora_arguments, encoder, capsys
):
    arguments = [*corpora_arguments, f'--encoder={encoder}', f'--out={tmp_path}', '--frozen']
    assert train_ser.main(arguments) == 0
    assert 'pass 3 of 3' in capsys.readouterr().out
    (tmp_path / 'default.pt').unlink()
    assert train_ser.main(arguments) == 0
    assert 'taken from' in capsys.readouterr().out
    kept = unpack(load_torch(tmp_path / 'default.pt')['state'])
    original = load_encoder(str(encoder)).state_dict()
    for name, value in original.items():
        if value.dim() < 2 or value.numel() < 4096:
            assert torch.equal(kept[f'encoder.{name}'], value), name


def test_a_second_run_takes_finished_stages_and_changed_settings_train_anew(tmp_path, encoder):
    lines: list[str] = []
    data = sounds([0, 1, 2, 3] * 2, ['a'] * 4 + ['b'] * 4, ['one'] * 8)
    quiet = sounds([SILENT] * 2, ['nonspeech/made'] * 2, ['nonspeech'] * 2)
    shop = workshop.Workshop(str(encoder), data, quiet, tmp_path, lines.append)
    recipe = fit.Recipe(steps=2, groups=2, each=2, silent=1)
    first, again = (shop.stage('stage', np.arange(8), recipe, 0) for _ in range(2))
    assert 'taken from' in lines[-1]
    assert torch.equal(first.head.last.weight, again.head.last.weight)
    other = shop.stage('stage', np.arange(8), recipe, seed=1)
    assert any('made by other settings' in line for line in lines)
    assert not torch.equal(first.head.last.weight, other.head.last.weight)


def test_the_default_is_one_small_file_the_runtime_loads(trained):
    assert trained.stat().st_size < 1e6
    recognizer = SpeechEmotionRecognizer(load_model(str(trained), 'ser'))
    answer = recognizer.predict(voice(1, 1), 16000)
    assert answer.probabilities.shape == (6,)
    assert recognizer.predict(voice(1, 1, 0.2), 16000).abstained
    assert 2 * answer.embedding.size + 1 == recognizer.model.profile
    figures = json.loads(trained.with_suffix('.json').read_text())
    assert 0.25 <= figures['temperature'] <= 8
    assert 0 <= figures['nonspeech_abstained'] <= 1


def test_the_default_answers_otherwise_once_it_knows_the_voice(trained):
    model = load_model(str(trained), 'ser')
    alone = SpeechEmotionRecognizer(model)
    session = SpeechEmotionRecognizer(model, VoiceMemory(5))
    sounds = [voice(kind, 3) for kind in (1, 2, 4, 5)]
    first = session.predict(sounds[0], 16000).probabilities
    assert np.allclose(first, alone.predict(sounds[0], 16000).probabilities, atol=1e-5)
    for sound in sounds[1:]:
        last = session.predict(sound, 16000).probabilities
    assert not np.allclose(last, alone.predict(sounds[-1], 16000).probabilities, atol=1e-3)


def test_nothing_known_of_a_voice_moves_nothing_and_much_known_centres_it():
    values = torch.randn(200, 5) * 3 + 2
    zero = torch.zeros(1, 1)
    unmoved = relative(values, (zero, torch.full((1, 5), 7.0), torch.full((1, 5), 7.0)))
    assert torch.allclose(unmoved, (values / np.sqrt(1.05)).clamp(-6, 6))
    mean, deviation = values.mean(0, keepdim=True), values.std(0, keepdim=True)
    moved = relative(values, (torch.full((1, 1), 1e6), mean, deviation))
    assert moved.mean(0).abs().max() < 0.01
    assert (moved.std(0) - 1).abs().max() < 0.05


def clips_of_four_speakers() -> tuple[Sounds, torch.Tensor]:
    """Return 40 clips and embeddings that say which clip it is."""
    speakers = [name for name in 'abcd' for _ in range(10)]
    corpora = ['one'] * 20 + ['two'] * 20
    return sounds([place % 6 for place in range(40)], speakers, corpora), torch.eye(40)


@pytest.mark.parametrize('kind', SESSIONS)
def test_the_profile_that_judges_a_clip_does_not_hold_it(kind):
    data, values = clips_of_four_speakers()
    rows = np.arange(40)
    count, mean, deviation = (part.numpy() for part in profiles(kind, data, values, rows))
    assert (mean[rows, rows] == 0).all()
    assert deviation.shape == mean.shape
    own = data.speakers[:, None] == data.speakers[None, :]
    same_corpus = data.corpora[:, None] == data.corpora[None, :]
    if kind in ('wrong', 'mixed'):
        assert (mean[own] == 0).all()
        assert (mean[~same_corpus] == 0).all()
    else:
        assert (mean[~own] == 0).all()
    if kind == 'session':
        assert sorted(count[:10, 0].tolist()) == list(range(10))


def test_the_file_alone_carries_its_entry(trained, tmp_path):
    alone = tmp_path / 'renamed.onnx'
    alone.write_bytes(trained.read_bytes())
    entry = load_model(str(alone), 'ser').entry
    assert entry.labels == EMOTIONS
    assert entry.speech.min_seconds == 0.5


def test_adapting_writes_a_model_with_another_head_and_both_figures(trained, manifest, tmp_path):
    status = train_ser.main([f'--adapt={manifest}', f'--model={trained}', f'--out={tmp_path}'])
    found = json.loads((tmp_path / 'ser_adapted.json').read_text())
    assert status == 0
    assert found['n'] == 24
    assert found['after']['uar'] > found['before']['uar']
    adapted = SpeechEmotionRecognizer(load_model(str(tmp_path / 'ser_adapted.onnx'), 'ser'))
    before = SpeechEmotionRecognizer(load_model(str(trained), 'ser'))
    # The file knows the voice and is judged without a memory.
    assert before.model.profile
    assert not adapted.model.profile
    sound = voice(4, 41)
    assert not np.allclose(adapted.model.raw(sound[None]), before.model.raw(sound[None]))


@pytest.mark.parametrize(('rows', 'says'), [(6, 'at least 10 clips'), (1, 'usable clips')])
def test_too_few_recordings_to_adapt_is_said(trained, manifest, tmp_path, capsys, rows, says):
    lines = manifest.read_text().splitlines()[: 1 + rows]
    short = manifest.with_name(f'short{rows}.csv')
    short.write_text('\n'.join(lines) + '\n')
    assert train_ser.main([f'--adapt={short}', f'--model={trained}', f'--out={tmp_path}']) == 2
    assert says in capsys.readouterr().err


def test_the_forest_is_stored_without_pickle_and_loads(tmp_path, corpora_arguments):
    pytest.importorskip('skops', reason='the forest is stored by skops')
    assert (
        train_ser.main(
            [corpora_arguments[0], '--recipe=forest', '--trees=12', f'--out={tmp_path}']
        )
        == 0
    )
    path = tmp_path / 'mfcc_random_forest.skops'
    forest = load_model(str(path), 'ser')
    # Calm stands with Neutral, Disgust with none.
    assert forest.shares == pytest.approx(np.array([1, 1, 1, 2, 1, 1]) / 7, abs=1e-3)
    answer = SpeechEmotionRecognizer(forest).predict(voice(5, 1), 16000)
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert len(json.loads(path.with_suffix('.json').read_text())['runs']) == 5


def test_evaluation_writes_the_fixed_keys_and_a_picture(trained, manifest, tmp_path):
    out = tmp_path / 'eval.json'
    assert evaluate.main([f'--manifest={manifest}', f'--model={trained}', f'--json={out}']) == 0
    found = json.loads(out.read_text())
    assert {
        'accuracy',
        'uar',
        'macro_f1',
        'ece',
        'n',
        'abstained',
        'real_time_factor',
        'per_class',
        'confusion',
    } <= set(found)
    assert found['n'] == 24
    assert set(found['per_class']) == set(EMOTIONS)
    assert np.sum(found['confusion']) + found['abstained'] == 24
    assert out.with_suffix('.png').stat().st_size > 1000


def test_evaluation_with_memory_adapts_to_each_speaker(trained, manifest, tmp_path):
    found = {}
    for memory in (0, 8):
        out = tmp_path / f'{memory}.json'
        assert (
            evaluate.main(
                [
                    f'--manifest={manifest}',
                    f'--model={trained}',
                    f'--json={out}',
                    f'--memory={memory}',
                ]
            )
            == 0
        )
        found[memory] = json.loads(out.read_text())
    assert found[8]['memory'] == 8
    assert found[8]['ece'] != found[0]['ece']


def test_evaluation_says_that_a_model_cannot_adapt(manifest, tmp_path, corpora_arguments, capsys):
    pytest.importorskip('skops', reason='the forest is stored by skops')
    assert (
        train_ser.main([corpora_arguments[0], '--recipe=forest', '--trees=3', f'--out={tmp_path}'])
        == 0
    )
    assert (
        evaluate.main(
            [
                f'--manifest={manifest}',
                f'--json={tmp_path / "out.json"}',
                f'--model={tmp_path / "mfcc_random_forest.skops"}',
                '--memory=8',
            ]
        )
        == 2
    )
    assert 'cannot adapt to a voice' in capsys.readouterr().err


def test_robustness_covers_every_noise_with_and_without_suppression_and_every_line(
    trained, manifest, tmp_path
):
    if importlib.util.find_spec('pyrnnoise') is None:
        pytest.skip('noise suppression is carried by pyrnnoise')
    lines = manifest.read_text().splitlines()
    short = manifest.with_name('noise.csv')
    short.write_text('\n'.join([lines[0], *lines[1::4]]) + '\n')
    out = tmp_path / 'eval.json'
    machines = tmp_path / 'noise'
    machines.mkdir()
    soundfile.write(machines / 'a.wav', voice(0, 3), 16000)
    (machines / 'index.csv').write_text('path,kind\na.wav,engine\n')
    assert (
        evaluate.main(
            [
                f'--manifest={short}',
                f'--model={trained}',
                f'--json={out}',
                '--robustness',
                f'--noise={machines}',
            ]
        )
        == 0
    )
    found = json.loads(out.read_text())['robustness']
    assert (
        len({(row['noise'], row['snr_db'], row['noise_suppression']) for row in found['noise']})
        == 18
    )
    changed = {row['line']: row['changed'] for row in found['line']}
    assert set(changed) == {'telephone', 'opus', 'room', 'offset', 'hum'}
    assert changed['offset'] == 0


def test_abstentions_count_as_errors_and_absent_classes_are_left_out():
    probabilities = np.eye(6, dtype=np.float32)[[0, 0, 2]]
    answers = Answers(probabilities, np.array([False, True, False]), 1.0, 10.0)
    found = judge(answers, np.array([0, 0, 2]))
    assert found['accuracy'] == pytest.approx(2 / 3)
    assert found['uar'] == pytest.approx((0.5 + 1.0) / 2)
    assert found['abstained'] == 1
    assert found['real_time_factor'] == pytest.approx(0.1)
    assert found['per_class']['Fear']['recall'] is None
    assert np.sum(found['confusion']) == 2


def test_voices_are_judged_for_the_mixture_that_is_asked_for():
    shares = np.array([0.1, 0.1, 0.1, 0.5, 0.1, 0.1], np.float32)
    # Knows nothing but that most people are neutral.
    answers = Answers(np.tile(shares, (10, 1)), np.zeros(10, bool), 1.0, 10.0)
    truth = np.array([3] * 4 + [0] * 6)
    natural = judge(answers, truth, Mixture(shares, 0.0))
    assert natural['accuracy'] == pytest.approx(0.4) and natural['class_balance'] == 0.0
    # Of such clips five in six would be neutral.
    assert natural['ece'] == pytest.approx(5 / 6 - 0.5)
    balanced = judge(answers, truth, Mixture(shares, 1.0))
    assert balanced['accuracy'] == pytest.approx(0.6)
    assert balanced['ece'] == pytest.approx(0.5 - 1 / 6)
    assert judge(answers, truth)['class_balance'] is None


def test_all_abstained_has_no_calibration_error():
    answers = Answers(np.full((2, 6), 1 / 6, np.float32), np.array([True, True]), 1, 1)
    found = judge(answers, np.array([0, 1]))
    assert found['ece'] is None
    assert found['uar'] == 0.0


@pytest.mark.parametrize('ratio', [20.0, 10.0, 0.0])
def test_noise_is_added_at_the_asked_ratio(ratio):
    rng = np.random.default_rng(0)
    speech = 0.1 * rng.normal(size=16000).astype(np.float32)
    noise = rng.normal(size=16000).astype(np.float32)
    mixed = add_noise(speech, noise, ratio)
    added = mixed - speech
    found = 10 * np.log10((speech**2).mean() / (added**2).mean())
    assert found == pytest.approx(ratio, abs=0.8)


@pytest.mark.parametrize(
    ('content', 'says', 'status'),
    [
        ('path,label\nnone.wav,joy\n', 'none.wav is not there', 3),
        ('path,label\nbad.wav,joy\n', 'none of 1 clips can be used; the first: ', 3),
        ('path,label\nbad.wav,hungry\n', 'unknown label', 2),
    ],
)
def test_evaluation_says_what_is_wrong_with_a_manifest(
    trained, tmp_path, capsys, content, says, status
):
    (tmp_path / 'bad.wav').write_bytes(b'no sound at all')
    (tmp_path / 'list.csv').write_text(content)
    assert (
        evaluate.main(
            [
                f'--manifest={tmp_path / "list.csv"}',
                f'--model={trained}',
                f'--json={tmp_path / "out.json"}',
            ]
        )
        == status
    )
    assert says in capsys.readouterr().err


def test_one_bad_clip_is_left_out_and_counted(trained, tmp_path, capsys):
    (tmp_path / 'bad.wav').write_bytes(b'no sound at all')
    soundfile.write(tmp_path / 'good.wav', voice(1, 1), 16000)
    (tmp_path / 'list.csv').write_text('path,label\nbad.wav,joy\ngood.wav,joy\nnone.wav,joy\n')
    assert (
        evaluate.main(
            [
                f'--manifest={tmp_path / "list.csv"}',
                f'--model={trained}',
                f'--json={tmp_path / "out.json"}',
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert 'bad.wav' in told and '1 of 2 clips are left out' in told
    assert json.loads((tmp_path / 'out.json').read_text())['n'] == 1


def test_silent_one_sample_and_clipped_clips_are_abstentions(trained, tmp_path):
    soundfile.write(tmp_path / 'silent.wav', np.zeros(16000, np.float32), 16000)
    soundfile.write(tmp_path / 'one.wav', np.ones(1, np.float32), 16000)
    soundfile.write(tmp_path / 'clipped.wav', np.sign(voice(1, 1)), 48000, subtype='PCM_24')
    (tmp_path / 'list.csv').write_text(
        'path,label\nsilent.wav,joy\none.wav,joy\nclipped.wav,anger\n'
    )
    out = tmp_path / 'out.json'
    assert (
        evaluate.main(
            [f'--manifest={tmp_path / "list.csv"}', f'--model={trained}', f'--json={out}']
        )
        == 0
    )
    assert json.loads(out.read_text())['abstained'] == 3


def test_odd_files_are_judged_as_the_plain_one_and_pure_hum_is_not(trained, tmp_path, capsys):
    plain = voice(1, 1)
    soundfile.write(tmp_path / 'plain.wav', plain, 16000)
    soundfile.write(tmp_path / 'law.wav', plain[::2], 8000, subtype='ULAW')
    soundfile.write(tmp_path / 'inverted.wav', np.stack([plain, -plain], 1), 16000)
    # As a recorder leaves it that was switched off: its sizes were never written.
    data = bytearray((tmp_path / 'plain.wav').read_bytes())
    data[4:8] = data[40:44] = bytes(4)
    (tmp_path / 'open.wav').write_bytes(data)
    soundfile.write(tmp_path / 'whole.flac', np.tile(plain, 4), 16000)
    half = (tmp_path / 'whole.flac').read_bytes()
    (tmp_path / 'half.flac').write_bytes(half[: len(half) // 2])
    hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(32000) / 16000)
    soundfile.write(tmp_path / 'hum.wav', hum, 16000)
    odd = ['law.wav', 'inverted.wav', 'open.wav', 'half.flac', 'hum.wav']
    abstained = []
    for names in (['plain.wav'], ['plain.wav', *odd]):
        rows = ''.join(f'{name},joy\n' for name in names)
        (tmp_path / 'list.csv').write_text('path,label\n' + rows)
        arguments = [f'--manifest={tmp_path / "list.csv"}', f'--model={trained}']
        assert evaluate.main([*arguments, f'--json={tmp_path / "out.json"}']) == 0
        report = json.loads((tmp_path / 'out.json').read_text())
        assert report['n'] == len(names)
        abstained.append(report['abstained'])
    assert abstained == [0, 1]
    assert 'half.flac' in capsys.readouterr().out


def test_no_corpus_named_says_what_to_write(tmp_path, capsys):
    assert train_ser.main([f'--out={tmp_path}']) == 2
    assert '--corpus NAME=PATH' in capsys.readouterr().err


def test_the_folds_of_the_published_protocol_hold_every_actor_once():
    actors = sorted(actor for part in RAVDESS_FOLDS.values() for actor in part)
    assert actors == list(range(1, 25))
