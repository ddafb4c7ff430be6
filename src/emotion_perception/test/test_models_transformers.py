# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Transformers classifiers: tiny configurations saved to disk by Transformers itself."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import (
    Catalog,
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_catalog,
    load_model,
)

torch = pytest.importorskip('torch', reason='Transformers models need torch (setup --training)')
from emotion_perception.models.torch_compat import import_torchvision

try:
    import_torchvision()
except ImportError:
    pass
transformers = pytest.importorskip('transformers', reason='setup --training installs it')

from emotion_perception.models.transformers_backend import face_input

CPU = ModelSettings(device='cpu', threads=1, offline=True)
CATALOG = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
RAVDESS = ['neutral', 'calm', 'happy', 'sad', 'angry', 'fearful', 'disgust', 'surprised']
FACES = ['sad', 'disgust', 'angry', 'neutral', 'fear', 'surprise', 'happy']


def numbered(labels: list[str]) -> dict:
    return {
        'num_labels': len(labels),
        'id2label': dict(enumerate(labels)),
        'label2id': {label: index for index, label in enumerate(labels)},
    }


def tiny_wavlm(labels: list[str] = RAVDESS):
    torch.manual_seed(0)
    return transformers.WavLMForSequenceClassification(
        transformers.WavLMConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(16, 16, 16),
            conv_stride=(5, 4, 4),
            conv_kernel=(10, 8, 4),
            num_feat_extract_layers=3,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=16,
            **numbered(labels),
        )
    ).eval()


def tiny_vit(labels: list[str]):
    torch.manual_seed(0)
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            image_size=64,
            patch_size=16,
            **numbered(labels),
        )
    ).eval()


def tone(rate: int = 16000, seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 200 * np.arange(round(rate * seconds)) / rate)).astype('f')


@pytest.fixture
def wavlm(tmp_path, monkeypatch):
    """Save the seed's layout: a directory, its extractor, and the weights beside it."""
    monkeypatch.setenv('EMOTION_WEIGHTS', str(tmp_path))
    network = tiny_wavlm()
    directory = tmp_path / 'wavlm_ser_model'
    network.save_pretrained(directory)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(directory)
    torch.save(network.state_dict(), tmp_path / 'wavlm_ser_model.pth')
    return network, directory


def expected_of(network, samples: np.ndarray) -> np.ndarray:
    peak = samples / np.abs(samples).max()
    values = (peak - peak.mean()) / np.sqrt(peak.var() + 1e-7)
    with torch.inference_mode():
        return network(torch.from_numpy(values)[None].float()).logits.numpy()


@pytest.mark.parametrize('spec', ['wavlm', 'wavlm_ser_model', 'wavlm_ser_model.pth'])
def test_seed_wavlm_by_name_directory_or_file(wavlm, tmp_path, spec):
    network, directory = wavlm
    given = spec if spec == 'wavlm' else str(directory.parent / spec)
    model = load_model(given, 'ser', CPU, CATALOG)
    assert (model.name, model.entry.labels) == (given, tuple(RAVDESS))
    assert model.entry.speech.rate == 16000
    samples = tone()
    raw = model.raw((samples / np.abs(samples).max())[None])
    assert raw == pytest.approx(expected_of(network, samples), abs=1e-4)
    result = SpeechEmotionRecognizer(model).predict(tone(44100), 44100)
    assert not result.abstained and result.probabilities.sum() == pytest.approx(1)


def test_the_state_dict_beside_the_seed_directory_wins(wavlm, tmp_path):
    network, _ = wavlm
    with torch.no_grad():
        network.classifier.bias += torch.arange(8.0)
    torch.save({'model_state_dict': network.state_dict()}, tmp_path / 'wavlm_ser_model.pth')
    samples = tone()
    raw = load_model('wavlm', 'ser', CPU, CATALOG).raw((samples / np.abs(samples).max())[None])
    assert raw == pytest.approx(expected_of(network, samples), abs=1e-4)


def test_weight_normalisation_under_its_old_names(wavlm, tmp_path):
    network, directory = wavlm
    old = {
        key.replace('parametrizations.weight.original0', 'weight_g').replace(
            'parametrizations.weight.original1', 'weight_v'
        ): value
        for key, value in network.state_dict().items()
    }
    assert old.keys() != network.state_dict().keys()
    torch.save(old, tmp_path / 'wavlm_ser_model.pth')
    (directory / 'model.safetensors').unlink()
    samples = tone()
    raw = load_model('wavlm', 'ser', CPU, CATALOG).raw((samples / np.abs(samples).max())[None])
    assert raw == pytest.approx(expected_of(network, samples), abs=1e-4)


def test_directory_without_weights_says_where_they_may_be(wavlm, tmp_path):
    _, directory = wavlm
    (directory / 'model.safetensors').unlink()
    (tmp_path / 'wavlm_ser_model.pth').unlink()
    with pytest.raises(ModelError, match=r'wavlm_ser_model.pth holds weights'):
        load_model('wavlm', 'ser', CPU, CATALOG)


def test_state_dict_of_another_network_is_refused(wavlm, tmp_path):
    torch.save({'classifier.weight': torch.zeros(3, 3)}, tmp_path / 'wavlm_ser_model.pth')
    with pytest.raises(ModelError, match=r'missing \(wavlm.*of another shape \(classifier'):
        load_model('wavlm', 'ser', CPU, CATALOG)


def test_damaged_weights_name_the_directory(wavlm, tmp_path):
    _, directory = wavlm
    (tmp_path / 'wavlm_ser_model.pth').unlink()
    weights = directory / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=str(directory)):
        load_model(str(directory), 'ser', CPU, CATALOG)


def test_labels_without_names_are_refused_and_can_be_given(tmp_path):
    tiny_wavlm([f'LABEL_{index}' for index in range(6)]).save_pretrained(tmp_path / 'unnamed')
    with pytest.raises(ModelError, match=r'LABEL_0.*`labels:'):
        load_model(str(tmp_path / 'unnamed'), 'ser', CPU, CATALOG)
    (tmp_path / 'unnamed.yaml').write_text(
        f'task: ser\nbackend: transformers\nlabels: [{", ".join(EMOTIONS)}]\n'
    )
    model = load_model(str(tmp_path / 'unnamed'), 'ser', CPU, CATALOG)
    assert model.entry.labels == EMOTIONS


def test_other_audio_families_load_the_same_way(tmp_path):
    network = transformers.Wav2Vec2ForSequenceClassification(
        transformers.Wav2Vec2Config(
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(16, 16),
            conv_stride=(5, 4),
            conv_kernel=(10, 8),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=16,
            **numbered(['happy', 'sad']),
        )
    )
    network.save_pretrained(tmp_path / 'w2v')
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path / 'w2v')
    model = load_model(str(tmp_path / 'w2v'), 'ser', CPU, CATALOG)
    assert model.entry.speech.rate == 8000
    assert not SpeechEmotionRecognizer(model).predict(tone(), 16000).abstained


def test_image_classifier_directory_brings_its_own_preprocessing(tmp_path):
    network = tiny_vit(FACES)
    directory = tmp_path / 'faces'
    network.save_pretrained(directory)
    (directory / 'preprocessor_config.json').write_text(
        json.dumps(
            {
                'image_processor_type': 'ViTImageProcessor',
                'size': {'height': 64, 'width': 64},
                'image_mean': [0.4, 0.5, 0.6],
                'image_std': [0.2, 0.3, 0.4],
                'do_rescale': True,
                'rescale_factor': 1 / 255,
                'do_normalize': True,
            }
        )
    )
    model = load_model(str(directory), 'fer', CPU, CATALOG)
    face = model.entry.face
    assert (face.size, face.colour) == (64, 'rgb')
    assert face.mean == pytest.approx((0.4, 0.5, 0.6))
    assert face.std == pytest.approx((0.2, 0.3, 0.4))
    batch = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(batch)).logits.numpy()
    assert model.raw(batch) == pytest.approx(expected, abs=1e-4)
    crop = np.zeros((128, 128, 3), np.uint8)
    assert FaceEmotionRecognizer(model).predict([crop]).probabilities.shape == (1, 6)


# What the hub's configuration of each names, in the order of its outputs.
HUB_LABELS = {
    'vit-fer2013': ['angry', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise'],
    'vit-dima806': FACES,
}


@pytest.mark.parametrize('name', HUB_LABELS)
def test_a_hub_entry_reads_a_tiny_model_of_its_form(tmp_path, name):
    entry = CATALOG[name]
    assert entry.hub and not entry.labels
    network = tiny_vit(HUB_LABELS[name])
    network.save_pretrained(tmp_path / 'saved')
    here = dataclasses.replace(entry, hub='', file=str(tmp_path / 'saved'))
    model = load_model(name, 'fer', CPU, Catalog([here]))
    assert model.label_map.covered.all()
    assert (model.shares is not None) == bool(entry.shares)
    crop = np.full((128, 128, 3), 90, np.uint8)
    answers = [
        FaceEmotionRecognizer(model, balance).predict([crop]).probabilities[0]
        for balance in (0.0, 1.0)
    ]
    assert np.allclose(*answers) == (not entry.shares)


def tiny_encoder(kind: str, labels: list[str]):
    torch.manual_seed(0)
    small = {'hidden_size': 32, 'num_hidden_layers': 1, 'num_attention_heads': 2,
             'intermediate_size': 64, 'conv_dim': (16,), 'conv_stride': (320,),
             'conv_kernel': (400,), 'num_feat_extract_layers': 1, 'num_conv_pos_embeddings': 16,
             'num_conv_pos_embedding_groups': 2, 'classifier_proj_size': 16}  # fmt: skip
    if kind == 'wav2vec2':
        return transformers.Wav2Vec2ForSequenceClassification(
            transformers.Wav2Vec2Config(**small, **numbered(labels))
        ).eval()
    if kind == 'hubert':
        return transformers.HubertForSequenceClassification(
            transformers.HubertConfig(**small, **numbered(labels))
        ).eval()
    return transformers.WhisperForAudioClassification(
        transformers.WhisperConfig(
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            encoder_ffn_dim=64,
            num_mel_bins=128,
            **numbered(labels),
        )
    ).eval()


# What the hub's configuration of each names, in the order of its outputs; and its front end.
IEMOCAP = ['neu', 'hap', 'ang', 'sad']
SPEECH_HUB = {
    'wav2vec2-superb': ('wav2vec2', IEMOCAP),
    'hubert-superb': ('hubert', IEMOCAP),
    'whisper-large-v3-ser': (
        'whisper',
        ['angry', 'disgust', 'fearful', 'happy', 'neutral', 'sad', 'surprised'],
    ),
}


@pytest.mark.parametrize('name', SPEECH_HUB)
def test_a_speech_entry_of_the_hub_reads_a_tiny_model_of_its_form(tmp_path, name):
    kind, labels = SPEECH_HUB[name]
    entry = CATALOG[name]
    network = tiny_encoder(kind, labels)
    network.save_pretrained(tmp_path / 'saved')
    if kind == 'whisper':
        extractor = transformers.WhisperFeatureExtractor(feature_size=128)
    else:
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=kind == 'hubert')
    extractor.save_pretrained(tmp_path / 'saved')
    here = dataclasses.replace(entry, hub='', file=str(tmp_path / 'saved'))
    model = load_model(name, 'ser', CPU, Catalog([here]))
    assert model.entry.labels == tuple(labels) and model.shares is not None
    samples = tone()
    values = extractor(samples, sampling_rate=16000, return_tensors='pt')
    with torch.inference_mode():
        expected = network(**values).logits.numpy()
    assert model.raw(samples[None]) == pytest.approx(expected, abs=1e-4)
    probabilities = SpeechEmotionRecognizer(model).predict(samples, 16000).probabilities
    assert probabilities.sum() == pytest.approx(1)
    assert ((probabilities > 0) == model.label_map.covered).all()


def test_a_model_whose_file_has_no_weights_for_its_head_is_refused(tmp_path):
    """Transformers fills them with chance: several models of the hub end so."""
    encoder = tiny_encoder('wav2vec2', RAVDESS)
    state = {
        key.replace('projector', 'classifier.dense'): value
        for key, value in encoder.state_dict().items()
    }
    encoder.save_pretrained(tmp_path / 'saved', state_dict=state)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / 'saved')
    with pytest.raises(ModelError, match=r'no weights for projector\.bias.*classifier\.dense'):
        load_model(str(tmp_path / 'saved'), 'ser', CPU, CATALOG)


def test_shares_of_labels_that_the_files_configuration_does_not_name_are_refused(tmp_path):
    tiny_vit(['Anger', 'Happiness']).save_pretrained(tmp_path / 'saved')
    entry = dataclasses.replace(CATALOG['vit-fer2013'], hub='', file=str(tmp_path / 'saved'))
    with pytest.raises(ModelError, match=r'`shares` names .*angry.*no labels of the model'):
        load_model('vit-fer2013', 'fer', CPU, Catalog([entry]))


@pytest.mark.parametrize(
    ('processor', 'size', 'mean', 'std'),
    [
        ({}, 224, 0.5, 0.5),
        ({'size': 96}, 96, 0.5, 0.5),
        (
            {
                'size': {'shortest_edge': 256},
                'do_center_crop': True,
                'crop_size': {'height': 224, 'width': 224},
            },
            224,
            0.5,
            0.5,
        ),
        ({'do_normalize': False}, 224, 0.0, 1.0),
        # Scaled to -1..1 by the factor alone, or normalised in pixels: the same numbers come out.
        (
            {'rescale_factor': 1 / 127.5, 'image_mean': [1.0] * 3, 'image_std': [1.0] * 3},
            224,
            0.5,
            0.5,
        ),
        (
            {'do_rescale': False, 'image_mean': [127.5] * 3, 'image_std': [127.5] * 3},
            224,
            0.5,
            0.5,
        ),
    ],
)
def test_processor_settings_mean_the_same_here(processor, size, mean, std):
    face = face_input(processor, {})
    assert face.size == size
    assert face.mean[0] == pytest.approx(mean) and face.std[0] == pytest.approx(std)


def test_hub_id_offline_names_the_command():
    with pytest.raises(ModelError) as caught:
        load_model('somebody/some-emotion-model', 'fer', CPU, CATALOG)
    assert 'python -m emotion_perception.models fetch somebody/some-emotion-model' in str(
        caught.value
    )


@pytest.fixture
def hub(tmp_path):
    """Serve one model as the hub does, on this machine; yield the environment to use it."""
    directory = tmp_path / 'hub'
    tiny_wavlm().save_pretrained(directory)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(directory)
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    commit = '0123456789abcdef0123456789abcdef01234567'

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            path = self.path.partition('?')[0]
            name = path.rpartition('/')[2]
            if path.startswith('/api/models/lab/voices/tree/'):
                body = json.dumps(
                    [
                        {
                            'type': 'file',
                            'path': name,
                            'size': len(content),
                            'oid': hashlib.sha1(content).hexdigest(),
                        }
                        for name, content in files.items()
                    ]
                ).encode()
            elif path.startswith('/api/models/lab/voices'):
                body = json.dumps(
                    {
                        'id': 'lab/voices',
                        'sha': commit,
                        'siblings': [{'rfilename': name} for name in files],
                    }
                ).encode()
            elif path.startswith('/lab/voices/resolve/') and name in files:
                body = files[name]
            else:
                self.send_response(404)
                self.send_header(
                    'X-Error-Code', 'EntryNotFound' if '/lab/voices/' in path else 'RepoNotFound'
                )
                self.send_header('Content-Length', '0')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header('Content-Length', str(len(body)))
            self.send_header('X-Repo-Commit', commit)
            self.send_header('ETag', f'"{hashlib.sha256(body).hexdigest()}"')
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            **os.environ,
            'HF_ENDPOINT': f'http://127.0.0.1:{server.server_port}',
            'HF_HOME': str(tmp_path / 'home'),
            'HF_HUB_DISABLE_TELEMETRY': '1',
            'HF_HUB_OFFLINE': '0',
        }
        server.shutdown()


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )


LOAD = """
import sys
from emotion_perception.models import ModelError, ModelSettings, load_model
try:
    model = load_model(sys.argv[1], 'ser', ModelSettings(device='cpu', offline='off' in sys.argv))
except ModelError as error:
    sys.exit(f'ModelError: {error}')
print(model.name, len(model.entry.labels), model.entry.speech.rate)
"""


def test_hub_model_is_fetched_once_and_then_runs_offline(hub):
    fetched = run(hub, '-m', 'emotion_perception.models', 'fetch', 'lab/voices')
    assert fetched.returncode == 0, fetched.stderr
    assert (Path(fetched.stdout.strip()) / 'config.json').is_file()
    after = run(hub, '-c', LOAD, 'lab/voices', 'off')
    assert after.stdout.split() == ['lab/voices', '8', '16000'], after.stderr


def test_hub_model_is_fetched_while_it_is_loaded(hub):
    loaded = run(hub, '-c', LOAD, 'lab/voices')
    assert loaded.stdout.split() == ['lab/voices', '8', '16000'], loaded.stderr


def test_hub_model_that_does_not_exist_is_one_line(hub):
    result = run(hub, '-m', 'emotion_perception.models', 'fetch', 'lab/absent')
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith('error: model lab/absent')


def test_directory_without_configuration_is_refused(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ModelError, match=r'no config\.json'):
        load_model(str(tmp_path / 'empty'), 'fer', CPU, CATALOG)
