# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Prediction messages as the readings that the interactions take."""

from __future__ import annotations

import math

from emotion_apps.reading import Reading
from emotion_msgs.msg import EmotionPrediction
from emotion_perception.ros.convert import to_seconds


def to_reading(message: EmotionPrediction, time: float | None = None) -> Reading:
    """Return a reading of a prediction; the message goes along as its ``source``.

    :param time: what its stamp stands for, seconds; ``None`` for the stamp itself.
    :raises ValueError: if the probabilities are not six finite numbers, or the class is none.
    """
    probabilities = tuple(float(value) for value in message.probabilities)
    if not all(math.isfinite(value) for value in probabilities):
        raise ValueError(f'probabilities of {message.subject_id!r} are {list(probabilities)}')
    if message.emotion >= len(probabilities) and message.emotion != EmotionPrediction.UNKNOWN:
        raise ValueError(f'{message.emotion} is no class of EmotionPrediction')
    region = message.region
    return Reading(
        emotion=message.emotion,
        probabilities=probabilities,
        stamp=to_seconds(message.header.stamp),
        arrived=time,
        subject=message.subject_id,
        span=message.span if math.isfinite(message.span) else 0.0,
        region=(region.x_offset, region.y_offset, region.width, region.height),
        stable=message.stable,
        sources=tuple(message.sources),
        model=message.model,
        reason=message.reason,
        source=message,
    )
