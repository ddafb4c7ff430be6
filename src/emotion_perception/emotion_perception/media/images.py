# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Single pictures: whole and upright, or an error."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import check_file


def read_image(path: Path, *, grey: bool = False) -> np.ndarray:
    """Return a picture file as uint8 (height, width, 3) BGR, turned as its EXIF says.

    Of a file of several pictures it is the first.

    :param grey: return a picture that is grey as (height, width).
    :raises MediaError: if the file is missing, cut short, damaged, or no picture.
    """
    check_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(f'{path} cannot be read: {error.strerror}') from error
    # Decoders fill in what is missing of a picture, and say so on the terminal only.
    if _is_cut_short(data):
        raise MediaError(f'{path} is only a part of a picture: the file was cut short')
    flags = cv2.IMREAD_ANYCOLOR if grey else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        image = _decode_with_pyav(data)
    if image is None or not image.size:
        raise MediaError(f'{path} is not a picture that can be read')
    return image


def unreadable(
    paths: Iterable[Path], read: Callable[[Path], object] = read_image, threads: int = 4
) -> list[tuple[Path, str]]:
    """Decode every picture; return those that cannot be, each with the reason.

    :param read: raises :class:`MediaError` for one that cannot be read.
    """

    def reason(path: Path) -> str:
        try:
            read(path)
        except MediaError as error:
            return str(error)
        return ''

    paths = list(paths)
    with ThreadPoolExecutor(threads) as pool:
        return [(path, text) for path, text in zip(paths, pool.map(reason, paths)) if text]


def _is_cut_short(data: bytes) -> bool:
    """Tell whether a picture's file ends before the picture does, as far as its format says."""
    if data[:2] == b'\xff\xd8':
        # JPEG: the marker of the end may be followed by what cameras put there.
        return b'\xff\xd9' not in data[data.rfind(b'\xff\xda') :]
    if data[:8] == b'\x89PNG\r\n\x1a\n':
        return b'IEND' not in data
    if data[:4] == b'GIF8':
        return data.rstrip(b'\0')[-1:] != b';'
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return struct.unpack('<I', data[4:8])[0] + 8 > len(data) + 1
    if data[:2] == b'BM' and len(data) > 6:
        size = struct.unpack('<I', data[2:6])[0]
        return len(data) < size < 2**31
    return False


def _decode_with_pyav(data: bytes) -> np.ndarray | None:
    """Return what an OpenCV built without the format (AVIF, GIF) does not read, BGR."""
    import av

    from emotion_perception.media.pictures import to_bgr

    try:
        with av.open(io.BytesIO(data), 'r') as container:
            return next((to_bgr(frame) for frame in container.decode(video=0)), None)
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
