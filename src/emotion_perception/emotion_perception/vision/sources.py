# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where pictures come from: a camera, a film, a stream, one image or a folder of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from emotion_perception.media import together
from emotion_perception.media.backoff import LONGEST, Backoff
from emotion_perception.media.container import measured_seconds
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import IMAGE_SUFFIXES, files_in, local_path
from emotion_perception.media.images import read_image
from emotion_perception.media.pictures import PictureReader
from emotion_perception.vision.live import Live, open_live
from emotion_perception.vision.pace import TOO_LATE, Pace
from emotion_perception.vision.source import Frame, SourceError, SourceSettings, kind_of

# Frames a second of pictures that have no rate of their own.
STILL_RATE = 10.0

# Items to play: seconds from the start, and what makes an array of the picture.
Content = Iterator[tuple[float, Callable[[], np.ndarray]]]


class Source:
    """Delivers frames one after the other; the public face of every kind of source.

    :meth:`read` waits for the next frame; a lost camera or stream is opened again, with growing
    pauses. ``close`` may be called from another thread and ends a waiting ``read``.

    :param settings: what to play and how.
    :param notice: called with one line for each event worth telling: lost, opened again, damaged.
    :param rest: says for how many seconds from now nobody wants a picture: those of a device or
        of a file in real time are then left out, undecoded as far as can be.
    """

    def __init__(
        self,
        settings: SourceSettings,
        notice: Callable[[str], None] = print,
        rest: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.settings = settings
        self.kind = kind_of(settings.source)
        self.lost = False
        """Whether the camera or stream is away at present."""
        self._notice = notice
        self._rest = rest
        self._told: set[str] = set()
        self._closed = threading.Event()
        self._reader: PictureReader | None = None
        self._film: together.Playback | None = None
        self._length = 0.0
        self._frames = self._play()

    def read(self) -> Frame | None:
        """Return the next frame, or ``None`` at the end (or once closed).

        :raises MediaError: if a file, image or folder cannot be played at all.
        """
        return next(self._frames, None)

    def close(self) -> None:
        """End; a waiting :meth:`read` returns ``None``."""
        self._closed.set()
        if self._film is not None:
            self._film.end()

    def _play(self) -> Iterator[Frame]:
        if self.kind in ('camera', 'stream'):
            return self._live()
        return self._paced(self._video if self.kind == 'video' else self._stills)

    def _say(self, text: str) -> None:
        """Tell each thing once, however often a film or folder is played."""
        if text not in self._told:
            self._told.add(text)
            self._notice(text)

    # Live sources

    def _live(self) -> Iterator[Frame]:
        pauses = Backoff()
        reason = ''
        while not self._closed.is_set():
            device: Live | None = None
            try:
                device = open_live(self.kind, self.settings, self._rest)
                first = True
                while not self._closed.is_set():
                    frame = device.read()
                    if first:
                        first = False
                        if self.lost:
                            self._notice(f'{self.settings.source}: pictures again')
                        self.lost, reason = False, ''
                        pauses.reset()
                    yield Frame(self._fitted(frame.image), frame.time)
            except MediaError as error:
                self.lost = True
                if str(error) != reason:
                    reason = str(error)
                    self._notice(f'{reason}; trying again, with pauses of up to {LONGEST:g} s')
            finally:
                if device is not None:
                    device.close()
            self._closed.wait(pauses.next())

    # Files

    def _paced(self, content: Callable[[], Content]) -> Iterator[Frame]:
        """Play items at their time, again and again if asked.

        A frame is decoded before its time, so that it leaves on time, but not at once: those who
        got the last one work on it just then. Frames that are late are left out, not delayed; see
        :class:`Pace`.
        """
        rate = self.settings.rate
        # A single picture is a camera in front of it: there is no speed but real time.
        realtime = self.settings.realtime or self.kind == 'image'
        start = self._begin(realtime)
        pace = Pace()
        while not self._closed.is_set():
            count, length, period = 0, 0.0, 0.0
            last_slot = -1
            begun = time.monotonic()
            for offset, decode in content():
                count += 1
                # Of a varying rate the shortest pause counts: the next frame may come as soon.
                step = offset - length
                if count > 1 and step > 0:
                    period = min(period, step) if period else step
                length = offset
                # Thinned out, the first frame in each slot of the wanted rate is shown.
                slot = int(offset * rate + 1e-6) if rate else count
                if slot == last_slot:
                    continue
                last_slot = slot
                late = time.monotonic() - (start + offset) if realtime else 0.0
                rest = self._rest() if realtime else 0.0
                awaited = time.monotonic() + rest - start if rest > 0.0 else 0.0
                wanted = max(awaited, (slot + 1) / rate if rate else 0.0)
                shown = pace.shows(offset, late, period, wanted)
                self._skip_before(pace.wanted)
                if not shown or offset < awaited:
                    continue
                if late > TOO_LATE:
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
            start += self._length or length + (period or 1 / (rate or STILL_RATE))

    def _begin(self, realtime: bool) -> float:
        """Return when to begin: now, or with the film's sound, if that began just before."""
        now = time.monotonic()
        if self.kind != 'video' or not realtime:
            return now
        self._film = together.begin(local_path(self.settings.source), 'picture', now)
        return self._film.start

    def _skip_before(self, offset: float) -> None:
        """Spare the reader the pictures before this that nobody will look at, as far as it can."""
        if self._reader is not None:
            self._reader.skip_before = self._reader.contents.begin + offset - 1e-6

    def _video(self) -> Content:
        path = local_path(self.settings.source)
        with PictureReader(path, self._say) as reader:
            self._reader = reader
            if self.settings.loop and not self._length:
                self._length = measured_seconds(path, reader.contents)
            for picture in reader:
                yield picture.time - reader.contents.begin, picture.image

    def _stills(self) -> Content:
        path = local_path(self.settings.source)
        rate = self.settings.rate or STILL_RATE
        if self.kind == 'folder':
            files = files_in(path, IMAGE_SUFFIXES)
            if not files:
                raise SourceError(f'{path} holds no image files ({", ".join(IMAGE_SUFFIXES)})')
            shown = 0
            for place, item in enumerate(files):
                try:
                    image = read_image(item)
                except MediaError as error:
                    out = place + 1 - shown
                    self._say(f'{error}; left out ({out} of {len(files)} so far)')
                    continue
                yield shown / rate, partial(np.asarray, image)
                shown += 1
            return
        image = read_image(path)
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
        scale = min(
            self.settings.width / width if self.settings.width else np.inf,
            self.settings.height / height if self.settings.height else np.inf,
        )
        if not np.isfinite(scale) or scale == 1.0:
            return image
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size == (width, height):
            return image
        return cv2.resize(
            image, size, interpolation=(cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        )
