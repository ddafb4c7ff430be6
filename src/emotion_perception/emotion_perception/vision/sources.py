"""Where pictures come from: a camera, a video file, a stream, one image or a folder of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from emotion_perception.settings import setting, validate

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.pgm', '.ppm')
STREAM_SCHEMES = ('rtsp://', 'rtsps://', 'rtmp://', 'http://', 'https://', 'udp://', 'tcp://',
                  'srt://')
# Frames a second of pictures that have no rate of their own.
STILL_RATE = 10.0
# Opening a stream, or waiting for its next frame, for longer than this means that it is lost.
STREAM_TIMEOUT_MS = 4000
# Frames of a file that are later than this (seconds) are skipped, but not more than so many in a
# row: a slow machine shows some pictures late rather than none.
MOST_LATE = 0.1
MOST_SKIPPED = 10


class SourceError(Exception):
    """A source cannot be opened, or broke; the message says which and why."""


@dataclass(frozen=True)
class SourceSettings:
    """Where the pictures come from, and how they are played."""

    source: str = setting(
        '0', 'Camera index (0) or path (/dev/video0), video file, stream URL (rtsp://, http://, '
        '...), image file, or folder of images.')
    rate: float = setting(
        0.0, 'Frames a second: asked of a camera, thinned out of a file; 0 for its own (images: '
        '10).', low=0.0, high=1000.0)
    width: int = setting(
        0, 'Width of the pictures, pixels: asked of a camera; other pictures are scaled to fit '
        'into width x height, keeping their shape. 0 for their own.', low=0, high=16384)
    height: int = setting(
        0, 'Height of the pictures, pixels; see width.', low=0, high=16384)
    format: str = setting(
        '', "Four letters of a camera's pixel format, for instance MJPG; empty for its own.")
    loop: bool = setting(False, 'Start a file or folder again at its end.')
    realtime: bool = setting(
        True, 'Play a file at its own speed; false delivers frames as fast as they are taken.')
    retry_seconds: float = setting(
        0.5, 'Pause before a lost camera or stream is opened again; doubles with each failure.',
        low=0.01, high=60.0)
    retry_max_seconds: float = setting(
        8.0, 'Longest pause between two attempts.', low=0.01, high=600.0)

    def __post_init__(self) -> None:
        validate(self)
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


class Source:
    """Delivers frames one after the other; the public face of every kind of source.

    :meth:`read` waits for the next frame; a lost camera or stream is opened again, with growing
    pauses. ``close`` may be called from another thread and ends a waiting ``read``.

    :param settings: what to play and how.
    :param notice: called with one line for each event worth telling: lost, opened again.
    """

    def __init__(self, settings: SourceSettings, notice: Callable[[str], None] = print) -> None:
        self.settings = settings
        self.kind = kind_of(settings.source)
        self.lost = False
        """Whether the camera or stream is away at present."""
        self._notice = notice
        self._closed = threading.Event()
        self._frames = self._play()

    def read(self) -> Frame | None:
        """Return the next frame, or ``None`` at the end (or once closed).

        :raises SourceError: if a file, image or folder cannot be played at all.
        """
        return next(self._frames, None)

    def close(self) -> None:
        """End; a waiting :meth:`read` returns ``None``."""
        self._closed.set()

    def _play(self) -> Iterator[Frame]:
        if self.kind in ('camera', 'stream'):
            return self._live()
        if self.kind == 'video':
            return self._paced(self._video)
        return self._paced(self._stills)

    # Live sources

    def _live(self) -> Iterator[Frame]:
        pause = self.settings.retry_seconds
        reason = ''
        while not self._closed.is_set():
            capture = None
            try:
                capture = self._open_live()
                first = True
                while not self._closed.is_set():
                    frame = self._grab(capture)
                    if first:
                        first = False
                        if self.lost:
                            self._notice(f'{self.settings.source}: pictures again')
                        self.lost, reason = False, ''
                        pause = self.settings.retry_seconds
                    yield frame
            except SourceError as error:
                self.lost = True
                if str(error) != reason:
                    reason = str(error)
                    self._notice(f'{reason}; trying again every {pause:g} s and, later, every '
                                 f'{self.settings.retry_max_seconds:g} s')
            finally:
                if capture is not None:
                    capture.release()
            self._closed.wait(pause)
            pause = min(2 * pause, self.settings.retry_max_seconds)

    def _open_live(self) -> cv2.VideoCapture:
        source = self.settings.source.strip()
        if self.kind == 'stream':
            capture = _capture(source, cv2.CAP_FFMPEG, [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_TIMEOUT_MS])
        else:
            if source.startswith('/') and not Path(source).exists():
                raise SourceError(f'camera {source} is not there')
            capture = _capture(int(source) if source.isdigit() else source, cv2.CAP_ANY, [])
        if not capture.isOpened():
            capture.release()
            raise SourceError(f'{self.kind} {source} cannot be opened')
        if self.kind == 'camera':
            # The format first: it decides which sizes and rates the camera offers.
            if self.settings.format:
                capture.set(cv2.CAP_PROP_FOURCC,
                            cv2.VideoWriter_fourcc(*self.settings.format.upper()))
            for key, value in ((cv2.CAP_PROP_FRAME_WIDTH, self.settings.width),
                               (cv2.CAP_PROP_FRAME_HEIGHT, self.settings.height),
                               (cv2.CAP_PROP_FPS, self.settings.rate)):
                if value:
                    capture.set(key, value)
            # Old pictures in the driver's queue would be delay.
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return capture

    def _grab(self, capture: cv2.VideoCapture) -> Frame:
        if not capture.grab():
            raise SourceError(f'{self.kind} {self.settings.source} gives no more pictures')
        taken = time.monotonic()
        done, image = capture.retrieve()
        if not done or image is None or not image.size:
            raise SourceError(f'{self.kind} {self.settings.source} gave a broken picture')
        return Frame(_three_channels(self._fitted(image)), taken)

    # Files

    def _paced(self, content: Callable[[], Iterator[tuple[float, Callable[[], np.ndarray]]]]
               ) -> Iterator[Frame]:
        """Play (seconds from the start, decoder) items at their time, again and again if asked.

        A frame is decoded before its time, so that it leaves on time, but not at once: those who
        got the last one work on it just then. Frames that are late by more than one period are
        skipped, not delayed.
        """
        rate = self.settings.rate
        # A single picture is a camera in front of it: there is no speed but real time.
        realtime = self.settings.realtime or self.kind == 'image'
        start = time.monotonic()
        while not self._closed.is_set():
            count, length, period = 0, 0.0, 0.0
            last_slot, skipped = -1, 0
            begun = time.monotonic()
            for offset, decode in content():
                count += 1
                length, period = offset, (offset - length if count > 1 else period)
                # Thinned out, the first frame in each slot of the wanted rate is shown.
                slot = int(offset * rate + 1e-6) if rate else count
                if slot == last_slot:
                    continue
                last_slot = slot
                late = time.monotonic() - (start + offset)
                if realtime and late > max(2 * period, MOST_LATE) and skipped < MOST_SKIPPED:
                    skipped += 1
                    continue
                skipped = 0
                if realtime and late > 1.0:
                    # Suspended, or a machine that cannot keep up: time starts anew here.
                    start += late
                image = self._fitted(decode())
                took = time.monotonic() - begun
                due = start + offset
                if realtime and not self._wait_until(due):
                    return
                yield Frame(image, due if realtime else time.monotonic())
                # The next one is ready at half time.
                if realtime and not self._wait_until(due + period / 2 - took):
                    return
                begun = time.monotonic()
            if not count:
                raise SourceError(f'{self.settings.source} holds no picture that can be read')
            if not self.settings.loop:
                return
            start += length + (period or 1 / (rate or STILL_RATE))

    def _video(self) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        path = Path(self.settings.source).expanduser()
        if not path.is_file():
            raise SourceError(f'{path} is not there')
        # One thread: decoding in several costs more in total, and they hold frames back.
        capture = _capture(str(path), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
        try:
            if not capture.isOpened():
                raise SourceError(f'{path} is not a video that OpenCV can read')
            rate = capture.get(cv2.CAP_PROP_FPS)
            rate = rate if 0.1 < rate < 1000 else 25.0

            def decode() -> np.ndarray:
                done, image = capture.retrieve()
                if not done:
                    raise SourceError(f'{path}: frame {index} cannot be decoded')
                return image

            index, offset, begin = 0, 0.0, 0.0
            while capture.grab():
                # The file's own time of the frame: telephones film at rates that vary.
                shown = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if index == 0:
                    begin = shown
                elif shown - begin > offset:
                    offset = shown - begin
                else:
                    offset += 1 / rate
                yield offset, decode
                index += 1
        finally:
            capture.release()

    def _stills(self) -> Iterator[tuple[float, Callable[[], np.ndarray]]]:
        path = Path(self.settings.source).expanduser()
        rate = self.settings.rate or STILL_RATE
        if self.kind == 'folder':
            files = sorted(item for item in path.iterdir()
                           if item.suffix.lower() in IMAGE_SUFFIXES)
            if not files:
                raise SourceError(f'{path} holds no image files ({", ".join(IMAGE_SUFFIXES)})')
            shown = 0
            for item in files:
                image = _read_image(item)
                if image is None:
                    self._notice(f'{item} is not an image: left out')
                    continue
                yield shown / rate, lambda image=image: image
                shown += 1
            return
        image = _read_image(path)
        if image is None:
            raise SourceError(f'{path} is not there' if not path.exists() else
                              f'{path} is not an image that OpenCV can read')
        # One image is a camera that looks at a picture; it ends with `close` only.
        shown = 0
        while not self._closed.is_set():
            yield shown / rate, lambda: image
            shown += 1

    def _wait_until(self, due: float) -> bool:
        """Wait for a moment; return ``False`` if closed meanwhile."""
        remaining = due - time.monotonic()
        if remaining > 0:
            self._closed.wait(remaining)
        return not self._closed.is_set()

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        scale = min(self.settings.width / width if self.settings.width else np.inf,
                    self.settings.height / height if self.settings.height else np.inf)
        if not np.isfinite(scale) or scale == 1.0:
            return image
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size == (width, height):
            return image
        return cv2.resize(image, size, interpolation=(
            cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))


def kind_of(source: str) -> str:
    """Return ``'camera'``, ``'stream'``, ``'folder'``, ``'image'`` or ``'video'``."""
    source = source.strip()
    if source.isdigit() or source.startswith('/dev/'):
        return 'camera'
    if source.lower().startswith(STREAM_SCHEMES):
        return 'stream'
    path = Path(source).expanduser()
    if path.is_dir():
        return 'folder'
    return 'image' if path.suffix.lower() in IMAGE_SUFFIXES else 'video'


def _capture(source: str | int, backend: int, parameters: list[Any]) -> cv2.VideoCapture:
    """Open a capture; one that fails is closed, never an exception of OpenCV's."""
    try:
        if parameters:
            return cv2.VideoCapture(source, backend, parameters)
        return cv2.VideoCapture(source, backend)
    except cv2.error:
        return cv2.VideoCapture()


def _read_image(path: Path) -> np.ndarray | None:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None


def _three_channels(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
