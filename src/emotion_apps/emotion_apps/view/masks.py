# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the screens draw again and again: how much of each pixel a text or a round shape covers.

It is remembered up to a number of bytes, not of pieces: what others send decides how long a text
and how large a picture is.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, ParamSpec, TypeVar

import cv2
import numpy as np

CAPITAL = 0.7
"""Height of a capital letter as part of the text size (the font of OpenCV 5 and Hershey agree)."""

# Bytes that each kind of piece may take: the largest is a picture of full HD. A screen has about
# two hundred texts.
_MOST = 3 << 20
_HERSHEY_SCALE = 3
_text_lock = threading.Lock()

P = ParamSpec('P')
T = TypeVar('T')


class Remembered(Generic[P, T]):
    """A function whose newest results are kept, up to 3 MB of arrays.

    :param function: of hashable arguments by position; gives an array, or a tuple with arrays.
    :ivar bytes: that are kept.
    """

    def __init__(self, function: Callable[P, T]) -> None:
        self.__doc__ = function.__doc__
        self._function = function
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._kept: OrderedDict[tuple[object, ...], T] = OrderedDict()
        self.bytes = 0

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> T:
        """Return what is kept, or make it."""
        key = (*arguments, *named.items())
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._function(*arguments, **named)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self.bytes += _bytes(made)
            while self.bytes > _MOST:
                self.bytes -= _bytes(self._kept.popitem(last=False)[1])
        return made


def _bytes(made: object) -> int:
    parts = made if isinstance(made, tuple) else (made,)
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


@lru_cache(maxsize=1)
def _typeface() -> Any:
    """Return the font that OpenCV 5 carries, or ``None`` with OpenCV 4."""
    return cv2.FontFace('sans') if hasattr(cv2, 'FontFace') else None


def _truetype_mask(text: str, size: int, weight: int, face: Any) -> tuple[np.ndarray, int]:
    """Return the coverage (h, w) uint8 of one line of text, and its advance in pixels."""
    left, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), face, size, weight)
    mask = np.zeros((math.ceil(1.5 * size), max(1, left + width + size)), np.uint8)
    origin = (0, round(1.1 * size))
    drawn: Any = cv2.putText(mask, text, origin, (255,), face, size, weight)
    (advance, _), mask = drawn
    return mask, int(advance)


def _hershey_mask(text: str, size: int, weight: int) -> tuple[np.ndarray, int]:
    """Do what :func:`_truetype_mask` does with OpenCV 4's stroke font."""
    font, large = cv2.FONT_HERSHEY_DUPLEX, size * _HERSHEY_SCALE
    thickness = max(1, round(large * (0.04 + 0.08 * (weight - 400) / 300)))
    # The pen is as thick above and below its line: the capitals must stay as high as they are.
    scale = cv2.getFontScaleFromHeight(font, round(large * CAPITAL) - thickness // 2, thickness)
    text = text.encode('ascii', 'replace').decode()
    (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
    mask: np.ndarray = np.zeros((math.ceil(1.5 * size) * _HERSHEY_SCALE, width + large), np.uint8)
    mask = mask[:, : mask.shape[1] - mask.shape[1] % _HERSHEY_SCALE]
    mask = np.ascontiguousarray(mask)
    origin = (thickness // 2, round(1.1 * large) - thickness // 2)
    cv2.putText(mask, text, origin, font, scale, 255, thickness, cv2.LINE_AA)
    mask = cv2.resize(
        mask, None, fx=1 / _HERSHEY_SCALE, fy=1 / _HERSHEY_SCALE, interpolation=cv2.INTER_AREA
    )
    return mask, math.ceil(width / _HERSHEY_SCALE)


@Remembered
def text_mask(text: str, size: int, weight: int) -> tuple[np.ndarray, int]:
    """Return coverage and advance of a line of text, drawn once and then remembered."""
    face = _typeface()
    with _text_lock:  # the font is one object with a state of its own
        if face is None:
            return _hershey_mask(text, size, weight)
        return _truetype_mask(text, size, weight, face)


def text_width(text: str, size: float, weight: int = 400) -> int:
    """Return how many pixels wide a line of text is."""
    return text_mask(text, max(6, round(size)), weight)[1] if text else 0


@Remembered
def corner(radius: int) -> np.ndarray:
    """Return the coverage (radius, radius) float32 of the upper left quarter of a disc."""
    offset = radius - (np.arange(radius, dtype=np.float32) + 0.5)
    distance = np.hypot(offset[:, None], offset[None, :])
    return np.clip(radius - distance + 0.5, 0, 1)


@Remembered
def rounded_mask(width: int, height: int, radius: int) -> np.ndarray:
    """Return the coverage (height, width) uint8 of a rectangle with round corners."""
    mask = np.ones((height, width), np.float32)
    if radius:
        part = corner(radius)
        mask[:radius, :radius] = part
        mask[:radius, -radius:] = part[:, ::-1]
        mask[-radius:, :radius] = part[::-1]
        mask[-radius:, -radius:] = part[::-1, ::-1]
    return np.rint(mask * 255).astype(np.uint8)


@Remembered
def polar(radius: int, thickness: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage of a ring and the angle of each pixel, clockwise from the top, 0..1."""
    half = radius + 2
    axis = np.arange(-half, half + 1, dtype=np.float32)
    distance = np.hypot(axis[:, None], axis[None, :])
    cover = np.clip(thickness / 2 + 0.5 - np.abs(distance - (radius - thickness / 2)), 0, 1)
    angle = (np.arctan2(axis[None, :], -axis[:, None]) / (2 * math.pi)) % 1.0
    return cover, angle.astype(np.float32)
