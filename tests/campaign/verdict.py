# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a message that a node published, whatever it was given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    MultimodalState,
    Utterance,
    VoiceActivity,
)
from emotion_perception.emotions import EMOTIONS, UNKNOWN, UNKNOWN_LABEL
from emotion_perception.ros.limits import LONGEST_TEXT, MOST_FACES


def faults(message: Any) -> list[str]:
    """Return what is wrong with a message; empty if nothing is."""
    if isinstance(message, EmotionPrediction):
        return _prediction(message)
    found = _header(message)
    if isinstance(message, EmotionPredictionArray):
        if len(message.predictions) > MOST_FACES:
            found.append(f'{len(message.predictions)} predictions')
        for item in message.predictions:
            found += _prediction(item)
    elif isinstance(message, FaceArray):
        for face in message.faces:
            found += _between('score', face.score, 0, 1) + _between('quality', face.quality, 0, 1)
            if len(face.crop.data) != face.crop.step * face.crop.height:
                found.append('a crop without its data')
    elif isinstance(message, VoiceActivity):
        found += _between('probability', message.probability, 0, 1)
        found += _between('level', message.level, -100, 0)
        found += _between('duration', message.duration, 0, 1)
    elif isinstance(message, Utterance):
        if message.sample_rate != 16000 or not 0 < len(message.samples) <= 121 * 16000:
            found.append(f'{len(message.samples)} samples of {message.sample_rate} Hz')
        found += _between('speech_seconds', message.speech_seconds, 0, 121)
    elif isinstance(message, MultimodalState):
        found += _between('progress', message.progress, 0, 1)
        for name in ('face', 'voice', 'fused'):
            if getattr(message, f'has_{name}'):
                found += _prediction(getattr(message, name))
    elif getattr(message, 'has_prediction', False):
        found += _prediction(message.prediction)
    return found


def _prediction(message: EmotionPrediction) -> list[str]:
    found = _header(message)
    values = np.asarray(message.probabilities, np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or abs(values.sum() - 1) > 1e-3:
        found.append(f'probabilities {values.tolist()}')
    if message.emotion == UNKNOWN:
        if message.label != UNKNOWN_LABEL or message.confidence != 0:
            found.append(f'unknown, but {message.label!r} at {message.confidence}')
    elif message.emotion >= len(EMOTIONS):
        found.append(f'emotion {message.emotion}')
    else:
        found += _between('confidence', message.confidence, 0, 1)
    if not 0 <= message.span < 1e6:
        found.append(f'span {message.span}')
    if not math.isnan(message.quality):
        found += _between('quality', message.quality, 0, 1)
    if len(message.subject_id) > LONGEST_TEXT:
        found.append(f'a subject of {len(message.subject_id)} characters')
    return found


def _header(message: Any) -> list[str]:
    header = getattr(message, 'header', None)
    if header is None:
        return []
    found = []
    if header.stamp.sec < 0 or header.stamp.nanosec >= 10**9:
        found.append(f'stamp {header.stamp.sec}.{header.stamp.nanosec}')
    if len(header.frame_id) > LONGEST_TEXT:
        found.append(f'a frame of {len(header.frame_id)} characters')
    return found


def _between(name: str, value: float, low: float, high: float) -> list[str]:
    return [] if low - 1e-4 <= value <= high + 1e-4 else [f'{name} {value}']
