# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a recording shows and says, at the container's times: a ruler over picture and sound."""

from __future__ import annotations

import ctypes
import itertools
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.media.container import probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader
from support.films import Sound, listen, read_ruler, write_film

FRAME = 1 / 25


def pictures_of(path: Path, **arguments) -> list[tuple[float, float]]:
    """Return (time that the reader says, time that the picture shows)."""
    with PictureReader(path, **arguments) as reader:
        return [(picture.time, read_ruler(picture.image())) for picture in reader]


def sound_of(path: Path, said: list[str] | None = None, whole: bool = True):
    """Return the samples, their rate and the time of the first one."""
    with SoundReader(path, say=(said if said is not None else []).append, whole=whole) as reader:
        chunks = list(reader)
    for before, after in itertools.pairwise(chunks):
        assert after.time == pytest.approx(before.end, abs=1e-6)
    return np.concatenate([chunk.samples for chunk in chunks]), reader.rate, chunks[0].time


def check_pictures(path: Path, times: list[float], within: float = 0.002) -> None:
    found = pictures_of(path)
    assert [shown for _, shown in found] == pytest.approx(times, abs=0.0015)
    assert [time for time, _ in found] == pytest.approx(times, abs=within)


def check_sound(path: Path, expected: list[float], within: float = FRAME / 2) -> None:
    samples, rate, begin = sound_of(path)
    tones = listen(samples, rate, begin)
    assert [said for said, _ in tones] == pytest.approx(expected)
    assert [heard for _, heard in tones] == pytest.approx(expected, abs=within)


QUARTERS = [place / 4 for place in range(12)]
EVEN = [place / 25 for place in range(75)]


def scheduling() -> int:
    """Return what the C library takes this thread's scheduling for."""
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_ulong
    policy, priority = ctypes.c_int(), ctypes.c_int()
    library.pthread_getschedparam(
        ctypes.c_ulong(library.pthread_self()), ctypes.byref(policy), ctypes.byref(priority)
    )
    return policy.value


@pytest.mark.parametrize(
    ('suffix', 'codec', 'pixels', 'options'),
    [
        ('mp4', 'libx264', 'yuv420p', {}),
        ('mp4', 'libx264', 'yuv420p10le', {}),
        ('mkv', 'libx264', 'yuv444p', {'bf': '3'}),
        ('mp4', 'libx265', 'yuv420p', {'x265-params': 'log-level=none'}),
        ('mp4', 'libx265', 'yuv420p10le', {'x265-params': 'log-level=none'}),
        ('webm', 'libvpx-vp9', 'yuv420p', {'cpu-used': '8'}),
        ('mp4', 'libsvtav1', 'yuv420p', {'preset': '8', 'crf': '10'}),
        ('avi', 'mjpeg', 'yuvj420p', {}),
        ('mov', 'mjpeg', 'yuvj420p', {}),
        ('avi', 'mpeg4', 'yuv420p', {}),
        ('mkv', 'ffv1', 'yuv420p', {}),
    ],
)
def test_pictures_of_every_codec_have_their_own_time(
    tmp_path: Path, suffix: str, codec: str, pixels: str, options: dict
) -> None:
    path = write_film(tmp_path / f'film.{suffix}', codec=codec, pixels=pixels, **options)
    check_pictures(path, EVEN)
    assert scheduling() == os.SCHED_OTHER


@pytest.mark.parametrize(
    ('suffix', 'codec', 'rate', 'bits'),
    [
        ('m4a', 'aac', 44100, 0),
        ('mp3', 'libmp3lame', 44100, 0),
        ('opus', 'libopus', 48000, 0),
        ('ogg', 'libopus', 48000, 0),
        ('flac', 'flac', 16000, 0),
        ('wav', 'pcm_s16le', 16000, 0),
        ('wav', 'pcm_f32le', 16000, 0),
        ('wav', 'pcm_u8', 16000, 0),
        ('aiff', 'pcm_s16be', 44100, 0),
        ('wma', 'wmav2', 44100, 64000),
        ('ac3', 'ac3', 48000, 0),
        ('amr', 'libopencore_amrnb', 8000, 0),
        ('mka', 'flac', 48000, 0),
        ('mp4', 'alac', 44100, 0),
        ('mkv', 'eac3', 48000, 0),
        ('mp2', 'mp2', 44100, 0),
    ],
)
def test_sound_of_every_codec_has_its_own_time(
    tmp_path: Path, suffix: str, codec: str, rate: int, bits: int
) -> None:
    path = write_film(tmp_path / f'sound.{suffix}', [], [Sound(codec, rate=rate, bits=bits)])
    # Formats that do not say how long their coder lingers are late by that (WMA: 2048 samples,
    # and its first ones are lost).
    within = {'wma': 0.048, 'amr': 0.03}.get(suffix, FRAME / 2)
    check_sound(path, QUARTERS[suffix == 'wma' :], within)


def test_a_varying_rate_is_read_as_it_is(tmp_path: Path) -> None:
    times = [*(place / 5 for place in range(8)), *(1.6 + place / 25 for place in range(40))]
    path = write_film(tmp_path / 'film.mp4', times, [Sound()])
    check_pictures(path, times)
    check_sound(path, QUARTERS)


def test_a_browser_s_recording_that_claims_1000_frames_a_second(tmp_path: Path) -> None:
    # MediaRecorder: first picture a little late, pauses of its own, no length in the header.
    times = [0.007 + place * 0.04 + 0.013 * (place % 3 == 1) for place in range(70)]
    path = write_film(
        tmp_path / 'film.webm',
        times,
        [Sound('libopus', rate=48000)],
        'libvpx-vp9',
        container={'live': '1'},
        **{'cpu-used': '8'},
    )
    assert np.isnan(probe(path).end)
    check_pictures(path, times)
    check_sound(path, QUARTERS)


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'mov'])
def test_sound_that_begins_later_than_the_picture_is_heard_then(
    tmp_path: Path, suffix: str
) -> None:
    path = write_film(tmp_path / f'film.{suffix}', None, [Sound(pieces=[(1.25, 3.0)])])
    check_pictures(path, EVEN)
    check_sound(path, QUARTERS[5:])
    samples, rate, begin = sound_of(path)
    assert begin == 0.0
    assert not samples[: round(1.1 * rate)].any()
    # Without `whole`, it begins when the sound does.
    assert sound_of(path, whole=False)[2] == pytest.approx(1.25, abs=0.07)


def test_pictures_that_begin_later_than_the_sound_are_shown_then(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'film.mp4', EVEN[25:], [Sound()])
    check_pictures(path, EVEN[25:])
    check_sound(path, QUARTERS)


@pytest.mark.parametrize(
    ('suffix', 'codec'),
    [('mp4', 'aac'), ('mkv', 'libopus'), ('mkv', 'pcm_s16le'), ('mka', 'flac')],
)
def test_a_gap_in_the_sound_is_silence_and_is_said(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    rate = 48000
    path = write_film(
        tmp_path / f'film.{suffix}',
        None if suffix != 'mka' else [],
        [Sound(codec, [(0.0, 1.0), (2.1, 3.0)], rate)],
    )
    said: list[str] = []
    samples, rate, begin = sound_of(path, said)
    tones = listen(samples, rate, begin)
    assert [spoken for spoken, _ in tones] == [0, 0.25, 0.5, 0.75, 2.25, 2.5, 2.75]
    assert all(abs(heard - spoken) < FRAME / 2 for spoken, heard in tones)
    assert len(said) == 1
    assert 'no sound from 1.0' in said[0]
    assert ' to 2.1' in said[0] or ' to 2.09 s' in said[0]


def test_a_long_gap_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = write_film(
        tmp_path / 'film.mka', [], [Sound('pcm_s16le', [(0.0, 0.5), (4000.0, 4000.5)], 8000)]
    )
    with SoundReader(path, block=1.0) as reader:
        chunks = list(reader)
    assert max(len(chunk.samples) for chunk in chunks) <= 8000
    assert chunks[-1].end == pytest.approx(4000.5, abs=0.02)


def test_an_edit_list_hides_what_it_cuts_off(tmp_path: Path) -> None:
    # What is before zero is in the file, but no player shows it.
    path = write_film(
        tmp_path / 'film.mp4',
        None,
        [Sound()],
        shift=-0.52,
        g='1',
        container={'avoid_negative_ts': 'disabled'},
    )
    found = pictures_of(path)
    assert found[0][0] == pytest.approx(0.0, abs=0.002)
    assert all(shown == pytest.approx(time + 0.52, abs=0.002) for time, shown in found)
    samples, rate, begin = sound_of(path)
    tones = [item for item in listen(samples, rate, begin) if item[0] >= 0.75]
    assert len(tones) == 9
    assert all(abs(heard + 0.52 - spoken) < FRAME / 2 for spoken, heard in tones)


def test_times_before_zero_stay_in_step_with_the_rest(tmp_path: Path) -> None:
    path = write_film(
        tmp_path / 'film.mkv',
        None,
        [Sound(rate=48000)],
        shift=-0.5,
        container={'avoid_negative_ts': 'disabled'},
    )
    contents = probe(path)
    found = pictures_of(path)
    samples, rate, begin = sound_of(path)
    tones = listen(samples, rate, begin)
    assert len(found) == 75 and len(tones) == 12
    offset = found[0][0] - found[0][1]
    assert all(time - shown == pytest.approx(offset, abs=0.002) for time, shown in found)
    assert all(heard - spoken == pytest.approx(offset, abs=FRAME) for spoken, heard in tones)
    assert contents.begin <= found[0][0]
    assert offset == pytest.approx(-0.5, abs=0.002)


@pytest.mark.parametrize(
    ('suffix', 'codec', 'sound'),
    [('ts', 'libx264', 'aac'), ('mpg', 'mpeg1video', 'mp2'), ('flv', 'flv', 'libmp3lame')],
)
def test_a_clock_that_begins_anywhere_counts_from_the_beginning(
    tmp_path: Path, suffix: str, codec: str, sound: str
) -> None:
    path = write_film(
        tmp_path / f'film.{suffix}',
        None,
        [Sound(sound, rate=44100)],
        codec,
        shift=40.0,
        tick=Fraction(1, 25),
    )
    found = pictures_of(path)
    samples, rate, begin = sound_of(path)
    tones = listen(samples, rate, begin)
    offset = found[0][0] - found[0][1]
    assert 0 <= found[0][0] < 0.2
    # One of the two begins at zero; both are in step, to a frame.
    assert all(time - shown == pytest.approx(offset, abs=0.002) for time, shown in found)
    assert len(tones) >= 11
    assert all(abs(heard - spoken - offset) < FRAME for spoken, heard in tones)


def test_a_piece_of_a_longer_recording_counts_from_its_own_beginning(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'film.mkv', None, [Sound('pcm_s16le')], shift=50.0)
    assert probe(path).begin == 0.0
    check_pictures(path, EVEN)
    check_sound(path, QUARTERS)


@pytest.mark.parametrize(('pictures', 'sound'), [(1.0, 3.0), (3.0, 1.0)])
def test_a_track_that_is_shorter_than_the_other_ends_alone(
    tmp_path: Path, pictures: float, sound: float
) -> None:
    times = [place / 25 for place in range(round(pictures * 25))]
    path = write_film(tmp_path / 'film.mp4', times, [Sound(pieces=[(0.0, sound)])])
    said: list[str] = []
    check_pictures(path, times)
    samples, rate, begin = sound_of(path, said)
    assert [spoken for spoken, _ in listen(samples, rate, begin)] == QUARTERS[: round(4 * sound)]
    # The whole sound lasts as long as the recording.
    assert len(samples) / rate == pytest.approx(3.0, abs=0.1)
    assert said == []


def test_two_recordings_joined_in_one_file_follow_each_other(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.ts', None, [Sound('aac')])
    both = tmp_path / 'both.ts'
    both.write_bytes(path.read_bytes() * 2)
    times = [time for time, _ in pictures_of(both)]
    assert len(times) == 150
    assert np.diff(times).min() > 0
    assert times[-1] == pytest.approx(6.0, abs=0.3)
    samples, rate, _ = sound_of(both)
    assert len(samples) / rate == pytest.approx(6.0, abs=0.4)


def test_decoding_in_several_threads_gives_the_same_pictures(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'film.mp4')
    assert pictures_of(path, threads=2) == pictures_of(path)


def test_pictures_that_nobody_wants_are_not_decoded(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'film.mp4', g='10', bf='0')
    with PictureReader(path) as reader:
        pictures = iter(reader)
        assert next(pictures).time == 0.0
        reader.skip_before = 2.0
        found = [read_ruler(picture.image()) for picture in pictures]
    # It goes on at the last key picture before that time, whole.
    assert 1.59 < found[0] <= 2.0
    assert found == pytest.approx(
        [place / 25 for place in range(round(found[0] * 25), 75)], abs=0.0015
    )


def test_a_film_is_no_sound_and_sound_no_film(tmp_path: Path) -> None:
    film = write_film(tmp_path / 'film.mp4')
    with pytest.raises(MediaError, match=r'film\.mp4 has no sound track'):
        SoundReader(film)
    sound = write_film(tmp_path / 'sound.m4a', [], [Sound()])
    with pytest.raises(MediaError, match=r'sound\.m4a holds no picture'):
        PictureReader(sound)
