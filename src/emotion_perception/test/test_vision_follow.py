# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Following faces between two looks of the detector, in real pictures that are moved."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emotion_perception.vision import finder as finder_module
from emotion_perception.vision.detect import Detection, Detector, DetectorSettings
from emotion_perception.vision.detectors import make_detector
from emotion_perception.vision.finder import FaceFinder
from emotion_perception.vision.follow import LOOK_AGAIN, Follower
from support.faces import astronaut, background, paste, portraits

PERIOD = 1 / 30


@pytest.fixture(scope='module')
def detector() -> Detector:
    return make_detector(DetectorSettings())


@pytest.fixture(scope='module')
def face(detector: Detector) -> Detection:
    return detector.detect(astronaut())[0]


@pytest.fixture
def follower(face: Detection) -> Follower:
    """Return one that has just looked at a real face."""
    follower = Follower()
    follower.looked(astronaut(), 10.0, [face])
    return follower


def moved(shift: float = 0.0, turn: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Return the matrix (2, 3) that turns and scales a picture about the face, and shifts it."""
    matrix = cv2.getRotationMatrix2D((220.0, 110.0), turn, scale)
    matrix[:, 2] += shift
    return matrix


def seen(matrix: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(astronaut(), matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)


def scene(*places: tuple[int, float, float, int]) -> np.ndarray:
    """Return a room with portraits (which, x, y, side)."""
    picture = background().copy()
    for which, x, y, side in places:
        paste(picture, portraits()[which], x, y, side)
    return picture


@pytest.mark.parametrize(
    'step', [{'shift': 4.0}, {'shift': -9.0}, {'turn': 4.0}, {'scale': 1.05}, {'scale': 0.96}]
)
def test_a_face_is_where_it_has_gone(follower: Follower, face: Detection, step: dict) -> None:
    matrix = moved(**step)
    (found,) = follower.follow(seen(matrix), 10.0 + PERIOD)
    expected = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    between_eyes = np.linalg.norm(face.landmarks[0] - face.landmarks[1])
    assert np.abs(found.landmarks - expected).max() < 0.04 * between_eyes
    assert found.box[2] == pytest.approx(face.box[2] * step.get('scale', 1.0), rel=0.02)
    assert found.score == face.score


def test_it_is_followed_from_where_it_was_seen_last(follower: Follower, face: Detection) -> None:
    for number in (1, 2):
        (found,) = follower.follow(seen(moved(shift=8.0 * number)), 10.0 + number * PERIOD)
    assert np.abs(found.landmarks - face.landmarks - 16.0).max() < 2.0


def test_noise_and_light_do_not_lead_it_astray(follower: Follower, face: Detection) -> None:
    noise = np.random.default_rng(0).normal(0, 6, (512, 512, 3))
    darker = np.clip(0.97 * seen(moved(shift=5.0)) + noise, 0, 255).astype(np.uint8)
    (found,) = follower.follow(darker, 10.0 + PERIOD)
    assert np.abs(found.landmarks - face.landmarks - 5.0).max() < 2.0


def test_the_detector_looks_again_soon(follower: Follower) -> None:
    assert follower.follow(astronaut(), 10.0 + 2 * PERIOD) is not None
    assert follower.follow(astronaut(), 10.0 + 3 * PERIOD) is None


@pytest.mark.parametrize('time', [10.0, 9.9, 5.0, 11.0])
def test_a_picture_that_does_not_follow_soon_is_looked_at(follower: Follower, time: float) -> None:
    assert follower.follow(astronaut(), time) is None


def test_a_picture_of_another_size_is_looked_at(follower: Follower) -> None:
    assert follower.follow(astronaut()[:400], 10.0 + PERIOD) is None


def test_a_face_that_leaps_or_is_covered_is_looked_at(follower: Follower, face: Detection) -> None:
    x, y, width, height = face.box.astype(int)
    hidden = astronaut().copy()
    hidden[y : y + height, x : x + width] = np.random.default_rng(0).integers(
        0, 255, (height, width, 3)
    )
    assert follower.follow(hidden, 10.0 + PERIOD) is None
    follower.looked(astronaut(), 20.0, [face])
    assert follower.follow(seen(moved(shift=120.0)), 20.0 + PERIOD) is None


def test_another_face_at_the_same_place_is_looked_at(detector: Detector) -> None:
    one, other = scene((0, 200, 150, 200)), scene((1, 200, 150, 200))
    follower = Follower()
    follower.looked(one, 10.0, detector.detect(one))
    assert follower.follow(other, 10.0 + PERIOD) is None


def test_who_overlaps_somebody_else_is_looked_at(detector: Detector) -> None:
    def beside(x: float) -> list[Detection]:
        box = np.array([x, 100, 100, 100], np.float32)
        return [Detection(box, 0.9, np.zeros((4, 2), np.float32)), face]

    picture = scene((0, 200, 150, 200))
    (face,) = detector.detect(picture)
    follower = Follower()
    follower.looked(picture, 10.0, beside(face.box[0] + 20))
    assert follower.follow(picture, 10.0 + PERIOD) is None


def test_faces_too_small_to_have_points_are_looked_at(face: Detection) -> None:
    small = Detection(np.array([100, 100, 14, 14], np.float32), 0.9, np.zeros((4, 2), np.float32))
    follower = Follower()
    follower.looked(astronaut(), 10.0, [face, small])
    assert follower.follow(astronaut(), 10.0 + PERIOD) is None


class Counting:
    """The usual detector, and at which pictures it looked."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name = detector.name
        self.looks = 0

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Look, and count."""
        self.looks += 1
        return self.detector.detect(image)


@pytest.fixture
def counting(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting(detector)
    monkeypatch.setattr(finder_module, 'make_detector', lambda settings: counting)
    return counting


def test_the_finder_looks_at_every_third_picture_of_a_camera(counting: Counting) -> None:
    finder = FaceFinder()
    ids = set()
    for number in range(31):
        x = 180 + 40 * np.sin(number / 10)
        for face in finder.find(scene((0, x, 150, 200)), 5.0 + number * PERIOD):
            ids.add(face.id)
            assert abs(face.box[0] + face.box[2] / 2 - x) < 12
    assert ids == {'face_1'}
    # Twice until it is somebody, then every third.
    assert counting.looks == 2 + 29 // 3


def test_somebody_new_is_found_within_the_time_between_two_looks(counting: Counting) -> None:
    finder = FaceFinder()
    alone, both = scene((0, 40, 150, 200)), scene((0, 40, 150, 200), (1, 380, 150, 200))
    for number in range(10):
        assert len(finder.find(alone, 5.0 + number * PERIOD)) == (number > 0)
    came = 5.0 + 10 * PERIOD
    times = [came + number * PERIOD for number in range(6)]
    found = [len(finder.find(both, time)) for time in times]
    # In the second look at it, as every face: the picture right after the first.
    first = next(time for time, count in zip(times, found) if count == 2)
    assert first - came < LOOK_AGAIN + PERIOD
