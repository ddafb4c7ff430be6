# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What pictures and sound of a browser, or of a file, are published through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class CodedPicture:
    """A picture as it came.

    :param data: JPEG.
    :param time: when it was taken, steady seconds of this machine.
    :param done: called in any thread with the stamp it was published with, as the page knows
        stamps; empty if it could not be read.
    """

    data: memoryview
    time: float
    done: Callable[[str], None]


class Publisher(Protocol):
    """Publishes pictures and sound; any thread may hand them in."""

    size: str
    """Of the newest picture, for instance ``640x480``."""
    pictures: int
    """Published so far."""
    blocks: int
    """Blocks of sound published so far."""
    last_picture: float
    """Steady time of the newest."""
    last_sound: float
    """Steady time of the newest."""

    @property
    def camera(self) -> bool:
        """Whether a browser may be the camera."""

    @property
    def microphone(self) -> bool:
        """Whether a browser may be the microphone."""

    @property
    def replaced(self) -> int:
        """Pictures that a newer one replaced before they were unpacked."""

    def take_picture(self, picture: CodedPicture) -> None:
        """Publish a picture soon, unless a newer one comes first."""

    def publish_picture(self, picture: np.ndarray, taken: float) -> object:
        """Publish a picture (BGR) that was taken at a steady time, seconds."""

    def publish_sound(
        self, data: bytes | memoryview, rate: int, channels: int, taken: float
    ) -> None:
        """Publish a block of sound, S16LE, whose first sample was taken at a steady time."""
