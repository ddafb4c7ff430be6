# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How often to look for faces: at every picture while there is one, now and then while not.

A robot waits for people most of its time, and the detector is then nearly all that the vision
costs. Ten looks a second find whoever comes within a tenth of a second.
"""

from __future__ import annotations

import math

PATIENCE = 1.0
"""Seconds without a face after which not every picture is looked at."""

PAUSE = 0.1
"""Seconds between two looks while nobody is there."""


class Attention:
    """Says of each picture whether to look at it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next picture is looked at."""
        self._seen = math.nan
        self._looked = -math.inf

    def wants(self, time: float) -> bool:
        """Return whether to look at a picture.

        :param time: of its acquisition, seconds; no earlier than that of the last one.
        """
        # A camera of 30 frames a second gives every third, whatever its stamps' last digits say.
        resting = time - self._seen > PATIENCE
        return not resting or time - self._looked > PAUSE - 0.01

    def looked(self, time: float, found: bool) -> None:
        """Take note of what a look has found."""
        if found or math.isnan(self._seen):
            self._seen = time
        self._looked = time
