# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one rule for time, and what tracker, smoother and primary face make of it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emotion_perception.emotions import Emotion
from emotion_perception.timing import (
    AHEAD,
    LATE_IN_A_ROW,
    LONGEST_STEP,
    REORDER,
    UNDER_WAY,
    Order,
    SetBack,
    Stamps,
    Stopwatch,
    TimeLine,
)
from emotion_perception.vision.detect import Detection
from emotion_perception.vision.primary import Primary
from emotion_perception.vision.smooth import Smoother
from emotion_perception.vision.track import Tracker

NEXT, LATE, ANEW = Order.NEXT, Order.LATE, Order.ANEW
FRAME = 1 / 25


def orders(*stamps: float) -> list[Order]:
    line = TimeLine()
    return [line.take(stamp) for stamp in stamps]


def swapped(count: int, every: int = 5) -> list[int]:
    """Return 0..count-1 with a pair changed in places now and then, as USB drivers send them."""
    order = list(range(count))
    for i in range(every, count - 1, every):
        order[i], order[i + 1] = order[i + 1], order[i]
    return order


# The order of stamps.


def test_stamps_that_grow_or_stand_still_are_in_order() -> None:
    assert orders(5.0, 5.04, 5.04, 9.0, 1e9) == [NEXT] * 5


def test_a_swapped_pair_leaves_one_frame_out() -> None:
    assert orders(1.0, 1.08, 1.04, 1.12) == [NEXT, NEXT, LATE, NEXT]


def test_a_block_that_comes_late_is_left_out_as_a_whole() -> None:
    assert orders(1.0, 1.16, 1.04, 1.08, 1.12, 1.20) == [NEXT, NEXT, LATE, LATE, LATE, NEXT]


def test_a_large_step_back_begins_anew_at_once() -> None:
    assert orders(100.0, 2.0, 2.04) == [NEXT, ANEW, NEXT]


@pytest.mark.parametrize('back', [0.3, 0.9])
def test_a_small_step_back_begins_anew_after_a_few_frames(back: float) -> None:
    stamps = [10.0, *(10.0 - back + i * FRAME for i in range(6))]
    assert orders(*stamps) == [NEXT, *[LATE] * LATE_IN_A_ROW, ANEW, NEXT, NEXT]


def test_the_same_late_stamp_again_and_again_is_no_source_that_went_back() -> None:
    assert orders(10.0, *[9.8] * 50, 10.04) == [NEXT, *[LATE] * 50, NEXT]


def test_what_came_late_before_does_not_hold_up_a_source_that_went_back_further() -> None:
    line = TimeLine()
    found = [line.take(stamp) for stamp in (1.0, 0.5, 0.0, 0.03, 0.06, 0.09, 0.12)]
    assert found == [NEXT, LATE, LATE, LATE, LATE, ANEW, NEXT]


def test_a_stray_stamp_from_the_future_costs_no_more_than_itself() -> None:
    assert orders(10.0, 4000.0, 10.04, 10.08) == [NEXT, NEXT, ANEW, NEXT]


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_a_stamp_that_is_no_number_is_left_out_and_forgotten(bad: float) -> None:
    assert orders(10.0, bad, 10.04) == [NEXT, LATE, NEXT]


def test_after_a_reset_any_stamp_is_in_order() -> None:
    line = TimeLine()
    line.take(100.0)
    line.reset()
    assert line.take(1.0) is NEXT


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.floats(-1e6, 1e6))
@example([1.0, 0.5], 0.0)
def test_whatever_came_before_a_steady_source_is_followed_after_a_few_frames(
    before: list[float], begin: float
) -> None:
    line = TimeLine()
    for stamp in before:
        line.take(stamp)
    found = [line.take(begin + i * FRAME) for i in range(LATE_IN_A_ROW + 20)]
    assert found[LATE_IN_A_ROW + 1 :] == [NEXT] * 19
    assert found.count(ANEW) <= 1


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), max_size=60))
def test_what_is_taken_never_goes_back_unless_it_begins_anew(stamps: list[float]) -> None:
    line, newest = TimeLine(), -math.inf
    for stamp in stamps:
        order = line.take(stamp)
        if order is NEXT:
            assert stamp >= newest
        elif order is ANEW:
            assert stamp < newest
        else:
            assert math.isnan(stamp) or 0 < newest - stamp <= REORDER
            continue
        newest = stamp
        assert line.newest == newest


# What a stamp is worth.


def test_no_stamp_is_the_time_of_arrival_and_is_said_once() -> None:
    said: list[str] = []
    stamps = Stamps(said.append)
    assert [stamps.read(0.0, now) for now in (50.0, 50.1, 50.2)] == [50.0, 50.1, 50.2]
    assert len(said) == 1
    assert 'without a time stamp' in said[0]


def test_a_stamp_from_the_future_is_the_time_of_arrival_and_is_said_once() -> None:
    said: list[str] = []
    stamps = Stamps(said.append)
    assert stamps.read(50.0 + AHEAD, 50.0) == 50.0 + AHEAD
    assert [stamps.read(now + 30.0, now) for now in (50.0, 50.1)] == [50.0, 50.1]
    assert said == [said[0]]
    assert '30.0 s ahead' in said[0]


def test_what_was_under_way_when_the_clock_went_back_keeps_its_stamp() -> None:
    said: list[str] = []
    clock = SetBack()
    faces, voices = (Stamps(said.append, clock=clock) for _ in range(2))
    assert faces.read(59.9, 60.0) == 59.9
    assert faces.read(10.0, 10.1) == 10.0
    assert voices.read(59.0, 10.5) == 59.0
    assert said == []
    # Beyond the end of the clock of then, or much later, it is another clock's.
    assert voices.read(60.0 + 2 * AHEAD, 10.6) == 10.6
    assert voices.read(59.0, 10.1 + 2 * UNDER_WAY) == 10.1 + 2 * UNDER_WAY


def test_jitter_of_a_clock_does_not_set_it_back() -> None:
    clock = SetBack()
    for now in (60.0, 59.9, 60.1):
        clock.look(now)
    assert not clock.covers(60.0, AHEAD)


def test_a_recording_may_be_as_old_as_it_likes_unless_that_is_limited() -> None:
    said: list[str] = []
    assert Stamps(said.append).read(7.0, 1e9) == 7.0
    live = Stamps(said.append, behind=5.0)
    assert live.read(46.0, 50.0) == 46.0
    assert live.read(30.0, 50.0, late=55.0) == 30.0
    assert said == []
    assert live.read(30.0, 50.0) == 50.0
    assert '20.0 s behind' in said[0]


def test_who_follows_one_source_alone_needs_no_other_clock() -> None:
    said: list[str] = []
    assert Stamps(said.append, ahead=math.inf).read(9e9, 50.0) == 9e9
    assert said == []


def test_a_simulated_clock_that_does_not_run_yet_judges_no_stamp() -> None:
    said: list[str] = []
    assert Stamps(said.append).read(12.0, 0.0) == 12.0
    assert said == []


# The time that passes.


def test_time_passes_as_the_clock_goes() -> None:
    stopwatch = Stopwatch()
    assert [stopwatch.step(now) for now in (100.0, 100.5, 100.5, 102.0)] == [0.0, 0.5, 0.0, 1.5]
    assert stopwatch.time == 2.0


@pytest.mark.parametrize('jump', [-3600.0, -0.3, LONGEST_STEP + 0.1, 1e9])
def test_a_clock_that_is_set_is_no_time(jump: float) -> None:
    stopwatch = Stopwatch()
    stopwatch.step(100.0)
    stopwatch.step(101.0)
    assert stopwatch.step(101.0 + jump) == 0.0
    assert stopwatch.jump == pytest.approx(jump)
    assert stopwatch.step(101.5 + jump) == pytest.approx(0.5)
    assert stopwatch.jump == 0.0
    assert stopwatch.time == pytest.approx(1.5)


def test_the_times_of_a_recording_are_time_however_far_apart() -> None:
    stopwatch = Stopwatch(longest=math.inf)
    stopwatch.step(0.0)
    assert stopwatch.step(3600.0) == 3600.0


def test_a_clock_read_through_several_streams_stands_until_it_is_where_it_was() -> None:
    stopwatch = Stopwatch(slack=1.0)
    assert [stopwatch.step(now) for now in (10.0, 10.5, 10.2, 10.4, 10.7)] == [
        0.0,
        0.5,
        0.0,
        0.0,
        pytest.approx(0.2),
    ]


@given(st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), max_size=60))
def test_time_never_goes_back_and_no_step_is_longer_than_allowed(clock: list[float]) -> None:
    stopwatch, before = Stopwatch(), 0.0
    for now in clock:
        assert 0.0 <= stopwatch.step(now) <= LONGEST_STEP
        assert stopwatch.time >= before
        before = stopwatch.time


# Tracker, smoother, primary face.


def detection(i: int) -> Detection:
    box = np.array([50 + 3.0 * i, 80, 100, 100], np.float32)
    return Detection(box, 0.9, np.full((4, 2), np.nan, np.float32))


def test_swapped_frames_end_no_track() -> None:
    tracker, inorder = Tracker(), Tracker()
    found = [tracker.update([detection(i)], i * FRAME) for i in swapped(100)]
    expected = [inorder.update([detection(i)], i * FRAME) for i in range(100)]
    ids = {track.id for tracks in found for track in tracks or ()}
    assert ids == {'face_1'} == {track.id for tracks in expected for track in tracks}
    assert found.count(None) == len(range(5, 99, 5))
    assert found[-1][0].age == expected[-1][0].age


@pytest.mark.parametrize('back', [60.0, 0.6])
def test_a_film_that_starts_over_ends_all_tracks(back: float) -> None:
    tracker = Tracker()
    for i in range(50):
        before = tracker.update([detection(0)], i * FRAME)
    ids = set()
    for i in range(50):
        tracks = tracker.update([detection(0)], 49 * FRAME - back + i * FRAME)
        ids |= {track.id for track in tracks or ()}
    assert [track.id for track in before] == ['face_1']
    assert ids == {'face_2'}


def probabilities(i: int) -> np.ndarray:
    vector = np.full(6, 0.1, np.float32)
    vector[Emotion.HAPPY if i % 30 < 25 else Emotion.SAD] = 0.5
    return vector


def test_swapped_frames_leave_the_smoothed_reading_as_if_in_order() -> None:
    smoother = Smoother()
    stable = []
    for i in swapped(100):
        result = smoother.update('face_1', probabilities(0), i * FRAME)
        stable.append((i, result.stable))
    # Stable from the moment at which it is in order, whatever comes late.
    assert next(i for i, value in sorted(stable) if value) in (13, 14)
    assert all(value for i, value in stable if i > 15)


def test_a_late_reading_changes_nothing_and_gets_what_is_known() -> None:
    smoother = Smoother()
    for i in range(20):
        known = smoother.update('face_1', probabilities(0), i * FRAME)
    sad = np.eye(6, dtype=np.float32)[Emotion.SAD]
    answer = smoother.update('face_1', sad, 18.5 * FRAME)
    np.testing.assert_array_equal(answer.probabilities, known.probabilities)
    assert answer.stable == known.stable


def test_a_film_that_starts_over_makes_the_smoother_forget_everybody() -> None:
    smoother = Smoother()
    for i in range(50):
        for person in ('face_1', 'face_2'):
            smoother.update(person, probabilities(0), 100 + i * FRAME)
    sad = np.eye(6, dtype=np.float32)[Emotion.SAD]
    answer = smoother.update('face_1', sad, 3.0)
    assert answer.emotion == Emotion.SAD
    assert not answer.stable
    assert 'face_2' not in smoother


def test_the_primary_face_stays_when_frames_come_swapped_and_is_chosen_anew_afterwards() -> None:
    def face(name: str, width: float) -> SimpleNamespace:
        return SimpleNamespace(id=name, box=np.array([0, 0, width, width], np.float32))

    primary = Primary()
    both = [face('face_1', 100), face('face_2', 110)]
    assert primary.choose([both[0]], 0.0) == 'face_1'
    chosen = {primary.choose(both, i * FRAME) for i in swapped(100)}
    assert chosen == {'face_1'}
    assert primary.choose(both, -50.0) == 'face_2'
