# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A stream of sound in the form in which a driver sends it: raw samples, or MP3."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from emotion_perception.audio.pcm import AudioFormatError, decode, to_float, width_of

_RAW = ('', 'wave', 'wav', 'raw', 'pcm')
_MP3 = ('mp3', 'mpeg')


@dataclass(frozen=True)
class SoundFormat:
    """What the bytes of a stream are, as ``AudioInfo`` says it.

    :param rate: samples per second and channel.
    :param sample_format: GStreamer's name, of raw samples.
    :param coding: ``wave`` for raw samples, or ``mp3``.
    """

    rate: int
    channels: int
    sample_format: str
    coding: str = 'wave'

    def seconds(self, size: int) -> float:
        """Return how long so many bytes of raw samples last; 0 for a coding.

        :raises AudioFormatError: for an unknown sample format.
        """
        if self.coding.lower() not in _RAW:
            return 0.0
        width = width_of(self.sample_format) * self.channels
        return size / max(1, width) / max(1, self.rate)


class Decoder(ABC):
    """Turns the bytes of a stream into samples, block by block."""

    @abstractmethod
    def push(self, data: memoryview) -> tuple[np.ndarray, int]:
        """Take a block.

        :return: float32 (n, channels) in -1..1, and their rate; n is 0 where more is needed
            before anything can be heard.
        :raises AudioFormatError: if the bytes cannot be read; the next block may be.
        """


class RawDecoder(Decoder):
    """Reads raw samples."""

    def __init__(self, form: SoundFormat) -> None:
        self._form = form

    def push(self, data: memoryview) -> tuple[np.ndarray, int]:
        """Take a block of whole samples."""
        form = self._form
        return decode(data, form.sample_format, form.channels), form.rate


class Mp3Decoder(Decoder):
    """Reads MP3, which tells rate and channels itself.

    Blocks need not hold whole frames: ``audio_capture`` sends what its encoder has. The samples
    lag by at most a frame (72 ms at 16 kHz), and by the encoder's delay of about as much.
    """

    def __init__(self) -> None:
        # Takes a tenth of a second to load, which every node would pay that knows this module.
        import av

        codec = av.CodecContext.create('mp3float', 'r')
        assert isinstance(codec, av.AudioCodecContext)
        self._codec = codec

    def push(self, data: memoryview) -> tuple[np.ndarray, int]:
        """Take a block of bytes."""
        from av.error import FFmpegError

        parts: list[np.ndarray] = []
        rate = 0
        try:
            for packet in self._codec.parse(bytes(data)):
                for frame in self._codec.decode(packet):
                    samples = to_float(frame.to_ndarray())
                    parts.append(samples.reshape(frame.layout.nb_channels, -1).T)
                    rate = frame.sample_rate
        except FFmpegError as error:
            raise AudioFormatError(f'this is no MP3 that can be read: {error}') from error
        if not parts:
            return np.zeros((0, 1), np.float32), self._codec.sample_rate or 1
        return np.concatenate(parts), rate


def make_decoder(form: SoundFormat) -> Decoder:
    """Return what reads a stream.

    :raises AudioFormatError: for a coding that cannot be read.
    """
    coding = form.coding.lower()
    if coding in _RAW:
        return RawDecoder(form)
    if coding in _MP3:
        return Mp3Decoder()
    raise AudioFormatError(
        f'the sound is coded as {form.coding!r}, and only raw samples and mp3 can be heard: '
        'start audio_capture with format:=wave'
    )
