# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound files as people have them, and those that are broken."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from emotion_training.common.files import TrainingError
from emotion_training.ser.corpora import Clip
from emotion_training.ser.sound import read_native, read_sound
from emotion_training.ser.sounds import load_sounds, trim


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize('rate', [8000, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize('subtype', ['PCM_16', 'PCM_24', 'FLOAT'])
def test_any_rate_and_format_becomes_16_khz_mono(tmp_path, rate, subtype):
    stereo = np.stack((tone(rate), tone(rate)), axis=1)
    soundfile.write(tmp_path / 'a.wav', stereo, rate, subtype=subtype)
    samples = read_sound(tmp_path / 'a.wav')
    assert samples.dtype == np.float32
    assert abs(samples.size - 16000) <= 2
    middle = samples[2000:14000]
    assert np.abs(middle - tone(16000)[2000 : 2000 + middle.size]).max() < 0.02


def test_an_hour_is_cut_to_a_minute_and_said(tmp_path):
    with soundfile.SoundFile(tmp_path / 'long.wav', 'w', 8000, 1) as file:
        for _ in range(3600):
            file.write(np.zeros(8000, np.float32))
    lines: list[str] = []
    samples, rate = read_native(tmp_path / 'long.wav', say=lines.append)
    assert samples.size == 60 * rate
    assert 'first 60 s' in lines[0]


def test_clipped_float_and_not_finite_values_stay_within_full_scale(tmp_path):
    loud = np.array([3.0, -7.0, np.nan, np.inf, 0.25] * 100, np.float32)
    soundfile.write(tmp_path / 'a.wav', loud, 16000, subtype='FLOAT')
    samples = read_sound(tmp_path / 'a.wav')
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0


@pytest.mark.parametrize('content', [b'', b'RIFF nonsense', b'\0' * 5000])
def test_an_unreadable_file_is_named(tmp_path, content):
    (tmp_path / 'broken.wav').write_bytes(content)
    with pytest.raises(TrainingError, match=r'broken\.wav'):
        read_native(tmp_path / 'broken.wav')


def test_a_file_without_samples_is_named(tmp_path):
    soundfile.write(tmp_path / 'none.wav', np.zeros(0, np.float32), 16000)
    with pytest.raises(TrainingError, match=r'none\.wav: its sound track 0 .* holds no sound'):
        read_native(tmp_path / 'none.wav')


def test_training_leaves_out_what_cannot_be_used_and_says_so(tmp_path):
    soundfile.write(tmp_path / 'good.wav', tone(16000), 16000)
    soundfile.write(tmp_path / 'sample.wav', np.ones(1, np.float32), 16000)
    (tmp_path / 'broken.wav').write_bytes(b'no sound')
    clips = [
        Clip('x', tmp_path / name, 'Happy', 'x/a')
        for name in ('good.wav', 'sample.wav', 'broken.wav')
    ]
    lines: list[str] = []
    data = load_sounds(clips, tmp_path / 'cache', lines.append)
    assert data.names.tolist() == ['good.wav']
    assert '2 of 3 clips are left out' in lines
    assert sum('left out: ' in line for line in lines) == 2
    with pytest.raises(TrainingError, match='none of 2 clips can be used'):
        load_sounds(clips[1:], tmp_path / 'cache', lines.append)


def test_the_cache_gives_the_same_sounds(tmp_path):
    soundfile.write(tmp_path / 'good.wav', tone(16000), 16000)
    clips = [Clip('x', tmp_path / 'good.wav', 'Sad', 'x/a')]
    lines: list[str] = []
    first = load_sounds(clips, tmp_path / 'cache', lines.append)
    again = load_sounds(clips, tmp_path / 'cache', lines.append)
    assert lines == ['reading 1 clips']
    assert np.array_equal(first.samples, again.samples)
    assert np.array_equal(first.labels, again.labels)


def test_clips_are_trimmed_to_what_is_heard_and_levelled(tmp_path):
    silence = np.zeros(24000)
    for gain in (1.0, 0.01):
        soundfile.write(
            tmp_path / f'{gain}.wav', np.concatenate((silence, gain * tone(16000), silence)), 16000
        )
    clips = [Clip('x', tmp_path / f'{gain}.wav', 'Sad', 'x/a') for gain in (1.0, 0.01)]
    data = load_sounds(clips, tmp_path / 'cache', lambda _: None)
    assert np.abs(data.lengths - 16000 * 1.3).max() <= 640
    level = [np.sqrt(np.mean(data.clip(row) ** 2)) for row in (0, 1)]
    assert level[0] == pytest.approx(level[1], rel=0.02)
    assert trim(np.zeros(16000, np.float32)).size == 16000
