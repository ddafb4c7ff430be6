# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The size of a JPEG picture, before anybody unpacks it."""

from __future__ import annotations

# Start of frame of every kind, without the tables that share the range.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD8)}


def jpeg_size(data: bytes | memoryview) -> tuple[int, int]:
    """Return width and height, pixels.

    :raises ValueError: if it is no JPEG, or ends before it says.
    """
    if bytes(data[:2]) != b'\xff\xd8':
        raise ValueError('no JPEG')
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            raise ValueError('no JPEG: a marker is missing')
        marker = data[place + 1]
        if marker == 0xFF or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], 'big')
        if marker in _FRAMES and place + 9 <= len(data):
            height = int.from_bytes(data[place + 5 : place + 7], 'big')
            width = int.from_bytes(data[place + 7 : place + 9], 'big')
            if not width or not height:
                raise ValueError('a JPEG without a size')
            return width, height
        if length < 2 or marker == 0xDA:
            break
        place += 2 + length
    raise ValueError('a JPEG without a size')
