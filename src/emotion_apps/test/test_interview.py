# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The mock interview: its course, what it measures, its questions and its report."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from emotion_apps.interview.content import as_json
from emotion_apps.interview.course import Interview
from emotion_apps.interview.events import (
    Event,
    FaceSeen,
    Next,
    SoundHeard,
    Start,
    UtteranceMeasured,
)
from emotion_apps.interview.log import FacingCamera
from emotion_apps.interview.notes import notes
from emotion_apps.interview.page import render
from emotion_apps.interview.questions import (
    Question,
    QuestionError,
    default_questions,
    load_questions,
)
from emotion_apps.interview.report import write_report
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.settings import InterviewSettings
from emotion_apps.interview.speaker import Overheard, Speaker
from emotion_apps.interview.states import Outcome, Phase
from emotion_apps.interview.summary import summarise
from emotion_apps.machine import Ended, Notice, Reset, Stop, Tick
from emotion_perception.audio.prosody import Prosody, pitch_track, prosody
from emotion_perception.emotions import EMOTIONS
from emotion_perception.vision.headpose import head_pose

RATE = 16000
TWO = (Question('First?'), Question('Second?', 20.0))
FRONTAL = np.array([[100, 100], [160, 100], [130, 163], [130, 136]], np.float32)


class Course:
    """An interview whose time passes in steps of a tenth of a second."""

    def __init__(self, **settings: object) -> None:
        self.interview = Interview(TWO, InterviewSettings(**settings))
        self.now = 1000.0

    def do(self, event: Event) -> list[Notice]:
        return self.interview.handle(event, self.now)

    def wait(
        self, seconds: float, *, speaking: bool = False, face: bool = True, facing: bool = True
    ) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.do(FaceSeen(face, facing))
            self.do(SoundHeard(speaking))
            self.do(Tick())

    @property
    def at(self) -> tuple[Phase, int]:
        return self.interview.phase, self.interview.number


def test_two_answers_make_an_interview() -> None:
    course = Course()
    assert course.at == (Phase.IDLE, 0)
    course.wait(0.2)
    assert course.at == (Phase.QUESTION, 1)
    course.wait(3, speaking=True)
    assert course.at == (Phase.ANSWER, 1)
    assert course.interview.snapshot().speaking_time == pytest.approx(3, abs=0.3)
    course.wait(2)
    assert course.at == (Phase.ANSWER, 1), 'a short pause does not end an answer'
    course.wait(2.5)
    assert course.at == (Phase.QUESTION, 2)
    course.wait(3, speaking=True)
    course.wait(5)
    assert course.at == (Phase.FINISHED, 2)


def test_nobody_before_the_camera_begins_nothing() -> None:
    course = Course()
    course.wait(60, face=False)
    assert course.at == (Phase.IDLE, 0)


def test_a_voice_alone_begins_and_carries_the_interview() -> None:
    course = Course(hint_absent=0.0)
    course.wait(2, speaking=True, face=False)
    assert course.at == (Phase.ANSWER, 1)
    assert course.interview.hint == ''


def test_without_autostart_the_interview_waits_for_the_service() -> None:
    course = Course(autostart=False)
    course.wait(5, speaking=True)
    assert course.at == (Phase.IDLE, 0)
    course.do(Start())
    assert course.at == (Phase.QUESTION, 1)


def test_a_question_that_nobody_answers_is_passed_over() -> None:
    course = Course(no_answer=10.0)
    course.wait(10.5)
    assert course.at == (Phase.QUESTION, 2)
    course.wait(10.5)
    assert course.at == (Phase.FINISHED, 2)


def test_an_endless_answer_ends_at_its_own_longest_time() -> None:
    course = Course(longest_answer=60.0)
    course.wait(0.2)
    course.do(Next())
    course.wait(19, speaking=True)
    assert course.at == (Phase.ANSWER, 2)
    course.wait(2, speaking=True)
    assert course.at == (Phase.FINISHED, 2)


@pytest.mark.parametrize(
    'command, phase',
    [(Start(), Phase.QUESTION), (Next(), Phase.QUESTION), (Stop(), Phase.FINISHED)],
)
def test_the_commands_work_in_every_phase(command: Event, phase: Phase) -> None:
    course = Course()
    course.do(command)
    assert course.interview.phase is (phase if command == Start() else Phase.IDLE)
    for speaking in (False, True):
        course = Course()
        course.wait(1, speaking=speaking)
        course.do(command)
        assert course.interview.phase is phase
    course.do(Reset())
    assert course.at == (Phase.IDLE, 0)


def test_an_interview_ends_once_with_one_outcome() -> None:
    course = Course()
    assert course.interview.snapshot().outcome is Outcome.NONE
    course.wait(1, speaking=True)
    assert course.interview.snapshot().running
    assert Ended(Outcome.STOPPED, 'stopped') in course.do(Stop())
    assert not course.interview.snapshot().running
    assert course.do(Stop()) == []
    course.do(Start())
    assert course.interview.snapshot().outcome is Outcome.NONE
    course.wait(61, face=False)
    assert course.interview.phase is Phase.FINISHED
    assert course.interview.snapshot().outcome is Outcome.FINISHED


@pytest.mark.parametrize('step', [3600.0, -3600.0, -0.4])
def test_a_clock_that_is_set_is_no_time(step: float) -> None:
    course = Course()
    course.wait(2, speaking=True)
    course.now += step
    course.wait(1, speaking=True)
    assert course.at == (Phase.ANSWER, 1)
    assert course.interview.snapshot().elapsed == pytest.approx(2.9, abs=0.3)


def test_a_time_that_is_no_number_is_no_time() -> None:
    course = Course()
    course.wait(1, speaking=True)
    before = course.interview.snapshot().elapsed
    course.interview.handle(Tick(), math.nan)
    assert course.interview.snapshot().elapsed == before
    course.wait(1, speaking=True)
    assert course.interview.snapshot().elapsed == pytest.approx(before + 1)


def test_the_log_of_a_live_interview_knows_no_jumps_of_the_clock() -> None:
    now = [1000.0]
    session = InterviewSession(TWO, InterviewSettings(), clock=lambda: now[0])
    session.start(now[0])
    for index in range(40):
        now[0] += 0.1
        if index == 20:
            now[0] -= 500.0
        session.face(now[0] - 0.05, FRONTAL)
        session.activity(now[0] - 0.2, True)
        session.tick(now[0])
    session.stop(now[0])
    (answer,) = session.log.answers
    assert answer.ended - answer.shown == pytest.approx(3.9)
    times = [time for time, _, _ in answer.frames]
    assert np.diff(times).min() > -1e-6


def test_the_times_of_a_recording_are_time_however_far_apart() -> None:
    settings = InterviewSettings(answer_silence=100.0)
    session = InterviewSession(TWO[:1], settings)
    session.start(7.0)
    session.activity(8.0, True)
    session.activity(9.0, False)
    session.tick(70.0)
    session.activity(69.9, True)
    assert session.interview.snapshot().elapsed == pytest.approx(62.0)
    session.stop(80.0)
    assert session.log.ended == 80.0


@pytest.mark.parametrize(
    'kind, text',
    [
        ({'face': False}, 'cannot see you'),
        ({'facing': False}, 'towards the camera'),
        ({}, 'silent for 10 s'),
    ],
)
def test_hints_come_after_their_time_and_are_few(kind: dict[str, bool], text: str) -> None:
    course = Course(no_answer=60.0)
    course.wait(0.2)
    shown = []
    for _ in range(140):
        course.wait(0.1, **kind)
        shown.append(course.interview.hint)
    assert text in shown[-1] or any(text in hint for hint in shown)
    assert len({hint for hint in shown if hint}) == 1
    assert shown[20] == ''


def test_a_quiet_voice_and_a_fast_one_get_a_hint() -> None:
    for level, rate, text in ((-50.0, 4.0, 'Speak up'), (-20.0, 9.0, 'Take your time')):
        course = Course()
        course.wait(1, speaking=True)
        course.do(UtteranceMeasured(level, rate))
        assert text in course.interview.hint
        course.wait(6, speaking=True)
        course.do(UtteranceMeasured(level, rate))
        assert course.interview.hint == '', 'not twice in a row'


def test_no_measure_gives_no_hint() -> None:
    course = Course()
    course.wait(1, speaking=True)
    course.do(UtteranceMeasured(math.nan, math.nan))
    assert course.interview.hint == ''


# Measures.


def tone(frequency: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    """Return a voice-like sound: a fundamental with ten harmonics."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * frequency * k * time) / k for k in range(1, 11))
    return (level * wave / np.abs(wave).max()).astype(np.float32)


@pytest.mark.parametrize('frequency', [80.0, 120.0, 220.0, 400.0])
def test_the_pitch_of_a_voice_is_found(frequency: float) -> None:
    track = pitch_track(tone(frequency))
    assert np.isfinite(track).mean() > 0.95
    assert np.nanmedian(track) == pytest.approx(frequency, rel=0.01)


def test_silence_and_noise_have_no_pitch() -> None:
    assert not np.isfinite(pitch_track(np.zeros(RATE, np.float32))).any()
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert np.isfinite(pitch_track(noise)).mean() < 0.1


def test_syllables_and_pauses_are_counted() -> None:
    gap, long_gap = np.zeros(int(0.12 * RATE), np.float32), np.zeros(int(0.6 * RATE), np.float32)
    ramp = np.minimum(1, np.minimum(np.arange(2400), np.arange(2400)[::-1]) / 400)
    syllable = (tone(150, 0.15) * ramp).astype(np.float32)
    speech = np.concatenate(
        [gap, syllable, gap, syllable, gap, syllable, long_gap, syllable, gap, syllable, gap]
    )
    measures = prosody(speech)
    assert measures.syllables == 5
    assert measures.pauses == pytest.approx((0.6,), abs=0.1)
    assert measures.pitch == pytest.approx(150, rel=0.02)


def test_a_louder_voice_has_a_higher_level_and_a_lively_one_a_wider_pitch() -> None:
    quiet, loud = prosody(tone(150, level=0.03)), prosody(tone(150, level=0.3))
    assert loud.level - quiet.level == pytest.approx(20, abs=0.5)
    lively = prosody(np.concatenate([tone(120), tone(180)]))
    assert lively.pitch_range > 2 > prosody(tone(150)).pitch_range


@pytest.mark.parametrize('samples', [np.zeros(0), np.zeros(10), np.zeros(RATE)])
def test_nothing_to_hear_gives_no_measure(samples: np.ndarray) -> None:
    measures = prosody(samples.astype(np.int16))
    assert measures.syllables == 0
    assert math.isnan(measures.pitch)


def test_int16_and_float_measure_the_same() -> None:
    sound = tone(200)
    assert prosody((sound * 32767).astype(np.int16)).level == pytest.approx(
        prosody(sound).level, abs=0.1
    )


def test_a_long_utterance_takes_no_more_memory_than_a_part_of_it() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 60 * RATE).astype(np.float32)
    tracemalloc.start()
    try:
        track = pitch_track(noise)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All frames at once took 350 MB.
    assert most < 60e6
    # Each frame is measured as it would be alone.
    assert np.array_equal(track[700:710], pitch_track(noise[700 * RATE // 100 :])[:10], True)


def test_an_utterance_of_an_hour_does_not_hold_up_the_interview() -> None:
    session = InterviewSession(TWO, clock=lambda: 100.0)
    session.start(100.0)
    session.utterance(99.5, 100.0, np.zeros(3600 * RATE, np.int16))
    assert session.log.answers[0].utterances[0].prosody.seconds == 120.0


def rotated(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Project a model head that is turned; degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    points = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 1.05, 0.15], [0, 0.6, 0.45]])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return ((tilt @ nod @ turn @ points.T).T[:, :2] * 60 + 200).astype(np.float32)


@pytest.mark.parametrize('yaw', [-40.0, -20.0, 0.0, 20.0, 40.0])
def test_yaw_is_found(yaw: float) -> None:
    assert head_pose(rotated(yaw))[0] == pytest.approx(yaw, abs=3)


@pytest.mark.parametrize('pitch', [-20.0, 0.0, 20.0])
def test_pitch_and_roll_are_found(pitch: float) -> None:
    _, found, roll = head_pose(rotated(0, pitch, 15))
    assert found == pytest.approx(pitch, abs=4)
    assert roll == pytest.approx(15, abs=1)


def test_missing_landmarks_have_no_pose() -> None:
    assert all(math.isnan(value) for value in head_pose(np.full((4, 2), np.nan)))


def test_a_camera_beside_the_screen_counts_as_straight_ahead() -> None:
    facing = FacingCamera()
    for _ in range(50):
        assert facing.update(18.0, 5.0)
    assert not facing.update(-20.0, 5.0)
    assert not facing.update(math.nan, math.nan)


# Questions.


@pytest.mark.parametrize(
    'text, message',
    [
        ('', 'at least one'),
        ('questions: []', 'at least one'),
        ('questions: text', 'at least one'),
        ('questions: [""]', 'question 1 has no text'),
        ('questions: [{seconds: 3}]', 'no text'),
        ('questions: [a, {text: b, time: 3}]', "question 2 has an unknown key 'time'"),
        ('questions: [{text: a, seconds: -1}]', 'seconds is -1'),
        ('questions: [{text: a, seconds: soon}]', "seconds is 'soon'"),
        ('questions: [', 'not YAML'),
        ('questions: [{text: a, seconds: .inf}]', 'at most 3600'),
        (r'questions: ["\ud83d"]', 'half of a character'),
        (r'questions: ["a\x07b"]', r'control character U\+0007'),
        ('questions: [' + 'a' * 200_000 + ']', '200000 characters; at most 1000'),
        ('questions: [' + 'a, ' * 400_000 + ']', 'larger than'),
    ],
)
def test_a_malformed_question_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'q.yaml'
    path.write_text(text)
    with pytest.raises(QuestionError, match=message) as error:
        load_questions(path)
    assert str(path) in str(error.value)


def test_an_emoji_that_is_escaped_in_two_halves_is_one_character(tmp_path: Path) -> None:
    path = tmp_path / 'questions.yaml'
    path.write_text(r'questions: ["Why \ud83d\ude00?", "-v is no option"]')
    questions = load_questions(path).questions
    assert [question.text for question in questions] == ['Why 😀?', '-v is no option']


def test_a_text_never_becomes_an_option_of_the_synthesiser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / 'said'
    os.mkfifo(said)
    program = tmp_path / 'spd-say'
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    speaker = Speaker()
    speaker.say('--help')
    assert said.read_text() == '--wait|--|--help|'
    speaker.stop()


def test_questions_are_read_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / 'q.yaml'
    path.write_text('questions:\n- Why?\n- {text: "How?", seconds: 30}\n')
    assert load_questions(path).questions == (Question('Why?'), Question('How?', 30.0))
    with pytest.raises(QuestionError, match='no such file'):
        load_questions(tmp_path / 'none.yaml')
    assert len(default_questions().questions) >= 3


def test_what_the_synthesiser_says_is_no_part_of_an_answer() -> None:
    overheard = Overheard()
    second = np.arange(RATE)
    assert overheard.rest(10.0, second).size == RATE
    for time, speaking in ((9.8, False), (10.1, True), (10.5, True), (10.6, False)):
        overheard.note(time, speaking)
    assert overheard.rest(9.8, second)[0] == round(0.7 * RATE), 'an answer that follows at once'
    assert overheard.rest(9.8, second[: RATE // 2]).size == 0
    assert overheard.rest(10.7, second).size == RATE
    assert overheard.rest(8.0, second).size == RATE, 'an answer that the question cut short'


# The whole, and its report.


def held(**settings: object) -> InterviewSession:
    """Hold an interview of two questions; the second is not answered."""
    session = InterviewSession(
        (Question('Who <b>are</b> you?'), Question('Why?')),
        InterviewSettings(no_answer=5.0, **settings),
    )
    session.start(100.0)
    now = 100.0
    vector = np.full(6, 0.1, np.float32)
    vector[2] = 0.5
    while session.interview.phase is not Phase.FINISHED and now < 200:
        now += 0.1
        session.face(now, FRONTAL)
        session.emotion(now, 'face', vector)
        session.activity(now, 102.0 < now < 108.0)
        if abs(now - 108.0) < 0.05:
            session.utterance(102.0, now, np.concatenate([tone(120, 3), tone(170, 3)]))
            session.emotion(now, 'voice', vector)
        session.tick(now)
    return session


def test_a_session_measures_its_answers() -> None:
    log = held().log
    first, second = summarise(log)
    assert first.answered and not second.answered
    assert first.reaction == pytest.approx(2.0, abs=0.2)
    assert first.speaking_time == pytest.approx(6.0, abs=0.3)
    assert first.engagement == 1.0
    assert first.emotions['face']['Happy'] == pytest.approx(0.5, abs=1e-5)
    assert set(first.emotions) == {'face', 'voice'}
    assert math.isnan(second.rate)
    strengths, suggestions = notes(log, [first, second])
    assert any('camera' in note.text for note in strengths)
    assert any('1 of 2 questions' in note.measurement for note in suggestions)
    assert all(note.measurement for note in strengths + suggestions)


def test_the_report_needs_nothing_from_elsewhere_and_escapes_what_it_shows(tmp_path: Path) -> None:
    report = write_report(held().log, tmp_path / 'deep' / 'folder')
    text = report.page.read_text()
    assert 'Who &lt;b&gt;are&lt;/b&gt; you?' in text
    assert '<b>are' not in text
    for foreign in ('http://', 'https://', 'src=', '<script', '@import', 'url('):
        assert foreign not in text
    assert 'cannot tell' in text
    assert 'Article 5' in text
    content = json.loads(report.data.read_text())
    assert len(content['answers']) == 2
    assert content['answers'][1]['rate'] is None
    assert content['classes'] == list(EMOTIONS)
    assert content['strengths'] and content['suggestions']


@pytest.mark.parametrize('missing', ['face', 'voice', 'both'])
def test_a_modality_that_never_arrives_leaves_a_report(missing: str) -> None:
    session = InterviewSession((Question('Why?'),), InterviewSettings(no_answer=5.0))
    session.start(0.0)
    for i in range(1, 200):
        if missing == 'voice':
            session.face(i / 10, FRONTAL)
        if missing == 'face':
            session.activity(i / 10, i < 50)
        session.tick(i / 10)
    assert session.interview.phase is Phase.FINISHED
    assert 'Mock interview' in render(session.log)
    json.dumps(as_json(session.log), allow_nan=False)


def test_what_is_said_after_the_end_belongs_to_no_answer() -> None:
    session = held()
    spoken = [len(answer.utterances) for answer in session.log.answers]
    end = session.log.ended
    session.utterance(end + 1.0, end + 2.0, np.zeros(RATE, np.int16))
    assert [len(answer.utterances) for answer in session.log.answers] == spoken
    session.utterance(end - 0.5, end + 0.5, np.zeros(RATE, np.int16))
    assert len(session.log.answers[-1].utterances) == spoken[-1] + 1


def test_ten_minutes_of_readings_take_little_memory() -> None:
    session = InterviewSession((Question('Why?'),))
    session.start(0.0)
    vector = np.full(6, 1 / 6, np.float32)
    tracemalloc.start()
    try:
        for index in range(6000):
            session.log.frame(0.1 * index, True, index % 2 == 0)
            for source in ('face', 'face', 'fused'):
                session.log.emotion(0.1 * index, source, vector)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 2e6
    (answer,) = session.log.answers
    assert len(answer.emotions) == 18000
    assert [sample.source for sample in answer.emotions][-3:] == ['face', 'face', 'fused']
    assert list(answer.frames)[-1] == (pytest.approx(599.9), True, False)


def test_readings_that_are_not_finite_are_left_out() -> None:
    session = InterviewSession((Question('Why?'),))
    session.start(0.0)
    session.emotion(0.1, 'face', np.full(6, np.nan))
    session.utterance(0.0, 0.1, np.zeros(3, np.int16))
    session.stop(1.0)
    assert not session.log.answers[0].emotions
    assert 'Why?' in render(session.log)


def test_an_interview_that_never_began_has_a_report() -> None:
    session = InterviewSession((Question('Why?'),))
    assert '0 of 0 questions' in render(session.log)


def test_pauses_between_and_inside_utterances_count() -> None:
    session = InterviewSession((Question('Why?'),))
    session.start(0.0)
    measures = Prosody(2, 1.5, -20, 5, 120, 3, 6, (0.6, 0.3))
    session.log.utterance(1.0, 3.0, measures)
    session.log.utterance(4.0, 6.0, measures)
    session.stop(7.0)
    summary = summarise(session.log)[0]
    assert summary.pauses == 3
    assert summary.rate == pytest.approx(4.0)


def test_the_silence_that_an_utterance_is_kept_with_belongs_to_the_pause() -> None:
    session = InterviewSession((Question('Why?'),))
    session.start(0.0)
    silence = np.zeros(RATE // 5, np.float32)
    kept = np.concatenate([silence, tone(150), silence])
    for start in (1.0, 2.6):
        session.utterance(start, start + 1.4, kept)
    session.stop(5.0)
    summary = summarise(session.log)[0]
    assert summary.pauses == 1
    assert summary.pause_seconds == pytest.approx(0.6, abs=0.05)


BROWSER = shutil.which('chromium') or shutil.which('google-chrome') or shutil.which('firefox')


@pytest.mark.skipif(
    not BROWSER or 'firefox' in BROWSER, reason='needs a Chromium browser to open the report in'
)
def test_a_real_browser_draws_the_report(tmp_path: Path) -> None:
    page = write_report(held().log, tmp_path).page
    picture = tmp_path / 'page.png'
    command = [
        BROWSER,
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        f'--user-data-dir={tmp_path / "profile"}',
        '--window-size=900,1200',
        f'--screenshot={picture}',
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert picture.exists(), done.stderr
    import cv2

    drawn = cv2.imread(str(picture))
    assert drawn.shape == (1200, 900, 3)
    # Text, cards and curves: a blank or broken page has hardly any colours.
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 100
