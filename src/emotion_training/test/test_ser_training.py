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

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import SpeechEmotionRecognizer, VoiceMemory, load_model
from emotion_perception.models.balance import Mixture
from emotion_training.ser import evaluate, fit, frontend, nonspeech, protocols, spectral
from emotion_training.ser import train as train_ser
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.ensemble import Ensemble, Members, blend
from emotion_training.ser.export import WaveformModel, export, fit_temperature, gate
from emotion_training.ser.functionals import WIDTH
from emotion_training.ser.network import Shape, SpeechNetwork, standardise, to_six
from emotion_training.ser.sessions import SESSIONS, profiles
from emotion_training.ser.statistics import Scale, StatisticsNetwork, features
from emotion_training.ser.voices import Voices, relative

SMALL = '0.01'


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


def untrained() -> Ensemble:
    """Return an ensemble of the default's shape with random weights."""
    torch.manual_seed(0)
    width = WIDTH + 2 * Shape().features
    return Ensemble(SpeechNetwork(Shape(), fit.OUTPUTS).eval(), Members(
        Scale(np.zeros(width, np.float32), np.ones(width, np.float32)),
        [StatisticsNetwork().eval(), StatisticsNetwork(width).eval()],
        [StatisticsNetwork().eval(), StatisticsNetwork(width).eval()])).eval()


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
        for kind, name in enumerate(('anger', 'fear', 'happiness', 'neutral', 'sadness',
                                     'surprised')):
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
def trained(tmp_path_factory, corpora_arguments) -> Path:
    out = tmp_path_factory.mktemp('default')
    assert train_ser.main([*corpora_arguments, f'--out={out}', '--epochs-scale', SMALL]) == 0
    return out / 'ser_default.onnx'


def test_front_end_equals_librosa():
    librosa = pytest.importorskip('librosa', reason='librosa is the reference')
    samples = voice(2, 3)
    mel = librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=1024, hop_length=512,
                                         n_mels=128)
    expected = librosa.power_to_db(mel, ref=np.max, top_db=80)
    assert np.abs(frontend.logmel(samples) - expected).max() < 0.01


def test_steps_hold_the_level_to_a_sixth_of_a_decibel():
    level = frontend.logmel(voice(1, 1))
    assert np.abs(frontend.from_bytes(frontend.to_bytes(level)) - level).max() < 0.16


@pytest.mark.parametrize('samples', [8000, 16000, 30001, 48000, 160000])
def test_onnx_hears_what_the_training_front_end_hears(tmp_path_factory, samples):
    import onnxruntime
    folder = tmp_path_factory.getbasetemp() / 'parity'
    folder.mkdir(exist_ok=True)
    network = untrained()
    if not (folder / 'net.onnx').exists():
        export(network, folder / 'net.onnx')
    waveform = np.stack([np.resize(voice(kind, 5), samples) for kind in (1, 5)])
    session = onnxruntime.InferenceSession(str(folder / 'net.onnx'))
    profile = np.random.default_rng(1).random((1, network.profile), np.float32) * 8
    for known in ({}, {'profile': profile}):
        found = session.run(['logits'], {'waveform': waveform, **known})[0]
        with torch.no_grad():
            seen = [torch.from_numpy(value) for value in known.values()]
            inside = WaveformModel(network)(torch.from_numpy(waveform), *seen)[0].numpy()
            level = np.stack([frontend.logmel(sound) for sound in waveform])
            outside = gate(network(torch.from_numpy(level), *seen)[0]).numpy()
        # The file keeps its large weights in float16; the front ends agree to rounding.
        assert np.abs(found - inside).max() < 5e-3
        assert np.abs(inside - outside).max() < 1e-4


def test_level_and_surrounding_silence_change_next_to_nothing():
    model = WaveformModel(untrained())
    samples = voice(3, 1, 1.5)
    samples = samples + np.random.default_rng(0).normal(0, 1e-5, samples.size)
    with torch.no_grad():
        plain = model(torch.from_numpy(samples[None]).float())[0]
        quiet = model(torch.from_numpy(0.01 * samples[None]).float())[0]
    assert torch.abs(plain - quiet).max() < 0.02


def test_silent_frames_weigh_nothing_in_the_standardisation():
    level = torch.full((1, 128, 60), frontend.FLOOR_DB)
    level[:, :, 20:40] = torch.rand(1, 128, 20) * -30
    image, weight = standardise(level)
    assert weight[0, 30] > 0.9
    assert weight[0, 5] < 1e-3
    assert abs(float(image[0, 0, :, 20:40].mean())) < 0.02


def test_six_logits_join_calm_and_drop_disgust():
    logits = torch.randn(4, fit.OUTPUTS)
    six = torch.softmax(to_six(logits), dim=1)
    eight = torch.exp(logits[:, :8])
    assert torch.allclose(six[:, 3] / six[:, 0], (eight[:, 3] + eight[:, 7]) / eight[:, 0],
                          rtol=1e-4)
    assert six.shape == (4, 6)


def test_no_speech_flattens_the_answer():
    logits = torch.zeros(1, fit.OUTPUTS)
    logits[0, 2] = 5.0
    sure = torch.softmax(gate(logits), dim=1).max()
    logits[0, nonspeech.LABEL] = 12.0
    assert sure > 0.8
    assert torch.softmax(gate(logits), dim=1).max() < 0.2


def test_augmentation_keeps_shape_range_and_is_repeatable():
    level = torch.from_numpy(np.stack([
        spectral.place(frontend.logmel(voice(kind, 1)), 64) for kind in range(8)]))
    first = spectral.augment(level, torch.Generator().manual_seed(3), 1.0)
    again = spectral.augment(level, torch.Generator().manual_seed(3), 1.0)
    assert first.shape == level.shape
    assert torch.equal(first, again)
    assert first.max() <= 0.0
    assert first.min() >= frontend.FLOOR_DB
    assert not torch.allclose(first, level)


def test_temperature_recovers_what_made_the_logits_overconfident():
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 6)).astype(np.float32) * 1.5
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(6, p=row / row.sum()) for row in probabilities.astype(float)])
    assert fit_temperature(honest * 3, truth) == pytest.approx(3.0, rel=0.1)


def test_a_class_that_a_corpus_lacks_keeps_its_logit():
    data = nonspeech.make_spectra(4, 0)
    data.labels[:] = (0, 0, 1, 1)
    data.corpora = np.array(['a'] * 4)
    share = fit.priors(data, np.arange(4), fit.OUTPUTS)['a']
    assert share[0] == pytest.approx(0.5)
    assert share[5] == pytest.approx(fit.RARE)


@pytest.mark.parametrize('name', ['P1', 'P2', 'P3'])
def test_each_protocol_is_one_command(tmp_path, corpora_arguments, name):
    status = train_ser.main([*corpora_arguments, f'--out={tmp_path}', f'--protocol={name}',
                             '--epochs-scale', SMALL])
    found = json.loads((tmp_path / f'{name}.json').read_text())
    assert status == 0
    assert {'accuracy', 'uar', 'macro_f1', 'n', 'classes'} <= set(found)
    if name == 'P2':
        assert len(found['runs']) == 4
        assert (tmp_path / 'P2.png').stat().st_size > 1000
    if name == 'P3':
        assert set(found['voice_memory']) == set(SESSIONS)
        assert set(found['corpora']) == set(found['left_out']) == {'ravdess', 'nemo'}
        assert found['classes'] == list(EMOTIONS)


def test_a_second_run_takes_finished_stages_and_changed_settings_train_anew(tmp_path):
    data, lines = nonspeech.make_spectra(8, 0), []
    data.labels[:] = np.arange(8)
    data.corpora = np.array(['one'] * 8)
    recipe = fit.Recipe(epochs=1, batch=4, samples=8, frames=32)
    stages = protocols.Stages(tmp_path, lines.append)
    first = stages.run('stage', data, np.arange(8), recipe, 0)
    again = stages.run('stage', data, np.arange(8), recipe, 0)
    assert 'taken from' in lines[-1]
    assert {path.name for path in tmp_path.iterdir()} == {'stage.pt', 'stage_enhancer.pt'}
    assert torch.equal(first['state']['head.weight'], again['state']['head.weight'])
    other = stages.run('stage', data, np.arange(8), recipe, seed=1)
    assert any('made by other settings' in line for line in lines)
    assert not torch.equal(first['state']['head.weight'], other['state']['head.weight'])


def test_the_default_is_one_small_file_the_runtime_loads(trained):
    assert trained.stat().st_size < 8e6
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


def test_what_the_protocols_blend_is_what_the_exported_network_answers():
    torch.manual_seed(1)
    width = WIDTH + 2 * Shape().features
    rng = np.random.default_rng(0)
    cnn = SpeechNetwork(Shape(), fit.OUTPUTS).eval()
    members = Members(Scale(rng.random(width, np.float32), 1 + rng.random(width, np.float32)),
                      [StatisticsNetwork().eval(), StatisticsNetwork(width).eval()],
                      [StatisticsNetwork().eval(), StatisticsNetwork(width).eval()])
    level = torch.from_numpy(np.stack([frontend.logmel(voice(kind, 5)) for kind in (1, 5)]))
    known = (torch.full((2, 1), 7.0), torch.randn(1, width).expand(2, -1),
             torch.rand(1, width).expand(2, -1))
    with torch.no_grad():
        values = members.scale(features(level, cnn)).numpy()
        alone = blend(cnn(level).numpy(), members, values)
        session = blend(cnn(level).numpy(), members, values, known)
        network = Ensemble(cnn, members).eval()     # takes the heads out of the others
        profile = torch.cat([part[:1] for part in known], dim=1)
        assert np.allclose(network(level)[0].numpy(), alone, atol=1e-4)
        assert np.allclose(network(level, profile)[0].numpy(), session, atol=1e-4)
        assert np.allclose(network(level)[1].numpy(), values, atol=1e-4)


def test_nothing_known_of_a_voice_moves_nothing_and_much_known_centres_it():
    values = torch.randn(200, 5) * 3 + 2
    zero = torch.zeros(1, 1)
    unmoved = relative(values, zero, torch.full((1, 5), 7.0), torch.full((1, 5), 7.0))
    assert torch.allclose(unmoved, (values / np.sqrt(1.05)).clamp(-5, 5))
    mean, deviation = values.mean(0, keepdim=True), values.std(0, keepdim=True)
    moved = relative(values, torch.full((1, 1), 1e6), mean, deviation)
    assert moved.mean(0).abs().max() < 0.01
    assert (moved.std(0) - 1).abs().max() < 0.05


def clips_of_four_speakers():
    """Return 40 clips whose embedding says which clip it is."""
    data = nonspeech.make_spectra(40, 0)
    data.labels[:] = np.arange(40) % 6
    data.speakers = np.repeat(['a', 'b', 'c', 'd'], 10)
    data.corpora = np.repeat(['one', 'two'], 20).astype('U16')
    return data, np.eye(40, dtype=np.float32)


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


def test_training_profiles_come_from_the_speaker_and_from_anybody_for_no_speech():
    data, values = clips_of_four_speakers()
    data.corpora[30:] = nonspeech.CORPUS
    rng = np.random.default_rng(0)
    voices = Voices(values, data, np.arange(40), rng)
    _, mean, _ = voices.draw(np.array([0, 25]), rng)
    assert mean[0, :10].sum() == pytest.approx(1, abs=1e-5)
    assert mean[1, 20:30].sum() == pytest.approx(1, abs=1e-5)
    _, mean, _ = voices.draw(np.full(200, 35), rng)
    assert (mean[:, 30:] == 0).all()
    assert all(mean[:, start:start + 10].sum() > 0 for start in (0, 10, 20))


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
    lines = manifest.read_text().splitlines()[:1 + rows]
    short = manifest.with_name(f'short{rows}.csv')
    short.write_text('\n'.join(lines) + '\n')
    assert train_ser.main([f'--adapt={short}', f'--model={trained}', f'--out={tmp_path}']) == 2
    assert says in capsys.readouterr().err


def test_the_forest_is_stored_without_pickle_and_loads(tmp_path, corpora_arguments):
    pytest.importorskip('skops', reason='the forest is stored by skops')
    assert train_ser.main([corpora_arguments[0], '--recipe=forest', '--trees=12',
                           f'--out={tmp_path}']) == 0
    path = tmp_path / 'mfcc_random_forest.skops'
    answer = SpeechEmotionRecognizer(load_model(str(path), 'ser')).predict(voice(5, 1), 16000)
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert len(json.loads(path.with_suffix('.json').read_text())['runs']) == 5


def test_evaluation_writes_the_fixed_keys_and_a_picture(trained, manifest, tmp_path):
    out = tmp_path / 'eval.json'
    assert evaluate.main([f'--manifest={manifest}', f'--model={trained}', f'--json={out}']) == 0
    found = json.loads(out.read_text())
    assert {'accuracy', 'uar', 'macro_f1', 'ece', 'n', 'abstained', 'real_time_factor',
            'per_class', 'confusion'} <= set(found)
    assert found['n'] == 24
    assert set(found['per_class']) == set(EMOTIONS)
    assert np.sum(found['confusion']) + found['abstained'] == 24
    assert out.with_suffix('.png').stat().st_size > 1000


def test_evaluation_with_memory_adapts_to_each_speaker(trained, manifest, tmp_path):
    found = {}
    for memory in (0, 8):
        out = tmp_path / f'{memory}.json'
        assert evaluate.main([f'--manifest={manifest}', f'--model={trained}', f'--json={out}',
                              f'--memory={memory}']) == 0
        found[memory] = json.loads(out.read_text())
    assert found[8]['memory'] == 8
    assert found[8]['ece'] != found[0]['ece']


def test_evaluation_says_that_a_model_cannot_adapt(manifest, tmp_path, corpora_arguments,
                                                   capsys):
    pytest.importorskip('skops', reason='the forest is stored by skops')
    assert train_ser.main([corpora_arguments[0], '--recipe=forest', '--trees=3',
                           f'--out={tmp_path}']) == 0
    assert evaluate.main([f'--manifest={manifest}', f'--json={tmp_path / "out.json"}',
                          f'--model={tmp_path / "mfcc_random_forest.skops"}',
                          '--memory=8']) == 2
    assert 'cannot adapt to a voice' in capsys.readouterr().err


def test_evaluation_in_noise_covers_every_level_with_and_without_suppression(
        trained, manifest, tmp_path):
    if importlib.util.find_spec('pyrnnoise') is None:
        pytest.skip('noise suppression is carried by pyrnnoise')
    lines = manifest.read_text().splitlines()
    short = manifest.with_name('noise.csv')
    short.write_text('\n'.join([lines[0], *lines[1::4]]) + '\n')
    out = tmp_path / 'eval.json'
    assert evaluate.main([f'--manifest={short}', f'--model={trained}', f'--json={out}',
                          '--robustness']) == 0
    cases = {(row['noise'], row['snr_db'], row['noise_suppression'])
             for row in json.loads(out.read_text())['robustness']}
    assert len(cases) == 12


def test_abstentions_count_as_errors_and_absent_classes_are_left_out():
    probabilities = np.eye(6, dtype=np.float32)[[0, 0, 2]]
    answers = evaluate.Answers(probabilities, np.array([False, True, False]), 1.0, 10.0)
    found = evaluate.judge(answers, np.array([0, 0, 2]))
    assert found['accuracy'] == pytest.approx(2 / 3)
    assert found['uar'] == pytest.approx((0.5 + 1.0) / 2)
    assert found['abstained'] == 1
    assert found['real_time_factor'] == pytest.approx(0.1)
    assert found['per_class']['Fear']['recall'] is None
    assert np.sum(found['confusion']) == 2


def test_voices_are_judged_for_the_mixture_that_is_asked_for():
    shares = np.array([0.1, 0.1, 0.1, 0.5, 0.1, 0.1], np.float32)
    # Knows nothing but that most people are neutral.
    answers = evaluate.Answers(np.tile(shares, (10, 1)), np.zeros(10, bool), 1.0, 10.0)
    truth = np.array([3] * 4 + [0] * 6)
    natural = evaluate.judge(answers, truth, Mixture(shares, 0.0))
    assert natural['accuracy'] == pytest.approx(0.4) and natural['class_balance'] == 0.0
    # Of such clips five in six would be neutral.
    assert natural['ece'] == pytest.approx(5 / 6 - 0.5)
    balanced = evaluate.judge(answers, truth, Mixture(shares, 1.0))
    assert balanced['accuracy'] == pytest.approx(0.6)
    assert balanced['ece'] == pytest.approx(0.5 - 1 / 6)
    assert evaluate.judge(answers, truth)['class_balance'] is None


def test_all_abstained_has_no_calibration_error():
    answers = evaluate.Answers(np.full((2, 6), 1 / 6, np.float32), np.array([True, True]), 1, 1)
    found = evaluate.judge(answers, np.array([0, 1]))
    assert found['ece'] is None
    assert found['uar'] == 0.0


@pytest.mark.parametrize('ratio', [20.0, 10.0, 0.0])
def test_noise_is_added_at_the_asked_ratio(ratio):
    rng = np.random.default_rng(0)
    speech = 0.1 * rng.normal(size=16000).astype(np.float32)
    noise = rng.normal(size=16000).astype(np.float32)
    mixed = evaluate.add_noise(speech, noise, ratio)
    added = mixed - speech
    found = 10 * np.log10((speech ** 2).mean() / (added ** 2).mean())
    assert found == pytest.approx(ratio, abs=0.8)


@pytest.mark.parametrize(('content', 'says', 'status'), [
    ('path,label\nnone.wav,joy\n', 'none.wav is not there', 3),
    ('path,label\nbad.wav,joy\n', 'none of 1 clips can be used; the first: ', 3),
    ('path,label\nbad.wav,hungry\n', 'unknown label', 2)])
def test_evaluation_says_what_is_wrong_with_a_manifest(trained, tmp_path, capsys, content, says,
                                                       status):
    (tmp_path / 'bad.wav').write_bytes(b'no sound at all')
    (tmp_path / 'list.csv').write_text(content)
    assert evaluate.main([f'--manifest={tmp_path / "list.csv"}', f'--model={trained}',
                          f'--json={tmp_path / "out.json"}']) == status
    assert says in capsys.readouterr().err


def test_one_bad_clip_is_left_out_and_counted(trained, tmp_path, capsys):
    (tmp_path / 'bad.wav').write_bytes(b'no sound at all')
    soundfile.write(tmp_path / 'good.wav', voice(1, 1), 16000)
    (tmp_path / 'list.csv').write_text('path,label\nbad.wav,joy\ngood.wav,joy\nnone.wav,joy\n')
    assert evaluate.main([f'--manifest={tmp_path / "list.csv"}', f'--model={trained}',
                          f'--json={tmp_path / "out.json"}']) == 0
    told = capsys.readouterr().out
    assert 'bad.wav' in told and '1 of 2 clips are left out' in told
    assert json.loads((tmp_path / 'out.json').read_text())['n'] == 1


def test_silent_one_sample_and_clipped_clips_are_abstentions(trained, tmp_path):
    soundfile.write(tmp_path / 'silent.wav', np.zeros(16000, np.float32), 16000)
    soundfile.write(tmp_path / 'one.wav', np.ones(1, np.float32), 16000)
    soundfile.write(tmp_path / 'clipped.wav', np.sign(voice(1, 1)), 48000, subtype='PCM_24')
    (tmp_path / 'list.csv').write_text(
        'path,label\nsilent.wav,joy\none.wav,joy\nclipped.wav,anger\n')
    out = tmp_path / 'out.json'
    assert evaluate.main([f'--manifest={tmp_path / "list.csv"}', f'--model={trained}',
                          f'--json={out}']) == 0
    assert json.loads(out.read_text())['abstained'] == 3


def test_no_corpus_named_says_what_to_write(tmp_path, capsys):
    assert train_ser.main([f'--out={tmp_path}']) == 2
    assert '--corpus NAME=PATH' in capsys.readouterr().err


def test_classes_and_folds_are_those_of_the_published_protocol():
    actors = sorted(actor for part in protocols.RAVDESS_FOLDS.values() for actor in part)
    assert actors == list(range(1, 25))
    assert protocols.EIGHT == CLASSES
