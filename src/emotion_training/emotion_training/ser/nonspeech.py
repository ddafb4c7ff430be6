# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Made sounds that are no speech, so that the network learns to say nothing about them."""

from __future__ import annotations

import numpy as np

from emotion_perception.audio.pcm import RATE


def make_sound(rng: np.random.Generator, seconds: float, rate: int = RATE) -> np.ndarray:
    """Return one sound, float32: noise, hum, tones, chords, chirps, clicks or a mixture."""
    count = max(1, round(seconds * rate))
    kinds = (_noise, _hum, _tones, _chirp, _clicks)
    parts = rng.choice(len(kinds), size=int(rng.integers(1, 3)), replace=False)
    sound = sum(kinds[part](rng, count, rate) * rng.uniform(0.3, 1.0) for part in parts)
    sound = sound + rng.normal(0, 10 ** rng.uniform(-4, -2), count)
    return (sound / np.abs(sound).max()).astype(np.float32)


def _envelope(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    """Return a slow random envelope 0..1, sometimes flat, sometimes with pauses."""
    if rng.random() < 0.4:
        return np.ones(count)
    knots = max(2, int(count / rate * rng.uniform(0.5, 6)))
    values = rng.uniform(0, 1, knots) ** 2
    return np.interp(np.linspace(0, knots - 1, count), np.arange(knots), values)


def _noise(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    spectrum = np.fft.rfft(rng.normal(size=count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / rate), 20)
    shape = hertz ** rng.uniform(-1.2, 0.3)
    if rng.random() < 0.5:
        centre, width = np.exp(rng.uniform(np.log(150), np.log(6000))), rng.uniform(0.2, 1.5)
        shape = shape * np.exp(-0.5 * (np.log(hertz / centre) / width) ** 2)
    sound = np.fft.irfft(spectrum * shape, count)
    return sound / np.abs(sound).max() * _envelope(rng, count, rate)


def _hum(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    time = np.arange(count) / rate
    base = rng.choice((50.0, 60.0, rng.uniform(25, 300)))
    orders = np.arange(1, int(rng.integers(3, 25)))
    gains = rng.uniform(0, 1, orders.size) / orders ** rng.uniform(0.3, 1.5)
    sound = sum(
        gain * np.sin(2 * np.pi * base * order * time + rng.uniform(0, 7))
        for order, gain in zip(orders, gains)
    )
    return sound / (np.abs(sound).max() + 1e-9)


def _tones(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    """Return notes and chords on a scale, with decaying envelopes: something like music."""
    sound, position = np.zeros(count), 0
    while position < count:
        length = int(rng.uniform(0.08, 0.8) * rate)
        part = np.arange(min(length, count - position)) / rate
        decay = np.exp(-part * rng.uniform(0.5, 9))
        for _ in range(int(rng.integers(1, 4))):
            hertz = 110 * 2 ** (rng.integers(0, 48) / 12)
            for order in range(1, int(rng.integers(2, 7))):
                sound[position : position + part.size] += (
                    decay * np.sin(2 * np.pi * hertz * order * part) / order**1.3
                )
        position += length
    return sound / (np.abs(sound).max() + 1e-9)


def _chirp(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    knots = int(rng.integers(2, 6))
    hertz = np.exp(
        np.interp(
            np.linspace(0, knots - 1, count),
            np.arange(knots),
            rng.uniform(np.log(80), np.log(6000), knots),
        )
    )
    return np.sin(2 * np.pi * np.cumsum(hertz) / rate) * _envelope(rng, count, rate)


def _clicks(rng: np.random.Generator, count: int, rate: int) -> np.ndarray:
    sound = np.zeros(count)
    for place in rng.integers(0, count, int(rng.integers(2, 25))):
        length = min(count - place, int(rng.uniform(0.002, 0.15) * rate))
        sound[place : place + length] += rng.normal(size=length) * np.exp(
            -np.arange(length) / max(1.0, length / 5)
        )
    return sound / (np.abs(sound).max() + 1e-9)
