# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What happens to the game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emotion_apps.game.states import Sighting
from emotion_apps.machine import Reset, Stop, Tick


@dataclass(frozen=True)
class FrameSeen:
    """A frame was processed.

    :param faces: every tracked face of the frame.
    :param stamp: its acquisition time, nanoseconds.
    """

    faces: Sequence[Sighting]
    stamp: int


@dataclass(frozen=True)
class Start:
    """Begin a new game: wait for two players.

    :param rounds: number of rounds, 0 for that of the settings; the same holds for ``seconds`` of
        a round and ``targets``.
    :param seed: order of the targets, negative for a random one; ``None`` for the settings'.
    :param patience: seconds to wait for players; 0 for ever.
    """

    rounds: int = 0
    seconds: float = 0.0
    targets: Sequence[str] = ()
    seed: int | None = None
    patience: float = 0.0


Event = FrameSeen | Start | Stop | Reset | Tick
