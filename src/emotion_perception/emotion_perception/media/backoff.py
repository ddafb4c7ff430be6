# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How long to wait before a device or a stream that is missing or lost is tried again."""

from __future__ import annotations

FIRST = 0.5
"""Seconds before the second try."""

LONGEST = 8.0
"""Seconds between two tries at most."""


class Backoff:
    """Pauses that begin at :data:`FIRST` and double up to :data:`LONGEST`."""

    def __init__(self) -> None:
        self._next = FIRST

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait, self._next = self._next, min(LONGEST, 2 * self._next)
        return wait

    def reset(self) -> None:
        """Start anew: the last try succeeded."""
        self._next = FIRST
