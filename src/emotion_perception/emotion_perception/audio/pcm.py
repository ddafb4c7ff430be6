# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Raw PCM bytes into sample arrays and back.

Inside the project, audio is int16 mono at 16 kHz; everything else is converted here, once, at
the border.
"""

from __future__ import annotations

import numpy as np

from emotion_perception.media.samples import to_int16

RATE = 16000
"""Samples per second of everything behind the resampler."""

# GStreamer's names, as AudioInfo.sample_format carries them: (NumPy type, full scale, offset).
_FORMATS: dict[str, tuple[str, float, float]] = {
    'S16LE': ('<i2', 2.0**15, 0.0),
    'S16BE': ('>i2', 2.0**15, 0.0),
    'S32LE': ('<i4', 2.0**31, 0.0),
    'S32BE': ('>i4', 2.0**31, 0.0),
    # Three bytes, or the lower three of four.
    'S24LE': ('<i4', 2.0**23, 0.0),
    'S24BE': ('>i4', 2.0**23, 0.0),
    'S24_32LE': ('<i4', 2.0**23, 0.0),
    'S24_32BE': ('>i4', 2.0**23, 0.0),
    'F32LE': ('<f4', 1.0, 0.0),
    'F32BE': ('>f4', 1.0, 0.0),
    'S8': ('i1', 2.0**7, 0.0),
    'U8': ('u1', 2.0**7, 2.0**7),
}

_PACKED = ('S24LE', 'S24BE')

SAMPLE_FORMATS: tuple[str, ...] = tuple(_FORMATS)
"""Sample formats that :func:`decode` takes."""


class AudioFormatError(ValueError):
    """Audio that cannot be read: the message says what is wrong with it."""


def width_of(sample_format: str) -> int:
    """Return the bytes of one sample of one channel.

    :raises AudioFormatError: for an unknown format.
    """
    if sample_format not in _FORMATS:
        raise AudioFormatError(
            f'sample format {sample_format!r} is not known; known: {", ".join(SAMPLE_FORMATS)}'
        )
    return 3 if sample_format in _PACKED else np.dtype(_FORMATS[sample_format][0]).itemsize


def decode(
    data: bytes | bytearray | memoryview | np.ndarray, sample_format: str, channels: int
) -> np.ndarray:
    """Return the samples of interleaved PCM bytes.

    :param data: the bytes; any buffer of 8-bit items.
    :param sample_format: one of :data:`SAMPLE_FORMATS`.
    :param channels: number of interleaved channels, at least 1.
    :return: float32 (n, channels); full scale is -1..1, larger values of float formats are kept.
    :raises AudioFormatError: for an unknown format, no channels, a length that is not a whole
        number of samples, or values that are not finite.
    """
    width = width_of(sample_format) * channels
    if channels < 1:
        raise AudioFormatError(f'{channels} channels; at least 1 is needed')
    dtype, scale, offset = _FORMATS[sample_format]
    raw = np.frombuffer(data, np.uint8)
    if raw.size % width:
        raise AudioFormatError(
            f'{raw.size} bytes are not a multiple of {width} '
            f'({channels} channel(s) of {sample_format})'
        )
    if sample_format in _PACKED:
        raw = _widened(raw, little=sample_format == 'S24LE')
    values = raw.view(dtype)
    if sample_format.startswith('S24_'):
        # What the fourth byte holds is not said.
        values = (values.astype(np.int32) << 8) >> 8
    samples = values.astype(np.float32)
    if offset:
        samples -= np.float32(offset)
    if scale != 1.0:
        samples *= np.float32(1.0 / scale)
    elif not np.isfinite(samples).all():
        raise AudioFormatError('it contains values that are not finite (NaN or infinity)')
    return samples.reshape(-1, channels)


def _widened(raw: np.ndarray, *, little: bool) -> np.ndarray:
    """Return 24-bit words (n * 3 bytes) as 32-bit ones of the same order and value."""
    words = raw.reshape(-1, 3)
    sign = np.where(words[:, 2 if little else 0] >= 128, 255, 0).astype(np.uint8)[:, None]
    return np.ascontiguousarray(np.hstack([words, sign] if little else [sign, words])).ravel()


def to_float(samples: np.ndarray) -> np.ndarray:
    """Return int16 samples as float32 in -1..1 of the same shape; float samples stay."""
    samples = np.asarray(samples)
    if samples.dtype == np.int16:
        return samples.astype(np.float32) * np.float32(1.0 / 32768.0)
    return samples.astype(np.float32, copy=False)


def to_s16le(samples: np.ndarray) -> bytes:
    """Return samples (float or int16, any shape) as S16LE bytes, channels interleaved."""
    return to_int16(samples).astype('<i2', copy=False).tobytes()
