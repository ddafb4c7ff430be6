# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Nothing decodes media by hand, and every input that showed a fault gives what is right."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.audio.resample import mix
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import IMAGE_SUFFIXES, files_in
from emotion_perception.media.images import read_image
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader, read_sound
from support.fixtures import ROOT
from support.interviews import interview

# What decodes pictures, films or sound, and who may: the room of media, and who has a device.
_DECODERS = re.compile(
    r'VideoCapture\(|\.imread\(|\.imdecode\(|\bsoundfile\.(read|SoundFile|blocks|info)|\bav\.open\(|'
    r'imageio|\baudioread\b|librosa\.load|wave\.open\([^)]*[\'"]rb|ffmpeg|PIL\.Image|Image\.open\('
)
_ALLOWED = {
    'src/emotion_perception/emotion_perception/media': '.',
    # A codec as a line that sound goes through, in memory: no file.
    'src/emotion_training/emotion_training/ser/lines.py': r'av\.open\(buffer',
    'src/emotion_perception/emotion_perception/vision/live.py': r'VideoCapture\(',
}
# What is decoded that is no file: messages, uploads, a picture just encoded (JPEG as a noise).
_IN_MEMORY = re.compile(r'cv2\.imdecode\(')
# A file that is written.
_WRITTEN = re.compile(r"\bav\.open\([^()]*(\([^()]*\))?[^()]*'w'")


def by_hand(sources: dict[str, str]) -> list[str]:
    """Return the lines that decode media outside the room for it."""
    found = []
    for path, source in sources.items():
        allowed = next((rule for place, rule in _ALLOWED.items() if path.startswith(place)), None)
        for number, line in enumerate(source.splitlines(), 1):
            code = line.partition('#')[0]
            if not _DECODERS.search(code) or (allowed and re.search(allowed, code)):
                continue
            if not _IN_MEMORY.search(code) and not _WRITTEN.search(code):
                found.append(f'{path}:{number}: {line.strip()}')
    return found


def test_nothing_but_the_media_room_decodes_files() -> None:
    sources = {
        str(path.relative_to(ROOT)): re.sub(
            r'"""(.|\n)*?"""',
            lambda text: re.sub(r'[^\n]', '', text[0]),
            path.read_text(encoding='utf-8'),
        )
        for path in sorted((ROOT / 'src').glob('*/emotion_*/**/*.py'))
    }
    assert len(sources) > 100
    assert by_hand(sources) == []


def test_a_film_opened_by_hand_is_found() -> None:
    bad = {
        'src/a/x.py': 'film = cv2.VideoCapture(path)\nimage = cv2.imread(path)\n',
        'src/a/y.py': 'sound = soundfile.read(path)\n',
        'src/emotion_perception/emotion_perception/vision/live.py': 'cv2.imread(path)\n',
    }
    assert len(by_hand(bad)) == 4


# The inputs of ../shared/cases


@pytest.fixture(scope='module')
def case(shared: Path, tmp_path_factory) -> Callable[[str], Path]:
    """Return a function from an input's name to its path."""

    def find(name: str) -> Path:
        path = shared / 'cases' / name
        if not path.exists():
            pytest.skip(f'needs {path}')
        return path

    return find


def times(path: Path) -> list[float]:
    with PictureReader(path) as reader:
        return [picture.time for picture in reader]


def test_av1_is_shown_and_heard(case) -> None:
    shown = times(case('av1.mp4'))
    assert len(shown) == 175 and shown[-1] == pytest.approx(6.96)
    assert np.abs(read_sound(case('av1.mp4'))[0]).max() > 1000


def test_a_varying_rate_keeps_its_times(case) -> None:
    steps = np.diff(times(case('variable_frame_rate.mp4')))
    assert set(np.round(steps, 3)) == {0.04, 0.2}
    assert steps.sum() == pytest.approx(13.96)


def test_a_gap_of_two_seconds_is_silence(case) -> None:
    said: list[str] = []
    with SoundReader(case('sound_with_2s_gap.mp4'), say=said.append) as reader:
        chunks = list(reader)
    assert chunks[-1].end == pytest.approx(14.016, abs=0.01)
    assert 'no sound from 6.21 to 8.26 s' in said[0]
    quiet = [chunk for chunk in chunks if 6.35 < chunk.time < 8.1]
    assert len(quiet) >= 16 and not any(chunk.samples.any() for chunk in quiet)


def test_a_film_without_sound_is_one_clear_error(case) -> None:
    with pytest.raises(MediaError, match=r'no_sound_track\.mp4 has no sound track'):
        read_sound(case('no_sound_track.mp4'))
    assert len(times(case('no_sound_track.mp4'))) == 350


def test_half_a_download_is_heard_once(case) -> None:
    said: list[str] = []
    samples, rate = read_sound(case('half_downloaded.flac'), said.append)
    assert len(samples) / rate == pytest.approx(2.05, abs=0.01)
    whole = read_sound(case('voice.wav'))[0]
    assert np.abs(samples - whole[: len(samples)].astype(int)).max() <= 1
    assert len(said) == 1 and 'ends at 2.05 s, 1.85 s before the end that it declares' in said[0]


def test_an_inverted_channel_does_not_silence_the_other(case) -> None:
    samples, _ = read_sound(case('inverted_stereo.wav'))
    loudest = np.abs(samples[:, 0]).max() / 32768
    assert np.abs(mix(samples)).max() == pytest.approx(loudest, abs=1e-4)


@pytest.mark.parametrize('name', ['face.avif', 'face.jfif', 'face.jpg'])
def test_a_face_is_read_from_every_format(case, name: str) -> None:
    assert read_image(case(name)).shape == (150, 160, 3)


def test_half_a_picture_is_left_out(case) -> None:
    folder = case('folder_with_half_picture') / 'happy'
    found = []
    for path in files_in(folder, IMAGE_SUFFIXES):
        try:
            found.append(read_image(path))
        except MediaError as error:
            assert '00.png is only a part of a picture' in str(error)
    assert len(found) == 11


def test_tables_are_read_or_refused_with_their_line(case, tmp_path: Path, caplog) -> None:
    pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')
    from emotion_training.common.files import TrainingError
    from emotion_training.fer.datasets import read_faces
    from emotion_training.ser.corpora import read_manifest

    faces = read_faces(case('icml_face_data.csv'))
    assert len(faces) > 0 and faces.pictures.shape[1:] == (48, 48)
    assert len(read_faces(case('manifest_utf16_face.csv'))) == 1
    assert len(read_manifest(case('manifest_row_of_spaces.csv'))) == 1
    with pytest.raises(TrainingError, match=r'manifest_short_row\.csv, line 3: 1 field'):
        read_manifest(case('manifest_short_row.csv'))
    for name in ('voice.wav', 'manifest_one_bad_clip.csv'):
        shutil.copy(case(name), tmp_path / name)
    (tmp_path / 'git_lfs_pointer.wav').write_text(
        'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'
    )
    assert len(read_manifest(tmp_path / 'manifest_one_bad_clip.csv')) == 2
    assert 'line 3: ' in caplog.text and 'Git LFS pointer' in caplog.text
    assert '1 of 3 clips' in caplog.text


def test_the_report_on_a_varying_rate_says_how_long_the_face_was_there(case, tmp_path) -> None:
    (answer,) = interview(case('variable_frame_rate.mp4'), tmp_path)['answers']
    assert answer['present'] == pytest.approx(0.58, abs=0.02)


def test_an_answer_goes_on_after_62_seconds_of_silence(case, tmp_path) -> None:
    (answer,) = interview(case('answer_goes_on_after_62s_silence.mp4'), tmp_path)['answers']
    ends = [item['end'] for item in answer['utterances']]
    assert max(ends) > 75
