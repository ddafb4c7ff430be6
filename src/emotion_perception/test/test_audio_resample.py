# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The way from any rate and channels to mono 16 kHz."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.audio.pcm import AudioFormatError
from emotion_perception.audio.resample import Mixer, MonoResampler, mix, to_mono16k


def sine(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(
        np.float32
    )


@pytest.mark.parametrize('rate', [8000, 11025, 22050, 32000, 44100, 48000, 96000])
def test_a_tone_keeps_its_pitch_and_its_loudness(rate: int) -> None:
    out = to_mono16k(sine(rate), rate)
    assert out.dtype == np.float32
    assert abs(out.size - 16000) <= 1
    middle = out[2000:14000]
    assert np.abs(middle - sine(16000)[2000:14000]).max() < 0.01


@pytest.mark.parametrize('rate', [16000, 44100, 48000])
def test_blocks_give_the_same_stream_as_the_whole(rate: int) -> None:
    signal = sine(rate)
    resampler = MonoResampler(rate)
    size = rate // 50 + 7
    parts = [resampler.push(signal[i : i + size]) for i in range(0, signal.size, size)]
    streamed = np.concatenate([*parts, resampler.flush()])
    assert np.abs(streamed - to_mono16k(signal, rate)).max() < 1e-4


@pytest.mark.parametrize('rate', [44100, 48000])
def test_the_delay_is_what_is_missing_of_the_stream(rate: int) -> None:
    resampler = MonoResampler(rate)
    came = sum(resampler.push(np.zeros(rate // 50, np.float32)).size for _ in range(50))
    assert resampler.delay == pytest.approx(1.0 - came / 16000, abs=1e-3)
    assert resampler.delay < 0.05


def test_16_khz_passes_unchanged_and_at_once() -> None:
    resampler = MonoResampler(16000)
    signal = sine(16000)
    assert np.array_equal(resampler.push(signal), signal)
    assert resampler.delay == 0.0
    assert resampler.flush().size == 0


def test_channels_are_averaged() -> None:
    samples = np.array([[16384, 0], [-16384, -16384]], np.int16)
    assert mix(samples).tolist() == [0.25, -0.5]


@pytest.mark.parametrize('rate', [0, 100, 10**7])
def test_an_impossible_rate_is_refused(rate: int) -> None:
    with pytest.raises(AudioFormatError, match=f'{rate} Hz cannot be right'):
        MonoResampler(rate)


def test_a_flushed_resampler_takes_a_new_stream() -> None:
    resampler = MonoResampler(48000)
    resampler.push(sine(48000))
    resampler.flush()
    again = np.concatenate([resampler.push(sine(48000)), resampler.flush()])
    assert np.abs(again - to_mono16k(sine(48000), 48000)).max() < 1e-4


# Channels that cancel each other


def noisy(*gains: float) -> np.ndarray:
    """Return a tone in channels of these gains, each with a noise of its own, float32."""
    rng = np.random.default_rng(0)
    tone = sine(16000)
    return np.stack(
        [gain * tone + rng.normal(0, 0.002, tone.size) for gain in gains], axis=1
    ).astype(np.float32)


@pytest.mark.parametrize(
    ('gains', 'kept'), [((1, -1), 0), ((0.5, -0.6), 1), ((-1, 1), 0), ((1, -1, 1, -1), 0)]
)
def test_of_channels_that_cancel_the_loudest_is_kept(gains: tuple, kept: int) -> None:
    samples = noisy(*gains)
    mixed = mix(samples)
    loudest = int(np.argmax(np.square(samples).mean(axis=0)))
    assert gains[loudest] in (gains[kept], -gains[kept])
    assert np.array_equal(mixed, samples[:, loudest])


@pytest.mark.parametrize('gains', [(1, 1), (1, 0), (1, 0.2), (1, -0.3), (0, 0)])
def test_other_channels_are_averaged(gains: tuple) -> None:
    samples = noisy(*gains)
    assert np.allclose(mix(samples), samples.mean(axis=1), atol=1e-7)


def test_unrelated_channels_are_averaged() -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, (16000, 2)).astype(np.float32)
    assert np.allclose(mix(samples), samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize('size', [160, 512, 1600])
def test_a_voice_that_cancels_is_heard_from_its_first_block_on(size: int) -> None:
    samples = np.concatenate([noisy(0, 0), noisy(1, -1), noisy(0, 0)])
    mixer = Mixer(16000)
    mixed = np.concatenate(
        [mixer.push(samples[i : i + size]) for i in range(0, len(samples), size)]
    )
    tone = np.sqrt(np.square(mixed[16000:32000]).mean())
    assert tone == pytest.approx(np.sqrt(0.125), rel=0.02)
    # No click: nowhere does it step by more than the tone does.
    assert np.abs(np.diff(mixed)).max() < 0.12


def test_an_inverted_recording_of_a_voice_is_heard(shared) -> None:
    from emotion_perception.media.sound import read_sound

    samples, rate = read_sound(shared / 'cases' / 'inverted_stereo.wav')
    assert np.abs(samples.astype(int).sum(axis=1)).max() <= 1
    mono = to_mono16k(samples, rate)
    assert np.abs(mono).max() > 0.05
