# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The sound of a recording or stream: without seams, each block with its time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from emotion_perception.media.container import (
    BEYOND,
    LONGEST_GAP,
    Track,
    describe,
    open_container,
    packets,
    sound_stream,
)
from emotion_perception.media.errors import MediaError
from emotion_perception.media.samples import to_int16

# Times of blocks that are off by less than this, seconds, are rounded or jitter; more is a gap.
_JITTER = 0.03
# A step back of more than this, seconds, is a new clock (pieces joined).
_NEW_CLOCK = 1.0
# Sound that ends so much before its declared end, seconds, was cut short.
_SHORT = 0.25
# Losses that are told one by one; the rest is summed up at the end.
_TOLD = 5

# Sample types of FFmpeg: what one is divided by for full scale, and where silence is.
_SCALES = {'u8': (2.0**7, 128.0), 's32': (2.0**31, 0.0), 's64': (2.0**63, 0.0)}


@dataclass(frozen=True)
class AudioChunk:
    """A block of sound.

    :param samples: int16 (n, channels).
    :param rate: samples per second and channel.
    :param time: of the first sample, seconds: when it was acquired, or its place in a recording.
    """

    samples: np.ndarray
    rate: int
    time: float

    @property
    def channels(self) -> int:
        """Return the number of channels."""
        return self.samples.shape[1]

    @property
    def end(self) -> float:
        """Return the time just after the last sample, seconds."""
        return self.time + len(self.samples) / self.rate


class SoundReader:
    """Reads the sound of a file or stream, block by block, in one format.

    Blocks follow one another without gaps: where nothing was recorded, or what was is lost,
    there is silence, and that is said. Of several tracks it is the first with sound in it.

    :param source: path or address.
    :param block: seconds of sound in a block.
    :param say: told in one line of what was lost, and which of several tracks was taken.
    :param whole: give silence from the beginning of the recording to the first sample, and from
        the last one to the recording's end.
    :param live: a stream whose sound is wanted at once; its blocks come as they are.
    :raises MediaError: if it cannot be opened, has no sound track, or only one that cannot be
        decoded.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        block: float = 0.1,
        say: Callable[[str], None] = lambda _: None,
        whole: bool = False,
        live: bool = False,
    ) -> None:
        self._source, self._block, self._say = source, block, say
        self._whole, self._live = whole, live
        self._container = open_container(source)
        try:
            self.contents = describe(self._container, source)
            self.track = self._choose()
        except MediaError:
            self._container.close()
            raise
        self._stream = sound_stream(self._container, self.track.index)
        self._tick = self._stream.time_base or Fraction(1, 1000)
        self.rate = self.channels = 0
        self._resampler: av.AudioResampler | None = None
        self._shift = -self.contents.origin
        # Time at which the last sample ended; NaN before the first one.
        self._end = math.nan
        self._gaps: list[tuple[float, float]] = []
        self._damaged = self._strange = False

    def __enter__(self) -> SoundReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __iter__(self) -> Iterator[AudioChunk]:
        """Yield blocks of the wanted length (the last one may be shorter).

        :raises MediaError: at the end, if not a single sample could be decoded.
        """
        waiting: list[np.ndarray] = []
        count, time = 0, math.nan
        for begin, samples in self._pieces():
            if not waiting:
                time = begin
            waiting.append(samples)
            count += len(samples)
            size = max(1, round(self._block * self.rate))
            if count < size:
                continue
            whole = np.concatenate(waiting)
            full = count - count % size
            for start in range(0, full, size):
                yield AudioChunk(whole[start : start + size], self.rate, time + start / self.rate)
            rest = whole[full:]
            waiting, count, time = [rest] if len(rest) else [], len(rest), time + full / self.rate
        if count:
            yield AudioChunk(np.concatenate(waiting), self.rate, time)

    def _choose(self) -> Track:
        """Return the first track with sound in it; say so if it is not the only one."""
        first = self.contents.sound()
        tracks = [item for item in self.contents.sounds if item.decodable]
        if len(tracks) == 1 or self._live:
            return first
        chosen = next((item for item in tracks if self._is_heard(item.index)), first)
        self._say(
            f'{self.contents.name} has {len(tracks)} sound tracks; track {chosen.index} '
            f'({chosen.codec}) is taken, the first with sound in it'
        )
        return chosen

    def _is_heard(self, index: int) -> bool:
        """Tell whether a track holds anything but digital silence."""
        with open_container(self._source) as container:
            stream = sound_stream(container, index)
            for packet in packets(container, [stream]):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    continue
                if any(np.abs(_array(frame)[0]).max(initial=0) > 1 for frame in frames):
                    return True
        return False

    def _pieces(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (time of the first sample, int16 (n, channels)), each where the last one ended."""
        for time, samples in self._decoded():
            first = math.isnan(self._end)
            if first:
                known = 0.0 if math.isnan(time) else time
                self._end = self.contents.begin if self._whole else known
            gap = 0.0 if math.isnan(time) or self._live else time - self._end
            if gap < -_NEW_CLOCK or gap > self._longest_gap():
                self._shift -= gap
            elif gap > _JITTER:
                if not first:
                    self._tell_gap(self._end, time)
                yield from self._silence(gap)
            elif gap < -_JITTER:
                samples = samples[round(-gap * self.rate) :]  # It was heard already.
            self._damaged = False
            if len(samples):
                yield self._end, samples
                self._end += len(samples) / self.rate
        if math.isnan(self._end):
            raise MediaError(
                f'{self.contents.name}: its sound track {self.track.index} ({self.track.codec}) '
                'holds no sound that can be decoded'
            )
        self._tell_end()
        if self._whole and self.contents.end - self._end > 0:
            yield from self._silence(self.contents.end - self._end)

    def _silence(self, seconds: float) -> Iterator[tuple[float, np.ndarray]]:
        """Yield silence in blocks: it may be long."""
        count = round(seconds * self.rate)
        size = max(1, round(self._block * self.rate))
        while count > 0:
            piece = np.zeros((min(size, count), self.channels), np.int16)
            yield self._end, piece
            self._end += len(piece) / self.rate
            count -= len(piece)

    def _decoded(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (time, NaN if unknown; int16 (n, channels)), all in the format of the first."""
        context = self._stream.codec_context
        if context.name == 'flac':
            # Else what damage made of a frame is taken for sound.
            context.options = {'err_detect': 'crccheck+explode'}
        for packet in packets(self._container, [self._stream], self._tell_stuck):
            yield from self._frames(context, packet)
        yield from self._frames(context, None)

    def _frames(
        self, context: av.AudioCodecContext, packet: av.Packet[av.AudioStream] | None
    ) -> Iterator[tuple[float, np.ndarray]]:
        try:
            frames = context.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self._damaged = True
            return
        for frame in frames:
            time = math.nan
            if frame.pts is not None:
                time = float(frame.pts * self._tick) + self._shift
            samples = self._uniform(frame)
            if len(samples):
                yield time, samples

    def _uniform(self, frame: av.AudioFrame) -> np.ndarray:
        """Return a frame's samples, int16 (n, channels), in the format of the first frame."""
        channels = frame.layout.nb_channels
        if not self.rate:
            self.rate, self.channels, self._layout = frame.sample_rate, channels, frame.layout
        if (frame.sample_rate, channels) != (self.rate, self.channels):
            # A recording joined of several; players go on in one format, too.
            if self._resampler is None:
                self._resampler = av.AudioResampler('flt', self._layout, self.rate)
            frame.pts = None
            pieces = [_array(piece)[0] for piece in self._resampler.resample(frame)]
            return np.concatenate([to_int16(piece) for piece in pieces] or [self._nothing()])
        samples, scale = _array(frame)
        if samples.dtype == np.int16:
            return samples
        if samples.dtype.kind != 'f':
            samples = (samples.astype(np.float32) - scale[1]) / np.float32(scale[0])
        elif not self._strange and not np.isfinite(samples).all():
            self._strange = True
            self._say(
                f'{self.contents.name} contains values that are not finite (NaN or infinity)'
            )
        return to_int16(samples)

    def _nothing(self) -> np.ndarray:
        return np.zeros((0, self.channels), np.int16)

    def _longest_gap(self) -> float:
        end = self.contents.end
        return LONGEST_GAP if math.isnan(end) else max(0.0, end - self._end) + BEYOND

    def _tell_gap(self, begin: float, end: float) -> None:
        self._gaps.append((begin, end))
        if len(self._gaps) <= _TOLD:
            cause = 'the file is damaged' if self._damaged else 'the file holds none'
            self._say(
                f'{self.contents.name}: no sound from {begin:.2f} to {end:.2f} s: {cause} there'
            )

    def _tell_stuck(self, reason: str) -> None:
        place = f'behind {self._end:.2f} s ' if not math.isnan(self._end) else ''
        self._say(f'{self.contents.name}: its sound {place}cannot be read: {reason}')

    def _tell_end(self) -> None:
        name, missing = self.contents.name, self.track.end - self._end
        if len(self._gaps) > _TOLD:
            total = sum(end - begin for begin, end in self._gaps)
            self._say(f'{name}: {len(self._gaps)} gaps in its sound, {total:.2f} s together')
        if missing > _SHORT and not self._live:
            self._say(
                f'{name}: its sound ends at {self._end:.2f} s, {missing:.2f} s before the end '
                'that it declares: cut short, or damaged there'
            )


def read_sound(
    source: str | os.PathLike[str],
    say: Callable[[str], None] = lambda _: None,
    longest: float = math.inf,
) -> tuple[np.ndarray, int]:
    """Return the sound of a file as int16 (n, channels), and its rate in Hz.

    :param say: told of what was lost or left out.
    :param longest: seconds after which it is cut off.
    :raises MediaError: if it cannot be read or holds no sound.
    """
    blocks: list[np.ndarray] = []
    with SoundReader(source, 1.0, say) as reader:
        count = 0
        for chunk in reader:
            blocks.append(chunk.samples)
            count += len(chunk.samples)
            if count > longest * reader.rate:
                say(f'{source}: only its first {longest:g} s are used')
                break
        samples = np.concatenate(blocks)
        return samples[: round(longest * reader.rate)] if count > longest * reader.rate else (
            samples
        ), reader.rate


def _array(frame: av.AudioFrame) -> tuple[np.ndarray, tuple[float, float]]:
    """Return a frame's samples (n, channels) as they are, and their scale."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        samples = samples.T
    else:
        samples = samples.reshape(-1, frame.layout.nb_channels)
    return samples, _SCALES.get(frame.format.name.removesuffix('p'), (1.0, 0.0))
