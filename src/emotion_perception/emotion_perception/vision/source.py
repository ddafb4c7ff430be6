# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every source of pictures has in common: its settings, its frames, how it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import IMAGE_SUFFIXES, is_stream, local_path
from emotion_perception.settings import Settings, setting


class SourceError(MediaError):
    """A camera, stream or folder cannot be opened, or broke; says which and why."""


@dataclass(frozen=True)
class SourceSettings(Settings):
    """Where the pictures come from, and how they are played."""

    source: str = setting(
        '0',
        'Camera index (0) or path (/dev/video0), video file, stream URL (rtsp://, http://, '
        '...), image file, or folder of images.',
    )
    rate: float = setting(
        0.0,
        'Frames a second: asked of a camera, thinned out of a file; 0 for its own (images: 10).',
        low=0.0,
        high=1000.0,
    )
    width: int = setting(
        0,
        'Width of the pictures, pixels: asked of a camera; other pictures are scaled to fit '
        'into width x height, keeping their shape. 0 for their own.',
        low=0,
        high=16384,
    )
    height: int = setting(0, 'Height of the pictures, pixels; see width.', low=0, high=16384)
    format: str = setting(
        '', "Four letters of a camera's pixel format, for instance MJPG; empty for its own."
    )
    loop: bool = setting(False, 'Start a file or folder again at its end.')
    realtime: bool = setting(
        True, 'Play a file at its own speed; false delivers frames as fast as they are taken.'
    )

    def check(self) -> None:
        """Check that there is a source, and the length of the format."""
        if self.format and len(self.format) != 4:
            raise ValueError(f'format is {self.format!r}; it must have four letters, as MJPG')
        if not self.source.strip():
            raise ValueError('source is empty; name a camera, a file, a folder or a URL')


@dataclass(frozen=True)
class Frame:
    """One picture.

    :param image: (height, width, 3), BGR uint8; nobody else writes to it.
    :param time: when it was acquired, seconds on :func:`time.monotonic`'s clock. For a file: when
        it was due.
    """

    image: np.ndarray
    time: float


def kind_of(source: str) -> str:
    """Return ``'camera'``, ``'stream'``, ``'folder'``, ``'image'`` or ``'video'``."""
    if source.strip().isdigit():
        return 'camera'
    path = local_path(source)
    if source.startswith('/dev/') and not path.is_file():
        return 'camera'
    if is_stream(source):
        return 'stream'
    if path.is_dir():
        return 'folder'
    return 'image' if path.suffix.lower() in IMAGE_SUFFIXES else 'video'
