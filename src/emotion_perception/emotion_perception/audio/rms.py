# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Speech by level: louder than a noise floor that adapts to the room.

The course project started and stopped a recording at a fixed root mean square; here the
threshold follows the background, as in minimum statistics: the floor falls at once and rises
slowly, so that speech does not lift it.
"""

from __future__ import annotations

import math

import numpy as np

from emotion_perception.audio.level import SILENCE, level
from emotion_perception.audio.pcm import RATE


class RmsVad:
    """A level trigger on frames of 32 ms.

    :param margin: dB above the noise floor at which the probability is one half.
    :param minimum: level, dB relative to full scale, below which there is no speech.
    :param rise: how fast the floor may rise, dB per second.
    """

    name = 'rms'
    frame_samples = 512
    # Where the floor starts: an ordinary quiet room. It falls to the real one at once, and a
    # louder one it reaches at the given rate.
    _START = -60.0
    # dB over which the probability rises from one half to 0.73.
    _SOFTNESS = 2.0
    # Digital silence (a muted device) tells nothing about the room.
    _LOWEST_FLOOR = -75.0

    def __init__(self, margin: float = 10.0, minimum: float = -50.0, rise: float = 3.0) -> None:
        self._margin = margin
        self._minimum = minimum
        self._step = rise * self.frame_samples / RATE
        self._floor = self._START

    @property
    def floor(self) -> float:
        """Return the noise floor, dB relative to full scale."""
        return self._floor

    def probability(self, frame: np.ndarray) -> float:
        """Return the probability of speech, 0 to 1, in the next frame: int16 (512,)."""
        now = level(frame)
        if now > SILENCE:
            self._floor = max(self._LOWEST_FLOOR, min(now, self._floor + self._step))
        if now < self._minimum:
            return 0.0
        return 1.0 / (1.0 + math.exp((self._floor + self._margin - now) / self._SOFTNESS))

    def reset(self) -> None:
        """Forget the stream so far."""
        self._floor = self._START
