# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of torchvision networks, saved by torch itself with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    load_catalog,
    load_model,
)

torch = pytest.importorskip('torch', reason='torch checkpoints need torch (setup --training)')
pytest.importorskip('onnx', reason='the comparison needs onnx')

from emotion_perception.models.torch_backend import TorchBackend, resnet_of
from emotion_perception.models.torch_compat import import_torchvision

try:
    torchvision = import_torchvision()
except ImportError:
    pytest.skip('torchvision is not installed (setup --training)', allow_module_level=True)

CPU = ModelSettings(device='cpu', threads=1)
CATALOG = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')


@pytest.fixture(scope='module')
def resnet50():
    torch.manual_seed(0)
    return torchvision.models.resnet50(weights=None, num_classes=6).eval()


@pytest.fixture(scope='module')
def resnet18():
    torch.manual_seed(1)
    return torchvision.models.resnet18(weights=None, num_classes=8).eval()


def crops(count: int = 2) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 128, 128, 3), np.uint8))


def scores_of(module, model) -> tuple[np.ndarray, np.ndarray]:
    batch = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        return model.raw(batch), module(torch.from_numpy(batch)).numpy()


def test_rafdb_checkpoint_runs_as_torch_would_and_in_its_label_order(resnet50, tmp_path):
    path = tmp_path / 'rafdb_resnet50_6classes_weighted.pth'
    torch.save(resnet50.state_dict(), path)
    model = load_model(str(path), 'fer', CPU, CATALOG)
    assert model.entry.labels == ('Surprise', 'Fear', 'Happy', 'Sad', 'Angry', 'Neutral')
    ours, theirs = scores_of(resnet50, model)
    assert ours == pytest.approx(theirs, abs=1e-3)
    predictions = FaceEmotionRecognizer(model).predict(crops())
    assert predictions.probabilities.sum(axis=1) == pytest.approx([1, 1])
    # The first output is Surprise, the last of the six.
    batch = np.zeros((1, 3, 224, 224), np.float32)
    raw, mapped = model.raw(batch), model.predict(batch).probabilities
    assert mapped[0, EMOTIONS.index('Surprise')] == pytest.approx(
        np.exp(raw[0, 0]) / np.exp(raw[0]).sum(), abs=1e-5
    )


def test_checkpoint_by_name_is_found_in_the_cache(resnet18, tmp_path):
    torch.save(resnet18.state_dict(), tmp_path / 'affectnet_resnet18_8classes.pth')
    settings = ModelSettings(device='cpu', threads=1, cache=str(tmp_path))
    assert load_model('affectnet', 'fer', settings, CATALOG).name == 'affectnet'


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: {'state_dict': state, 'epoch': 3},
        lambda state: {'model_state_dict': state},
        lambda state: {'module.' + key: value for key, value in state.items()},
        lambda state: {
            'state_dict': {'module.backbone.' + key: value for key, value in state.items()}
        },
        lambda state: {
            ('fc.1' + key[2:] if key.startswith('fc.') else key): value
            for key, value in state.items()
        },
    ],
)
def test_affectnet_checkpoint_under_any_name_and_wrapping(resnet18, tmp_path, wrap):
    torch.save(wrap(resnet18.state_dict()), tmp_path / 'my_own_name.pth')
    model = load_model(str(tmp_path / 'my_own_name.pth'), 'fer', CPU, CATALOG)
    assert model.entry.labels == CATALOG['affectnet'].labels
    ours, theirs = scores_of(resnet18, model)
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_disgust_and_contempt_are_dropped(resnet18, tmp_path):
    state = dict(resnet18.state_dict())
    state['fc.weight'] = torch.zeros_like(state['fc.weight'])
    state['fc.bias'] = torch.tensor([0.0, 2, 0, 0, 0, 9, 0, 9])
    torch.save(state, tmp_path / 'a.pth')
    model = load_model(str(tmp_path / 'a.pth'), 'fer', CPU, CATALOG)
    probabilities = FaceEmotionRecognizer(model).predict(crops(1)).probabilities[0]
    assert EMOTIONS[probabilities.argmax()] == 'Happy'
    assert probabilities.max() == pytest.approx(np.exp(2) / (np.exp(2) + 5), abs=1e-4)


def test_a_checkpoint_nobody_knows_says_what_to_write(tmp_path):
    torch.save(
        torchvision.models.resnet18(weights=None, num_classes=5).state_dict(),
        tmp_path / 'five.pth',
    )
    with pytest.raises(ModelError, match=r'five.yaml with: `task: fer`, `backend: torch`'):
        load_model(str(tmp_path / 'five.pth'), 'fer', CPU, CATALOG)
    (tmp_path / 'five.yaml').write_text(
        'task: fer\nbackend: torch\nlabels: [angry, sad, happy, fear, neutral]\n'
        'input: {size: 64}\n'
    )
    assert load_model(str(tmp_path / 'five.pth'), 'fer', CPU, CATALOG).entry.face.size == 64


def test_other_torchvision_networks_by_sidecar(tmp_path):
    network = torchvision.models.mobilenet_v3_small(weights=None, num_classes=6)
    torch.save(network.state_dict(), tmp_path / 'small.pt')
    (tmp_path / 'small.yaml').write_text(
        'task: fer\nbackend: torch\narchitecture: mobilenet_v3_small\n'
        'labels: [Angry, Fear, Happy, Neutral, Sad, Surprise]\ninput: {size: 64}\n'
    )
    model = load_model(str(tmp_path / 'small.pt'), 'fer', CPU, CATALOG)
    assert FaceEmotionRecognizer(model).predict(crops()).probabilities.shape == (2, 6)


def test_wrong_number_of_outputs_is_refused(tmp_path):
    path = tmp_path / 'affectnet_resnet18_8classes.pth'
    torch.save(torchvision.models.resnet18(weights=None, num_classes=7).state_dict(), path)
    with pytest.raises(ModelError, match='gives 7 outputs but 8 labels'):
        load_model(str(path), 'fer', CPU, CATALOG)


def test_other_tensors_are_named(resnet18, tmp_path):
    path = tmp_path / 'rafdb_resnet50_6classes_weighted.pth'
    torch.save(resnet18.state_dict(), path)
    with pytest.raises(ModelError, match=r'do not fit ResNet: \d+ missing \(layer1'):
        load_model(str(path), 'fer', CPU, CATALOG)


class Payload:
    def __reduce__(self):
        return print, ('code from a pickle ran',)


def test_pickled_objects_are_never_run(resnet18, tmp_path, capsys):
    path = tmp_path / 'affectnet_resnet18_8classes.pth'
    for content in (Payload(), resnet18):
        torch.save(content, path)
        with pytest.raises(ModelError, match=r'pickled Python objects.*state_dict'):
            load_model(str(path), 'fer', CPU, CATALOG)
    assert 'ran' not in capsys.readouterr().out


@pytest.mark.parametrize('content', [b'', b'not a checkpoint', None])
def test_damaged_checkpoint_names_the_file(resnet18, tmp_path, content):
    path = tmp_path / 'affectnet_resnet18_8classes.pth'
    if content is None:
        torch.save(resnet18.state_dict(), path)
        content = path.read_bytes()[:100_000]
    path.write_bytes(content)
    for name in (path, path.rename(tmp_path / 'other.pth')):
        name = name if name.exists() else tmp_path / 'other.pth'
        with pytest.raises(ModelError, match=rf'{name}.*{len(content)} bytes'):
            load_model(str(name), 'fer', CPU, CATALOG)


def test_a_file_without_tensors_is_refused(tmp_path):
    path = tmp_path / 'affectnet_resnet18_8classes.pth'
    torch.save({'epoch': 3}, path)
    with pytest.raises(ModelError, match='holds no state dict'):
        load_model(str(path), 'fer', CPU, CATALOG)


def test_architectures_are_told_from_their_tensors():
    for name in ('resnet18', 'resnet34', 'resnet50', 'resnet101'):
        with torch.device('meta'):
            state = torchvision.models.get_model(name, weights=None).state_dict()
        assert resnet_of(state) == name
    assert resnet_of({}) == ''


def test_torch_runs_the_network_itself_where_it_must(resnet18):
    batch = np.zeros((2, 3, 64, 64), np.float32)
    assert TorchBackend(resnet18, 'cpu').run(batch).scores.shape == (2, 8)


def test_cuda_is_refused_where_there_is_none(resnet18, tmp_path):
    if torch.cuda.is_available():
        pytest.skip('this torch has CUDA')
    path = tmp_path / 'affectnet_resnet18_8classes.pth'
    torch.save(resnet18.state_dict(), path)
    with pytest.raises(ModelError, match='torch finds none'):
        load_model(str(path), 'fer', ModelSettings(device='cuda'), CATALOG)
