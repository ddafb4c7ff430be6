# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recordings that are cut short, damaged, unfinished, strangely made or strangely called."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from emotion_perception.media.container import probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader, read_sound
from emotion_perception.media.wav import write_wav
from support.films import QUARTER, Sound, listen, read_ruler, ruler, speech, write_film

RATE = 16000


def noise(seconds: float, rate: int = RATE) -> np.ndarray:
    """Return sound of which no two stretches are alike, int16 (n,)."""
    return np.random.default_rng(0).integers(-8000, 8000, round(seconds * rate)).astype(np.int16)


def harm(path: Path, begin: float, length: int = 4000) -> None:
    """Overwrite a part of a file.

    :param begin: where, as a share of the file.
    """
    data = bytearray(path.read_bytes())
    place = round(begin * len(data))
    data[place : place + length] = np.random.default_rng(1).bytes(length)
    path.write_bytes(data)


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])


def tones(path: Path, said: list[str]) -> list[tuple[float, float]]:
    samples, rate = read_sound(path, said.append)
    return listen(samples, rate)


# Sound


def test_a_flac_damaged_in_the_middle_is_heard_once_each_block_in_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'a.flac'
    whole = noise(10)
    soundfile.write(path, whole, RATE)
    harm(path, 0.5)
    said: list[str] = []
    found = read_sound(path, said.append)[0][:, 0]
    assert len(found) == len(whole)
    wrong = np.flatnonzero(found != whole)
    assert 0 < len(wrong) < 1.5 * RATE
    # What is lost is silence, nothing else, and its times are said.
    begin, end = wrong[0] / RATE, wrong[-1] / RATE
    assert not found[wrong[0] : wrong[-1] + 1].any()
    times = re.search(r'a\.flac: no sound from ([\d.]+) to ([\d.]+) s', said[0])
    assert float(times[1]) == pytest.approx(begin, abs=0.02)
    assert float(times[2]) == pytest.approx(end, abs=0.02)
    assert len(said) == 1


def test_half_a_flac_is_heard_once_and_what_is_missing_is_said(tmp_path: Path) -> None:
    path = tmp_path / 'a.flac'
    whole = noise(10)
    soundfile.write(path, whole, RATE)
    cut(path, 0.5)
    said: list[str] = []
    found = read_sound(path, said.append)[0][:, 0]
    assert 4.5 * RATE < len(found) < 5.2 * RATE
    assert np.array_equal(found, whole[: len(found)])
    assert len(said) == 1
    end, missing = re.search(r'ends at ([\d.]+) s, ([\d.]+) s before', said[0]).groups()
    assert float(end) == pytest.approx(len(found) / RATE, abs=0.01)
    assert float(end) + float(missing) == pytest.approx(10, abs=0.02)


@pytest.mark.parametrize(
    ('suffix', 'codec', 'rate'),
    [('opus', 'libopus', 48000), ('ogg', 'flac', 48000), ('mka', 'aac', 48000)],
)
def test_a_damaged_block_is_silence_and_the_rest_in_its_place(
    tmp_path: Path, suffix: str, codec: str, rate: int
) -> None:
    path = write_film(tmp_path / f'a.{suffix}', [], [Sound(codec, [(0.0, 8.0)], rate)])
    harm(path, 0.5, path.stat().st_size // 20)
    said: list[str] = []
    found = tones(path, said)
    good = [(spoken, heard) for spoken, heard in found if abs(heard - spoken) < 0.03]
    assert len(good) >= 22
    assert len({spoken for spoken, _ in good}) == len(good)
    assert good[0][0] == 0 and good[-1][0] == 7.75


@pytest.mark.parametrize(
    ('suffix', 'codec'),
    [('mp3', 'libmp3lame'), ('m4a', 'aac'), ('mka', 'aac'), ('wav', 'pcm_s16le')],
)
def test_what_is_cut_off_is_said(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_film(
        tmp_path / f'a.{suffix}',
        [],
        [Sound(codec, [(0.0, 8.0)])],
        container={'movflags': '+faststart'} if suffix == 'm4a' else None,
    )
    cut(path, 0.5)
    said: list[str] = []
    found = tones(path, said)
    assert all(abs(heard - spoken) < 0.03 for spoken, heard in found)
    assert 12 <= len(found) <= 17
    assert len(said) == 1
    assert re.search(r'its sound ends at [34]\.\d\d s, [34]\.\d\d s before the end', said[0])


def test_a_whole_recording_is_no_reason_to_say_anything(tmp_path: Path) -> None:
    for suffix, codec in (
        ('mp3', 'libmp3lame'),
        ('m4a', 'aac'),
        ('mka', 'aac'),
        ('wav', 'pcm_s16le'),
        ('flac', 'flac'),
    ):
        path = write_film(tmp_path / f'a.{suffix}', [], [Sound(codec, [(0.0, 2.0)])])
        said: list[str] = []
        assert len(tones(path, said)) == 8
        assert said == []


@pytest.mark.parametrize('size', [0, 36, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_never_closed_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / 'a.wav'
    whole = noise(2)
    write_wav(path, whole, RATE)
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack('<I', size)
    data[40:44] = struct.pack('<I', 0 if size == 36 else size)
    path.write_bytes(data)
    said: list[str] = []
    assert np.array_equal(read_sound(path, said.append)[0][:, 0], whole)
    assert said == []


def test_an_mp3_with_a_cover_is_sound_and_no_film(tmp_path: Path) -> None:
    import av

    path = tmp_path / 'a.mp3'
    with av.open(str(path), 'w') as file:
        sound = file.add_stream('libmp3lame', rate=44100, layout='mono')
        try:
            cover = file.add_stream('mjpeg', rate=1)
            cover.disposition = av.stream.Disposition.attached_pic
        except (AttributeError, ValueError) as error:
            pytest.skip(f'this PyAV writes no covers: {error}')
        cover.width, cover.height, cover.pix_fmt = 160, 120, 'yuvj420p'
        frame = av.VideoFrame.from_ndarray(ruler(1.0), 'bgr24')
        for packet in (*cover.encode(frame), *cover.encode(None)):
            file.mux(packet)
        wave = (speech(0, 2, 44100) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(wave, 's16', 'mono')
        frame.sample_rate = 44100
        for packet in (*sound.encode(frame), *sound.encode(None)):
            file.mux(packet)
    assert probe(path).cover
    assert len(tones(path, [])) == 8
    with pytest.raises(MediaError, match=r'a\.mp3 holds no picture but a cover'):
        PictureReader(path)


def test_chained_ogg_is_heard_to_its_end(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.opus', [], [Sound('libopus', [(0.0, 2.0)], 48000)])
    path.write_bytes(path.read_bytes() * 3)
    found = tones(path, [])
    assert [spoken for spoken, _ in found] == [place * QUARTER for place in range(8)] * 3
    heard = [heard for _, heard in found]
    assert heard == pytest.approx([place * QUARTER for place in range(24)], abs=0.06)


def test_what_follows_in_a_chain_of_another_format_is_not_lost_in_silence(tmp_path: Path) -> None:
    first, second = tmp_path / 'a.ogg', tmp_path / 'b.ogg'
    soundfile.write(first, noise(2), RATE, format='OGG', subtype='VORBIS')
    soundfile.write(second, noise(2, 44100), 44100, format='OGG', subtype='VORBIS')
    first.write_bytes(first.read_bytes() + second.read_bytes())
    said: list[str] = []
    samples, rate = read_sound(first, said.append)
    seconds = len(samples) / rate
    assert seconds == pytest.approx(4, abs=0.1) or any('cannot be read' in text for text in said)


def test_of_several_sound_tracks_the_first_with_sound_is_taken_and_said(tmp_path: Path) -> None:
    def silence(begin: float, end: float, rate: int) -> np.ndarray:
        return np.zeros(round((end - begin) * rate), np.float32)

    path = write_film(
        tmp_path / 'a.mkv',
        None,
        [Sound('pcm_s16le', wave=silence), Sound('pcm_s16le', rate=48000), Sound('aac')],
    )
    said: list[str] = []
    with SoundReader(path, say=said.append) as reader:
        assert reader.track.index == 2
        samples = np.concatenate([chunk.samples for chunk in reader])
    assert reader.rate == 48000
    assert len(listen(samples, 48000)) == 12
    assert len(said) == 1
    assert (
        'a.mkv has 3 sound tracks; track 2 (pcm_s16le) is taken, the first with sound' in said[0]
    )


def test_values_that_are_not_finite_are_silence(tmp_path: Path) -> None:
    wave = np.full(RATE, 0.25, np.float32)
    wave[100:200] = np.nan
    wave[300] = np.inf
    wave[400] = 3.0
    soundfile.write(tmp_path / 'a.wav', wave, RATE, subtype='FLOAT')
    said: list[str] = []
    samples = read_sound(tmp_path / 'a.wav', said.append)[0][:, 0]
    assert not samples[100:200].any() and samples[300] == 0
    assert samples[400] == 32767 and samples[0] == 8192
    assert len(said) == 1 and 'not finite' in said[0]


def test_only_so_much_is_read_and_that_is_said(tmp_path: Path) -> None:
    write_wav(tmp_path / 'a.wav', noise(5), RATE)
    said: list[str] = []
    samples, rate = read_sound(tmp_path / 'a.wav', said.append, longest=2.0)
    assert len(samples) == 2 * rate
    assert said == [f'{tmp_path / "a.wav"}: only its first 2 s are used']


# Pictures


def shown(path: Path, said: list[str]) -> list[tuple[float, float]]:
    with PictureReader(path, said.append) as reader:
        return [(picture.time, read_ruler(picture.image())) for picture in reader]


def test_a_film_damaged_in_the_middle_shows_the_rest_at_its_time(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.mkv', [place / 25 for place in range(100)], g='10', bf='0')
    harm(path, 0.5, path.stat().st_size // 10)
    said: list[str] = []
    found = shown(path, said)
    assert 45 < len(found) < 100
    assert sum(abs(time - seen) < 0.002 for time, seen in found) >= len(found) - 2
    assert found[-1][0] == pytest.approx(3.96, abs=0.002)
    lost = re.search(r'pictures from ([\d.]+) to ([\d.]+) s are damaged and left out', said[0])
    assert 1.2 < float(lost[1]) < float(lost[2]) < 3.6


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'avi'])
def test_a_film_cut_short_shows_what_is_there_and_says_what_is_not(
    tmp_path: Path, suffix: str
) -> None:
    path = write_film(
        tmp_path / f'a.{suffix}',
        [place / 25 for place in range(100)],
        g='10',
        codec='libx264' if suffix != 'avi' else 'mjpeg',
        pixels='yuv420p' if suffix != 'avi' else 'yuvj420p',
        container={'movflags': '+faststart'} if suffix == 'mp4' else None,
    )
    cut(path, 0.6)
    said: list[str] = []
    found = shown(path, said)
    assert 30 < len(found) < 90
    assert all(abs(time - seen) < 0.002 for time, seen in found[:-1])
    assert any('before the end that it declares' in text for text in said)


def test_a_film_whose_index_is_missing_says_so(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.mp4')
    cut(path, 0.7)
    with pytest.raises(MediaError, match=r'a\.mp4 cannot be read: its index \(moov\) is missing'):
        PictureReader(path)


def test_a_track_that_no_decoder_knows_is_named(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.mp4', None, [Sound()])
    data = path.read_bytes()
    assert b'avc1' in data
    place = data.index(b'avc1', data.index(b'stsd'))
    path.write_bytes(data[:place] + b'zzz9' + data[place + 4 :])
    with pytest.raises(MediaError, match=r'picture track 0 cannot be decoded: unknown'):
        PictureReader(path)
    # Its sound is good all the same.
    assert len(tones(path, [])) == 12


def test_a_track_of_which_nothing_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.mp4')
    data = bytearray(path.read_bytes())
    place = data.index(b'mdat')
    size = struct.unpack('>I', data[place - 4 : place])[0]
    data[place + 4 : place - 4 + size] = bytes(size - 8)
    path.write_bytes(data)
    with (
        pytest.raises(MediaError, match=r'picture track 0 \(h264\) holds no picture that can'),
        PictureReader(path) as reader,
    ):
        list(reader)


@pytest.mark.parametrize('degrees', [0, 90, 180, -90])
def test_a_film_that_its_telephone_turned_stands_upright(tmp_path: Path, degrees: int) -> None:
    def turned(time: float) -> np.ndarray:
        # As the sensor saw it: the player turns it back, counterclockwise by that much.
        picture = np.ascontiguousarray(np.rot90(ruler(time), -degrees // 90))
        return cv2.resize(picture, (160, 120), interpolation=cv2.INTER_NEAREST)

    path = write_film(tmp_path / 'a.mp4', picture=turned, rotation=degrees)
    found = shown(path, [])
    assert len(found) == 75
    assert all(time == pytest.approx(seen, abs=0.002) for time, seen in found)
    with PictureReader(path) as reader:
        height, width = next(iter(reader)).image().shape[:2]
    assert (width, height) == ((160, 120) if degrees % 180 == 0 else (120, 160))


def test_a_mirrored_film_is_shown_as_it_was(tmp_path: Path) -> None:
    path = write_film(tmp_path / 'a.mp4', picture=lambda time: ruler(time)[:, ::-1].copy())
    data = bytearray(path.read_bytes())
    place = data.index(b'tkhd') + 4 + 40
    matrix = struct.unpack('>9i', data[place : place + 36])
    assert matrix == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack('>9i', -65536, *matrix[1:6], 160 << 16, 0, 1 << 30)
    path.write_bytes(data)
    assert all(time == pytest.approx(seen, abs=0.002) for time, seen in shown(path, []))


# Names and files that are none


@pytest.mark.parametrize(
    'name',
    [
        '12:30:05.mp4',
        'http:film.mp4',
        'rtsp:__cam.mp4',
        '-dash.mp4',
        ' two  spaces .mp4',
        '😀 smile.mp4',
        'Ünïcödé.mp4',
        '~draft.mp4',
        'a%03d.mp4',
        'file:x.mp4',
        "it's.mp4",
        'query?x=1&y.mp4',
        'pipe:0.mp4',
        'concat:a|b.mp4',
        '#1.mp4',
    ],
)
def test_any_name_of_a_file_is_read(tmp_path: Path, monkeypatch, name: str) -> None:
    write_film(tmp_path / 'film.mp4', None, [Sound()])
    (tmp_path / 'film.mp4').rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):
        with PictureReader(path) as reader:
            assert read_ruler(next(iter(reader)).image()) == 0
        assert len(listen(*read_sound(path))) == 12


def test_a_title_in_another_encoding_is_no_reason_to_refuse_a_file(tmp_path: Path) -> None:
    path = tmp_path / 'a.wav'
    write_wav(path, noise(1), RATE)
    title = b'INFOINAM' + struct.pack('<I', 6) + b'caf\xe9 \xff'
    path.write_bytes(path.read_bytes() + b'LIST' + struct.pack('<I', len(title)) + title)
    assert len(read_sound(path)[0]) == RATE


def test_a_name_in_no_encoding_is_read(tmp_path: Path) -> None:
    import os

    path = Path(os.fsdecode(os.fsencode(tmp_path) + b'/\xff\xfe.wav'))
    write_wav(path, noise(1), RATE)
    assert len(read_sound(path)[0]) == RATE


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', r'a\.wav is empty'),
        (
            b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
            r'a\.wav is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`',
        ),
        (b'/annex/objects/SHA256E-s1--00.wav\n', r'a\.wav is a git-annex pointer'),
        (b'RIFF and nothing more', r'a\.wav'),
        (b'\0' * 3000, r'a\.wav cannot be read: it is damaged or no recording'),
    ],
)
def test_a_file_that_is_no_recording_is_named_with_the_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / 'a.wav').write_bytes(content)
    with pytest.raises(MediaError, match=message):
        read_sound(tmp_path / 'a.wav')
    with pytest.raises(MediaError, match=message):
        PictureReader(tmp_path / 'a.wav')


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r'none\.wav is not there'):
        read_sound(tmp_path / 'none.wav')
    with pytest.raises(MediaError, match='is a folder'):
        read_sound(tmp_path)
