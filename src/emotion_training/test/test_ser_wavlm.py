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
from emotion_training.ser import train as train_ser
from emotion_training.ser import wavlm


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Save a random WavLM of a few thousand weights, as the hub would give it."""
    wavlm._import_transformers()
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
    for speaker in range(2):
        for index, label in enumerate(EMOTIONS):
            name = f'{speaker}_{label}.wav'
            time = np.arange(10000) / 16000
            sound = np.sin(2 * np.pi * (120 + 90 * index) * time) + rng.normal(0, 0.1, 10000)
            soundfile.write(root / name, 0.3 * sound, 16000)
            rows.append(f'{name},{label},s{speaker}')
    (root / 'manifest.csv').write_text('\n'.join(rows) + '\n')
    return root / 'manifest.csv'


@pytest.mark.parametrize('pooling', ['mean', 'mean_std', 'attention'])
def test_fine_tuning_saves_the_best_checkpoint_that_the_runtime_loads(
    tmp_path, tiny, manifest, pooling
):
    status = train_ser.main(
        [
            f'--corpus=manifest={manifest}',
            '--recipe=wavlm',
            f'--wavlm={tiny}',
            f'--pooling={pooling}',
            '--epochs=2',
            '--batch=4',
            f'--out={tmp_path}',
        ]
    )
    assert status == 0
    folder = tmp_path / 'wavlm_ser_model'
    assert (tmp_path / 'wavlm_ser_model.pth').is_file()
    history = json.loads((tmp_path / 'wavlm_history.json').read_text())
    assert history['best_macro_f1'] == max(row['macro_f1'] for row in history['history'])
    from_folder = load_model(str(folder), 'ser')
    sound = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    answer = SpeechEmotionRecognizer(from_folder).predict(sound, 16000)
    assert from_folder.entry.labels == EMOTIONS
    assert answer.probabilities.sum() == pytest.approx(1, abs=1e-4)
    for weights in folder.glob('*.safetensors'):
        weights.unlink()
    from_pth = load_model(str(tmp_path / 'wavlm_ser_model.pth'), 'ser')
    assert np.allclose(from_pth.raw(sound[None]), from_folder.raw(sound[None]), atol=1e-5)


def test_the_head_alone_is_adapted_with_early_stopping(tmp_path, tiny, manifest):
    assert (
        train_ser.main(
            [
                f'--corpus=manifest={manifest}',
                '--recipe=wavlm',
                f'--wavlm={tiny}',
                '--epochs=1',
                '--batch=4',
                f'--out={tmp_path}',
            ]
        )
        == 0
    )
    assert (
        train_ser.main(
            [f'--adapt={manifest}', f'--model={tmp_path / "wavlm_ser_model"}', f'--out={tmp_path}']
        )
        == 0
    )
    found = json.loads((tmp_path / 'wavlm_ser_adapted.json').read_text())
    assert {'before', 'after', 'steps'} <= set(found)
    before = load_model(str(tmp_path / 'wavlm_ser_model'), 'ser')
    after = load_model(str(tmp_path / 'wavlm_ser_adapted'), 'ser')
    sound = np.random.default_rng(1).normal(0, 0.1, (1, 16000)).astype(np.float32)
    assert not np.allclose(before.raw(sound), after.raw(sound))


def test_a_start_that_is_nowhere_is_named(tmp_path, manifest, capsys):
    assert (
        train_ser.main(
            [
                f'--corpus=manifest={manifest}',
                '--recipe=wavlm',
                f'--wavlm={tmp_path / "nothing"}',
                f'--out={tmp_path}',
            ]
        )
        == 2
    )
    assert 'nothing: cannot be loaded' in capsys.readouterr().err
