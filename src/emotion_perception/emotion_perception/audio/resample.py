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
            raise AudioFormatError(f'a sampling rate of {rate} Hz cannot be right '
                                   f'({LOWEST_RATE} to {HIGHEST_RATE} Hz are taken)')
        self.rate = rate
        self.target = target
        self._stream = None if rate == target else soxr.ResampleStream(rate, target, 1, 'float32')

    @property
    def delay(self) -> float:
        """Return how many seconds of what was pushed have not come out yet."""
        return 0.0 if self._stream is None else max(0.0, self._stream.delay() / self.target)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Return what is ready after a chunk.

        :param samples: (n,) or (n, channels), int16 or float in -1..1; channels are averaged.
        :return: float32 (m,) in -1..1; may be empty.
        """
        mono = mix(samples)
        return mono if self._stream is None else self._stream.resample_chunk(mono)

    def flush(self) -> np.ndarray:
        """Return the rest, float32 (m,); the resampler is then ready for a new stream."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self._stream.clear()
        return rest


def mix(samples: np.ndarray) -> np.ndarray:
    """Return (n,) or (n, channels) samples as float32 mono (n,): the mean of the channels."""
    samples = to_float(samples)
    if samples.ndim == 1:
        return samples
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)


def to_mono16k(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return a whole signal, (n,) or (n, channels), as float32 mono (m,) at 16 kHz.

    :raises AudioFormatError: if the rate cannot be right.
    """
    resampler = MonoResampler(rate)
    return np.concatenate([resampler.push(samples), resampler.flush()])
