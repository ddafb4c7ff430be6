# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What happens to the multimodal cycle. Stamps are seconds, in the clock of what they stamp."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from emotion_apps.machine import Reset, Stop, Tick
from emotion_apps.reading import Reading


@dataclass(frozen=True)
class FaceRead:
    """The primary face of a processed frame was read."""

    reading: Reading


@dataclass(frozen=True)
class FacesSeen:
    """A processed frame shows these faces."""

    subjects: Collection[str]
    stamp: float


@dataclass(frozen=True)
class SoundHeard:
    """A stretch of sound ended, in which somebody spoke or nobody did."""

    speaking: bool
    stamp: float


@dataclass(frozen=True)
class UtteranceEnded:
    """A stretch of speech, begun at ``start``, has ended."""

    start: float


@dataclass(frozen=True)
class VoiceRead:
    """The emotion of an utterance was read."""

    reading: Reading


@dataclass(frozen=True)
class BothRead:
    """Face and voice were read as one."""

    reading: Reading


@dataclass(frozen=True)
class Start:
    """Run cycles one after the other; nothing changes if they run already."""


@dataclass(frozen=True)
class Request:
    """Begin one cycle that was asked for; one that runs continuously is broken off for it.

    :param face_timeout: seconds to wait for a held expression; 0 takes the setting.
    :param speech_timeout: seconds to wait for speech; 0 takes the setting.
    """

    face_timeout: float = 0.0
    speech_timeout: float = 0.0


@dataclass(frozen=True)
class Cancel:
    """Break the cycle off; the next one begins if cycles run continuously."""


Event = (
    FaceRead
    | FacesSeen
    | SoundHeard
    | UtteranceEnded
    | VoiceRead
    | BothRead
    | Start
    | Request
    | Cancel
    | Stop
    | Reset
    | Tick
)
