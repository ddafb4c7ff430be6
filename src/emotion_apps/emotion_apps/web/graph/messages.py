# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Messages of the graph as plain values for the page."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, FaceArray
from emotion_perception.ros.limits import (
    LONGEST_TEXT,
    MessageError,
    first,
    probabilities_of,
    span_of,
)

# What no page looks at, and would only cost.
_LEFT_OUT = {'embedding', 'samples', 'crop', 'frame_id'}


def stamp_key(stamp: Time) -> str:
    """Return a stamp as a text by which the page finds what belongs together."""
    return f'{stamp.sec}.{stamp.nanosec:09d}'


def faces(message: EmotionPredictionArray, refuse: Callable[[str], None]) -> dict[str, Any]:
    """Return the faces of a frame with their emotions.

    :param refuse: called with the reason for each one whose probabilities are none.
    """
    found = []
    for prediction in first(message.predictions):
        try:
            found.append(_face(prediction))
        except MessageError as error:
            refuse(str(error))
    return {
        'stamp': stamp_key(message.header.stamp),
        'primary': message.primary_id[:LONGEST_TEXT],
        'faces': found,
    }


def detections(message: FaceArray) -> dict[str, Any]:
    """Return the faces of a frame as they were detected, without emotions."""
    return {
        'stamp': stamp_key(message.header.stamp),
        'primary': message.faces[0].id if message.faces else '',
        'faces': [{'id': face.id, 'box': _box(face.region)} for face in first(message.faces)],
    }


def reading(message: EmotionPrediction) -> dict[str, Any]:
    """Return a voice, or face and voice as one.

    :raises MessageError: if its probabilities are none.
    """
    return {
        'stamp': stamp_key(message.header.stamp),
        **_face(message),
        'span': span_of(message),
        'sources': list(message.sources),
        'model': message.model,
    }


def plain(message: Any) -> Any:
    """Return any message as dicts, lists, numbers and texts; a stamp as its text."""
    if isinstance(message, Time):
        return stamp_key(message)
    if hasattr(message, 'get_fields_and_field_types'):
        return {
            name: plain(getattr(message, name))
            for name in message.get_fields_and_field_types()
            if name not in _LEFT_OUT
        }
    if isinstance(message, (np.ndarray, array.array)):
        return message.tolist()
    if isinstance(message, (list, tuple)):
        return [plain(item) for item in message]
    if isinstance(message, (bytes, bytearray)):
        return list(message)
    return message


def _face(prediction: EmotionPrediction) -> dict[str, Any]:
    probabilities = probabilities_of(prediction)
    known = prediction.emotion < len(probabilities)
    return {
        'id': prediction.subject_id,
        'box': _box(prediction.region),
        'emotion': prediction.emotion,
        'confidence': float(probabilities[prediction.emotion]) if known else 0.0,
        # Four digits are more than anybody sees, and half of the message.
        'probabilities': [round(value, 4) for value in probabilities.tolist()],
        'stable': prediction.stable,
        'reason': prediction.reason,
    }


def _box(region: Any) -> list[int]:
    return [region.x_offset, region.y_offset, region.width, region.height]
