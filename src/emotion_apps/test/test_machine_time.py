# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the cycle and the game make of each kind of trouble with time: no ROS, no clock.

(The interview's own are in ``test_interview.py``: it compares no stamps.)
"""

from __future__ import annotations

import numpy as np
import pytest

from emotion_apps.game.events import FrameSeen
from emotion_apps.game.game import Game
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import Outcome as GameOutcome
from emotion_apps.game.states import Phase as GamePhase
from emotion_apps.game.states import Sighting
from emotion_apps.machine import Ended, Tick
from emotion_apps.multimodal.cycle import Multimodal
from emotion_apps.multimodal.events import (
    BothRead,
    FaceRead,
    FacesSeen,
    SoundHeard,
    VoiceRead,
)
from emotion_apps.multimodal.settings import MultimodalSettings
from emotion_apps.multimodal.states import Outcome, Phase
from emotion_apps.reading import Reading
from emotion_perception.emotions import Emotion

FRAME = 1 / 25


class Cycle:
    """A cycle whose camera and microphone may have a clock of their own."""

    def __init__(self) -> None:
        self.machine = Multimodal(MultimodalSettings(), running=True)
        self.now = 1000.0
        self.camera = self.sound = 0.0
        """Seconds by which the stamps of each differ from now."""
        self.outcomes: list[Outcome] = []

    def do(self, event: object) -> None:
        self.outcomes += [
            notice.outcome
            for notice in self.machine.handle(event, self.now)
            if isinstance(notice, Ended)
        ]

    def frames(self, count: int, order: list[int] | None = None) -> None:
        """Show a happy face, in the given order of stamps."""
        begin = self.now
        for i in order or range(count):
            self.now += FRAME
            stamp = begin + (i + 1) * FRAME + self.camera
            self.do(FaceRead(Reading(Emotion.HAPPY, stamp=stamp, subject='face_1')))
            self.do(FacesSeen({'face_1'}, stamp))

    def hear(self, seconds: float, speaking: bool) -> None:
        for _ in range(round(seconds / 0.1)):
            self.now += 0.1
            self.do(SoundHeard(speaking, self.now + self.sound))

    def speak(self) -> None:
        """Say something, and have it answered 0.3 s later."""
        start = self.now + self.sound
        self.hear(1.0, True)
        end = self.now + self.sound
        self.hear(0.3, False)
        self.do(VoiceRead(Reading(Emotion.SAD, stamp=end, subject='voice', span=end - start)))
        self.do(BothRead(Reading(Emotion.SAD, stamp=end, sources=('face', 'voice'))))


def test_a_cycle_locks_on_swapped_frames_as_on_those_in_order() -> None:
    cycle = Cycle()
    cycle.frames(0, [0, 2, 1, 3, 4, 6, 5, 7, 8, 9])
    assert cycle.machine.phase == Phase.WAITING_FACE
    assert cycle.machine.snapshot().progress == pytest.approx(0.8)
    cycle.frames(2)
    assert cycle.machine.phase == Phase.LISTENING


@pytest.mark.parametrize('back', [-3600.0, -5.0, -0.5])
def test_a_camera_that_begins_anew_holds_up_the_lock_by_a_few_frames_at_most(back: float) -> None:
    cycle = Cycle()
    cycle.frames(9)
    cycle.camera = back
    cycle.frames(9)
    assert cycle.machine.phase == Phase.WAITING_FACE, 'the hold begins anew'
    cycle.frames(4)
    assert cycle.machine.phase == Phase.LISTENING


@pytest.mark.parametrize('when', ['before the lock', 'while listening', 'while speaking'])
@pytest.mark.parametrize('step', [-3600.0, -20.0, -2.0, 3600.0])
def test_a_recording_that_starts_over_breaks_no_cycle(when: str, step: float) -> None:
    cycle = Cycle()
    cycle.hear(1.0, False)
    cycle.frames(5)
    if when == 'before the lock':
        cycle.camera = cycle.sound = step
    cycle.frames(14)
    assert cycle.machine.phase == Phase.LISTENING
    if when == 'while listening':
        cycle.camera = cycle.sound = step
    cycle.hear(0.5, False)
    if when == 'while speaking':
        cycle.hear(0.5, True)
        cycle.camera = cycle.sound = step
        # The recording is cut there: the detector ends the utterance and hears another one.
        cycle.hear(0.3, False)
    cycle.speak()
    assert cycle.outcomes == [Outcome.SUCCESS]
    assert cycle.machine.snapshot().fused is not None


def test_speech_of_before_the_lock_stays_outside_when_the_recording_starts_over() -> None:
    cycle = Cycle()
    cycle.hear(1.0, False)
    start = cycle.now
    cycle.hear(2.0, True)
    cycle.frames(14)
    cycle.sound = -500.0
    cycle.hear(0.1, False)
    assert cycle.machine.phase == Phase.LISTENING
    end = start + 1.0 + cycle.sound
    cycle.do(VoiceRead(Reading(Emotion.SAD, stamp=end, subject='voice', span=1.0)))
    assert cycle.machine.late == 1
    assert cycle.machine.phase == Phase.LISTENING


def test_readings_that_carry_no_usable_stamp_are_taken_at_their_arrival() -> None:
    cycle = Cycle()
    for _ in range(12):
        cycle.now += FRAME
        cycle.do(FaceRead(Reading(Emotion.HAPPY, subject='face_1', arrived=cycle.now)))
    assert cycle.machine.phase == Phase.LISTENING
    cycle.hear(0.5, False)
    start = cycle.now
    cycle.hear(1.0, True)
    cycle.do(VoiceRead(Reading(Emotion.SAD, span=cycle.now - start, arrived=cycle.now)))
    cycle.do(BothRead(Reading(Emotion.SAD, sources=('face', 'voice'), arrived=cycle.now)))
    assert cycle.outcomes == [Outcome.SUCCESS]
    assert cycle.machine.snapshot().fused is not None


@pytest.mark.parametrize('jump', [-3600.0, 3600.0])
def test_a_clock_that_is_set_shortens_and_lengthens_no_time_out(jump: float) -> None:
    cycle = Cycle()
    cycle.frames(12)
    cycle.now += jump
    for _ in range(58):
        cycle.now += 0.1
        cycle.do(Tick())
    assert cycle.machine.phase == Phase.LISTENING
    for _ in range(4):
        cycle.now += 0.1
        cycle.do(Tick())
    assert cycle.outcomes == [Outcome.NO_SPEECH]


# The game.


def sightings(track: str = 'face') -> list[Sighting]:
    return [
        Sighting(f'{track}_{number}', (200.0 * number, 100.0, 80.0, 80.0), np.full(6, value))
        for number, value in ((1, 0.8), (2, 0.3))
    ]


class Board:
    """A game whose camera may have a clock of its own."""

    def __init__(self) -> None:
        self.game = Game(
            GameSettings(
                rounds=1,
                seconds=2.0,
                countdown=0.5,
                stable_seconds=0.3,
                result_seconds=0.3,
                final_seconds=0.0,
                minimum_frames=5,
                seed=1,
            )
        )
        self.now = 50.0

    def show(self, offset: float = 0.0, track: str = 'face') -> None:
        self.now += FRAME
        stamp = round((self.now + offset) * 1e9)
        self.game.handle(FrameSeen(sightings(track), stamp), self.now)

    def until(self, phase: GamePhase, offset: float = 0.0, track: str = 'face') -> None:
        for _ in range(400):
            if self.game.phase == phase:
                return
            self.show(offset, track)
        raise AssertionError(f'{self.game.phase.name}, not {phase.name}')


def test_frames_out_of_order_are_not_scored_and_cost_no_time() -> None:
    board = Board()
    board.until(GamePhase.ROUND)
    frames = board.game.state().players[0].frames
    for number in range(20):
        board.show(-3 * FRAME if number % 2 else 0.0)
    assert board.game.state().players[0].frames == frames + 10
    assert board.game.state().remaining == pytest.approx(2.0 - 20 * FRAME, abs=0.05)


@pytest.mark.parametrize('step', [-3600.0, -5.0, -0.5, 3600.0])
def test_a_recording_that_starts_over_is_played_on_with_its_new_tracks(step: float) -> None:
    board = Board()
    board.until(GamePhase.ROUND)
    for _ in range(10):
        board.show()
    board.until(GamePhase.FINAL, step, 'new')
    state = board.game.state()
    assert state.outcome is GameOutcome.FINISHED
    assert state.winner == 1
    assert state.players[0].track == 'new_1'


@pytest.mark.parametrize('jump', [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_ends_nor_holds_up_a_round(jump: float) -> None:
    board = Board()
    board.until(GamePhase.ROUND)
    for _ in range(10):
        board.show()
    remaining = board.game.state().remaining
    board.now += jump
    for _ in range(10):
        board.show()
    assert board.game.state().remaining == pytest.approx(remaining - 9 * FRAME, abs=1e-6)
    board.until(GamePhase.FINAL)
    assert board.game.state().outcome is GameOutcome.FINISHED
