# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The phases of the multimodal cycle, its outcomes, and what a screen needs to draw it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from emotion_apps.reading import Reading


class Phase(IntEnum):
    """The phases; the values equal the constants of ``emotion_msgs/MultimodalState``."""

    WAITING_FACE = 0
    LISTENING = 1
    SHOW_RESULT = 2


class Outcome(str, Enum):
    """How a cycle ended."""

    NONE = ''
    SUCCESS = 'success'
    NO_FACE = 'no_face'
    NO_SPEECH = 'no_speech'
    CANCELLED = 'cancelled'


@dataclass(frozen=True)
class Snapshot:
    """All that a screen needs to draw the cycle.

    :param running: whether cycles run; if not, a live face is shown but never locked.
    :param cycle: number of the cycle, from 1.
    :param progress: WAITING_FACE: part of the hold that is done; else part of the phase that is
        over; 0..1.
    :param remaining: seconds until the phase ends by itself; NaN if it does not.
    :param duration: seconds of the whole of that; NaN if it does not.
    :param speaking: LISTENING: whether somebody speaks now.
    :param face: WAITING_FACE: the live face; later the locked one.
    :param outcome: of the last finished cycle.
    """

    phase: Phase
    prompt: str
    running: bool
    cycle: int
    progress: float
    remaining: float
    duration: float
    speaking: bool
    face: Reading | None
    voice: Reading | None
    fused: Reading | None
    outcome: Outcome


def with_time_left(snapshot: Snapshot, passed: float) -> Snapshot:
    """Return the snapshot as it looks ``passed`` seconds later, for a screen between two states.

    :param passed: seconds since the snapshot; less than 0 counts as 0.
    """
    if math.isnan(snapshot.remaining):
        return snapshot
    remaining = max(0.0, snapshot.remaining - max(0.0, passed))
    if snapshot.phase == Phase.WAITING_FACE or not snapshot.duration > 0:
        return replace(snapshot, remaining=remaining)
    return replace(snapshot, remaining=remaining, progress=1 - remaining / snapshot.duration)
