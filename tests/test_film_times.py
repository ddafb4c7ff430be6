# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A film that shows and speaks its own time, played by the nodes and read as an interview."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from sensor_msgs.msg import Image

from emotion_perception.audio.source import BLOCK
from emotion_perception.media.container import probe
from emotion_perception.media.sound import read_sound
from emotion_perception.ros.convert import image_to_array, to_seconds
from support.client import LATCHED, RELIABLE
from support.faces import astronaut, background, paste, portrait
from support.films import Sound, listen, read_ruler, write_film
from support.interviews import interview
from support.models import face_model, voice_model
from support.sounds import real_voice

FRAME = 1 / 25
# Camera and microphone of one film in one process, as `video:=FILE` starts them.
_BOTH = """
import sys
from emotion_bringup.graphs import GRAPHS, resolve
from emotion_bringup.process import GraphProcess, finish, initialise
initialise(['--ros-args'])
setups = [setup for setup in resolve(GRAPHS['perception'], {'video': sys.argv[1], 'loop': 'true'})
          if setup.name in ('camera_node', 'microphone_node')]
process = GraphProcess(setups)
try:
    process.wait()
except KeyboardInterrupt:
    pass
finally:
    finish(process)
"""


def heard(messages: list[AudioDataStamped], rate: int) -> list[tuple[float, float]]:
    """Return (time that a tone says, stamp at which it begins)."""
    begin = to_seconds(messages[0].header.stamp)
    samples = np.concatenate([np.frombuffer(item.audio.data, '<i2') for item in messages])
    for message, count in zip(
        messages, np.cumsum([len(item.audio.data) // 2 for item in messages])
    ):
        end = to_seconds(message.header.stamp) + len(message.audio.data) / 2 / rate
        assert end == pytest.approx(begin + count / rate, abs=2e-3)
    return listen(samples, rate, begin)


@pytest.mark.parametrize('name', ['film with late sound.mkv', '12:30 😀.mkv'])
def test_picture_and_sound_of_a_film_leave_the_nodes_together_loop_after_loop(
    processes, client, tmp_path: Path, name: str
) -> None:
    # The sound begins 1.25 s after the picture, and ends before it; the rate of pictures varies.
    times = [*(place / 25 for place in range(25)), *(1 + place / 12.5 for place in range(25))]
    film = write_film(
        tmp_path / 'a.mkv', times, [Sound('pcm_s16le', [(1.25, 2.75)], 16000)]
    ).rename(tmp_path / name)
    images = client.watch('camera/image_raw', Image, RELIABLE)
    sounds = client.watch('audio/audio_stamped', AudioDataStamped, RELIABLE)
    info = client.watch('audio/audio_info', AudioInfo, LATCHED)
    processes.start(sys.executable, '-c', _BOTH, str(film), name='both')
    rate = info.wait(timeout=60).sample_rate
    # Two loops of three seconds and a little.
    sounds.wait_count(math.ceil(6.5 / BLOCK), timeout=60)
    pictures = [
        (read_ruler(image_to_array(item)), to_seconds(item.header.stamp))
        for item in images.messages
    ]
    tones = heard(sounds.messages, rate)
    seen = [stamp - shown for shown, stamp in pictures]
    spoken = [stamp - said for said, stamp in tones]
    first = min(seen)
    length = probe(film).seconds
    assert len(pictures) > 60 and len(tones) >= 9
    # What is shown and what is said are one clock, to a frame: that of the film, begun anew.
    for offset in (*seen, *spoken):
        turns = round((offset - first) / length)
        assert 0 <= turns <= 2
        assert abs(offset - first - turns * length) < FRAME
    assert {round((offset - first) / length) for offset in spoken} >= {0, 1}
    assert [said for said, _ in tones[:6]] == [1.25, 1.5, 1.75, 2.0, 2.25, 2.5]


# The interview


@pytest.fixture(scope='module')
def models(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp('models')
    return ['--fer-model', str(face_model(folder)), '--ser-model', str(voice_model(folder))]


def face_or_none(visible) -> object:
    """Return a picture maker: a face while ``visible(time)``, else none; in every picture."""
    face = portrait(astronaut(), (173, 66, 105, 105))

    def picture(time: float) -> np.ndarray:
        scene = background(320, 240).copy()
        if visible(time):
            paste(scene, face, 160, 120, 150)
        return cv2.resize(scene, (160, 120))

    return picture


def voice(*starts: float):
    """Return a wave maker: a real voice at these times, else a quiet room."""
    samples, rate = read_sound(real_voice())
    words = samples[:, 0].astype(np.float32) / 32768

    def wave(begin: float, end: float, wanted: int) -> np.ndarray:
        assert wanted == rate
        track = np.random.default_rng(0).normal(0, 1e-4, round(end * rate)).astype(np.float32)
        for start in starts:
            place = round(start * rate)
            track[place : place + len(words)] += words[: len(track) - place]
        return track[round(begin * rate) :]

    return wave, rate, len(words) / rate


def test_words_are_reported_when_they_are_said_and_faces_for_as_long_as_they_are_seen(
    tmp_path: Path, models
) -> None:
    # A face for the first four of ten seconds, at five pictures a second; then none, at 25.
    times = [*(place / 5 for place in range(20)), *(4 + place / 25 for place in range(150))]
    wave, rate, _ = voice(1.0, 6.0)
    film = write_film(
        tmp_path / 'a.mp4',
        times,
        [Sound('aac', [(0.5, 10.0)], rate, wave=wave)],
        picture=face_or_none(lambda time: time < 3.99),
        crf='12',
    )
    report = interview(film, tmp_path / 'out', *models)
    (answer,) = report['answers']
    assert report['seconds'] == pytest.approx(10.0, abs=0.15)
    # From the first word (1.0 s) on: three seconds of nine.
    assert answer['present'] == pytest.approx(1 / 3, abs=0.05)
    starts = [item['start'] for item in answer['utterances']]
    # Utterances carry some tenths of a second from before the first word.
    assert starts[0] == pytest.approx(1.0, abs=0.4)
    assert any(start == pytest.approx(6.0, abs=0.4) for start in starts)
    assert answer['reaction'] == pytest.approx(1.0, abs=0.5)
    assert report['left_out'] == []


def test_the_first_word_may_come_after_ten_minutes_and_an_answer_go_on_after_a_long_silence(
    tmp_path: Path, models
) -> None:
    wave, rate, seconds = voice(620.0, 720.0)
    times = [float(place) for place in range(730)]
    film = write_film(
        tmp_path / 'a.mkv',
        times,
        [Sound('flac', [(0.0, 730.0)], rate, wave=wave)],
        picture=lambda time: np.full((120, 160, 3), 90, np.uint8),
        preset='ultrafast',
    )
    report = interview(film, tmp_path / 'out', *models, '--fps', '0.2')
    (answer,) = report['answers']
    assert report['seconds'] == pytest.approx(730, abs=1.1)
    assert answer['reaction'] == pytest.approx(620, abs=0.6)
    assert answer['utterances'][0]['start'] == pytest.approx(620, abs=0.5)
    assert answer['utterances'][-1]['end'] == pytest.approx(720 + seconds, abs=0.8)


def test_what_follows_the_last_question_is_said(tmp_path: Path, models) -> None:
    questions = tmp_path / 'two.yaml'
    questions.write_text('questions:\n- text: Why?\n- text: How?\n')
    wave, rate, _ = voice(1.0)
    film = write_film(
        tmp_path / 'a.mp4',
        [place / 5 for place in range(250)],
        [Sound('aac', [(0.0, 50.0)], rate, wave=wave)],
        picture=face_or_none(lambda _: True),
        crf='20',
    )
    report = interview(film, tmp_path / 'out', *models, '--questions', str(questions))
    assert len(report['left_out']) == 1
    assert 'what follows' in report['left_out'][0]
    assert 'all questions were answered' in report['left_out'][0]
    assert report['left_out'][0] in report['said']


def test_a_film_without_sound_says_so_and_nothing_of_the_answers(tmp_path: Path, models) -> None:
    film = write_film(
        tmp_path / 'a.mp4',
        [place / 5 for place in range(20)],
        picture=face_or_none(lambda _: True),
        crf='12',
    )
    report = interview(film, tmp_path / 'out', *models)
    assert 'has no sound track: no speech was listened for' in report['left_out'][0]
    assert not any('question' in item['text'] for item in report['suggestions'])
    page = (tmp_path / 'out' / 'interview.html').read_text()
    assert 'Without sound' in page and 'has no sound track' in page


def test_nothing_seen_and_nothing_heard_is_an_error_and_no_report(tmp_path: Path, models) -> None:
    film = write_film(
        tmp_path / 'a.mp4',
        [place / 5 for place in range(20)],
        [
            Sound(
                'aac',
                wave=(lambda begin, end, rate: np.zeros(round((end - begin) * rate), np.float32)),
            )
        ],
        picture=lambda time: np.full((120, 160, 3), 90, np.uint8),
    )
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'emotion_apps.interview.recording',
            '--video',
            str(film),
            '--out',
            str(tmp_path / 'out'),
            *models,
        ],
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 2
    assert 'no face in 20 pictures and no speech in' in done.stderr
    assert not (tmp_path / 'out').exists()
