# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The time of a browser's pictures and sound, on this machine's steady clock.

A browser stamps what it takes on its own clock (``performance.now()``, seconds since the page was
opened). The server asks for that clock's time again and again, and compares.
"""

from __future__ import annotations

from collections import deque

import numpy as np

# One sample is kept of each slot: the one with the shortest round trip.
_SLOT = 5.0
_SLOTS = 24
# A line through the offsets needs so many slots; before that the drift counts as none.
_LEAST_SLOTS = 4
# Clocks of computers and sound cards drift by less than this.
_MOST_DRIFT = 5e-4
# A sample that contradicts the map by more than its own uncertainty and this, seconds, means
# that the clock stepped: some browsers' clocks stand still while the machine sleeps.
_STEP = 0.25


class ClockMap:
    """Map a browser's clock to this machine's, from round trips.

    Of a round trip only its two ends are known here: the browser's time lies somewhere between,
    in the middle if both ways take as long (Cristian, "Probabilistic clock synchronization",
    1989). The shortest round trips are the most certain, so that only the shortest of every five
    seconds counts; a line through them, weighted by certainty, gives offset and drift.
    """

    def __init__(self) -> None:
        # (local time, offset = local - remote, round trip), a slot each, oldest first.
        self._slots: deque[tuple[float, float, float]] = deque(maxlen=_SLOTS)
        self._origin = 0.0
        self._offset = 0.0
        self.drift = 0.0
        """Seconds that the offset grows by in a second."""
        self.steps = 0
        """How often the browser's clock stepped."""

    @property
    def known(self) -> bool:
        """Whether there was a round trip."""
        return bool(self._slots)

    @property
    def round_trip(self) -> float:
        """Return the shortest round trip, seconds; NaN before the first."""
        return min((trip for _, _, trip in self._slots), default=float('nan'))

    def add(self, sent: float, remote: float, received: float) -> None:
        """Take a round trip.

        :param sent: local time at which the question went out, seconds.
        :param remote: the browser's time in its answer, seconds.
        :param received: local time at which the answer came, seconds.
        :raises ValueError: if the answer came before the question or a time is not finite.
        """
        if not np.isfinite((sent, remote, received)).all() or received < sent:
            raise ValueError(f'no round trip: {sent}, {remote}, {received}')
        trip = received - sent
        middle = (sent + received) / 2
        offset = middle - remote
        if self._slots and abs(offset - self._at(middle)) > trip / 2 + _STEP:
            self._slots.clear()
            self.steps += 1
        if self._slots and int(self._slots[-1][0] / _SLOT) == int(middle / _SLOT):
            if trip >= self._slots[-1][2]:
                return
            self._slots.pop()
        self._slots.append((middle, offset, trip))
        self._fit()

    def to_local(self, remote: float) -> float:
        """Return the local time of a time of the browser, seconds.

        :raises ValueError: before the first round trip.
        """
        if not self._slots:
            raise ValueError('the clock of the browser is not known yet')
        # offset(local) is a line in local time; local = remote + offset(local).
        guess = remote + self._offset
        return remote + self._at(guess)

    def _at(self, local: float) -> float:
        return self._offset + self.drift * (local - self._origin)

    def _fit(self) -> None:
        times, offsets, trips = np.array(self._slots).T
        self._origin = float(times[-1])
        # A round trip of nothing would outweigh all others.
        weights = 1 / np.maximum(trips, 1e-3)
        self.drift = 0.0
        if len(times) >= _LEAST_SLOTS:
            slope, _ = np.polyfit(times - self._origin, offsets, 1, w=weights)
            self.drift = float(np.clip(slope, -_MOST_DRIFT, _MOST_DRIFT))
        rest = offsets - self.drift * (times - self._origin)
        self._offset = float(np.average(rest, weights=weights**2))


class SampleClock:
    """The time at which a sample was taken, from how many came before it.

    Blocks of sound are stamped when they are handed over: late, by a little each time. The
    earliest hand-over of the last seconds, relative to the count of samples, is nearest to the
    truth; it moves along as the sound card's clock drifts.
    """

    # Seconds of hand-overs that are remembered, in slots of one second.
    _MEMORY = 20
    # A hand-over that is so much later than the count says, seconds: the sound was interrupted.
    _INTERRUPTED = 1.0

    def __init__(self) -> None:
        self._rate = 0
        self._next = 0
        self._slots: deque[tuple[int, float]] = deque(maxlen=self._MEMORY)

    def time(self, first: int, count: int, rate: int, stamp: float) -> float:
        """Return the time of a block's first sample, seconds.

        :param first: samples of this recording before the block.
        :param count: samples of the block.
        :param rate: samples a second.
        :param stamp: when the block was handed over, seconds.
        """
        if rate != self._rate or first < self._next:
            self._slots.clear()
            self._rate = rate
        self._next = first + count
        zero = stamp - (first + count) / rate
        if self._slots and zero - self._zero() > self._INTERRUPTED:
            self._slots.clear()
        slot = (first + count) // rate
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, min(zero, self._slots[-1][1]))
        else:
            self._slots.append((slot, zero))
        return self._zero() + first / rate

    def _zero(self) -> float:
        return min(zero for _, zero in self._slots)
