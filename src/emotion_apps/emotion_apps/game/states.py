# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The phases of the game, its outcomes, and what a screen needs to draw it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

from emotion_perception.emotions import Emotion


class Phase(IntEnum):
    """Where the game stands; the values equal the constants of ``emotion_msgs/GameState``."""

    IDLE = 0
    WAITING_PLAYERS = 1
    COUNTDOWN = 2
    ROUND = 3
    PAUSED = 4
    ROUND_RESULT = 5
    FINAL = 6


UNDER_WAY = frozenset({Phase.COUNTDOWN, Phase.ROUND, Phase.PAUSED, Phase.ROUND_RESULT})
"""Phases of a game that two players have begun and that has not ended."""


class Outcome(str, Enum):
    """How a game ended."""

    NONE = ''
    FINISHED = 'finished'
    ABANDONED = 'abandoned'
    STOPPED = 'stopped'


@dataclass(frozen=True)
class Sighting:
    """One face of one frame.

    :param track: id of the tracked face.
    :param box: x, y, width, height in pixels.
    :param probabilities: of the six classes, or ``None`` if the model abstained.
    """

    track: str
    box: tuple[float, float, float, float]
    probabilities: np.ndarray | None

    @property
    def centre(self) -> float:
        """Return the horizontal middle of the face, pixels."""
        return self.box[0] + self.box[2] / 2


@dataclass(frozen=True)
class PlayerState:
    """One player, as screens and messages show it; see ``emotion_msgs/PlayerState``."""

    number: int
    track: str = ''
    present: bool = False
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    live: float = math.nan
    mean: float = math.nan
    baseline: float = math.nan
    frames: int = 0
    score: int = 0
    best: float = math.nan
    best_target: Emotion | None = None
    best_stamp: int = 0


@dataclass(frozen=True)
class RoundResult:
    """How one round (from 1) ended: target, both means, frames scored, winner (0: tie)."""

    round: int
    target: Emotion
    means: tuple[float, float]
    frames: int
    winner: int


@dataclass(frozen=True)
class GameState:
    """All that a screen needs; field by field ``emotion_msgs/GameState``.

    ``stamp`` is the acquisition time of the newest frame, nanoseconds (0 before the first);
    ``running``: whether a game is played, or its players are waited for; ``remaining`` and
    ``duration`` are seconds, NaN where a phase has no end of its own.
    """

    stamp: int
    phase: Phase
    running: bool
    prompt: str
    round: int
    rounds: int
    target: Emotion | None
    remaining: float
    duration: float
    players: tuple[PlayerState, PlayerState]
    ignored: tuple[str, ...]
    explanation: str
    results: tuple[RoundResult, ...]
    winner: int
    outcome: Outcome
