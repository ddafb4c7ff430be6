# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a recording or stream, each with its time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from emotion_perception.media.container import (
    BEYOND,
    LONGEST_GAP,
    describe,
    open_container,
    packets,
    picture_stream,
    why,
)
from emotion_perception.media.errors import MediaError

NEW_CLOCK = 1.0
"""A step back of more than this, seconds, is a new clock (pieces joined), not a stray frame."""
LEAST = 1e-3
"""Two pictures have at least this between them, seconds."""
# Pictures that end so much before their declared end, seconds, were cut short.
_SHORT = 0.5
# A file's index may lead behind the wanted picture by less than this, seconds.
_BEFORE = 10.0
# So many pictures at the beginning may have no time.
_UNDATED = 32
# So many compressed pictures are held back at most while a place to go on is looked for.
_HELD = 600
# A live stream's are held back only while they come at more than this speed: what a server kept.
_QUICKLY = 2.0
# Seconds in which that shows.
_SHOWS = 0.1
# Losses that are told one by one; the rest is summed up at the end.
_TOLD = 5


@dataclass(frozen=True)
class Picture:
    """A decoded picture; it becomes an array only when asked for.

    :param time: when it is shown, seconds on the clock of :class:`~.container.Contents`.
    """

    time: float
    _frame: av.VideoFrame
    _convert: Callable[[av.VideoFrame], np.ndarray]

    def image(self) -> np.ndarray:
        """Return it upright, uint8 (height, width, 3) BGR; nobody else writes to it."""
        return self._convert(self._frame)


class PictureReader:
    """Reads the pictures of a file or stream one after the other.

    Times rise. Pictures that are damaged are left out and told with their times.

    :param source: path or address.
    :param say: told in one line of what was lost.
    :param threads: of the decoder; several are faster by the clock, cost more in total and hold
        pictures back.
    :param live: a stream whose pictures are wanted at once.
    :raises MediaError: if it cannot be opened, holds no picture, or only a track that cannot be
        decoded.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        say: Callable[[str], None] = lambda _: None,
        threads: int = 1,
        live: bool = False,
    ) -> None:
        self._say, self._live = say, live
        self._container = open_container(source)
        try:
            self.contents = describe(self._container, source)
            self.track = self.contents.picture()
        except MediaError:
            self._container.close()
            raise
        self._stream = picture_stream(self._container, self.track.index)
        self._tick = float(self._stream.time_base or 1e-3)
        context = self._stream.codec_context
        context.thread_count = threads
        # Threads that each decode a frame hold as many frames back.
        context.thread_type = 'AUTO' if threads > 1 else 'SLICE'
        self._convert = Converter()
        self.skip_before = -math.inf
        """Pictures before this time are not wanted: as many as possible are not even decoded."""
        self._last: float | None = None
        self._start: float | None = None
        self._shift = -self.contents.origin
        self._period = 1 / (self.contents.rate or 25.0)
        self._begin = self.track.begin
        self._shown = self._period
        self._lost: list[tuple[float, float]] = []
        self._damaged = False

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def start_at(self, key: float) -> None:
        """Begin with a key picture (:class:`~.index.PictureIndex`), before reading begins.

        :param key: its time, seconds; nothing before it is decoded or given.
        """
        self._start = key

    def __iter__(self) -> Iterator[Picture]:
        """Yield pictures in the order in which they are shown.

        :raises MediaError: at the end, if not a single one could be decoded.
        """
        undated: list[av.VideoFrame] = []
        for frame in self._frames():
            if self._last is None and frame.pts is None and len(undated) < _UNDATED:
                undated.append(frame)
                continue
            if undated:
                # Those before the first time that is known: one period apart.
                known = self.track.begin + len(undated) * self._period
                if frame.pts is not None:
                    known = self._time_of(frame.pts)
                self._begin = known - len(undated) * self._period
            for item in (*undated, frame):
                yield Picture(self._moment(item), item, self._convert)
            undated = []
        for item in undated:
            yield Picture(self._moment(item), item, self._convert)
        self._finish()

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Yield decoded frames in the order in which they are shown."""
        context = self._stream.codec_context
        skipping = False
        for packet in self._needed():
            # Those that no other picture is made from need no decoding if nobody wants them.
            unwanted = packet.pts is not None and self._time_of(packet.pts) < self.skip_before
            if unwanted != skipping:
                skipping = unwanted
                context.skip_frame = 'NONREF' if skipping else 'DEFAULT'
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: av.Packet[av.VideoStream] | None) -> list[av.VideoFrame]:
        """Return the whole frames that a packet (``None``: the end) brings out of the decoder."""
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._damaged = True
            return []
        whole = [frame for frame in frames if not frame.is_corrupt]
        self._damaged |= len(whole) < len(frames)
        if self._start is not None and self._last is None:
            # Pictures that are shown before the key picture though they come behind it need
            # what was not decoded: they are not wanted, and no damage.
            whole = [
                frame
                for frame in whole
                if frame.pts is None or self._time_of(frame.pts) > self._start - LEAST / 2
            ]
            self._damaged = False
        return whole

    def _needed(self) -> Iterator[av.Packet[av.VideoStream]]:
        """Yield packets; leave out those that only lead to pictures before ``skip_before``.

        Compressed packets are read ahead up to that time; if a key picture comes by, what was
        before it is dropped undecoded.
        """
        held: list[av.Packet[av.VideoStream]] = []
        begun, first = 0.0, 0.0
        for packet in self._packets():
            early = packet.pts is not None and self._time_of(packet.pts) < self.skip_before
            if early and self._live:
                present, come = monotonic(), self._time_of(packet.pts or 0)
                if not held:
                    begun, first = present, come
                early = present - begun < max(_SHOWS, (come - first) / _QUICKLY)
            if early and packet.is_keyframe:
                if held:
                    self._stream.codec_context.flush_buffers()
                held = [packet]
            elif early and len(held) < _HELD:
                held.append(packet)
            else:
                if held and packet.is_keyframe and packet.pts is not None:
                    self._stream.codec_context.flush_buffers()
                else:
                    yield from held
                held = []
                yield packet
        yield from held

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        """Yield all packets, or those from the wanted key picture on."""
        if self._start is None:
            yield from packets(self._container, [self._stream], self._tell_stuck)
            return
        key = round((self._start - self._shift) / self._tick)
        # Where the file's own index leads too far, some way before; else from its beginning.
        for back in (0.0, _BEFORE, math.inf):
            place = (
                key - back / self._tick if math.isfinite(back) else (self._stream.start_time or 0)
            )
            try:
                self._container.seek(round(place), stream=self._stream)
            except av.error.FFmpegError:
                continue
            found = False
            for packet in packets(self._container, [self._stream], self._tell_stuck):
                if not found and packet.pts is not None and packet.is_keyframe:
                    if packet.pts > key:
                        break
                    found = packet.pts == key
                if found:
                    yield packet
            if found:
                return
        raise MediaError(f'{self.contents.name}: no picture at {self._start:.2f} s to begin with')

    def _time_of(self, pts: int) -> float:
        return pts * self._tick + self._shift

    def _moment(self, frame: av.VideoFrame) -> float:
        """Return the time of a frame on a clock that only rises; take note of what is missing."""
        last = self._last
        if frame.pts is None:
            time = self._begin if last is None else last + self._period
        else:
            time = self._time_of(frame.pts)
        if last is not None:
            if time < last - NEW_CLOCK or time > last + self._longest_gap(last):
                self._shift += last + self._period - time
                time = last + self._period
            time = max(time, last + LEAST)
        if self._damaged:
            self._lose(self._begin if last is None else last + self._period, time)
            self._damaged = False
        self._last = time
        self._shown = max(self._period, (frame.duration or 0) * self._tick)
        return time

    def _longest_gap(self, last: float) -> float:
        end = self.contents.end
        return LONGEST_GAP if math.isnan(end) else max(0.0, end - last) + BEYOND

    def _lose(self, begin: float, end: float) -> None:
        if end - begin < self._period / 2:
            return
        self._lost.append((begin, end))
        if len(self._lost) <= _TOLD:
            self._say(
                f'{self.contents.name}: pictures from {begin:.2f} to {end:.2f} s are damaged and '
                'left out'
            )

    def _tell_stuck(self, reason: str) -> None:
        place = f'behind {self._last:.2f} s ' if self._last is not None else ''
        self._say(f'{self.contents.name}: its pictures {place}cannot be read: {reason}')

    def _finish(self) -> None:
        track, name = self.track, self.contents.name
        if self._last is None:
            raise MediaError(
                f'{name}: its picture track {track.index} ({track.codec}) holds no picture that '
                'can be decoded'
            )
        if len(self._lost) > _TOLD:
            total = sum(end - begin for begin, end in self._lost)
            self._say(f'{name}: {len(self._lost)} stretches of damaged pictures, {total:.2f} s')
        missing = track.end - self._last - self._shown
        if missing > _SHORT and not self._live:
            self._say(
                f'{name}: its last picture is at {self._last:.2f} s, {missing:.2f} s before the '
                'end that it declares: cut short, or damaged there'
            )


class Converter:
    """Makes BGR arrays of one film's frames; keeps the tables for that."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._turn: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """Return a frame upright, uint8 (height, width, 3) BGR.

        :raises MediaError: if its format is not known.
        """
        try:
            image = self._reformatter.reformat(
                frame, format='bgr24', interpolation=Interpolation.BICUBIC, threads=1
            ).to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(
                f'a picture of format {frame.format.name} cannot be converted: {why(error)}'
            ) from error
        if self._turn is None:
            self._turn = _turn_of(frame)
        return self._turn(image)


def to_bgr(frame: av.VideoFrame) -> np.ndarray:
    """Return a single frame upright, uint8 (height, width, 3) BGR."""
    return Converter()(frame)


def _turn_of(frame: av.VideoFrame) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns and mirrors pictures as a film's display matrix says.

    Telephones held upright write one, and cameras that face their user.
    """
    # PyAV declares one kind of side data only.
    data = cast('Mapping[str, bytes]', frame.side_data).get('DISPLAYMATRIX')
    if data is None:
        return lambda image: image
    # 16.16 numbers a b u, c d v, x y w: the point (x, y) is shown at (ax + cy, bx + dy).
    matrix = np.frombuffer(data, np.int32)[:6].reshape(2, 3)[:, :2]
    (a, b), (c, d) = np.rint(matrix / max(1, np.abs(matrix).max())).astype(int)
    if abs(a * d - b * c) != 1:
        return lambda image: image  # Half a right angle, or no matrix at all.
    turned = a == 0
    across, down = (c, b) if turned else (a, d)

    def turn(image: np.ndarray) -> np.ndarray:
        if turned:
            image = cv2.transpose(image)
        if across > 0 and down > 0:
            return image
        # OpenCV's codes: 1 left to right, 0 top to bottom, -1 both.
        return cv2.flip(image, 1 if down > 0 else 0 if across > 0 else -1)

    return turn
