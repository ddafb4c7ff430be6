# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Emotion perception from faces and voices: algorithms, and the ROS 2 nodes around them.

Everything outside :mod:`emotion_perception.ros` and :mod:`emotion_perception.nodes` is the
algorithm layer: it takes and returns NumPy arrays and dataclasses and never imports ROS.

::

    from emotion_perception import FaceEmotions, VoiceEmotions

    for face in FaceEmotions().picture(picture):           # BGR uint8, as OpenCV reads it
        print(face.id, face.label, face.probabilities)
    for utterance in VoiceEmotions().recording(samples, rate):
        print(utterance.start, utterance.label, utterance.probabilities)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_perception.emotions import EMOTIONS, Emotion
    from emotion_perception.face_emotions import FaceEmotion, FaceEmotions
    from emotion_perception.voice_emotions import VoiceEmotion, VoiceEmotions

__version__ = '0.2.0'

__all__ = [
    'EMOTIONS',
    'Emotion',
    'FaceEmotion',
    'FaceEmotions',
    'VoiceEmotion',
    'VoiceEmotions',
]

_PLACES = {
    'EMOTIONS': 'emotions',
    'Emotion': 'emotions',
    'FaceEmotion': 'face_emotions',
    'FaceEmotions': 'face_emotions',
    'VoiceEmotion': 'voice_emotions',
    'VoiceEmotions': 'voice_emotions',
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: a node of the voice needs no OpenCV."""
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_PLACES[name]}'), name)
