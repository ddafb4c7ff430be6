# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What happens to an interview."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.machine import Reset, Stop, Tick


@dataclass(frozen=True)
class FaceSeen:
    """A frame was processed: whether it shows a face, and whether that looks at the camera."""

    present: bool
    facing: bool


@dataclass(frozen=True)
class SoundHeard:
    """A stretch of sound ended, in which somebody spoke or nobody did."""

    speaking: bool


@dataclass(frozen=True)
class UtteranceMeasured:
    """An utterance was measured: level in dB, syllables a second; NaN where unknown."""

    level: float
    rate: float


@dataclass(frozen=True)
class Start:
    """Ask the first question, from any phase."""


@dataclass(frozen=True)
class Next:
    """End the answer (or pass the question over) and ask the next."""


Event = FaceSeen | SoundHeard | UtteranceMeasured | Start | Next | Stop | Reset | Tick
