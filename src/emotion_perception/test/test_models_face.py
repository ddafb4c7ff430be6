# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest
import yaml

from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    load_model,
)
from emotion_perception.models.catalog import FaceInput
from emotion_perception.models.face import prepare

LABELS = ['Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise']


@pytest.fixture
def recognizer(tmp_path, write_onnx):
    path = write_onnx(tmp_path / 'tiny.onnx', ['n', 1, 8, 8], [0] * 6, weight=[4, 0, 0, 0, 0, 0])
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {
                'task': 'fer',
                'backend': 'onnx',
                'labels': LABELS,
                'input': {'size': 8, 'colour': 'grey'},
            }
        )
    )
    return FaceEmotionRecognizer(load_model(str(path), 'fer', ModelSettings(device='cpu')))


def noise(side: int = 128, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_no_faces_give_empty_arrays(recognizer):
    predictions = recognizer.predict([])
    assert predictions.probabilities.shape == (0, 6)
    assert predictions.valence.shape == predictions.arousal.shape == (0,)


def test_each_face_gets_its_own_row(recognizer):
    dark, bright = np.zeros((128, 128, 3), np.uint8), np.full((96, 96, 3), 255, np.uint8)
    probabilities = recognizer.predict([dark, bright, dark]).probabilities
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1])
    assert probabilities[0] == pytest.approx(probabilities[2])
    assert probabilities[1, 0] > 0.9 > probabilities[0, 0]


@pytest.mark.parametrize(
    'crop',
    [
        np.zeros((128, 128), np.uint8),
        np.zeros((128, 128, 4), np.uint8),
        np.zeros((128, 100, 3), np.uint8),
        np.zeros((128, 128, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
        'face',
    ],
)
def test_wrong_crop_is_a_value_error(recognizer, crop):
    with pytest.raises(ValueError, match='crop'):
        recognizer.predict([noise(), crop])


def test_a_speech_model_is_refused(tmp_path, write_onnx):
    path = write_onnx(tmp_path / 'voice.onnx', ['n', 't'], [0] * 6)
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {'task': 'ser', 'backend': 'onnx', 'labels': LABELS, 'input': {'rate': 16000}}
        )
    )
    with pytest.raises(ModelError, match='not for faces'):
        FaceEmotionRecognizer(load_model(str(path), 'ser'))


@pytest.mark.parametrize('colour', ['grey', 'rgb', 'bgr'])
def test_preparation_equals_the_plain_formula(colour):
    mean, std = ((0.4,), (0.3,)) if colour == 'grey' else ((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    face = FaceInput(48, (0.125, 0.0, 0.875, 0.75), colour, mean, std)
    crop = noise()
    seen = crop[0:96, 16:112]
    if colour == 'grey':
        seen = cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY)
    elif colour == 'rgb':
        seen = cv2.cvtColor(seen, cv2.COLOR_BGR2RGB)
    small = cv2.resize(seen, (48, 48), interpolation=cv2.INTER_AREA).reshape(48, 48, -1)
    expected = ((small / 255 - mean) / std).transpose(2, 0, 1)
    batch = prepare([noise(seed=1), crop], face)
    assert batch.shape == (2, len(mean), 48, 48) and batch.dtype == np.float32
    assert batch.flags.c_contiguous
    assert batch[1] == pytest.approx(expected, abs=1e-5)


def test_one_mean_serves_three_channels():
    batch = prepare([noise()], FaceInput(32, colour='rgb', mean=(0.5,), std=(0.5,)))
    assert batch.shape == (1, 3, 32, 32) and np.abs(batch).max() <= 1


def test_small_crops_are_enlarged():
    assert prepare([noise(20)], FaceInput(64, colour='grey')).shape == (1, 1, 64, 64)
