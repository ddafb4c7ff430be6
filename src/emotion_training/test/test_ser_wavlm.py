# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The WavLM recipe from a tiny random model on disk to the runtime, for every pooling."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

pytest.importorskip('transformers', reason='WavLM needs Transformers (./emotion setup --training)')

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import SpeechEmotionRecognizer, load_model
from emotion_perception.models.transformers_backend import import_transformers
from emotion_training.common.files import load_torch
from emotion_training.ser import noise
from emotion_training.ser import train as train_ser
from emotion_training.ser.augment import Augmenter


@pytest.fixture(scope='module', autouse=True)
def quick():
    """Make few rooms and few sounds without speech."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Augmenter, 'ROOMS', 3)
        patch.setattr(noise, 'MADE', 4)
        yield


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Save a random WavLM of a few thousand weights, as the hub would give it."""
    import_transformers()
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

    config = WavLMConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8, 8),
        conv_stride=(5, 4, 4),
        conv_kernel=(10, 8, 4),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=12,
        num_buckets=32,
        max_bucket_distance=80,
    )
    folder = tmp_path_factory.mktemp('wavlm') / 'tiny'
    WavLMModel(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=False).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope='module')
def manifest(tmp_path_factory):
    root = tmp_path_factory.mktemp('clips')
    rng = np.random.default_rng(0)
    rows = ['path,label,speaker']
    for speaker in range(4):
        for index, label in enumerate(EMOTIONS):
            name = f'{speaker}_{label}.wav'
            time = np.arange(10000) / 16000
            sound = np.sin(2 * np.pi * (120 + 90 * index) * time) + rng.normal(0, 0.1, 10000)
            soundfile.write(root / name, 0.3 * sound, 16000)
            rows.append(f'{name},{label},s{speaker}')
    (root / 'manifest.csv').write_text('\n'.join(rows) + '\n')
    return root / 'manifest.csv'


def fine_tune(tiny, manifest, out, *options):
    """Run the recipe for two passes and return what it wrote about them."""
    common = [f'--corpus=manifest={manifest}', '--recipe=wavlm', f'--encoder={tiny}']
    assert train_ser.main([*common, '--epochs=2', '--batch=8', f'--out={out}', *options]) == 0
    return json.loads((out / 'wavlm_history.json').read_text())


@pytest.mark.parametrize('pooling', ['mean', 'mean_std', 'attention'])
def test_fine_tuning_saves_the_best_checkpoint_that_the_runtime_loads(
    tmp_path, tiny, manifest, pooling
):
    history = fine_tune(tiny, manifest, tmp_path, f'--pooling={pooling}')
    folder = tmp_path / 'wavlm_ser_model'
    assert (tmp_path / 'wavlm_ser_model.pth').is_file()
    assert history['best_macro_f1'] == max(row['macro_f1'] for row in history['history'])
    assert len(history['history']) == 2 and len(history['validation_speakers']) == 1
    from_folder = load_model(str(folder), 'ser')
    sound = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    answer = SpeechEmotionRecognizer(from_folder).predict(sound, 16000)
    assert from_folder.entry.labels == EMOTIONS
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-4)
    for weights in folder.glob('*.safetensors'):
        weights.unlink()
    from_pth = load_model(str(tmp_path / 'wavlm_ser_model.pth'), 'ser')
    assert np.allclose(from_pth.raw(sound[None]), from_folder.raw(sound[None]), atol=1e-5)


@pytest.fixture(scope='module')
def frozen(tmp_path_factory, tiny, manifest):
    """Return the folder of a run whose encoder stayed as it was, with a bad clip among others."""
    folder = tmp_path_factory.mktemp('frozen')
    bad = manifest.with_name('bad.wav')
    bad.write_bytes(b'no sound at all')
    table = manifest.with_name('with_bad.csv')
    table.write_text(manifest.read_text() + f'{bad.name},Sad,s0\n')
    fine_tune(tiny, table, folder, '--frozen')
    return folder


def changed(tiny, folder):
    """Return which of the pretrained weights a run changed, without their place in a layer."""
    from transformers import WavLMModel

    before = WavLMModel.from_pretrained(tiny).state_dict()
    after = load_torch(folder / 'wavlm_ser_model.pth')
    return {
        name.split('.')[0]
        for name, value in before.items()
        if not np.array_equal(value, after[f'wavlm.{name}'])
    }


def test_frozen_trains_the_head_alone_and_a_rate_all_but_the_convolutions(
    tmp_path, tiny, manifest, frozen
):
    assert changed(tiny, frozen) == set()
    fine_tune(tiny, manifest, tmp_path, '--rate=1e-3')
    assert changed(tiny, tmp_path) == {'feature_projection', 'encoder'}


def test_a_run_is_repeated_exactly(tmp_path, tiny, manifest, frozen):
    fine_tune(tiny, manifest, tmp_path, '--frozen')
    first, second = (load_torch(folder / 'wavlm_ser_model.pth') for folder in (frozen, tmp_path))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_head_alone_is_adapted_with_early_stopping(tmp_path, manifest, frozen):
    model = frozen / 'wavlm_ser_model'
    assert train_ser.main([f'--adapt={manifest}', f'--model={model}', f'--out={tmp_path}']) == 0
    found = json.loads((tmp_path / 'wavlm_ser_adapted.json').read_text())
    assert {'before', 'after'} <= set(found) and 0 < found['steps'] <= 300
    before, after = (
        load_torch(path.with_suffix('.pth')) for path in (model, tmp_path / 'wavlm_ser_adapted')
    )
    differ = {name for name in before if not np.array_equal(before[name], after[name])}
    assert differ == {'classifier.weight', 'classifier.bias'}
    load_model(str(tmp_path / 'wavlm_ser_adapted'), 'ser')


def test_a_start_that_is_nowhere_or_of_another_family_is_named(tmp_path, manifest, capsys):
    import_transformers()
    from transformers import HubertConfig

    HubertConfig(num_hidden_layers=1).save_pretrained(tmp_path / 'hubert')
    arguments = [f'--corpus=manifest={manifest}', '--recipe=wavlm', f'--out={tmp_path}']
    for name, says in (('nothing', 'nothing: it is not in'), ('hubert', 'hubert model, no WavLM')):
        assert train_ser.main([*arguments, f'--encoder={tmp_path / name}']) == 2
        assert says in capsys.readouterr().err
