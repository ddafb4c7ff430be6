# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound files, folders and videos as if they were microphones; and what a microphone needs."""

from __future__ import annotations

import functools
import http.server
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotion_perception.audio import microphone, playback
from emotion_perception.audio.microphone import Microphone
from emotion_perception.audio.playback import FileSource
from emotion_perception.audio.source import AudioSourceError, SourceSettings
from emotion_perception.audio.sources import open_source
from emotion_perception.media.backoff import Backoff
from emotion_perception.media.errors import MediaError
from emotion_perception.media.sound import AudioChunk
from support.faces import write_video
from support.films import Sound, listen, write_film


class Time:
    """A clock that only runs while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def round_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 20 ms, of which whole numbers make the times of these tests."""
    monkeypatch.setattr(playback, 'BLOCK', 0.02)


def open_file(
    path: Path, clock: Time | None = None, warnings: list[str] | None = None, **settings
) -> FileSource:
    clock = clock or Time()
    settings = {'pause': 0.0, **settings}
    return FileSource(
        SourceSettings(source=str(path), **settings),
        clock,
        ([] if warnings is None else warnings).append,
        clock,
        clock.sleep,
    )


def everything(source: FileSource, most: int = 100000) -> list[AudioChunk]:
    chunks: list[AudioChunk] = []
    while len(chunks) < most and (chunk := source.read()) is not None:
        chunks.append(chunk)
    return chunks


def joined(chunks: list[AudioChunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def tone(rate: int, channels: int = 1, seconds: float = 0.5) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def test_a_wav_file_comes_out_sample_by_sample(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, (10001, 2)).astype(np.int16)
    soundfile.write(tmp_path / 'a.wav', samples, 44100)
    chunks = everything(open_file(tmp_path / 'a.wav'))
    assert np.array_equal(joined(chunks), samples)
    assert {(chunk.rate, chunk.channels) for chunk in chunks} == {(44100, 2)}
    assert chunks[0].samples.dtype == np.int16


@pytest.mark.parametrize(
    ('suffix', 'subtype'),
    [
        ('flac', 'PCM_16'),
        ('ogg', 'VORBIS'),
        ('mp3', 'MPEG_LAYER_III'),
        ('wav', 'PCM_24'),
        ('wav', 'FLOAT'),
        ('wav', 'PCM_U8'),
        ('wav', 'ULAW'),
        ('wav', 'ALAW'),
        ('aiff', 'PCM_16'),
        ('opus', 'OPUS'),
    ],
)
def test_other_formats_give_the_same_tone(tmp_path: Path, suffix: str, subtype: str) -> None:
    path = tmp_path / f'a.{suffix}'
    wave = tone(48000)
    soundfile.write(path, wave, 48000, format='OGG' if suffix == 'opus' else None, subtype=subtype)
    found = joined(everything(open_file(path)))[:, 0] / 32768
    length = min(found.size, len(wave)) - 4800
    # Lossy coders shift by their own delay at most.
    alike = max(
        np.corrcoef(found[shift : shift + length], wave[:length, 0])[0, 1]
        for shift in range(0, 2400, 10)
    )
    assert alike > 0.98
    assert found.std() == pytest.approx(0.353, abs=0.04)


def test_blocks_come_at_the_pace_of_a_microphone_and_are_stamped_with_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(48000), 48000)
    clock = Time()
    source = open_file(tmp_path / 'a.wav', clock)
    for index in range(25):
        chunk = source.read()
        # A block is there when its last sample is; its stamp is that of the first.
        assert clock.now == pytest.approx(1000.0 + 0.02 * (index + 1))
        assert chunk.time == pytest.approx(1000.0 + 0.02 * index)
        assert chunk.end == pytest.approx(clock.now)
    assert source.read() is None
    assert source.read() is None


def test_a_slow_reader_gets_the_same_stamps_and_catches_up(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000), 16000)
    clock = Time()
    source = open_file(tmp_path / 'a.wav', clock)
    times = []
    for index in range(20):
        times.append(source.read().time)
        if index == 3:
            clock.now += 0.2
    assert np.allclose(np.diff(times), 0.02)


def test_being_held_up_while_the_time_is_read_moves_no_stamp(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000), 16000)
    clock = Time()
    readings = 0

    def wall() -> float:
        nonlocal readings
        readings += 1
        now = clock.now
        # Every other time something else gets the processor before the next line runs.
        clock.now += 0.015 * (readings % 2)
        return now

    source = FileSource(
        SourceSettings(source=str(tmp_path / 'a.wav'), pause=0.0),
        wall,
        [].append,
        clock,
        clock.sleep,
    )
    times = [source.read().time for _ in range(20)]
    assert readings > 20
    assert np.allclose(np.diff(times), 0.02)


def test_after_the_machine_slept_it_goes_on_from_now(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000), 16000)
    clock = Time()
    source = open_file(tmp_path / 'a.wav', clock)
    source.read()
    clock.now += 3600
    assert source.read().time == pytest.approx(clock.now - 0.02)
    assert source.read().end == pytest.approx(clock.now)


def test_real_time_is_kept_on_the_real_clock(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000, seconds=0.4), 16000)
    source = FileSource(SourceSettings(source=str(tmp_path / 'a.wav'), pause=0.0))
    start = time.monotonic()
    chunks = everything(source)
    assert time.monotonic() - start >= 0.4 - 1e-3
    assert abs(time.time() - chunks[-1].end) < 0.3


def test_a_pause_of_silence_follows_a_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000, 2), 16000)
    found = joined(everything(open_file(tmp_path / 'a.wav', pause=0.5)))
    assert found.shape == (16000, 2)
    assert np.abs(found[:8000]).max() > 10000
    assert not found[8000:].any()


def test_a_loop_begins_anew_without_a_jump_in_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000, seconds=0.1), 16000)
    chunks = everything(open_file(tmp_path / 'a.wav', loop=True, pause=0.1), most=100)
    assert len(chunks) == 100
    assert np.allclose(np.diff([chunk.time for chunk in chunks]), 0.02)
    assert np.array_equal(chunks[0].samples, chunks[10].samples)


def test_a_folder_is_played_in_order_with_the_rate_of_each_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'b.flac', tone(48000), 48000)
    soundfile.write(tmp_path / 'a.wav', tone(16000, 2), 16000)
    (tmp_path / 'notes.txt').write_text('no sound')
    formats = [(chunk.rate, chunk.channels) for chunk in everything(open_file(tmp_path))]
    assert list(dict.fromkeys(formats)) == [(16000, 2), (48000, 1)]


def test_a_bad_file_in_a_folder_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / 'a.wav').write_bytes(b'RIFF, but no more')
    soundfile.write(tmp_path / 'b.wav', tone(16000), 16000)
    soundfile.write(tmp_path / 'c.wav', np.zeros((0, 1)), 16000)
    warnings: list[str] = []
    chunks = everything(open_file(tmp_path, warnings=warnings))
    assert len(joined(chunks)) == 8000
    assert len(warnings) == 2
    assert 'a.wav' in warnings[0]
    assert 'c.wav' in warnings[1] and 'no sound that can be decoded; left out' in warnings[1]


def test_a_folder_without_one_good_file_is_an_error_not_an_endless_loop(tmp_path: Path) -> None:
    for name in ('a.wav', 'b.wav'):
        (tmp_path / name).write_bytes(b'nothing')
    with pytest.raises(MediaError, match=r'no file in .* can be read'):
        everything(open_file(tmp_path, loop=True))


def test_values_that_are_not_finite_become_silence_with_a_warning(tmp_path: Path) -> None:
    wave = tone(16000)
    wave[100:200] = np.nan
    soundfile.write(tmp_path / 'a.wav', wave, 16000, subtype='FLOAT')
    warnings: list[str] = []
    found = joined(everything(open_file(tmp_path / 'a.wav', warnings=warnings)))
    assert not found[100:200].any()
    assert np.abs(found[200:]).max() > 10000
    assert 'not finite' in warnings[0]


def test_the_sound_track_of_a_video_is_played(media) -> None:
    chunks = everything(open_file(media('grid_speaker_a_bbaf2n.mpg')))
    assert {(chunk.rate, chunk.channels) for chunk in chunks} == {(44100, 2)}
    assert len(joined(chunks)) / 44100 == pytest.approx(3.0, abs=0.1)
    assert np.abs(joined(chunks)).max() > 3000


def test_a_video_without_sound_is_an_error(tmp_path: Path) -> None:
    film = write_video(tmp_path / 'without.avi', [np.zeros((48, 64, 3), np.uint8)] * 10)
    with pytest.raises(MediaError, match=r'without\.avi has no sound track'):
        everything(open_file(film))


def test_a_damaged_sound_file_is_named(tmp_path: Path) -> None:
    (tmp_path / 'a.flac').write_bytes(b'fLaC' + bytes(100))
    with pytest.raises(MediaError, match=r'a\.flac'):
        everything(open_file(tmp_path / 'a.flac'))


def test_a_file_that_was_closed_ends(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'a.wav', tone(16000), 16000)
    source = open_file(tmp_path / 'a.wav')
    source.read()
    source.close()
    assert source.read() is None


def test_missing_files_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r'nowhere\.wav is not there'):
        open_source(SourceSettings(source=str(tmp_path / 'nowhere.wav')))
    with pytest.raises(MediaError, match='holds no sound files'):
        open_source(SourceSettings(source=str(tmp_path)))


def test_a_microphone_without_portaudio_says_what_to_install(monkeypatch) -> None:
    class NoPortAudio:
        def find_spec(self, name, path=None, target=None):
            if name == 'sounddevice':
                raise OSError('PortAudio library not found')

    monkeypatch.delitem(sys.modules, 'sounddevice', raising=False)
    monkeypatch.setattr(sys, 'meta_path', [NoPortAudio(), *sys.meta_path])
    with pytest.raises(AudioSourceError, match='apt-get install libportaudio2'):
        Microphone(SourceSettings())


def test_a_microphone_without_sounddevice_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'sounddevice', None)
    with pytest.raises(AudioSourceError, match='pip install sounddevice'):
        Microphone(SourceSettings())


@pytest.mark.parametrize('name', ['no such device', '99'])
def test_a_microphone_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    try:
        microphone.import_sounddevice()
    except AudioSourceError as error:
        pytest.skip(f'{error}')
    with pytest.raises(AudioSourceError, match=rf"no microphone '{name}' .*devices here: "):
        Microphone(SourceSettings(device=name))


def test_the_pauses_between_tries_double_up_to_the_longest() -> None:
    backoff = Backoff()
    assert [backoff.next() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    backoff.reset()
    assert backoff.next() == 0.5


# Streams


def test_the_sound_of_a_recording_on_a_server_is_paced_and_ends_with_a_word(
    tmp_path: Path,
) -> None:
    write_film(
        tmp_path / 'a.m4a', [], [Sound('aac', [(0.0, 1.0)])], container={'movflags': '+faststart'}
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(SourceSettings(source=f'http://127.0.0.1:{server.server_port}/a.m4a'))
        start = time.monotonic()
        chunks: list[AudioChunk] = []
        with pytest.raises(MediaError, match='gives no more sound'):
            while True:
                chunks.append(source.read())
        assert time.monotonic() - start >= 0.9
        server.shutdown()
    assert [said for said, _ in listen(joined(chunks), chunks[0].rate)] == [0, 0.25, 0.5, 0.75]
    assert all(chunk.end <= time.time() for chunk in chunks)


def test_a_stream_that_is_not_there_is_named() -> None:
    with pytest.raises(MediaError, match=r'stream http://127\.0\.0\.1:9/none cannot be opened'):
        open_source(SourceSettings(source='http://127.0.0.1:9/none'))


# Films


@pytest.mark.parametrize('loop', [False, True])
def test_the_sound_of_a_film_lasts_as_long_as_its_pictures_in_a_loop(
    tmp_path: Path, loop: bool
) -> None:
    film = write_film(
        tmp_path / 'a.mkv', [place / 25 for place in range(50)], [Sound('pcm_s16le', [(0.5, 1.0)])]
    )
    chunks = everything(open_file(film, loop=loop, pause=1.0), most=400)
    said = [said for said, _ in listen(joined(chunks), 16000)]
    assert said == ([0.5, 0.75] * 4 if loop else [0.5, 0.75])
    if not loop:
        # To the end of the picture, and the pause.
        assert len(joined(chunks)) / 16000 == pytest.approx(3.0, abs=0.05)


def test_what_is_damaged_is_said_once_however_often_a_file_is_played(tmp_path: Path) -> None:
    path = tmp_path / 'a.flac'
    soundfile.write(path, tone(16000, seconds=2.0), 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    warnings: list[str] = []
    everything(open_file(path, loop=True, warnings=warnings), most=300)
    assert len(warnings) == 1 and 'before the end that it declares' in warnings[0]
