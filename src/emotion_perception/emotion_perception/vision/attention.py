# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How often to look for faces: at every picture while there is one, now and then while not.

A robot waits for people most of its time, and the detector is then nearly all that the vision
costs. Ten times a second it is enough to see whether anything has changed since the last look,
which found nobody: where nothing has, the detector would find nobody again.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

PATIENCE = 1.0
"""Seconds without a face after which not every picture is looked at."""

PAUSE = 0.1
"""Seconds between two pictures while nobody is there."""

CERTAIN = 1.0
"""Seconds after which a picture is looked at although nothing has changed."""

# A picture in small: columns and rows of fields, and pixels taken of a field's side at most. The
# smallest face that is found (a twentieth of the picture's width) fills most of a field.
_FIELDS = (32, 24)
_SAMPLES = 10
# Levels of 255 by which the mean of a field must change. (Noise of 8 levels a pixel, a dim room,
# moves the mean of a hundred of them by less than 4 in ten thousand fields.)
_CHANGE = 5


class Attention:
    """Says of each picture whether to look at it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next picture is looked at."""
        self._seen = math.nan
        self._taken = self._looked = -math.inf
        self._small: np.ndarray | None = None

    def rest(self, time: float) -> float:
        """Return for how many seconds from a time no picture is wanted: 0 to :data:`PAUSE`.

        :param time: that of the next picture's acquisition, seconds, or now.
        """
        if not self._resting(time):
            return 0.0
        # A camera of 30 frames a second gives every third, whatever its stamps' last digits say.
        # Where the clock was set back, too, no rest is longer than others.
        return min(max(0.0, self._taken + PAUSE - 0.01 - time), PAUSE)

    def changed(self, picture: np.ndarray, time: float) -> bool:
        """Return whether a picture may show somebody whom the last look did not.

        :param picture: that is wanted, (height, width, 3) uint8.
        """
        self._taken = time
        if not self._resting(time):
            return True
        small, before = _in_small(picture), self._small
        if (
            before is not None
            and time - self._looked < CERTAIN
            and int(np.abs(small - before).max()) <= _CHANGE
        ):
            return False
        # What changes little by little is compared to what was looked at, and is looked at, too.
        self._small = small
        return True

    def looked(self, time: float, found: bool) -> None:
        """Take note of what a look has found."""
        if found:
            # No picture to compare to: the one who was in it may come back into it.
            self._small = None
        if found or math.isnan(self._seen):
            self._seen = time
        self._looked = time

    def _resting(self, time: float) -> bool:
        return time - self._seen > PATIENCE


def _in_small(picture: np.ndarray) -> np.ndarray:
    """Return the mean of each field in green, most of what is bright: int16 (rows, columns)."""
    height, width = picture.shape[:2]
    step = max(1, min(width // (_FIELDS[0] * _SAMPLES), height // (_FIELDS[1] * _SAMPLES)))
    few = np.ascontiguousarray(picture[::step, ::step, 1])
    return cv2.resize(few, _FIELDS, interpolation=cv2.INTER_AREA).astype(np.int16)
