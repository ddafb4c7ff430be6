# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which pictures of a film or stream are shown by a machine that is too slow for all of them."""

from __future__ import annotations

MOST_LATE = 0.05
"""A picture that is later than this, seconds, and than two periods, is too late to be shown."""
MOST_UNEVEN = 0.25
"""The same for a live stream, seconds: a network brings its pictures unevenly."""
MOST_SKIPPED = 10
"""So many of these are left out in a row at most: some pictures late rather than none."""
TOO_LATE = 1.0
"""Later than this, seconds, a film goes on at a key picture ahead, or time begins anew."""
AHEAD = 2.0
"""How far ahead of the present that key picture may be, seconds."""
ASLEEP = 10.0
"""Later than this, seconds, the machine was asleep: nothing is left out."""


class Pace:
    """Decides about one decoded picture after the other.

    Leaving a picture out spares what comes after the decoder: converting, publishing. That helps
    as long as decoding alone is faster than the film. Where it does not (4K at 60 a second on a
    small machine), showing fewer pictures would not make them any newer: then all are shown that
    are decoded, and only the reader can help, which leaves out what no other picture is made
    from, and jumps to key pictures that lie before the present (:attr:`wanted`). Whether it helps
    is seen from what it did: a run that did not lower the delay is followed by one of half its
    length, one that did by one of twice its length.

    :param live: whether the pictures come as they are made: nothing lies before the present.
    """

    def __init__(self, live: bool = False) -> None:
        self.wanted = 0.0
        """Pictures before this, seconds into the film, need not be decoded."""
        self._most_late = MOST_UNEVEN if live else MOST_LATE
        self._ahead = 0.0 if live else AHEAD
        self._most = MOST_SKIPPED
        self._skipped = 0
        self._late = 0.0

    def shows(self, offset: float, late: float, period: float, wanted: float = 0.0) -> bool:
        """Tell whether a picture is shown.

        :param offset: its time, seconds into the film.
        :param late: how late it is, seconds; negative for too early.
        :param period: seconds between two pictures.
        :param wanted: pictures before this are not wanted anyway, seconds into the film.
        """
        self.wanted = wanted
        if late <= max(2 * period, self._most_late):
            self._learn(late)
            # Whether leaving out helps is tried again with one picture.
            self._most = max(1, self._most)
            return True
        if late < ASLEEP:
            self.wanted = max(wanted, offset + late + (self._ahead if late > TOO_LATE else 0.0))
        if self._skipped < self._most:
            if not self._skipped:
                self._late = late
            self._skipped += 1
            return False
        self._learn(late)
        return True

    def _learn(self, late: float) -> None:
        """Compare the delay with that before the last run of pictures that were left out."""
        if not self._skipped:
            return
        helped = late < self._late
        self._most = min(MOST_SKIPPED, 2 * self._most) if helped else self._most // 2
        self._skipped = 0
