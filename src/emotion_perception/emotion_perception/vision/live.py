# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Cameras and streams: pictures that come when they come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import Picture, PictureReader
from emotion_perception.vision.lateness import Lateness
from emotion_perception.vision.pace import TOO_LATE, Pace
from emotion_perception.vision.source import Frame, SourceError, SourceSettings


class Live(Protocol):
    """An open camera or stream."""

    def read(self) -> Frame:
        """Wait for the next picture.

        :raises MediaError: if it is lost.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_live(kind: str, settings: SourceSettings, rest: Callable[[], float]) -> Live:
    """Open a ``'camera'`` or a ``'stream'``.

    :param rest: says for how many seconds from now nobody wants a picture.
    :raises MediaError: if it cannot be opened.
    """
    return Stream(settings.source.strip()) if kind == 'stream' else Camera(settings, rest)


class Camera:
    """A capture device of this machine, through OpenCV."""

    def __init__(self, settings: SourceSettings, rest: Callable[[], float]) -> None:
        self._rest = rest
        self._name = source = settings.source.strip()
        if source.startswith('/') and not Path(source).exists():
            raise SourceError(f'camera {source} is not there')
        try:
            self._capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
        except cv2.error:
            self._capture = cv2.VideoCapture()
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(f'camera {source} cannot be opened')
        # The format first: it decides which sizes and rates the camera offers.
        if settings.format:
            code = cv2.VideoWriter.fourcc(*settings.format.upper())
            self._capture.set(cv2.CAP_PROP_FOURCC, code)
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.rate),
        ):
            if value:
                self._capture.set(key, value)
        # Old pictures in the driver's queue would be delay.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> Frame:
        """Wait for the next picture."""
        while True:
            if not self._capture.grab():
                raise SourceError(f'camera {self._name} gives no more pictures')
            taken = time.monotonic()
            # A picture that nobody wants is taken out of the driver, but not decoded.
            if self._rest() <= 0.0:
                break
        done, image = self._capture.retrieve()
        if not done or image is None or not image.size:
            raise SourceError(f'camera {self._name} gave a broken picture')
        return Frame(_three_channels(image), taken)

    def close(self) -> None:
        """Let go of the device."""
        self._capture.release()


class Stream:
    """Pictures from a server as they come; those of a recording there, at their own speed.

    Where they come faster than they are taken, some are left out: what a server holds back for
    a slow reader would be older with each picture. See :class:`~.pace.Pace`.
    """

    def __init__(self, address: str) -> None:
        self._name = address
        self._reader = PictureReader(address, live=True)
        self._pictures = iter(self._reader)
        self._recorded = not math.isnan(self._reader.contents.seconds)
        self._lateness = Lateness(steady=self._recorded)
        self._pace = Pace(live=not self._recorded)
        self._last = self._period = 0.0

    def read(self) -> Frame:
        """Wait for the next picture; its time is that of the quickest that came of late."""
        while True:
            picture = self._next()
            taken = time.monotonic()
            late = self._lateness.of(picture.time, taken)
            shown = self._pace.shows(picture.time, late, self._period)
            self._reader.skip_before = self._pace.wanted
            if shown:
                break
        if late > TOO_LATE:
            # Held up on its way, or a machine that cannot keep up: time starts anew here.
            self._lateness.forgive(picture.time, taken)
            late = 0.0
        image = picture.image()
        due = taken - late
        if due > time.monotonic():
            time.sleep(due - time.monotonic())
        return Frame(image, due)

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def _next(self) -> Picture:
        try:
            picture = next(self._pictures, None)
        except MediaError as error:
            raise SourceError(f'stream {error}') from error
        if picture is None:
            raise SourceError(f'stream {self._name} gives no more pictures')
        step, self._last = picture.time - self._last, picture.time
        self._period = min(self._period, step) if self._period else step
        return picture


def _three_channels(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
