# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How late the pictures of a stream are, by two clocks that know nothing of each other."""

from __future__ import annotations

import math

MEMORY = 30.0
"""The quickest picture of the last so many seconds, and twice that at most, is on time."""


class Lateness:
    """Compares when pictures come with the times that they bear.

    Nobody knows how long a picture was under way; but the quickest shows how soon one can be
    there, and all others are late against it. It is forgotten after a while, for two clocks
    drift apart: by a second in three hours where their rates differ by one in ten thousand.

    :param steady: of a recording, whose first picture says when each other one is due; they may
        come long before that.
    """

    def __init__(self, steady: bool = False) -> None:
        self._steady = steady
        # Of the present stretch and of the one before: least seconds between the two clocks.
        self._least = self._before = math.inf
        self._begun = -math.inf

    def of(self, time: float, now: float) -> float:
        """Return how late a picture is, seconds; negative if it is early.

        :param time: that it bears, seconds by the stream's clock.
        :param now: when it came, seconds by this machine's clock.
        """
        if self._steady:
            if self._least == math.inf:
                self._least = now - time
        else:
            if now - self._begun > MEMORY:
                self._begun, self._before, self._least = now, self._least, math.inf
            self._least = min(self._least, now - time)
        return now - time - min(self._least, self._before)

    def forgive(self, time: float, now: float) -> None:
        """Take a picture as on time, and what comes as it did."""
        self._begun, self._before, self._least = now, math.inf, now - time
