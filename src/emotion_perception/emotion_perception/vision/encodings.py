# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Pixels in the encodings of camera drivers, as BGR.

The names are those of ``sensor_msgs/image_encodings.hpp``, and what drivers write beside them
(``nv12``, ``i420``, ``yv12``); OpenCV converts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


class ImageError(ValueError):
    """A picture cannot be read; the text says what of it is wrong."""


@dataclass(frozen=True)
class _Packed:
    """Pixels one after the other: channels, bytes of each, and OpenCV's way to BGR, if any."""

    channels: int
    conversion: int | None
    depth: int = 1
    even: bool = False
    stretched: bool = False


@dataclass(frozen=True)
class _Planar:
    """A plane of brightness, and one or two of colour at half its size."""

    conversion: int


# sensor_msgs names a Bayer pattern by its first four pixels, OpenCV's old names by the second
# row's: rggb is BG.
_BAYER = {
    'rggb': cv2.COLOR_BayerBG2BGR,
    'bggr': cv2.COLOR_BayerRG2BGR,
    'gbrg': cv2.COLOR_BayerGR2BGR,
    'grbg': cv2.COLOR_BayerGB2BGR,
}
_COLOURS: dict[str, tuple[int, int | None]] = {
    'bgr': (3, None),
    'rgb': (3, cv2.COLOR_RGB2BGR),
    'bgra': (4, cv2.COLOR_BGRA2BGR),
    'rgba': (4, cv2.COLOR_RGBA2BGR),
    'mono': (1, cv2.COLOR_GRAY2BGR),
}
_UYVY = _Packed(2, cv2.COLOR_YUV2BGR_UYVY, even=True)
_YUYV = _Packed(2, cv2.COLOR_YUV2BGR_YUY2, even=True)
_ENCODINGS: dict[str, _Packed | _Planar] = {
    **{
        f'{name}{8 * depth}': _Packed(channels, conversion, depth)
        for name, (channels, conversion) in _COLOURS.items()
        for depth in (1, 2)
    },
    '8UC1': _Packed(*_COLOURS['mono']),
    '8UC3': _Packed(*_COLOURS['bgr']),
    '8UC4': _Packed(*_COLOURS['bgra']),
    '16UC1': _Packed(1, cv2.COLOR_GRAY2BGR, 2, stretched=True),
    '16UC3': _Packed(3, None, 2),
    **{
        f'bayer_{name}{8 * depth}': _Packed(1, conversion, depth, even=True)
        for name, conversion in _BAYER.items()
        for depth in (1, 2)
    },
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': _Planar(cv2.COLOR_YUV2BGR_NV12),
    'nv21': _Planar(cv2.COLOR_YUV2BGR_NV21),
    'i420': _Planar(cv2.COLOR_YUV2BGR_I420),
    'yv12': _Planar(cv2.COLOR_YUV2BGR_YV12),
}

ENCODINGS = (*_ENCODINGS, 'nv24')
"""Names of the encodings that :func:`to_bgr` reads."""

# Shares of the pixels of a 16UC1 picture that its black and its white lie beyond.
_BLACK, _WHITE = 0.5, 99.5


def to_bgr(
    data: np.ndarray,
    encoding: str,
    width: int,
    height: int,
    step: int,
    *,
    big_endian: bool = False,
) -> np.ndarray:
    """Return a picture as BGR.

    Of 16 bits the upper eight count; ``16UC1``, whose range no driver tells (thermal cameras),
    is stretched so that its darkest and brightest half percent are black and white.

    :param data: (n,) uint8, rows of ``step`` bytes; a packed row may be longer than its pixels.
    :return: (height, width, 3) uint8; for ``bgr8`` a read-only view of the data, not a copy.
    :raises ImageError: if encoding, size, step and amount of data do not fit together.
    """
    if height == 0 or width == 0:
        raise ImageError(f'the image is {width}x{height} pixels')
    if encoding == 'nv24':
        return _nv24(data, width, height, step)
    found = _ENCODINGS.get(encoding)
    if found is None:
        hint = '; depth is no picture of a face' if encoding.startswith(('32F', '64F')) else ''
        raise ImageError(f'unknown encoding {encoding!r}{hint}; known: {", ".join(ENCODINGS)}')
    if isinstance(found, _Planar):
        _need_even(encoding, width, height)
        rows = _rows(data, encoding, width, width, height * 3 // 2, step)
        return cv2.cvtColor(np.ascontiguousarray(rows), found.conversion)
    return _packed(found, data, encoding, width, height, step, big_endian)


def _packed(
    found: _Packed,
    data: np.ndarray,
    encoding: str,
    width: int,
    height: int,
    step: int,
    big_endian: bool,
) -> np.ndarray:
    if found.even:
        _need_even(encoding, width, 2 if found.channels > 1 else height)
    row = width * found.channels * found.depth
    picture = _rows(data, encoding, width, row, height, step)
    if found.depth > 1:
        words = np.ascontiguousarray(picture).view('>u2' if big_endian else '<u2')
        picture = _stretch(words) if found.stretched else (words >> 8).astype(np.uint8)
    if found.channels > 1:
        picture = picture.reshape(height, width, found.channels)
    if found.conversion is None:
        picture.flags.writeable = False
        return picture
    return cv2.cvtColor(np.ascontiguousarray(picture), found.conversion)


def _rows(
    data: np.ndarray, encoding: str, width: int, row: int, count: int, step: int
) -> np.ndarray:
    """Return the (count, row) bytes of the pixels."""
    if step < row:
        raise ImageError(f'step is {step} bytes, but {width} pixels of {encoding} need {row}')
    if data.size < step * count:
        raise ImageError(
            f'{data.size} bytes of data, but {count} rows of {step} bytes need {step * count}'
        )
    return data[: step * count].reshape(count, step)[:, :row]


def _nv24(data: np.ndarray, width: int, height: int, step: int) -> np.ndarray:
    """Read brightness at full size, then both colours in turn at full size, too."""
    _need_even('nv24', width, height)
    light = _rows(data, 'nv24', width, width, height, step)
    colours = _rows(data[step * height :], 'nv24', width, 2 * width, height, 2 * step)
    half = cv2.resize(
        np.ascontiguousarray(colours).reshape(height, width, 2),
        (width // 2, height // 2),
        interpolation=cv2.INTER_AREA,
    )
    whole = np.concatenate([light, half.reshape(height // 2, width)])
    return cv2.cvtColor(whole, cv2.COLOR_YUV2BGR_NV12)


def _stretch(words: np.ndarray) -> np.ndarray:
    low, high = np.percentile(words[::4, ::4], (_BLACK, _WHITE))
    scaled = (words.astype(np.float32) - low) * (255 / max(high - low, 1.0))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _need_even(encoding: str, width: int, height: int) -> None:
    if width % 2 or height % 2:
        what = f'width, not {width}' if width % 2 else f'height, not {height}'
        raise ImageError(f'{encoding} needs an even {what}')


def decode_jpeg_or_png(data: np.ndarray, form: str) -> np.ndarray:
    """Return a compressed picture as BGR.

    :param data: (n,) uint8, the file.
    :param form: what ``CompressedImage.format`` says of it.
    :return: (height, width, 3) uint8.
    :raises ImageError: if it is damaged, or no picture but depth or a piece of a film.
    """
    if 'compressedDepth' in form:
        raise ImageError(
            f'format {form!r} is depth, not a picture: name the topic of the colour camera'
        )
    # As it was taken: a turn that a file asks for would not go with the camera's calibration.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(data, flags) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise ImageError(
            f'{data.size} bytes of format {form!r} are neither a JPEG nor a PNG that can be read'
        )
    return picture
