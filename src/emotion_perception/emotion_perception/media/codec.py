# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound as a codec leaves it."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np

from emotion_perception.media.samples import to_int16


def coded(sound: np.ndarray, rate: int, codec: str, bits: int) -> np.ndarray:
    """Return sound as it comes back from a codec, as long as it was and at its own rate.

    :param sound: float (n,) in -1..1.
    :param rate: in Hz, one that the codec takes.
    :param codec: an encoder of FFmpeg whose packets an Ogg file holds, such as ``libopus``.
    :param bits: a second.
    :return: float32 (n,).
    """
    buffer = io.BytesIO()
    with av.open(buffer, 'w', format='ogg') as container:
        stream: Any = container.add_stream(codec, rate=rate, layout='mono')
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(to_int16(sound)[None], 's16', 'mono')
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    buffer.seek(0)
    return _decoded(buffer, rate, sound.size)


def _decoded(buffer: io.BytesIO, rate: int, size: int) -> np.ndarray:
    """Return the first samples of a coded stream, as many as went in, silence for what lacks."""
    resampler = av.AudioResampler('flt', 'mono', rate)
    parts = []
    with av.open(buffer, 'r') as container:
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    found = np.concatenate(parts)[:size]
    return np.pad(found, (0, size - found.size)).astype(np.float32)
