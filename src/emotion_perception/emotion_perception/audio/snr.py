# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Signal-to-noise ratio of an utterance against the level before it."""

from __future__ import annotations

import math

import numpy as np

from emotion_perception.audio.level import power
from emotion_perception.audio.pcm import RATE, to_float

LOWEST, HIGHEST = -20.0, 60.0
"""Range of the estimate, dB; beyond it, the figure says nothing more."""


class NoiseMeter:
    """Follows the power of the background over the frames that hold no speech.

    :param seconds: time constant of the average.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._power = math.nan

    @property
    def power(self) -> float:
        """Return the mean square of the background (full scale 1); NaN before the first frame."""
        return self._power

    def update(self, frame: np.ndarray, rate: int = RATE) -> None:
        """Take in a frame without speech: samples (n,), int16 or float in -1..1."""
        if frame.size == 0:
            return
        now = power(frame)
        if math.isnan(self._power):
            self._power = now
            return
        weight = 1.0 - math.exp(-frame.size / rate / self._seconds)
        self._power += weight * (now - self._power)

    def reset(self) -> None:
        """Forget the background."""
        self._power = math.nan


def estimate(samples: np.ndarray, noise: float, rate: int = RATE) -> float:
    """Return the signal-to-noise ratio of an utterance, dB, -20 to 60; NaN if noise is unknown.

    The power of the speech is that of the louder half of 20 ms frames, so that pauses inside
    the utterance do not lower it; the noise is taken out of it.

    :param samples: the utterance (n,), int16 or float in -1..1.
    :param noise: mean square of the background, from :class:`NoiseMeter`; NaN if unknown.
    """
    size = rate // 50
    samples = to_float(samples)
    count = samples.size // size
    if count == 0 or math.isnan(noise):
        return math.nan
    frames = samples[: count * size].reshape(count, size)
    powers = np.sort(np.einsum('ij,ij->i', frames, frames) / size)
    speech = float(powers[count // 2 :].mean()) - noise
    # 1e-10 is below the rounding noise of 16 bit: digital silence does not make it infinite.
    ratio = max(speech, 1e-10) / max(noise, 1e-10)
    return min(HIGHEST, max(LOWEST, 10.0 * math.log10(ratio)))


def quality(ratio: float, poor: float = 0.0, good: float = 20.0) -> float:
    """Return how far an utterance can be trusted, 0 to 1, from its signal-to-noise ratio, dB.

    Linear between ``poor`` (0) and ``good`` (1); NaN stays NaN.
    """
    if math.isnan(ratio):
        return math.nan
    return min(1.0, max(0.0, (ratio - poor) / (good - poor)))
