# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The multimodal cycle, driven with made-up times: no ROS, no clock."""

from __future__ import annotations

import math

import pytest

from emotion_apps.machine import Ended, Entered, Notice, Refused, Reset, Stop, Tick
from emotion_apps.multimodal.cycle import Multimodal
from emotion_apps.multimodal.events import (
    BothRead,
    Cancel,
    Event,
    FaceRead,
    FacesSeen,
    Request,
    SoundHeard,
    Start,
    UtteranceEnded,
    VoiceRead,
)
from emotion_apps.multimodal.settings import MultimodalSettings
from emotion_apps.multimodal.states import Outcome, Phase, with_time_left
from emotion_apps.reading import Reading
from emotion_perception.emotions import UNKNOWN, Emotion

START = 1000.0
FRAME = 1 / 30


def reading(emotion: int, stamp: float, subject: str = 'face_1', **more: object) -> Reading:
    if emotion == UNKNOWN:
        return Reading(stamp=stamp, subject=subject, reason='too short', **more)
    values = [0.04] * 6
    values[emotion] = 0.8
    return Reading(emotion, tuple(values), stamp, subject, **more)


class Driver:
    """Feed a machine and keep what it answers."""

    def __init__(self, running: bool = True, **settings: object) -> None:
        self.machine = Multimodal(MultimodalSettings(**settings), running=running)
        self.now = START
        self.notices: list[Notice] = []
        self.do(Tick())

    def do(self, event: Event) -> list[Notice]:
        notices = self.machine.handle(event, self.now)
        self.notices += notices
        return notices

    @property
    def phases(self) -> list:
        return [notice for notice in self.notices if isinstance(notice, Entered)]

    @property
    def outcomes(self) -> list[str]:
        return [notice.outcome.value for notice in self.notices if isinstance(notice, Ended)]

    @property
    def phase(self) -> Phase:
        return self.machine.phase

    def face(
        self,
        emotion: int = Emotion.HAPPY,
        subject: str = 'face_1',
        frames: int = 1,
    ) -> None:
        for _ in range(frames):
            self.now += FRAME
            self.do(FaceRead(reading(emotion, self.now, subject)))
            self.do(FacesSeen({subject}, self.now))

    def nobody(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += FRAME
            self.do(FacesSeen(set(), self.now))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.now + 0.1)
            self.do(Tick())

    def speaking(self, value: bool) -> None:
        self.do(SoundHeard(value, self.now))

    def voice(
        self, emotion: int = Emotion.SAD, *, start: float | None = None, end: float | None = None
    ) -> None:
        end = self.now if end is None else end
        start = end - 1.0 if start is None else start
        self.do(VoiceRead(reading(emotion, end, 'voice', span=end - start)))

    def fused(self, stamp: float, sources: tuple[str, ...] = ('face', 'voice')) -> None:
        self.do(BothRead(reading(Emotion.HAPPY, stamp, sources=sources)))

    def lock(self) -> None:
        self.face(frames=self.machine.settings.lock_frames)
        assert self.phase == Phase.LISTENING

    def say(self, seconds: float = 1.0) -> float:
        """Speak; return when the speech began."""
        start = self.now
        self.speaking(True)
        self.wait(seconds)
        self.speaking(False)
        return start


@pytest.fixture
def driver() -> Driver:
    return Driver()


def test_a_whole_cycle_goes_from_face_to_voice_to_result_and_back_by_itself(driver):
    assert driver.machine.snapshot().prompt == 'HOLD AN EXPRESSION TO LOCK IN'
    driver.lock()
    assert driver.machine.snapshot().prompt == 'SPEAK NOW'
    driver.wait(0.5)
    start = driver.say()
    driver.wait(0.2)
    end = driver.now - 0.2
    driver.voice(Emotion.SAD, start=start, end=end)
    assert driver.phase == Phase.LISTENING
    driver.fused(end)
    shown = driver.machine.snapshot()
    assert shown.phase == Phase.SHOW_RESULT
    assert (shown.face.label, shown.voice.label, shown.fused.label) == ('Happy', 'Sad', 'Happy')
    assert shown.outcome == Outcome.SUCCESS
    driver.wait(driver.machine.settings.result_hold + 0.1)
    again = driver.machine.snapshot()
    assert again.phase == Phase.WAITING_FACE
    assert (again.cycle, again.face, again.voice, again.fused) == (2, None, None, None)
    assert again.outcome == Outcome.SUCCESS
    assert driver.outcomes == ['success']


def test_the_face_locks_at_exactly_the_frames_that_were_asked_for(driver):
    driver.face(frames=9)
    assert driver.phase == Phase.WAITING_FACE
    assert driver.machine.snapshot().progress == pytest.approx(0.9)
    driver.face()
    assert driver.phase == Phase.LISTENING
    assert driver.machine.snapshot().face.stamp == driver.now


@pytest.mark.parametrize(
    'interruption',
    [
        lambda d: d.face(Emotion.SAD),
        lambda d: d.face(UNKNOWN),
        lambda d: d.face(subject='face_2'),
    ],
    ids=['another label', 'an abstention', 'another person'],
)
def test_the_hold_begins_anew_after(driver, interruption):
    driver.face(frames=9)
    interruption(driver)
    driver.face(frames=9)
    assert driver.phase == Phase.WAITING_FACE
    driver.face()
    assert driver.phase == Phase.LISTENING


def test_unknown_faces_never_lock(driver):
    driver.face(UNKNOWN, frames=50)
    assert driver.phase == Phase.WAITING_FACE


def test_a_face_that_is_lost_for_a_moment_keeps_its_hold(driver):
    driver.face(frames=9)
    driver.nobody(0.3)
    driver.face()
    assert driver.phase == Phase.LISTENING


def test_a_face_that_leaves_while_waiting_loses_its_hold(driver):
    driver.face(frames=9)
    driver.nobody(1.0)
    assert driver.machine.snapshot().face is None
    driver.face(frames=9)
    assert driver.phase == Phase.WAITING_FACE


def test_a_camera_that_falls_silent_leaves_no_face_behind(driver):
    driver.face(frames=5)
    assert driver.machine.timed
    driver.wait(2.5)
    assert driver.machine.snapshot().face is None
    assert not driver.machine.timed


def test_a_face_that_leaves_while_listening_stays_locked(driver):
    driver.lock()
    driver.nobody(1.0)
    start = driver.say()
    driver.voice(start=start)
    driver.wait(1.0)
    assert driver.machine.snapshot().face.label == 'Happy'
    assert driver.outcomes == ['success']


def test_a_face_that_leaves_while_the_result_is_shown_changes_nothing(driver):
    driver.lock()
    driver.voice(start=driver.say())
    driver.wait(1.1)
    driver.nobody(1.0)
    assert driver.phase == Phase.SHOW_RESULT
    assert driver.machine.snapshot().face.label == 'Happy'


def test_silence_leads_on_with_the_face_only(driver):
    driver.lock()
    driver.wait(driver.machine.settings.speech_timeout + 0.1)
    shown = driver.machine.snapshot()
    assert shown.phase == Phase.SHOW_RESULT
    assert shown.face.label == 'Happy'
    assert shown.voice is None
    assert shown.fused is None
    assert driver.outcomes == ['no_speech']


def test_the_time_out_of_silence_does_not_run_while_somebody_speaks(driver):
    driver.lock()
    driver.wait(5.5)
    start = driver.say(3.0)
    assert driver.phase == Phase.LISTENING
    driver.voice(start=start)
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_speech_without_a_result_leads_on_after_a_bounded_wait(driver):
    driver.lock()
    driver.say()
    driver.wait(driver.machine.settings.voice_wait + 0.1)
    assert driver.outcomes == ['no_speech']
    finished = [notice for notice in driver.notices if isinstance(notice, Ended)]
    assert 'no voice result' in finished[0].words


def test_speech_that_never_ends_leads_on_at_the_limit(driver):
    driver.lock()
    driver.speaking(True)
    driver.wait(driver.machine.settings.speech_limit + 0.1)
    assert driver.outcomes == ['no_speech']


def test_a_late_voice_result_is_dropped_and_not_taken_by_the_next_cycle(driver):
    driver.lock()
    start = driver.say()
    driver.wait(driver.machine.settings.voice_wait + 0.1)
    driver.voice(start=start, end=start + 1)
    assert driver.machine.snapshot().voice is None
    driver.wait(driver.machine.settings.result_hold + driver.machine.settings.rest + 0.2)
    driver.lock()
    driver.voice(start=start, end=start + 1)
    assert driver.phase == Phase.LISTENING
    assert driver.machine.late == 2
    driver.wait(7.0)
    assert driver.outcomes == ['no_speech', 'no_speech']


def test_speech_that_began_before_the_lock_does_not_count(driver):
    driver.speaking(True)
    start = driver.now
    driver.wait(1.0)
    driver.lock()
    driver.wait(0.5)
    driver.speaking(False)
    driver.voice(start=start)
    assert driver.phase == Phase.LISTENING
    assert driver.machine.late == 1
    driver.voice(start=driver.say())
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_the_preroll_may_reach_back_before_the_lock(driver):
    driver.lock()
    locked = driver.now
    driver.say(0.8)
    driver.voice(start=locked - 0.4)
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_an_abstention_of_the_voice_model_gives_another_try(driver):
    driver.lock()
    driver.wait(3.0)
    driver.voice(UNKNOWN, start=driver.say(0.2))
    assert driver.phase == Phase.LISTENING
    assert driver.machine.snapshot().prompt == 'SPEAK NOW'
    assert driver.machine.snapshot().remaining == pytest.approx(3.0, abs=0.3)
    driver.wait(3.2)
    assert driver.outcomes == ['no_speech']
    assert 'too short' in next(n for n in driver.notices if isinstance(n, Ended)).words


def test_an_utterance_at_the_maximum_length_ends_the_listening_while_speech_goes_on(driver):
    driver.lock()
    driver.speaking(True)
    start = driver.now
    driver.wait(10.0)
    driver.do(UtteranceEnded(start))
    assert driver.machine.snapshot().prompt == 'ONE MOMENT'
    driver.voice(start=start)
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_a_voice_result_counts_even_if_no_voice_activity_was_seen(driver):
    driver.lock()
    driver.wait(2.0)
    driver.voice()
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_without_a_fused_result_the_cycle_goes_on_after_a_bounded_wait(driver):
    driver.lock()
    driver.voice(start=driver.say())
    driver.wait(0.9)
    assert driver.phase == Phase.LISTENING
    driver.wait(0.2)
    shown = driver.machine.snapshot()
    assert shown.phase == Phase.SHOW_RESULT
    assert shown.fused is None


def test_a_fused_result_may_overtake_the_voice_result(driver):
    driver.lock()
    start = driver.say()
    end = driver.now
    driver.fused(end)
    driver.wait(0.1)
    driver.fused(driver.now)
    driver.voice(start=start, end=end)
    shown = driver.machine.snapshot()
    assert shown.phase == Phase.SHOW_RESULT
    assert shown.fused.stamp == end


def test_a_fused_result_may_follow_while_the_result_is_shown(driver):
    driver.lock()
    start = driver.say()
    end = driver.now
    driver.voice(start=start, end=end)
    driver.wait(1.0)
    driver.fused(end)
    assert driver.machine.snapshot().fused is not None


@pytest.mark.parametrize(
    ('offset', 'sources'),
    [(-5.0, ('face', 'voice')), (0.2, ('face', 'voice')), (0.0, ('face',))],
    ids=['an earlier voice', 'a later frame', 'no voice'],
)
def test_a_fused_result_of_something_else_is_not_taken(driver, offset, sources):
    driver.lock()
    driver.voice(start=driver.say())
    driver.fused(driver.now + offset, sources)
    assert driver.machine.snapshot().fused is None


def to_waiting(driver: Driver) -> None:
    driver.face(frames=5)


def to_listening(driver: Driver) -> None:
    driver.lock()


def to_speaking(driver: Driver) -> None:
    driver.lock()
    driver.speaking(True)


def to_thinking(driver: Driver) -> None:
    driver.lock()
    driver.say()


def to_fusing(driver: Driver) -> None:
    driver.lock()
    driver.voice(start=driver.say())


def to_result(driver: Driver) -> None:
    driver.lock()
    driver.wait(6.1)
    assert driver.phase == Phase.SHOW_RESULT


BEFORE_RESULT = [to_waiting, to_listening, to_speaking, to_thinking, to_fusing]


@pytest.mark.parametrize('reach', BEFORE_RESULT)
def test_cancel_before_the_result_is_declared_and_begins_anew(driver, reach):
    reach(driver)
    driver.do(Cancel())
    assert driver.outcomes == ['cancelled']
    shown = driver.machine.snapshot()
    assert (shown.phase, shown.progress, shown.cycle) == (Phase.WAITING_FACE, 0.0, 2)
    driver.speaking(False)
    driver.lock()


def test_cancel_of_a_shown_result_keeps_its_outcome(driver):
    to_result(driver)
    driver.do(Cancel())
    assert driver.phase == Phase.WAITING_FACE
    assert driver.outcomes == ['no_speech']
    assert driver.machine.outcome == Outcome.NO_SPEECH


@pytest.mark.parametrize('reach', [*BEFORE_RESULT, to_result])
def test_reset_forgets_everything(driver, reach):
    reach(driver)
    driver.do(Reset())
    shown = driver.machine.snapshot()
    assert (shown.phase, shown.cycle, shown.outcome, shown.face) == (
        Phase.WAITING_FACE,
        1,
        Outcome.NONE,
        None,
    )
    assert shown.running
    driver.lock()


@pytest.mark.parametrize('reach', [*BEFORE_RESULT, to_result])
def test_stop_in_any_phase_locks_no_further_face_until_start(driver, reach):
    reach(driver)
    driver.do(Stop())
    driver.face(frames=30)
    assert driver.phase == Phase.WAITING_FACE
    assert driver.machine.snapshot().prompt == 'STOPPED'
    assert driver.machine.snapshot().face.label == 'Happy'
    driver.do(Start())
    driver.lock()


def test_a_requested_cycle_runs_once_and_then_stands_still():
    driver = Driver(running=False)
    driver.face(frames=30)
    assert driver.phase == Phase.WAITING_FACE
    driver.do(Request())
    driver.lock()
    driver.voice(start=driver.say())
    driver.wait(8.0)
    driver.face(frames=60)
    assert driver.outcomes == ['success']
    assert driver.phase == Phase.WAITING_FACE


def test_a_requested_cycle_without_a_face_ends_with_no_face():
    driver = Driver(running=False)
    driver.do(Request(face_timeout=3.0))
    driver.wait(2.9)
    assert driver.outcomes == []
    driver.wait(0.2)
    assert driver.outcomes == ['no_face']
    assert not driver.machine.running


def test_a_requested_cycle_takes_its_own_time_out_of_speech():
    driver = Driver(running=False)
    driver.do(Request(speech_timeout=1.0))
    driver.lock()
    driver.wait(1.1)
    assert driver.outcomes == ['no_speech']


def test_a_second_request_is_refused_while_one_is_under_way():
    driver = Driver(running=False)
    driver.do(Request())
    with pytest.raises(Refused, match='under way'):
        driver.do(Request())


def test_a_request_may_follow_while_the_last_result_is_shown():
    driver = Driver(running=False)
    driver.do(Request())
    to_result(driver)
    driver.do(Request())
    assert driver.phase == Phase.WAITING_FACE
    driver.lock()
    driver.voice(start=driver.say())
    driver.wait(1.1)
    assert driver.outcomes == ['no_speech', 'success']


def test_a_request_breaks_off_the_continuous_cycle_and_hands_back_to_it(driver):
    driver.lock()
    driver.do(Request())
    assert driver.outcomes == ['cancelled']
    driver.lock()
    driver.wait(6.1)
    driver.wait(7.1)
    driver.lock()


def test_a_hold_counts_only_after_a_rest_when_a_result_was_shown(driver):
    to_result(driver)
    driver.wait(6.0)
    assert driver.phase == Phase.WAITING_FACE
    driver.face(frames=20)
    assert driver.phase == Phase.WAITING_FACE
    driver.face(frames=25)
    assert driver.phase == Phase.LISTENING


def test_frames_out_of_order_do_not_count(driver):
    driver.face(frames=5)
    held = driver.machine.snapshot().progress
    for _ in range(20):
        driver.do(FaceRead(reading(Emotion.HAPPY, driver.now - 0.2)))
    assert driver.machine.snapshot().progress == held


def test_a_recording_that_starts_over_begins_a_new_time_line(driver):
    driver.face(frames=5)
    for number in range(10):
        driver.do(FaceRead(reading(Emotion.HAPPY, driver.now - 500 + number * FRAME)))
    assert driver.phase == Phase.LISTENING


@pytest.mark.parametrize('jump', [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_ends_nor_stops_a_phase(driver, jump):
    driver.lock()
    driver.wait(2.0)
    driver.now += jump
    driver.wait(3.5)
    assert driver.phase == Phase.LISTENING
    start = driver.say()
    driver.voice(start=start)
    driver.wait(1.1)
    assert driver.outcomes == ['success']


def test_a_clock_that_is_set_back_lets_the_time_out_come_all_the_same(driver):
    driver.lock()
    driver.wait(2.0)
    driver.now -= 3600
    driver.wait(4.2)
    assert driver.outcomes == ['no_speech']


def test_a_clock_that_is_set_back_while_waiting_lets_the_face_lock(driver):
    driver.face(frames=5)
    driver.now -= 0.5
    driver.face(frames=10)
    assert driver.phase == Phase.LISTENING


def test_ticks_are_asked_for_only_while_something_can_time_out(driver):
    assert not driver.machine.timed
    driver.face()
    assert driver.machine.timed
    driver.lock()
    assert driver.machine.timed


def test_the_countdown_shrinks_and_the_progress_grows(driver):
    driver.lock()
    driver.wait(1.5)
    shown = driver.machine.snapshot()
    assert shown.remaining == pytest.approx(4.5)
    assert shown.duration == 6.0
    assert shown.progress == pytest.approx(0.25)
    later = with_time_left(shown, 1.5)
    assert later.remaining == pytest.approx(3.0)
    assert later.progress == pytest.approx(0.5)


def test_waiting_without_a_time_out_has_no_countdown(driver):
    shown = driver.machine.snapshot()
    assert math.isnan(shown.remaining)
    assert math.isnan(shown.duration)
    assert with_time_left(shown, 5.0) is shown


def test_settings_out_of_range_are_refused_by_name():
    with pytest.raises(ValueError, match='lock_frames is 0'):
        MultimodalSettings(lock_frames=0)
