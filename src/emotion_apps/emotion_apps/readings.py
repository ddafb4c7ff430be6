# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Prediction messages as the readings that the interactions take."""

from __future__ import annotations

from emotion_apps.reading import Reading
from emotion_msgs.msg import EmotionPrediction
from emotion_perception.ros.convert import to_seconds
from emotion_perception.ros.limits import checked


def to_reading(message: EmotionPrediction, time: float | None = None) -> Reading:
    """Return a reading of a prediction; the message, checked, goes along as its ``source``.

    :param time: what its stamp stands for, seconds; ``None`` for the stamp itself.
    :raises ValueError: if the probabilities are none, or the class is none; see
        :func:`emotion_perception.ros.limits.checked`.
    """
    message = checked(message)
    probabilities = tuple(float(value) for value in message.probabilities)
    region = message.region
    return Reading(
        emotion=message.emotion,
        probabilities=probabilities,
        stamp=to_seconds(message.header.stamp),
        arrived=time,
        subject=message.subject_id,
        span=message.span,
        region=(region.x_offset, region.y_offset, region.width, region.height),
        stable=message.stable,
        sources=tuple(message.sources),
        model=message.model,
        reason=message.reason,
        source=message,
    )
