# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One colour for each emotion: red, green, blue, 0 to 1, in the order of the classes."""

from __future__ import annotations

from emotion_perception.ros.interop.frame import SeenFace

# Angry, Fear, Happy, Neutral, Sad, Surprise: apart for the colour-blind, too (after
# M. Okabe, K. Ito, "Color universal design", 2008).
_COLOURS = (
    (0.84, 0.37, 0.0),
    (0.8, 0.47, 0.65),
    (0.94, 0.89, 0.26),
    (0.75, 0.75, 0.75),
    (0.0, 0.45, 0.7),
    (0.0, 0.62, 0.45),
)
_UNKNOWN = (1.0, 1.0, 1.0)


def colour(face: SeenFace) -> tuple[float, float, float]:
    """Return the colour of a face: white where its emotion is not known."""
    if not face.label or face.prediction is None:
        return _UNKNOWN
    return _COLOURS[face.prediction.emotion]
