# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The rule of the lamp: arrays in, a colour out; no ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from emotion_apps.view.theme import emotion_colour
from emotion_perception.emotions import EMOTIONS
from emotion_perception.settings import Settings, setting

# Red, green, blue of each class, 0 to 1.
_COLOURS = np.array([emotion_colour(emotion)[::-1] for emotion in range(len(EMOTIONS))]) / 255.0


@dataclass(frozen=True)
class LampSettings(Settings):
    """How the lamp behaves."""

    fade: float = setting(
        1.0,
        'Seconds after which an old mood counts a third.',
        low=0.05,
        high=60.0,
        live=True,
    )
    brightness: float = setting(1.0, 'Of the lamp, 0 to 1.', low=0.0, high=1.0, live=True)


class Lamp:
    """Mix the colours of the classes by their probabilities, fading from mood to mood."""

    def __init__(self, settings: LampSettings | None = None) -> None:
        self.settings = settings or LampSettings()
        self._colour = np.zeros(3)
        self._time: float | None = None

    def shine(self, probabilities: np.ndarray, time: float) -> np.ndarray:
        """Take a reading; return red, green, blue, 0 to 1.

        :param probabilities: (6,), in the order of ``EMOTIONS``.
        :param time: of the reading, seconds; going back begins anew.
        """
        aim = np.asarray(probabilities, np.float64) @ _COLOURS
        keep = 0.0
        if self._time is not None and time >= self._time:
            keep = math.exp(-(time - self._time) / self.settings.fade)
        self._colour = keep * self._colour + (1 - keep) * aim
        self._time = time
        return self._colour * self.settings.brightness
