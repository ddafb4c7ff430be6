# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tracking: ids that stay with the person."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from emotion_perception.vision.align import align
from emotion_perception.vision.detect import Detection
from emotion_perception.vision.detectors import make_detector
from emotion_perception.vision.track import (
    Tracker,
    TrackSettings,
    appearance,
    assign,
    difference,
)
from support.faces import background, crossing, pass_by, paste, portrait, portraits, turn_back
from support.films import frames_of


def face(x: float, y: float, side: float = 100.0) -> Detection:
    return Detection(
        np.array([x - side / 2, y - side / 2, side, side], np.float32),
        0.9,
        np.full((4, 2), np.nan, np.float32),
    )


def look(seed: int) -> np.ndarray:
    """Return an appearance of its own."""
    vector = np.random.default_rng(seed).normal(size=385).astype(np.float32)
    return vector / np.linalg.norm(vector)


def ids(tracks: Iterable) -> list[str]:
    return [track.id for track in tracks]


@pytest.fixture(scope='module')
def detector():
    return make_detector()


@pytest.mark.parametrize('shape', [(1, 1), (2, 3), (4, 2), (5, 5), (3, 6)])
def test_assignment_is_the_cheapest_of_all(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    for _ in range(20):
        cost = rng.normal(size=shape)
        pairs = assign(cost)
        assert len(pairs) == min(shape)
        small, wide = (cost, False) if shape[0] <= shape[1] else (cost.T, True)
        best = min(
            sum(small[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(small.shape[1]), small.shape[0])
        )
        assert sum(cost[pair] for pair in pairs) == pytest.approx(best)
        assert len({column for _, column in pairs}) == len(pairs)
        assert wide == (shape[0] > shape[1])


def test_assignment_of_nothing_is_nothing() -> None:
    assert assign(np.zeros((0, 3))) == []


def test_a_face_is_reported_from_its_second_frame_and_keeps_its_id() -> None:
    tracker = Tracker()
    assert tracker.update([face(100, 100)], 0.0) == []
    for i in range(1, 60):
        tracks = tracker.update([face(100 + 8 * i, 100)], i / 30)
        assert ids(tracks) == ['face_1']
    assert tracks[0].age == pytest.approx(59 / 30)


def test_one_false_alarm_gets_no_id() -> None:
    tracker = Tracker()
    for i in range(20):
        found = [face(100, 100)] + ([face(500, 300, 60)] if i == 7 else [])
        tracks = tracker.update(found, i / 30)
        assert len(tracks) <= 1
    assert tracker.update([face(500, 300, 60)], 1.0) == []


@pytest.mark.parametrize('rate', [4.0, 10.0, 30.0, 120.0])
def test_a_moving_face_is_followed_at_any_rate(rate: float) -> None:
    tracker = Tracker()
    seen = set()
    for i in range(int(3 * rate)):
        t = i / rate
        tracks = tracker.update([face(320 + 150 * np.sin(1.5 * t), 240)], t)
        seen.update(ids(tracks))
    assert seen == {'face_1'}


def test_an_id_survives_a_short_loss_but_not_a_long_one() -> None:
    tracker = Tracker(TrackSettings(keep_seconds=1.0))
    for i in range(10):
        tracker.update([face(200, 200)], i / 30, (640, 480), [look(1)])
    assert tracker.update([], 0.5) == []
    assert ids(tracker.update([face(210, 200)], 1.2, (640, 480), [look(1)])) == ['face_1']
    tracker.update([], 2.0)
    assert tracker.update([face(210, 200)], 2.9, (640, 480), [look(1)]) == []
    assert ids(tracker.update([face(210, 200)], 2.95, (640, 480), [look(1)])) == ['face_2']


def test_somebody_else_in_the_same_place_gets_another_id() -> None:
    tracker = Tracker()
    for i in range(10):
        tracker.update([face(200, 200)], i / 30, (640, 480), [look(1)])
    tracker.update([face(200, 200)], 1.0, (640, 480), [look(2)])
    assert ids(tracker.update([face(200, 200)], 1.03, (640, 480), [look(2)])) == ['face_2']


def test_the_light_may_change_while_a_face_stays_in_view() -> None:
    tracker = Tracker()
    for i in range(30):
        tracks = tracker.update([face(200, 200)], i / 30, (640, 480), [look(1 if i < 15 else 2)])
    assert ids(tracks) == ['face_1']


def test_the_largest_face_comes_first_with_the_index_of_its_detection() -> None:
    tracker = Tracker(TrackSettings(confirm_frames=1))
    tracks = tracker.update([face(100, 100, 50), face(300, 100, 90), face(500, 100, 70)], 0.0)
    assert [track.index for track in tracks] == [1, 2, 0]


def test_numbers_are_given_from_left_to_right() -> None:
    tracker = Tracker(TrackSettings(confirm_frames=1))
    tracks = tracker.update([face(500, 100), face(100, 100), face(300, 100)], 0.0)
    assert {track.id: track.index for track in tracks} == {'face_1': 1, 'face_2': 2, 'face_3': 0}


def test_time_that_goes_back_starts_new_tracks() -> None:
    tracker = Tracker(TrackSettings(confirm_frames=1))
    assert ids(tracker.update([face(100, 100)], 10.0)) == ['face_1']
    assert ids(tracker.update([face(100, 100)], 2.0)) == ['face_2']


def test_frames_of_the_same_time_are_taken() -> None:
    tracker = Tracker(TrackSettings(confirm_frames=1))
    for _ in range(5):
        assert ids(tracker.update([face(100, 100)], 3.0)) == ['face_1']


def test_forty_faces_keep_forty_ids() -> None:
    tracker = Tracker()
    seen: dict[str, set[int]] = {}
    for i in range(10):
        order = np.random.default_rng(i).permutation(40)
        found = [face(60 + 130 * (n % 8) + i, 60 + 130 * (n // 8), 90) for n in order]
        for track in tracker.update(found, i / 30):
            seen.setdefault(track.id, set()).add(int(order[track.index]))
    assert len(seen) == 40
    assert all(len(people) == 1 for people in seen.values())


def test_looks_of_one_face_are_alike_and_those_of_two_differ(detector) -> None:
    def looks_of(person: int) -> list[np.ndarray]:
        result = []
        for shift, light in ((0, 1.0), (25, 0.8), (-40, 1.15)):
            picture = background().copy()
            paste(picture, portraits()[person], 320 + shift, 240, 190 + shift)
            picture = np.clip(picture * light, 0, 255).astype(np.uint8)
            found = detector.detect(picture)[0]
            result.append(appearance(align(picture, found.landmarks, 128)))
        return result

    one, other = looks_of(0), looks_of(1)
    assert max(difference(a, b) for a, b in itertools.combinations(one, 2)) < 0.2
    assert max(difference(a, b) for a, b in itertools.combinations(other, 2)) < 0.2
    assert min(difference(a, b) for a in one for b in other) > 0.4


def follow(
    detector,
    front: list[np.ndarray],
    back: list[np.ndarray],
    seconds: float,
    path: Callable[[float], tuple[float, float]],
) -> tuple[list[str], list[str], int]:
    """Return the ids that each person had, and the number of frames with both."""
    tracker = Tracker()
    had: tuple[list[str], list[str]] = ([], [])
    both = 0
    for time, picture, places in crossing(front, back, seconds, path):
        found = detector.detect(picture)
        looks = [appearance(align(picture, item.landmarks, 128)) for item in found]
        tracks = tracker.update(found, time, (640, 480), looks)
        both += len(tracks) == 2
        # In the middle nobody can say whose face it is.
        if abs(places[0] - places[1]) < 110:
            continue
        for track in tracks:
            middle = track.box[0] + track.box[2] / 2
            person = int(abs(places[1] - middle) < abs(places[0] - middle))
            if track.id not in had[person]:
                had[person].append(track.id)
    return (*had, both)


@pytest.mark.parametrize('path', [pass_by, turn_back])
@pytest.mark.parametrize('seconds', [0.8, 1.6, 3.0])
@pytest.mark.parametrize('order', [0, 1])
def test_two_people_who_cross_or_turn_back_keep_their_ids(
    detector, path: Callable, seconds: float, order: int
) -> None:
    people = [[portraits()[0]], [portraits()[1]]]
    one, other, both = follow(detector, people[order], people[1 - order], seconds, path)
    assert len(one) == 1 and len(other) == 1 and one != other
    assert both > 20


def clip(media, detector, name: str) -> list[np.ndarray]:
    return [portrait(frame, detector.detect(frame)[0].box) for frame in frames_of(media(name))]


@pytest.mark.parametrize('path', [pass_by, turn_back])
def test_two_talking_people_who_cross_keep_their_ids(media, detector, path: Callable) -> None:
    front = clip(media, detector, 'grid_speaker_a_bbaf2n.mpg')
    back = clip(media, detector, 'grid_speaker_c_pwij3p.mpg')
    one, other, _ = follow(detector, front, back, 1.5, path)
    assert len(one) == 1 and len(other) == 1 and one != other


def test_somebody_hidden_by_another_for_a_second_is_the_same_afterwards(detector) -> None:
    # Steps behind the other one, waits there and goes on.
    def hide(done: float) -> tuple[float, float]:
        steps = np.interp(done, [0, 0.35, 0.65, 1], [130, 320, 320, 510])
        return 320.0, float(steps)

    one, other, _ = follow(detector, [portraits()[0]], [portraits()[1]], 3.0, hide)
    assert len(one) == 1 and len(other) == 1 and one != other
