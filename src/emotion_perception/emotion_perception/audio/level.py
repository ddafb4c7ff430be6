# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How loud a signal is, and whether it clips."""

from __future__ import annotations

import math

import numpy as np

from emotion_perception.audio.pcm import to_float

SILENCE = -100.0
"""The level, dB relative to full scale, of digital silence."""

_CLIPPED = 32767.0 / 32768.0


def power(samples: np.ndarray) -> float:
    """Return the mean square of samples (int16 or float in -1..1); 0 for none."""
    samples = to_float(samples).ravel()
    if samples.size == 0:
        return 0.0
    return float(np.dot(samples, samples)) / samples.size


def decibels(mean_square: float) -> float:
    """Return a mean square (full scale 1) in dB relative to full scale, -100 to 0."""
    if mean_square <= 1e-10:
        return SILENCE
    return min(0.0, 10.0 * math.log10(mean_square))


def level(samples: np.ndarray) -> float:
    """Return the root mean square of samples in dB relative to full scale, -100 to 0."""
    return decibels(power(samples))


def clipped(samples: np.ndarray) -> float:
    """Return the share, 0 to 1, of samples that stand at or beyond full scale."""
    samples = to_float(samples)
    if samples.size == 0:
        return 0.0
    return float(np.count_nonzero(np.abs(samples) >= _CLIPPED)) / samples.size
