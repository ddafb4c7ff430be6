"""What holds for the multimodal cycle whatever happens, in whatever order."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_apps.multimodal.cycle import (
    Multimodal,
    MultimodalSettings,
    Outcome,
    Phase,
)
from emotion_apps.reading import Reading
from emotion_perception.emotions import EMOTIONS, UNKNOWN

EMOTION = st.sampled_from([*range(len(EMOTIONS)), UNKNOWN])
# Steps of the clock: usual ones, none, pauses, and jumps both ways.
STEP = st.one_of(st.floats(0.0, 0.2), st.sampled_from([0.0, 1.0, 5.0, -0.5, -3600.0, 3600.0]))
# Stamps beside now: fresh, late, out of order, from another clock.
OFFSET = st.sampled_from([0.0, -0.05, -0.3, -2.0, -100.0, 50.0])
DEED = st.one_of(
    st.tuples(st.just('face'), EMOTION, st.sampled_from(['face_1', 'face_2']), OFFSET),
    st.tuples(st.just('faces'), st.sampled_from([(), ('face_1',), ('face_1', 'face_2')]), OFFSET),
    st.tuples(st.just('activity'), st.booleans(), OFFSET),
    st.tuples(st.just('utterance'), OFFSET),
    st.tuples(st.just('voice'), EMOTION, OFFSET, st.floats(0.0, 3.0)),
    st.tuples(st.just('fused'), EMOTION, OFFSET),
    st.tuples(st.sampled_from(['tick', 'start', 'stop', 'cancel', 'reset', 'request'])),
)


def act(machine: Multimodal, deed: tuple, now: float) -> list:
    name, *more = deed
    if name == 'face':
        emotion, subject, offset = more
        return machine.on_face(Reading(emotion, stamp=now + offset, subject=subject), now)
    if name == 'faces':
        return machine.on_faces(more[0], now + more[1], now)
    if name == 'activity':
        return machine.on_voice_activity(more[0], now + more[1], now)
    if name == 'utterance':
        return machine.on_utterance(now + more[0], now)
    if name == 'voice':
        return machine.on_voice(
            Reading(more[0], stamp=now + more[1], subject='voice', span=more[2]), now
        )
    if name == 'fused':
        return machine.on_fused(
            Reading(more[0], stamp=now + more[1], sources=('face', 'voice')), now
        )
    if name == 'request' and machine.once:
        return []
    return getattr(machine, name)(now)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.tuples(STEP, DEED), max_size=150))
def test_every_cycle_has_one_outcome_and_every_phase_an_end(running, deeds):
    machine = Multimodal(MultimodalSettings(lock_frames=3), running=running)
    now = 1e6
    open_cycle = True
    for step, deed in deeds:
        now += step
        before = machine.phase
        events = act(machine, deed, now)
        finished = [event for event in events if event.kind == 'finished']
        # One call ends at most the cycle that was under way and, in a goal, none twice.
        assert len(finished) <= 1
        if finished:
            assert open_cycle
            assert finished[0].outcome != Outcome.NONE
            assert finished[0].message
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
    machine.stop(now)
    for _ in range(600):
        now += 0.1
        machine.tick(now)
    assert machine.phase == Phase.WAITING_FACE
    assert not machine.timed


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(STEP, DEED), max_size=100))
def test_a_running_cycle_can_always_be_completed(deeds):
    machine = Multimodal(MultimodalSettings(lock_frames=3), running=True)
    now = 1e6
    for step, deed in deeds:
        now += step
        act(machine, deed, now)
    machine.reset(now)
    machine.start(now)
    for _ in range(4):
        now += 1.6
        machine.on_face(Reading(2, stamp=now, subject='face_9'), now)
        machine.on_face(Reading(2, stamp=now, subject='face_9'), now)
    assert machine.phase == Phase.LISTENING
    machine.on_voice_activity(False, now, now)
    now += 1.0
    machine.on_voice(Reading(4, stamp=now, subject='voice', span=0.5), now)
    now += 1.1
    machine.tick(now)
    assert machine.snapshot().outcome == Outcome.SUCCESS
