# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Noise suppression on a real voice in noise."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from emotion_perception.audio import denoise as module
from emotion_perception.audio.denoise import DenoiseError, Denoiser, denoise
from emotion_perception.audio.level import level
from support.sounds import read_16k, real_voice


@pytest.fixture
def noisy() -> tuple[np.ndarray, np.ndarray]:
    """Return a voice between half a second of silence, and the same in noise (int16)."""
    if importlib.util.find_spec('pyrnnoise') is None:
        pytest.skip('needs the package pyrnnoise (optional): pip install --no-deps pyrnnoise')
    voice = np.pad(read_16k(real_voice()), (8000, 8000))
    noise = np.random.default_rng(0).normal(0, 600, voice.size)
    return voice, np.clip(voice + noise, -32768, 32767).astype(np.int16)


def test_noise_goes_and_the_voice_stays_in_its_place(noisy) -> None:
    voice, mixture = noisy
    clean = denoise(mixture, keep=0.0)
    assert clean.dtype == np.float32
    assert clean.size == voice.size
    assert level(clean[1600:6400]) < level(mixture[1600:6400]) - 30
    assert level(clean[8000:-8000]) == pytest.approx(level(voice[8000:-8000]), abs=1.5)
    # The same samples at the same time: a shift by 5 ms correlates worse.
    alike = [
        np.corrcoef(voice[100:-100], np.roll(clean, shift)[100:-100])[0, 1]
        for shift in (-80, 0, 80)
    ]
    assert alike[1] > 0.95
    assert alike[1] == max(alike)


def test_a_part_of_the_sound_stays_as_it_was(noisy) -> None:
    voice, mixture = noisy
    clean = denoise(mixture)
    assert level(clean[1600:6400]) == pytest.approx(level(mixture[1600:6400]) - 6, abs=0.5)
    assert level(clean[8000:-8000]) == pytest.approx(level(voice[8000:-8000]), abs=1.5)


def test_babble_stays_and_the_voice_in_front_with_it(noisy) -> None:
    voice, _ = noisy
    speech = voice[8000:-8000].astype(np.float32) / 32768
    babble = sum(np.roll(speech, shift) for shift in (7000, 15000, 23000, 31000))
    mixture = speech + 0.3 * babble
    assert np.array_equal(denoise(mixture), mixture)


def test_a_stream_is_cleaned_as_the_whole_is_only_later(noisy) -> None:
    _, mixture = noisy
    denoiser = Denoiser()
    stream = np.concatenate(
        [denoiser.push(mixture[i : i + 512]) for i in range(0, mixture.size, 512)]
    )
    whole = denoise(mixture, keep=0.0)
    # The network has settled differently, but what it gives is the same sound.
    late, count = denoiser.LATE // 3, stream.size - denoiser.LATE // 3
    assert np.corrcoef(stream[late:], whole[:count])[0, 1] > 0.99
    assert denoiser.delay == pytest.approx((mixture.size - count) / 16000, abs=0.011)


def test_the_very_beginning_is_clean_already(noisy) -> None:
    _, mixture = noisy
    assert level(denoise(mixture, keep=0.0)[:1600]) < level(mixture[:1600]) - 20


def test_a_reset_denoiser_works_as_a_new_one(noisy) -> None:
    _, mixture = noisy
    used = Denoiser()
    used.push(mixture)
    used.reset()
    assert np.array_equal(used.push(mixture), Denoiser().push(mixture))


@pytest.mark.parametrize('samples', [0, 1, 100])
def test_hardly_any_sound_is_no_trouble(noisy, samples: int) -> None:
    assert denoise(np.zeros(samples, np.int16)).size == samples


def test_a_missing_library_is_named_with_the_way_to_get_it(monkeypatch) -> None:
    module._library.cache_clear()
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(DenoiseError, match='pip install --no-deps pyrnnoise'):
        Denoiser()


def test_a_broken_library_is_named(monkeypatch, tmp_path) -> None:
    module._library.cache_clear()
    (tmp_path / 'librnnoise.so').write_bytes(b'nonsense')
    spec = importlib.util.spec_from_file_location(
        'pyrnnoise', tmp_path / '__init__.py', submodule_search_locations=[str(tmp_path)]
    )
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    with pytest.raises(DenoiseError, match='RNNoise does not load'):
        Denoiser()
    module._library.cache_clear()
