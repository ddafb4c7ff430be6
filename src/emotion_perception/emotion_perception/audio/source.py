# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every source of sound has in common: its settings, how it is read, how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from emotion_perception.media.errors import MediaError
from emotion_perception.settings import Settings, setting

if TYPE_CHECKING:  # Every node knows these settings; few of them decode sound.
    from emotion_perception.media.sound import AudioChunk

BLOCK = 0.064
"""Seconds of sound in one message: two frames of the default detector. With half of it the nodes
that hear cost an idle multimodal graph half as much again."""


class AudioSourceError(MediaError):
    """A device that cannot be opened or was lost: says which, why, and what to do."""


class AudioSource(Protocol):
    """An open source. ``read`` waits for the next block; ``None`` means that the source ended."""

    name: str

    def read(self) -> AudioChunk | None:
        """Return the next block, or ``None`` at the end.

        :raises MediaError: if the source was lost or a file cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the device or file; a ``read`` under way returns ``None`` soon."""
        ...


@dataclass(frozen=True)
class SourceSettings(Settings):
    """Which source, and how it is read."""

    source: str = setting(
        'microphone',
        'Where sound comes from: "microphone", or the path of a sound file, of a '
        'folder of them, or of a film with sound, or the address of a stream.',
    )
    device: str = setting(
        '', 'Microphone by name (a part of it is enough) or index; empty for the default one.'
    )
    channels: int = setting(
        1,
        'Channels asked from the microphone; a device with other channels only gives what it has.',
        low=1,
        high=32,
    )
    rate: int = setting(
        0, 'Samples per second asked from the microphone; 0 for its own rate.', low=0, high=384000
    )
    loop: bool = setting(False, 'Begin a file or folder anew at its end.')
    pause: float = setting(
        1.0,
        'Seconds of silence after each file, so that what is said in it ends (a film in a '
        'loop has none: its picture goes on).',
        low=0.0,
        high=60.0,
    )
