# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Write sound to a file that everything reads."""

from __future__ import annotations

import io
import os
import wave

import numpy as np

from emotion_perception.storage import write_atomically


def write_wav(path: str | os.PathLike[str], samples: np.ndarray, rate: int) -> None:
    """Write a WAV file of 16 bits, whole or not at all.

    :param samples: int16 (n,) or (n, channels).
    :param rate: samples per second.
    :raises SaveError: if it cannot be written.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype('<i2').tobytes())
    write_atomically(os.fspath(path), buffer.getvalue())
