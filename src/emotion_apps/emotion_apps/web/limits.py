# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Limits of what one client may send."""

from __future__ import annotations

LONGEST_TEXT = 16 * 1024
"""Bytes of a text message."""
LONGEST_SOUND = 256 * 1024
"""Bytes of a block of sound."""
LONGEST_PICTURE = 4 * 1024 * 1024
"""Bytes of a coded picture."""
LARGEST_SIDE = 4096
"""Pixels of the longer side of a picture."""
MESSAGES = (300.0, 600.0)
"""Messages a second, and at once."""
BYTES = (12e6, 24e6)
"""Bytes a second, and at once."""
MISTAKES = 20
"""Messages that make no sense after which a client is sent away."""


class Bucket:
    """A token bucket: so much a second, so much at once.

    Time is passed in, and may stand still or step back: then nothing is added.

    :param rate: units a second.
    :param burst: most units at once.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._time: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take units out; return ``False``, and leave the bucket, if it does not hold them.

        :param now: steady time, seconds.
        """
        if self._time is not None:
            passed = max(0.0, now - self._time)
            self._level = min(self._burst, self._level + passed * self._rate)
        self._time = now
        if amount > self._level:
            return False
        self._level -= amount
        return True
