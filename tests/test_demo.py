# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The demonstration as a user starts it, and the input that it makes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from emotion_bringup import demo_media
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models.balance import BalanceSettings
from support.films import frames_of
from support.models import face_model, voice_model

# Much more than a demonstration takes: a busy machine is no failure.
LIMIT = 240.0
pytestmark = pytest.mark.timeout(300)


def demo(processes, *arguments: str | Path, env: dict[str, str] | None = None):
    """Start the demonstration as `./emotion demo` does."""
    return processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.demo',
        '--headless',
        *arguments,
        name='demo',
        env=env,
        may_end=True,
    )


@pytest.fixture
def models(tmp_path) -> list[str]:
    """Options for models whose answers are known."""
    return ['--fer-model', str(face_model(tmp_path)), '--ser-model', str(voice_model(tmp_path))]


def check_vector(item: dict) -> None:
    assert list(item['probabilities']) == list(EMOTIONS)
    assert sum(item['probabilities'].values()) == pytest.approx(1.0, abs=1e-3)
    assert item['class_balance'] == BalanceSettings.class_balance
    assert item['probabilities'][item['label']] == pytest.approx(item['confidence'], abs=1e-3)
    assert item['model']


def test_the_built_in_input_goes_through_the_whole_cycle_with_the_embedded_models(
    processes, tmp_path
):
    process = demo(processes, '--out', tmp_path / 'out')
    assert process.wait(LIMIT) == 0, process.output()
    data = json.loads((tmp_path / 'out' / 'result.json').read_text())
    for name in ('face', 'voice', 'fused'):
        check_vector(data[name])
    # She smiles.
    assert data['face']['label'] == 'Happy'
    phases = [state['phase'] for state in data['states']]
    assert phases[:3] == ['WAITING_FACE', 'LISTENING', 'SHOW_RESULT']
    times = [state['time'] for state in data['states']]
    assert times == sorted(times)
    assert set(data['pictures']) == {'WAITING_FACE', 'LISTENING', 'SHOW_RESULT'}
    for file in data['pictures'].values():
        assert cv2.imread(str(tmp_path / 'out' / file)).shape == (720, 1280, 3)
    output = process.output()
    assert 'Multimodal System: success' in output
    assert f'face   {data["face"]["label"]}' in output
    assert 'Traceback' not in output


def test_a_film_with_sound_is_played_with_its_own_voice(processes, media, models, tmp_path):
    process = demo(
        processes,
        '--video',
        media('grid_speaker_a_bbaf2n.mpg'),
        '--out',
        tmp_path / 'out',
        *models,
    )
    assert process.wait(LIMIT) == 0, process.output()
    data = json.loads((tmp_path / 'out' / 'result.json').read_text())
    assert (data['face']['label'], data['voice']['label']) == ('Happy', 'Sad')
    assert data['input']['sound'].endswith('grid_speaker_a_bbaf2n.mpg')


def test_a_film_without_a_face_fails_and_says_that_no_face_was_locked(processes, models, tmp_path):
    film = tmp_path / 'empty.avi'
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*'MJPG'), 25, (320, 240))
    for _ in range(50):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    sound = tmp_path / 'voice.wav'
    demo_media.make_sound(sound, demo_media.find_voice())
    process = demo(
        processes,
        '--video',
        film,
        '--microphone',
        sound,
        '--limit',
        '15',
        '--out',
        tmp_path / 'out',
        *models,
    )
    assert process.wait(LIMIT) == 1
    assert 'no face was locked' in process.output()
    data = json.loads((tmp_path / 'out' / 'result.json').read_text())
    assert (data['face'], data['voice'], data['outcome']) == (None, None, 'no_face')


def test_silence_fails_and_says_that_nobody_spoke(processes, models, tmp_path):
    quiet = tmp_path / 'quiet.wav'
    soundfile.write(quiet, np.zeros(16000 * 4, np.int16), 16000)
    process = demo(
        processes,
        '--microphone',
        quiet,
        '--speech-timeout',
        '3',
        '--out',
        tmp_path / 'out',
        *models,
    )
    assert process.wait(LIMIT) == 1
    assert 'nobody spoke in time' in process.output()
    data = json.loads((tmp_path / 'out' / 'result.json').read_text())
    assert data['face']['label'] == 'Happy'
    assert (data['voice'], data['fused'], data['outcome']) == (None, None, 'no_speech')


@pytest.mark.parametrize(
    ('arguments', 'code', 'words'),
    [
        (['--video', 'nowhere.mp4'], 1, 'nowhere.mp4: there is no such file'),
        (['--video', 'a.mp4', '--camera', '0'], 2, 'not allowed with'),
        (['--fer-model', 'no-such-model'], 1, 'no-such-model'),
    ],
    ids=['a film that is not there', 'film and camera', 'a model that is not there'],
)
def test_what_cannot_work_ends_with_one_clear_line(processes, arguments, code, words):
    process = demo(processes, *arguments)
    assert process.wait(LIMIT) == code
    output = process.output()
    assert words in output
    assert 'Traceback' not in output


def test_the_film_shows_a_face_that_moves_and_ends_as_it_begins(tmp_path):
    demo_media.make_film(tmp_path / 'film.avi', 2.0)
    frames = [frame.astype(np.int16) for frame in frames_of(tmp_path / 'film.avi')]
    assert len(frames) == 50
    assert frames[0].shape == (480, 640, 3)

    def apart(first: int, second: int) -> float:
        return float(np.abs(frames[first] - frames[second]).mean())

    assert apart(0, 12) > 3.0
    assert apart(0, 49) < 0.8 * apart(0, 12)


@pytest.mark.parametrize(
    'find', [demo_media._alsa_voice, demo_media._package_voice, demo_media._synthetic_voice]
)
def test_each_voice_is_loud_enough_and_between_two_silences(find, tmp_path):
    voice = find()
    if voice is None:
        pytest.skip(f'{find.__name__}: not on this machine')
    seconds = demo_media.make_sound(tmp_path / 'voice.wav', voice)
    samples, rate = soundfile.read(tmp_path / 'voice.wav')
    assert samples.size == round(seconds * rate)
    edge = round(0.9 * demo_media.SILENCE * rate)
    assert np.abs(samples[:edge]).max() < 0.01
    assert np.abs(samples[-edge:]).max() < 0.01
    assert 0.5 < np.abs(samples).max() < 1.0
    assert 1.0 < seconds - 2 * demo_media.SILENCE < 8.0


def test_without_any_voice_the_message_says_what_to_install(monkeypatch):
    for name in ('_alsa_voice', '_package_voice', '_synthetic_voice'):
        monkeypatch.setattr(demo_media, name, lambda: None)
    with pytest.raises(demo_media.MissingInputError, match='install alsa-utils or espeak-ng'):
        demo_media.find_voice()
