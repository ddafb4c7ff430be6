# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What sound goes through on its way: a telephone, a codec, a room, a bad converter."""

from __future__ import annotations

import io

import numpy as np

from emotion_perception.audio.pcm import RATE
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
    import av

    buffer = io.BytesIO()
    with av.open(buffer, 'w', format='ogg') as coded:
        stream = coded.add_stream('libopus', rate=RATE, layout='mono')
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(
            np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)[None], 's16', 'mono'
        )
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            coded.mux(packet)
    buffer.seek(0)
    return _decoded(buffer, sound.size)


def _decoded(buffer: io.BytesIO, size: int) -> np.ndarray:
    """Return the first samples of a coded stream at 16 kHz, as many as went in."""
    import av

    resampler = av.AudioResampler('flt', 'mono', RATE)
    parts = []
    with av.open(buffer, 'r') as coded:
        for frame in coded.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    found = np.concatenate(parts)[:size]
    return np.pad(found, (0, size - found.size)).astype(np.float32)


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
