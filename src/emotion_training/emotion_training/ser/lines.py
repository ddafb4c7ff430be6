# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What sound goes through on its way: a telephone, a codec, a room, a bad converter."""

from __future__ import annotations

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.media.codec import coded
from emotion_training.ser.rooms import impulse_response

TELEPHONE = (300.0, 3400.0)
"""Edges of the telephone band, Hz."""


def telephone(sound: np.ndarray) -> np.ndarray:
    """Return 16 kHz sound (n,) with nothing left outside the telephone band."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(sound.size, 1.0 / RATE)
    spectrum[(hertz < TELEPHONE[0]) | (hertz > TELEPHONE[1])] = 0.0
    return np.fft.irfft(spectrum, sound.size).astype(np.float32)


def opus(sound: np.ndarray, bits: int = 12000) -> np.ndarray:
    """Return 16 kHz sound (n,) as Opus of so many bits a second leaves it."""
    return coded(sound, RATE, 'libopus', bits)


def room(sound: np.ndarray, rng: np.random.Generator, rt60: float = 0.5) -> np.ndarray:
    """Return sound as it arrives in a room of 5 x 4 x 2.7 m, from 2.7 m away, at its old level."""
    response = impulse_response(
        rng, np.array((5.0, 4.0, 2.7)), np.array((3.6, 2.9, 1.5)), np.array((1.5, 1.3, 1.2)), rt60
    )
    size = sound.size + response.size
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    heard = heard[: sound.size]
    return (heard * np.sqrt(np.mean(sound**2) / max(np.mean(heard**2), 1e-12))).astype(np.float32)


def offset(sound: np.ndarray, share: float = 0.005) -> np.ndarray:
    """Return sound with an offset of a share of full scale."""
    return sound + np.float32(share)


def hum(sound: np.ndarray, share: float = 0.005, hertz: float = 50.0) -> np.ndarray:
    """Return sound with mains hum of a share of full scale."""
    time = np.arange(sound.size) / RATE
    return (sound + share * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
