# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What holds for the multimodal cycle whatever happens, in whatever order."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_apps.machine import Ended, Notice, Refused, Reset, Stop, Tick
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
from emotion_apps.multimodal.states import Outcome, Phase
from emotion_apps.reading import Reading
from emotion_perception.emotions import EMOTIONS, UNKNOWN

EMOTION = st.sampled_from([*range(len(EMOTIONS)), UNKNOWN])
# Steps of the clock: usual ones, none, pauses, and jumps both ways.
STEP = st.one_of(st.floats(0.0, 0.2), st.sampled_from([0.0, 1.0, 5.0, -0.5, -3600.0, 3600.0]))
# Stamps beside now: fresh, late, out of order, from another clock.
OFFSET = st.sampled_from([0.0, -0.05, -0.3, -2.0, -100.0, 50.0])
# What happens, by the time at which it happens.
DEED = st.one_of(
    st.builds(
        lambda emotion, subject, offset: (
            lambda now: FaceRead(Reading(emotion, stamp=now + offset, subject=subject))
        ),
        EMOTION,
        st.sampled_from(['face_1', 'face_2']),
        OFFSET,
    ),
    st.builds(
        lambda subjects, offset: lambda now: FacesSeen(subjects, now + offset),
        st.sampled_from([(), ('face_1',), ('face_1', 'face_2')]),
        OFFSET,
    ),
    st.builds(
        lambda speaking, offset: lambda now: SoundHeard(speaking, now + offset),
        st.booleans(),
        OFFSET,
    ),
    st.builds(lambda offset: lambda now: UtteranceEnded(now + offset), OFFSET),
    st.builds(
        lambda emotion, offset, span: (
            lambda now: VoiceRead(Reading(emotion, stamp=now + offset, subject='voice', span=span))
        ),
        EMOTION,
        OFFSET,
        st.floats(0.0, 3.0),
    ),
    st.builds(
        lambda emotion, offset: (
            lambda now: BothRead(Reading(emotion, stamp=now + offset, sources=('face', 'voice')))
        ),
        EMOTION,
        OFFSET,
    ),
    st.sampled_from([Tick(), Start(), Stop(), Cancel(), Reset(), Request()]).map(
        lambda event: lambda now: event
    ),
)


def act(machine: Multimodal, event: Event, now: float) -> list[Notice]:
    try:
        return machine.handle(event, now)
    except Refused:
        assert isinstance(event, Request)
        return []


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.tuples(STEP, DEED), max_size=150))
def test_every_cycle_has_one_outcome_and_every_phase_an_end(running, deeds):
    machine = Multimodal(MultimodalSettings(lock_frames=3), running=running)
    now = 1e6
    open_cycle = True
    for step, deed in deeds:
        now += step
        before = machine.phase
        notices = act(machine, deed(now), now)
        finished = [notice for notice in notices if isinstance(notice, Ended)]
        # One call ends at most the cycle that was under way and, in a goal, none twice.
        assert len(finished) <= 1
        if finished:
            assert open_cycle
            assert finished[0].outcome != Outcome.NONE
            assert finished[0].words
        shown = machine.snapshot()
        open_cycle = shown.phase != Phase.SHOW_RESULT
        if before != Phase.SHOW_RESULT and shown.phase == Phase.SHOW_RESULT:
            assert finished
            assert shown.outcome == (Outcome.SUCCESS if shown.voice else Outcome.NO_SPEECH)
        if shown.phase != Phase.WAITING_FACE:
            assert shown.face is not None
            assert shown.face.known
        assert shown.voice is None or shown.voice.known
        assert shown.fused is None or shown.fused.stamp == shown.voice.stamp
        assert 0.0 <= shown.progress <= 1.0
        assert math.isnan(shown.remaining) or 0.0 <= shown.remaining <= shown.duration
        assert shown.cycle >= 1
    # Left alone, it comes back to wait for a face, and then needs no ticks.
    machine.handle(Stop(), now)
    for _ in range(600):
        now += 0.1
        machine.handle(Tick(), now)
    assert machine.phase == Phase.WAITING_FACE
    assert not machine.timed


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(STEP, DEED), max_size=100))
def test_a_running_cycle_can_always_be_completed(deeds):
    machine = Multimodal(MultimodalSettings(lock_frames=3), running=True)
    now = 1e6
    for step, deed in deeds:
        now += step
        act(machine, deed(now), now)
    machine.handle(Reset(), now)
    machine.handle(Start(), now)
    for _ in range(4):
        now += 1.6
        machine.handle(FaceRead(Reading(2, stamp=now, subject='face_9')), now)
        machine.handle(FaceRead(Reading(2, stamp=now, subject='face_9')), now)
    assert machine.phase == Phase.LISTENING
    machine.handle(SoundHeard(False, now), now)
    now += 1.0
    machine.handle(VoiceRead(Reading(4, stamp=now, subject='voice', span=0.5)), now)
    now += 1.1
    machine.handle(Tick(), now)
    assert machine.snapshot().outcome == Outcome.SUCCESS
