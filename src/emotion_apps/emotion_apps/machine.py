# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one shape of the state machines: the multimodal cycle, the game, the interview.

A machine is in one phase of an enum, whose values equal the constants of its state message. It
is driven by events, frozen dataclasses, each with the time at which it happens, and answers with
notices. What it ran for ends with one declared outcome. It knows neither ROS nor a clock: time is
passed in, and :mod:`emotion_perception.timing` says how much of it has passed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Generic, TypeVar

from emotion_perception.timing import Stopwatch

EventT = TypeVar('EventT')


@dataclass(frozen=True)
class Tick:
    """Time passes. Needed at least once a second while a phase can end by itself."""


@dataclass(frozen=True)
class Stop:
    """End what is under way, and begin nothing new until told to."""


@dataclass(frozen=True)
class Reset:
    """Forget everything, and be as at the beginning."""


@dataclass(frozen=True)
class Entered:
    """Another phase was entered."""

    phase: IntEnum


@dataclass(frozen=True)
class Ended:
    """What the machine ran for has its outcome.

    :param words: the outcome in words.
    """

    outcome: Enum
    words: str


@dataclass(frozen=True)
class Changed:
    """Something that a screen shows is different, no more."""


Notice = Entered | Ended | Changed
"""What a machine answers to an event, in the order in which it happened."""


class Refused(RuntimeError):
    """A command that cannot be followed now; the text says why. Nothing was changed."""


class Machine(ABC, Generic[EventT]):
    """A state machine.

    :param stopwatch: how time passes; that of a node's clock by default.
    """

    def __init__(self, stopwatch: Stopwatch | None = None) -> None:
        self._stopwatch = stopwatch or Stopwatch()
        self._notices: list[Notice] = []

    def handle(self, event: EventT, now: float) -> list[Notice]:
        """Let the time pass until now, then take an event.

        :param now: seconds, of any clock that is always the same one.
        :return: what happened.
        :raises Refused: if the event is a command that cannot be followed now.
        """
        self._take(event, self._stopwatch.step(now))
        notices, self._notices = self._notices, []
        return notices

    @abstractmethod
    def _take(self, event: EventT, passed: float) -> None:
        """Take an event.

        :param passed: seconds since the last one, 0 or more.
        """

    def _tell(self, notice: Notice) -> None:
        """Add to what :meth:`handle` returns."""
        self._notices.append(notice)
