# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A drawn face for each emotion: understood from across the room, and without reading."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from emotion_apps.view import theme
from emotion_apps.view.draw import Canvas
from emotion_perception.emotions import Emotion

# Mouth and brows as curves in units of the radius, y downwards, middle of the head at 0, 0.
# Brows are those of the left side of the picture; the right one is its mirror image.
_Curve = list[tuple[float, float]]


def _bow(width: float, y: float, depth: float) -> _Curve:
    """Return a bow of a width whose middle lies ``depth`` below its ends."""
    return [(width * t, y + depth * (1 - t * t)) for t in np.linspace(-1, 1, 25)]


def _wave(width: float, y: float, height: float) -> _Curve:
    return [(width * t, y + height * math.sin(3 * math.pi * t)) for t in np.linspace(-1, 1, 41)]


def _oval(width: float, height: float, y: float) -> _Curve:
    return [
        (width * math.cos(a), y + height * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 33)
    ]


_MOUTHS: dict[Emotion, Callable[[], _Curve]] = {
    Emotion.ANGRY: lambda: _bow(0.36, 0.52, -0.14),
    Emotion.FEAR: lambda: _wave(0.40, 0.45, 0.06),
    Emotion.HAPPY: lambda: _bow(0.50, 0.16, 0.38),
    Emotion.NEUTRAL: lambda: _bow(0.36, 0.38, 0.0),
    Emotion.SAD: lambda: _bow(0.38, 0.54, -0.24),
    Emotion.SURPRISE: lambda: _oval(0.20, 0.26, 0.42),
}
_BROWS: dict[Emotion, _Curve] = {
    Emotion.ANGRY: [(-0.56, -0.52), (-0.16, -0.30)],
    Emotion.FEAR: [(-0.58, -0.46), (-0.40, -0.60), (-0.20, -0.66)],
    Emotion.SAD: [(-0.56, -0.36), (-0.20, -0.56)],
    Emotion.SURPRISE: [(-0.54, -0.54), (-0.36, -0.68), (-0.18, -0.60)],
}
_EYES: dict[Emotion, float] = {Emotion.FEAR: 0.15, Emotion.SURPRISE: 0.15}


def draw_emoticon(canvas: Canvas, x: float, y: float, radius: float, emotion: Emotion) -> None:
    """Draw the face of an emotion in its colour.

    :param x: its middle, pixels of the canvas.
    :param y: its middle.
    :param radius: of the head, pixels.
    """
    canvas.dot(x, y, radius, theme.emotion_colour(emotion))
    line = max(2.0, radius * 0.11)
    ink = theme.SHADOW

    def curve(points: _Curve, mirror: float = 1.0) -> None:
        path = np.array([(x + mirror * px * radius, y + py * radius) for px, py in points])
        canvas.path(path, ink, line)
        for end in (path[0], path[-1]):  # round ends
            canvas.dot(end[0], end[1], line / 2, ink)

    for side in (-1.0, 1.0):
        canvas.dot(
            x + side * 0.36 * radius, y - 0.18 * radius, radius * _EYES.get(emotion, 0.11), ink
        )
    if emotion in _BROWS:
        curve(_BROWS[emotion])
        curve(_BROWS[emotion], mirror=-1.0)
    curve(_MOUTHS[emotion]())
