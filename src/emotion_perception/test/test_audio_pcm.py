# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Raw PCM, levels and the signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emotion_perception.audio import level, snr
from emotion_perception.audio.pcm import (
    SAMPLE_FORMATS,
    AudioFormatError,
    decode,
    to_float,
    to_s16le,
)
from emotion_perception.media.samples import to_int16

# The same four samples, -1, -0.5, 0 and 0.5, in each format.
ENCODED = {
    'S16LE': np.array([-32768, -16384, 0, 16384], '<i2').tobytes(),
    'S16BE': np.array([-32768, -16384, 0, 16384], '>i2').tobytes(),
    'S32LE': np.array([-(2**31), -(2**30), 0, 2**30], '<i4').tobytes(),
    'S32BE': np.array([-(2**31), -(2**30), 0, 2**30], '>i4').tobytes(),
    'S24LE': b'\0\0\x80\0\0\xc0\0\0\0\0\0\x40',
    'S24BE': b'\x80\0\0\xc0\0\0\0\0\0\x40\0\0',
    'S24_32LE': np.array([-(2**23), -(2**22), 0, 2**22], '<i4').tobytes(),
    'S24_32BE': np.array([-(2**23), -(2**22), 0, 2**22], '>i4').tobytes(),
    'F32LE': np.array([-1, -0.5, 0, 0.5], '<f4').tobytes(),
    'F32BE': np.array([-1, -0.5, 0, 0.5], '>f4').tobytes(),
    'S8': np.array([-128, -64, 0, 64], 'i1').tobytes(),
    'U8': np.array([0, 64, 128, 192], 'u1').tobytes(),
}


@pytest.mark.parametrize('sample_format', SAMPLE_FORMATS)
def test_every_sample_format_decodes_to_the_same_signal(sample_format: str) -> None:
    samples = decode(ENCODED[sample_format], sample_format, 1)
    assert samples.dtype == np.float32
    assert samples.tolist() == [[-1.0], [-0.5], [0.0], [0.5]]


def test_channels_are_interleaved() -> None:
    assert decode(ENCODED['S16LE'], 'S16LE', 2).tolist() == [[-1.0, -0.5], [0.0, 0.5]]


def test_int16_survives_the_way_there_and_back_exactly() -> None:
    samples = np.arange(-32768, 32768, dtype=np.int16)
    assert np.array_equal(to_int16(decode(to_s16le(samples), 'S16LE', 1))[:, 0], samples)


@pytest.mark.parametrize(
    ('data', 'sample_format', 'channels', 'says'),
    [
        (b'abc', 'S16LE', 1, '3 bytes are not a multiple of 2'),
        (b'abcdef', 'S16LE', 2, '6 bytes are not a multiple of 4'),
        (b'ab', 'S20LE', 1, "'S20LE' is not known"),
        (b'ab', 'S16LE', 0, '0 channels'),
        (np.array([0.0, np.nan], '<f4').tobytes(), 'F32LE', 1, 'not finite'),
        (np.array([np.inf], '<f4').tobytes(), 'F32LE', 1, 'not finite'),
    ],
)
def test_sound_that_cannot_be_right_is_refused_with_a_reason(
    data: bytes, sample_format: str, channels: int, says: str
) -> None:
    with pytest.raises(AudioFormatError, match=says):
        decode(data, sample_format, channels)


def test_no_bytes_are_no_samples() -> None:
    assert decode(b'', 'S16LE', 2).shape == (0, 2)


def test_too_loud_and_not_finite_floats_become_the_nearest_sense() -> None:
    samples = np.array([2.0, -2.0, np.nan, np.inf], np.float32)
    assert to_int16(samples).tolist() == [32767, -32768, 0, 0]


def test_the_level_of_a_full_scale_sine_is_three_decibels_below_full_scale() -> None:
    sine = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)
    assert level.level(to_int16(sine)) == pytest.approx(-3.01, abs=0.01)
    assert level.level(to_int16(sine / 10)) == pytest.approx(-23.01, abs=0.01)


def test_silence_and_nothing_have_the_lowest_level() -> None:
    assert level.level(np.zeros(100, np.int16)) == -100.0
    assert level.level(np.zeros(0, np.int16)) == -100.0


def test_the_share_of_clipped_samples_is_counted() -> None:
    assert level.clipped(np.array([32767, -32768, 0, 100], np.int16)) == 0.5
    assert level.clipped(np.array([1.5, 0.5], np.float32)) == 0.5
    assert level.clipped(np.zeros(0, np.int16)) == 0.0


@pytest.mark.parametrize('wanted', [0.0, 10.0, 20.0, 30.0])
def test_the_signal_to_noise_ratio_of_a_known_mixture_is_found(wanted: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, 48000).astype(np.float32)
    meter = snr.NoiseMeter()
    for start in range(0, 16000, 512):
        meter.update(noise[start : start + 512])
    signal = rng.normal(0, 0.01 * 10 ** (wanted / 20), 32000).astype(np.float32)
    found = snr.estimate(signal + noise[16000:], meter.power)
    assert found == pytest.approx(wanted, abs=1.5)


def test_pauses_in_the_speech_do_not_lower_its_ratio() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.01, 32000).astype(np.float32)
    speech = rng.normal(0, 0.1, 32000).astype(np.float32)
    speech[8000:20000] = 0.0
    assert snr.estimate(speech + noise, 1e-4) == pytest.approx(20.0, abs=1.5)


def test_without_a_background_the_ratio_is_unknown() -> None:
    assert math.isnan(snr.estimate(np.ones(16000, np.float32), snr.NoiseMeter().power))
    assert math.isnan(snr.estimate(np.zeros(0, np.int16), 1e-4))
    assert math.isnan(snr.quality(math.nan))


def test_digital_silence_around_speech_gives_the_highest_ratio_not_infinity() -> None:
    assert snr.estimate(np.full(16000, 0.5, np.float32), 0.0) == 60.0


@pytest.mark.parametrize(('ratio', 'quality'), [(-5.0, 0.0), (0.0, 0.0), (10.0, 0.5), (40.0, 1.0)])
def test_quality_rises_with_the_ratio(ratio: float, quality: float) -> None:
    assert snr.quality(ratio) == quality


def test_int16_and_float_have_the_same_scale() -> None:
    assert to_float(np.array([-32768, 16384], np.int16)).tolist() == [-1.0, 0.5]
