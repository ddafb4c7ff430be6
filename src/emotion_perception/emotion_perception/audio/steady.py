# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Bring sound to one form before a speech model hears it, whichever model that is.

A recording carries much that says nothing about the speaker: an offset of the converter, rumble
and mains hum, the gain of the microphone. What is below the voice is taken out, and the rest is
set to one level by the speech in it; the loudest sample, often a click or a bumped table, does
not count.
"""

from __future__ import annotations

import numpy as np

STOP, PASS = 60.0, 90.0
"""Up to the first of these frequencies, Hz, nothing passes, from the second on everything: both
mains hums lie below, the harmonics of the deepest voices above."""

LEVEL_DB = -23.0
"""Root mean square of loud speech after levelling, dB of full scale."""

FRAME = 0.02
"""Seconds over which power is measured."""

LOUD = 50
"""Frames, the loudest of a sound, of which the median is the level of its speech: of one second
in all, so that neither a short click nor long pauses move it."""


def high_pass(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return sound without offset, rumble and mains hum, in phase, of the same length.

    The spectrum of the whole is faded in between :data:`STOP` and :data:`PASS` (raised cosine).

    :param samples: float (n,).
    :param rate: Hz.
    :return: float32 (n,).
    """
    samples = np.asarray(samples, np.float32)
    if samples.size == 0:
        return samples
    samples = samples - samples.mean(dtype=np.float64).astype(np.float32)
    # Room for what the filter spreads beyond the ends, and a length that transforms fast.
    size = fast_length(samples.size + rate // 10)
    spectrum = np.fft.rfft(samples, size) * fade(size, rate)
    return np.fft.irfft(spectrum, size)[: samples.size].astype(np.float32)


def fast_length(least: int) -> int:
    """Return the smallest length of at least so many samples that is 2^a * 1, 3 or 5."""
    return min(factor << max(0, (-(-least // factor) - 1).bit_length()) for factor in (1, 3, 5))


def fade(size: int, rate: int) -> np.ndarray:
    """Return the gain of each bin of a real transform of ``size``, float32 0..1."""
    place = (np.fft.rfftfreq(size, 1.0 / rate) - STOP) / (PASS - STOP)
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0.0, 1.0))).astype(np.float32)


def speech_power(samples: np.ndarray, rate: int) -> float:
    """Return the mean square of the speech in a sound: the median over its loudest second.

    Of sound shorter than two seconds the louder half is taken.

    :param samples: float (n,).
    :param rate: Hz.
    """
    size = max(1, round(rate * FRAME))
    count = samples.size // size
    if count == 0:
        return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    frames = samples[: count * size].reshape(count, size)
    powers = np.sort(np.einsum('ij,ij->i', frames, frames, dtype=np.float64) / size)[::-1]
    loud = powers[: min(LOUD, max(1, count // 2))]
    return float(loud[loud.size // 2])


def steady(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return sound without what is below the voice, its speech at :data:`LEVEL_DB`.

    Silence stays silent.

    :param samples: float (n,), any level.
    :param rate: Hz.
    :return: float32 (n,); peaks may go beyond 1.
    """
    samples = high_pass(samples, rate)
    power = speech_power(samples, rate)
    if power < 1e-12:
        return samples
    return samples * np.float32(10 ** (LEVEL_DB / 20) / np.sqrt(power))
