# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one rule for time: what a stamp says, in which order stamps come, how much time passes.

Sources stamp what they give, and the world does not keep to the idea that stamps grow: drivers
leave them at zero or send frames out of order, clocks of two machines differ, somebody sets the
clock, a recording starts over. Whatever takes stamps (trackers, smoothers, fusion, nodes, state
machines) asks this module, so that all of them see the same thing at the same moment:

=========================================  =====================================================
a stamp that                               is
=========================================  =====================================================
is zero                                    the time of arrival, said once (:class:`Stamps`)
lies more than ``AHEAD`` in the future     the time of arrival, said once, for whoever compares it
                                           with the stamps of another source (:class:`Stamps`)
lies there because the clock went back     of before, and so itself: it was under way while a
a moment ago                               recording started over (:class:`SetBack`)
equals the newest one                      in order (:class:`TimeLine`)
is older than the newest by no more than   late: what it stamps is left out, and nothing else
``REORDER``                                happens (:class:`TimeLine`)
is older than that, or the last of more    a source that began anew: everything of before is
than ``LATE_IN_A_ROW`` late ones that      forgotten, at once (:class:`TimeLine`)
grow
lies far after the newest                  in order: what was not seen meanwhile ages by itself
=========================================  =====================================================

A clock that is read again and again (:class:`Stopwatch`) counts what passes: a step back, and a
step forward of more than ``LONGEST_STEP``, is a clock that was set, and no time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

REORDER = 1.0
"""Seconds by which a stamp may be older than the newest and still be one out of order."""

LATE_IN_A_ROW = 3
"""So many late stamps in a row may be out of order; if they grow, one more is a source that went
back a little."""

AHEAD = 0.5
"""Seconds from now beyond which a stamp is another clock's."""

UNDER_WAY = 5.0
"""Seconds for which something may be under way that was taken before a clock was set back."""

LONGEST_STEP = 2.0
"""Seconds between two looks at a clock that are time; more is a clock that was set."""


class Order(Enum):
    """Where a stamp stands in its time line."""

    NEXT = 'in order'
    LATE = 'out of order: to be left out'
    ANEW = 'the source began anew: what was before is to be forgotten'


class TimeLine:
    """The order of the stamps of one stream.

    :ivar newest: the newest stamp of the present line, seconds; minus infinity before the first.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next stamp is in order, whatever it is."""
        self.newest = -math.inf
        self._late = 0
        self._last_late = -math.inf

    def take(self, stamp: float) -> Order:
        """Note a stamp and say where it stands.

        :param stamp: seconds; one that is not finite is always late.
        """
        if not math.isfinite(stamp):
            return Order.LATE
        if stamp >= self.newest:
            order = Order.NEXT
        else:
            # A source that went back goes on from there; the same stamp again is no progress.
            if stamp < self._last_late:
                self._late = 0
            self._late += stamp != self._last_late
            self._last_late = stamp
            if self._late <= LATE_IN_A_ROW and self.newest - stamp <= REORDER:
                return Order.LATE
            order = Order.ANEW
        self.newest, self._late, self._last_late = stamp, 0, -math.inf
        return order


class SetBack:
    """A clock as the readers of several streams see it: until when it ran before it was set back.

    An utterance is answered seconds after it was spoken. Where a recording in a loop sets the
    clock back meanwhile, its stamp lies in the future, and is right all the same.
    """

    def __init__(self) -> None:
        self._newest = self._until = self._begun = -math.inf

    def look(self, now: float) -> None:
        """Note what the clock says, seconds."""
        if now < self._newest - REORDER:
            self._until, self._begun, self._newest = self._newest, now, now
        self._newest = max(self._newest, now)

    def covers(self, stamp: float, ahead: float) -> bool:
        """Whether a stamp is one of before: no more than `ahead` seconds after the clock's end."""
        return self._newest - self._begun <= UNDER_WAY and stamp <= self._until + ahead


class Stamps:
    """What the stamps of one source are worth: themselves, or the time of arrival.

    :param say: called with a sentence when a kind of trouble is met for the first time.
    :param ahead: seconds after now beyond which a stamp is another clock's; infinite for who
        follows this source alone and needs no other clock.
    :param behind: seconds before now beyond which a stamp is another clock's; infinite where
        recordings may be played.
    :param clock: shared by all who read the streams that are compared; what was under way when
        it was set back keeps its stamp. Without it, that is the time of arrival, too.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        ahead: float = AHEAD,
        behind: float = math.inf,
        clock: SetBack | None = None,
    ) -> None:
        self._say = say
        self._clock = clock
        self._ahead = ahead
        self._behind = behind
        self._said: set[str] = set()

    def read(self, stamp: float, now: float, late: float = 0.0) -> float:
        """Return the time that a stamp stands for, seconds.

        :param stamp: as it came, seconds; 0 is none.
        :param now: time of arrival by the clock of who asks, seconds; 0 is a simulated clock
            that does not run yet.
        :param late: seconds that the work on it may have taken, on top of ``behind``.
        """
        if stamp <= 0:
            self._tell('zero', 'comes without a time stamp: the time of arrival is taken')
            return now
        if now <= 0:
            return stamp
        if self._clock is not None:
            self._clock.look(now)
        apart = stamp - now
        if -self._behind - late <= apart <= self._ahead:
            return stamp
        if apart > 0 and self._clock is not None and self._clock.covers(stamp, self._ahead):
            return stamp
        self._tell(
            'future' if apart > 0 else 'past',
            f'is stamped {abs(apart):.1f} s {"ahead of" if apart > 0 else "behind"} the clock of '
            'this machine: the clocks of the machines differ (or use_sim_time is not the same '
            'everywhere); the time of arrival is taken',
        )
        return now

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._say(text)


class Stopwatch:
    """The time that passes for somebody who reads a clock that may be set.

    :param longest: seconds between two looks that are time; infinite for the times of a
        recording, which nobody sets.
    :param slack: seconds by which the clock may seem to go back, where it is read through the
        stamps of several streams: it then stands until it is where it was.
    :ivar time: seconds that have passed since the first look; never goes back.
    :ivar jump: by how much the clock was set at the last look, seconds; 0 if it was not.
    """

    def __init__(self, longest: float = LONGEST_STEP, slack: float = 0.0) -> None:
        self._longest = longest
        self._slack = slack
        self._now: float | None = None
        self.time = 0.0
        self.jump = 0.0

    def step(self, now: float) -> float:
        """Look at the clock; return the seconds since the last look, 0 or more."""
        self.jump = 0.0
        if not math.isfinite(now):
            return 0.0
        if self._now is None:
            self._now = now
        step = now - self._now
        if -self._slack <= step <= 0:
            return 0.0
        self._now = now
        if not 0 < step <= self._longest:
            self.jump = step
            return 0.0
        self.time += step
        return step
