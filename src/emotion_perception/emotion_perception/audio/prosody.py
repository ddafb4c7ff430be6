# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How somebody speaks: pitch, loudness, speaking rate and pauses of an utterance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from emotion_perception.audio.pcm import RATE, to_float

# Frames of 10 ms; the pitch looks at 50 ms (two periods of 40 Hz).
_STEP = RATE // 100
_WINDOW = RATE // 20
_PITCH_RANGE = (65.0, 500.0)
_YIN_THRESHOLD = 0.15
# Frames whose pitch is looked for at once.
_AT_ONCE = 500


@dataclass(frozen=True)
class Prosody:
    """Measures of one utterance; NaN where nothing was voiced.

    :param seconds: length of the signal.
    :param speech_seconds: of it louder than the pause level.
    :param level: median level while speaking, dB relative to full scale.
    :param level_range: difference of the 90th and the 10th percentile of it, dB.
    :param pitch: median fundamental frequency, hertz.
    :param pitch_range: standard deviation of it, semitones.
    :param syllables: syllable nuclei found.
    :param pauses: length of each pause inside the utterance of at least 0.25 s, seconds.
    :param before: silence before the first speech in the signal, seconds; ``after`` behind the
        last.
    """

    seconds: float
    speech_seconds: float
    level: float
    level_range: float
    pitch: float
    pitch_range: float
    syllables: int
    pauses: tuple[float, ...]
    before: float = 0.0
    after: float = 0.0

    @property
    def rate(self) -> float:
        """Return syllables per second of speech (the articulation rate); NaN without speech."""
        return self.syllables / self.speech_seconds if self.speech_seconds > 0.2 else math.nan


def prosody(samples: np.ndarray) -> Prosody:
    """Measure an utterance.

    :param samples: (n,) mono at 16 kHz, int16 or float in -1 to 1.
    """
    signal = to_float(np.asarray(samples).reshape(-1))
    seconds = len(signal) / RATE
    if len(signal) < _WINDOW:
        return Prosody(seconds, 0.0, math.nan, math.nan, math.nan, math.nan, 0, ())
    levels = _levels(signal)
    # Speech is what lies within 25 dB of the loudest tenth, and is heard at all.
    loud = float(np.percentile(levels, 95))
    speaking = (levels > loud - 25.0) & (levels > -60.0)
    pitch = pitch_track(signal)[: len(levels)]
    voiced = np.isfinite(pitch) & speaking[: len(pitch)]
    heard = levels[speaking]
    spoken = np.flatnonzero(speaking)
    before, after = (int(spoken[0]), len(levels) - 1 - int(spoken[-1])) if spoken.size else (0, 0)
    semitones = 12 * np.log2(pitch[voiced] / np.median(pitch[voiced])) if voiced.any() else None
    return Prosody(
        seconds,
        float(speaking.sum()) * _STEP / RATE,
        float(np.median(heard)) if heard.size else math.nan,
        float(np.subtract(*np.percentile(heard, (90, 10)))) if heard.size else math.nan,
        float(np.median(pitch[voiced])) if voiced.any() else math.nan,
        float(semitones.std()) if semitones is not None else math.nan,
        _syllables(signal, pitch),
        _pauses(speaking),
        before * _STEP / RATE,
        after * _STEP / RATE,
    )


def pitch_track(signal: np.ndarray) -> np.ndarray:
    """Return the fundamental frequency every 10 ms, hertz; NaN where nothing is voiced.

    YIN: A. de Cheveigné, H. Kawahara, "YIN, a fundamental frequency estimator for speech and
    music", JASA 111(4), 2002 (steps 1 to 5).

    :param signal: (n,) float at 16 kHz.
    """
    longest = int(RATE / _PITCH_RANGE[0])
    shortest = int(RATE / _PITCH_RANGE[1])
    count = (len(signal) - _WINDOW - longest) // _STEP + 1
    # A frame takes 60 kB meanwhile: those of two minutes at once would be most of a gigabyte.
    parts = [
        _pitches(signal[first * _STEP :], min(_AT_ONCE, count - first), shortest, longest)
        for first in range(0, count, _AT_ONCE)
    ]
    return np.concatenate([np.empty(0), *parts])


def _pitches(signal: np.ndarray, count: int, shortest: int, longest: int) -> np.ndarray:
    """Return the fundamental frequency of the first frames, hertz; see :func:`pitch_track`.

    :param count: of the frames.
    :param shortest: period that is looked for, samples; ``longest`` likewise.
    """
    starts = np.arange(count) * _STEP
    frames = signal[starts[:, None] + np.arange(_WINDOW + longest)].astype(np.float64)
    # Difference function through the correlation: d(lag) = e(0) + e(lag) - 2 r(lag).
    size = 1 << (2 * _WINDOW + longest - 1).bit_length()
    head = np.fft.rfft(frames[:, :_WINDOW], size)
    correlation = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, size), size)[:, : longest + 1]
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    power = energy[:, _WINDOW : _WINDOW + longest + 1] - energy[:, : longest + 1]
    difference = np.maximum(power[:, :1] + power - 2 * correlation, 0.0)
    running = np.cumsum(difference[:, 1:], axis=1)
    normal = np.ones_like(difference)
    normal[:, 1:] = difference[:, 1:] * np.arange(1, longest + 1) / np.maximum(running, 1e-12)
    result = np.full(count, np.nan)
    for i, row in enumerate(normal):
        below = np.flatnonzero(row[shortest:] < _YIN_THRESHOLD)
        # Silence has a difference of zero everywhere.
        if below.size == 0 or power[i, 0] < 1e-6:
            continue
        lag = shortest + below[0]
        while lag < longest and row[lag + 1] < row[lag]:
            lag += 1
        result[i] = RATE / _refined(row, lag)
    return result


def _refined(row: np.ndarray, lag: int) -> float:
    """Return the place of the minimum by a parabola through three points."""
    if not 0 < lag < len(row) - 1:
        return float(lag)
    a, b, c = row[lag - 1], row[lag], row[lag + 1]
    bend = a - 2 * b + c
    return lag + (0.5 * (a - c) / bend if bend > 1e-12 else 0.0)


def _levels(signal: np.ndarray) -> np.ndarray:
    """Return the level of each 10 ms frame, smoothed over 30 ms, dB."""
    count = len(signal) // _STEP
    power = (signal[: count * _STEP].reshape(count, _STEP).astype(np.float64) ** 2).mean(axis=1)
    power = np.convolve(np.pad(power, 1, mode='edge'), np.ones(3) / 3, mode='valid')
    return 10 * np.log10(np.maximum(power, 1e-10))


def _syllables(signal: np.ndarray, pitch: np.ndarray) -> int:
    """Count syllable nuclei: voiced peaks of intensity with a dip of 2 dB before them.

    N. H. de Jong, T. Wempe, "Praat script to detect syllable nuclei and measure speech rate
    automatically", Behavior Research Methods 41(2), 2009; intensity of 300 to 3300 Hz, where
    vowels have their energy.
    """
    if len(signal) < 3 * _WINDOW:
        return 0
    band = butter(2, (300, 3300), 'bandpass', fs=RATE, output='sos')
    power = sosfiltfilt(band, signal) ** 2
    smooth = np.convolve(power, np.hanning(RATE // 16), mode='same')[::_STEP]
    intensity = 10 * np.log10(np.maximum(smooth, 1e-12))
    least = float(np.percentile(intensity, 99)) - 25.0
    peaks, _ = find_peaks(intensity, height=max(least, -70.0), prominence=2.0)
    # A nucleus is voiced within 30 ms.
    return sum(bool(np.isfinite(pitch[max(0, at - 3) : at + 4]).any()) for at in peaks)


def _pauses(speaking: np.ndarray) -> tuple[float, ...]:
    """Return the silent stretches of at least 0.25 s between the first and the last speech."""
    inside = np.flatnonzero(speaking)
    if inside.size < 2:
        return ()
    gaps = (np.diff(inside) - 1) * _STEP / RATE
    return tuple(float(gap) for gap in gaps if gap >= 0.25)
