# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Any rate and any number of channels into the mono 16 kHz stream that speech models take."""

from __future__ import annotations

import numpy as np
import soxr

from emotion_perception.audio.pcm import RATE, AudioFormatError, to_float

LOWEST_RATE, HIGHEST_RATE = 4000, 384000
"""Sampling rates that are believed, Hz; anything else is a broken message."""


class MonoResampler:
    """Turns chunks of one format into a mono stream at another rate, without seams.

    :param rate: samples per second of what comes in, Hz.
    :param target: samples per second of what goes out, Hz.
    :raises AudioFormatError: if the rate cannot be right.
    """

    def __init__(self, rate: int, target: int = RATE) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioFormatError(
                f'a sampling rate of {rate} Hz cannot be right '
                f'({LOWEST_RATE} to {HIGHEST_RATE} Hz are taken)'
            )
        self.rate = rate
        self.target = target
        self._mixer = Mixer(rate)
        self._stream = None if rate == target else soxr.ResampleStream(rate, target, 1, 'float32')

    @property
    def delay(self) -> float:
        """Return how many seconds of what was pushed have not come out yet."""
        return 0.0 if self._stream is None else max(0.0, self._stream.delay() / self.target)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Return what is ready after a chunk.

        :param samples: (n,) or (n, channels), int16 or float in -1..1; see :class:`Mixer`.
        :return: float32 (m,) in -1..1; may be empty.
        """
        mono = self._mixer.push(samples)
        return mono if self._stream is None else self._stream.resample_chunk(mono)

    def flush(self) -> np.ndarray:
        """Return the rest, float32 (m,); the resampler is then ready for a new stream."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self._stream.clear()
        self._mixer = Mixer(self.rate)
        return rest


class Mixer:
    """Makes one channel of several as they come in, without seams.

    It is their mean, but channels that cancel each other (a plug wired the wrong way, a balanced
    line taken for two channels) would leave nothing of the voice: then it is the loudest of them.
    Two channels that have nothing in common leave half the power of one in their mean, one of
    two that is silent leaves a quarter; less than a tenth means that they cancel.

    :param rate: samples per second.
    """

    _CANCELLED = 0.1
    # The powers that are compared: those of about the last so many seconds.
    _MEMORY = 0.5
    # A change from one to the other is spread over so many seconds.
    _FADE = 0.01

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._powers = np.zeros(0)
        self._chosen: int | None = None

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Return a chunk (n,) or (n, channels), int16 or float in -1..1, as float32 (n,)."""
        samples = to_float(samples)
        if samples.ndim == 1 or samples.shape[1] == 1:
            return samples.reshape(-1)
        if not len(samples):
            return np.zeros(0, np.float32)
        mean = samples.mean(axis=1, dtype=np.float32)
        powers = np.array(
            [np.mean(np.square(column), dtype=np.float64) for column in (mean, *samples.T)]
        )
        keep = np.exp(-len(samples) / (self._MEMORY * self._rate))
        if self._powers.size != powers.size:
            self._powers, self._chosen, first = powers, None, True
        else:
            self._powers, first = keep * self._powers + (1 - keep) * powers, False
        before, loudest = self._chosen, int(np.argmax(self._powers[1:]))
        if self._powers[0] >= self._CANCELLED * self._powers[1 + loudest]:
            self._chosen = None
        elif before is None:
            self._chosen = loudest
        mixed = mean if self._chosen is None else samples[:, self._chosen]
        if first or before == self._chosen:
            return np.ascontiguousarray(mixed)
        fade = np.minimum(1, np.arange(len(mixed), dtype=np.float32) / (self._FADE * self._rate))
        old = mean if before is None else samples[:, before]
        return fade * mixed + (1 - fade) * old


def mix(samples: np.ndarray) -> np.ndarray:
    """Return a whole signal, (n,) or (n, channels), as float32 mono (n,); see :class:`Mixer`."""
    return Mixer(RATE).push(samples)


def to_mono16k(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return a whole signal, (n,) or (n, channels), as float32 mono (m,) at 16 kHz.

    :raises AudioFormatError: if the rate cannot be right.
    """
    resampler = MonoResampler(rate)
    return np.concatenate([resampler.push(mix(samples)), resampler.flush()])
