# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A mock interview of a real person: the whole graph in real processes, and a recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import yaml
from std_srvs.srv import Trigger

from emotion_msgs.msg import InterviewState
from emotion_perception.words.language import plain
from support.client import LATCHED
from support.faces import astronaut
from support.models import face_model, voice_model
from support.sounds import read_16k, spoken, with_silence
from support.speech import needs_whisper

# Loading the models on a busy machine included.
START = 90.0
SPEAKER = 'grid_speaker_a_bbaf2n.mpg'


@pytest.fixture(scope='module')
def models(tmp_path_factory) -> list[str]:
    """Return arguments that choose small models of known behaviour: a happy face, a sad voice."""
    folder = tmp_path_factory.mktemp('models')
    return [f'fer_model:={face_model(folder)}', f'ser_model:={voice_model(folder)}']


def write_questions(folder: Path, seconds: float, *texts: str) -> Path:
    """Write a question file; each answer ends after so many seconds."""
    path = folder / 'questions.yaml'
    path.write_text(
        yaml.safe_dump({'questions': [{'text': text, 'seconds': seconds} for text in texts]})
    )
    return path


def run_interview(processes, film: Path, models: list[str], *arguments: str):
    """Start the graph as `./emotion run interview` does."""
    return processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.runner',
        'interview',
        f'video:={film}',
        'loop:=true',
        'window:=off',
        *models,
        *arguments,
        name='interview',
    )


def test_a_live_interview_is_followed_and_reported(processes, client, media, models, tmp_path):
    questions = write_questions(tmp_path, 8, 'First <one>?', 'Second?')
    states = client.watch('emotion/interview/state', InterviewState)
    run_interview(
        processes, media(SPEAKER), models, f'questions:={questions}', f'out:={tmp_path / "report"}'
    )
    # It begins by itself, perhaps before anybody is heard outside; so it is begun anew.
    states.wait(lambda state: state.running, START)
    assert client.call(Trigger, '/interview_node/start').success
    final = states.wait(lambda state: state.phase == InterviewState.FINISHED, 2 * START)
    seen = [(state.phase_name, state.question) for state in states.messages]
    order = [item for index, item in enumerate(seen) if index == 0 or seen[index - 1] != item]
    assert order[-5:] == [
        ('QUESTION', 1),
        ('ANSWER', 1),
        ('QUESTION', 2),
        ('ANSWER', 2),
        ('FINISHED', 2),
    ]
    answers = [state for state in states.messages if state.phase == InterviewState.ANSWER]
    assert any(state.speaking for state in answers)
    assert any(state.face_present and state.facing_camera for state in answers)
    assert max(state.speaking_time for state in answers) > 0.5
    assert any(state.has_prediction for state in answers)
    page = Path(final.report)
    assert page == tmp_path / 'report' / 'interview.html'
    text = page.read_text()
    assert 'First &lt;one&gt;?' in text
    assert 'What this cannot tell' in text
    data = json.loads(page.with_suffix('.json').read_text())
    assert [answer['question'] for answer in data['answers']] == ['First <one>?', 'Second?']
    first = data['answers'][0]
    assert first['answered']
    assert first['speaking_time'] > 0.5
    assert first['engagement'] > 0.5
    assert first['emotions']['face']['Happy'] > 0.5
    assert any(
        answer['emotions'].get('voice', {}).get('Sad', 0) > 0.4 for answer in data['answers']
    )


def test_without_out_nothing_is_stored(processes, client, media, models, tmp_path):
    questions = write_questions(tmp_path, 5, 'Only?')
    before = sorted(path.name for path in tmp_path.iterdir())
    states = client.watch('emotion/interview/state', InterviewState)
    interview = run_interview(processes, media(SPEAKER), models, f'questions:={questions}')
    final = states.wait(lambda state: state.phase == InterviewState.FINISHED, 2 * START)
    assert final.report == ''
    interview.wait_for_output('give out:=FOLDER to keep a report')
    # The processes' own logs are the test's.
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*before, 'processes'})


def test_an_interview_in_processes_of_its_own_ends_with_its_report_on_ctrl_c(
    processes, client, media, tmp_path
):
    processes.node('camera_node', source=str(media(SPEAKER)), loop=True)
    processes.node('face_detector_node')
    states = client.watch('emotion/interview/state', InterviewState, LATCHED)
    node = processes.node(
        'interview_node', out=str(tmp_path / 'report'), hint_silence=0.5, no_answer=60.0
    )
    hinted = states.wait(lambda state: 'You have been silent' in state.hint, START)
    assert (hinted.phase_name, hinted.question) == ('QUESTION', 1)
    assert hinted.face_present
    assert client.call(Trigger, '/interview_node/next').success
    states.wait(lambda state: state.question == 2, 20)
    assert node.stop()
    data = json.loads((tmp_path / 'report' / 'interview.json').read_text())
    assert [answer['answered'] for answer in data['answers']] == [False, False]
    assert 'begin with the first thing' in data['answers'][0]['hints'][0]['text']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'there must be a list "questions"'),
        ('questions: []', 'there must be a list'),
        ('questions: [{seconds: 3}]', 'question 1 has no text'),
        ('questions: [', 'not YAML'),
    ],
)
def test_a_question_file_that_cannot_be_used_ends_the_node_with_its_reason(
    processes, tmp_path, text, message
):
    path = tmp_path / 'questions.yaml'
    path.write_text(text)
    node = processes.node('interview_node', questions=str(path), may_end=True)
    assert node.wait(60) != 0
    assert message in node.output()
    assert str(path) in node.output()
    assert 'Traceback' not in node.output()


def test_a_live_interview_writes_down_the_words(processes, client, models, tmp_path):
    needs_whisper()
    sound = spoken(
        'I led a team of four people, and, uh, we built a new payment system.', tmp_path
    )
    picture = tmp_path / 'face.png'
    cv2.imwrite(str(picture), astronaut())
    # Long enough for the words to be known, however slow the machine is.
    questions = write_questions(tmp_path, 600, 'Who are you?')
    states = client.watch('emotion/interview/state', InterviewState)
    processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.runner',
        'interview',
        f'camera:={picture}',
        f'microphone:={sound}',
        'loop:=true',
        'window:=off',
        *models,
        f'questions:={questions}',
        f'out:={tmp_path / "report"}',
        'transcript:=true',
        name='interview',
    )
    shown = states.wait(lambda state: state.words_per_minute > 50, 2 * START)
    assert shown.transcript
    assert client.call(Trigger, 'interview_node/stop', timeout=START).success
    final = states.wait(lambda state: state.report != '', START)
    assert final.transcribing == 0
    data = json.loads((tmp_path / 'report' / 'interview.json').read_text())
    assert data['transcript'] == {'model': 'tiny.en', 'language': 'en'}
    (answer,) = data['answers']
    assert {'people', 'system'} <= {plain(word['text']) for word in answer['words']}
    assert '# Mock interview' in (tmp_path / 'report' / 'interview.md').read_text()


def offline(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Run `./emotion interview` as a user does."""
    command = [sys.executable, '-m', 'emotion_apps.interview.recording', *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, 'OMP_NUM_THREADS': '2'},
    )


def test_a_recording_is_analysed_offline(media, models, tmp_path):
    names = [value.split(':=')[1] for value in models]
    done = offline(
        '--video',
        media(SPEAKER),
        '--out',
        tmp_path / 'report',
        '--fer-model',
        names[0],
        '--ser-model',
        names[1],
    )
    assert done.returncode == 0, done.stderr
    assert 'times real time' in done.stdout
    assert 'Strengths:' in done.stdout
    data = json.loads((tmp_path / 'report' / 'interview.json').read_text())
    answer = data['answers'][0]
    assert len(data['answers']) == 1
    assert answer['answered']
    assert answer['engagement'] > 0.8
    assert 2.5 < data['seconds'] < 5.0
    sources = {sample['source'] for sample in answer['timeline']}
    assert sources == {'face', 'voice', 'fused'}
    assert answer['emotions']['voice']['Sad'] > 0.4


def test_a_recording_is_cut_by_times_and_by_silence_and_its_words_are_written_down(
    models, tmp_path
):
    needs_whisper()
    parts = [
        read_16k(spoken(text, tmp_path))
        for text in ('I moved to another city.', 'We built a new payment system.')
    ]
    film = tmp_path / 'answers.wav'
    first = with_silence(parts[0], 1.0, 5.0)
    soundfile.write(film, np.concatenate([first, with_silence(parts[1], 1.0, 2.0)]), 16000)
    questions = tmp_path / 'timed.yaml'
    questions.write_text(
        'questions:\n'
        '- {text: Where, key_words: [city], at: 0}\n'
        f'- {{text: What, key_words: [system], at: {first.size / 16000}}}\n'
    )
    chosen = ['--ser-model', models[1].split(':=')[1], '--transcript']
    for name, more in (
        ('times', ['--questions', str(questions)]),
        ('silence', ['--silence', '3']),
    ):
        done = offline('--video', film, '--out', tmp_path / name, *chosen, *more)
        assert done.returncode == 0, done.stderr
        data = json.loads((tmp_path / name / 'interview.json').read_text())
        words = [{plain(word['text']) for word in answer['words']} for answer in data['answers']]
        assert len(words) == 2
        assert 'city' in words[0] and 'city' not in words[1]
        assert 'system' in words[1] and 'system' not in words[0]
    timed = json.loads((tmp_path / 'times' / 'interview.json').read_text())
    assert [answer['question'] for answer in timed['answers']] == ['Where', 'What']
    assert [answer['verbal']['key_words'] for answer in timed['answers']] == [
        {'city': True},
        {'system': True},
    ]
    both = [tmp_path / name / 'interview.json' for name in ('times', 'silence')]
    done = offline('--compare', *both)
    assert done.returncode == 0, done.stderr
    assert '| Words |' in done.stdout


def test_a_transcript_that_cannot_be_had_is_refused_before_the_work(tmp_path):
    needs_whisper()
    done = offline('--video', tmp_path / 'film.mp4', '--transcript-model', tmp_path / 'none')
    assert done.returncode == 2
    assert f'{tmp_path / "none"}: there is no such folder' in done.stderr


def test_a_recording_that_is_none_is_refused_with_its_name(tmp_path):
    (tmp_path / 'film.mp4').write_bytes(b'nothing')
    for name, message in (
        ('none.mp4', 'none.mp4 is not there'),
        ('film.mp4', 'film.mp4 cannot be read: it is damaged or no recording'),
    ):
        done = offline('--video', tmp_path / name)
        assert done.returncode == 2
        assert message in done.stderr
        assert str(tmp_path / name) in done.stderr
