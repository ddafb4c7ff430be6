# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""MFCC statistics in NumPy, equal to librosa's, for classifiers on hand-made features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from emotion_perception.models.backend import Backend, Outputs
from emotion_perception.models.catalog import Mfcc

_STATISTICS: Mapping[str, Callable[..., np.ndarray]] = {
    'mean': np.mean,
    'std': np.std,
    'min': np.min,
    'max': np.max,
}


class MfccFrontEnd:
    """Puts MFCC statistics between waveforms and a backend that takes feature vectors."""

    def __init__(self, backend: Backend, rate: int, mfcc: Mfcc) -> None:
        self.device = backend.device
        self._backend = backend
        self._rate = rate
        self._mfcc = mfcc

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the backend on the features of waveforms (n, samples)."""
        return self._backend.run(
            np.stack([mfcc_statistics(waveform, self._rate, self._mfcc) for waveform in batch])
        )


def mfcc_statistics(waveform: np.ndarray, rate: int, mfcc: Mfcc) -> np.ndarray:
    """Return the statistics over time of the MFCC of a waveform (n,).

    :return: (coefficients * statistics,) float32, all means first, then the next statistic.
    """
    coefficients = mfcc_of(waveform, rate, mfcc)
    return np.concatenate(
        [_STATISTICS[name](coefficients, axis=1) for name in mfcc.statistics]
    ).astype(np.float32)


def mfcc_of(waveform: np.ndarray, rate: int, mfcc: Mfcc) -> np.ndarray:
    """Return the MFCC (coefficients, frames) of a waveform, as ``librosa.feature.mfcc`` does."""
    padded = np.pad(np.asarray(waveform, np.float64), mfcc.fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, mfcc.fft)[:: mfcc.hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(mfcc.fft) / mfcc.fft)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    mel = _mel_filters(rate, mfcc.fft, mfcc.mels) @ power.T
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    return _dct(mfcc.mels)[: mfcc.coefficients] @ decibels


@lru_cache(maxsize=4)
def _mel_filters(rate: int, fft: int, mels: int) -> np.ndarray:
    """Return Slaney's triangular filters (mels, fft // 2 + 1), each of unit area."""
    # M. Slaney, "Auditory Toolbox", Interval Research TR 1998-010: linear below 1 kHz,
    # logarithmic above.
    low_step, corner, log_step = 200 / 3, 1000.0, np.log(6.4) / 27
    top = rate / 2
    top_mel = (
        corner / low_step + np.log(top / corner) / log_step if top >= corner else top / low_step
    )
    points = np.linspace(0, top_mel, mels + 2)
    hertz = np.where(
        points < corner / low_step,
        points * low_step,
        corner * np.exp(log_step * (points - corner / low_step)),
    )
    bins = np.fft.rfftfreq(fft, 1 / rate)
    ramps = hertz[:, None] - bins
    widths = np.diff(hertz)[:, None]
    filters = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]))
    return filters * (2 / (hertz[2:] - hertz[:-2]))[:, None]


@lru_cache(maxsize=4)
def _dct(size: int) -> np.ndarray:
    """Return the orthonormal DCT-II matrix (size, size)."""
    rows = np.arange(size)[:, None]
    matrix = np.cos(np.pi * rows * (2 * np.arange(size) + 1) / (2 * size)) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return matrix
