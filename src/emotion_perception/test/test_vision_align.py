# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The canonical crop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emotion_perception.models.face import cut_window
from emotion_perception.vision.align import TEMPLATE, align, align_box, similarity


def face_points(centre: tuple[float, float], eye_distance: float, angle: float) -> np.ndarray:
    """Landmarks of the template's shape: turned clockwise by an angle (degrees)."""
    shape = (TEMPLATE - TEMPLATE.mean(axis=0)) / 0.3 * eye_distance
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (shape @ matrix.T + centre).astype(np.float32)


@pytest.mark.parametrize('angle', [0, 30, -75, 180])
@pytest.mark.parametrize('eye_distance', [12.0, 60.0, 220.0])
def test_landmarks_land_on_the_template_at_any_size_and_angle(
    angle: float, eye_distance: float
) -> None:
    points = face_points((400, 300), eye_distance, angle)
    picture = np.full((600, 800, 3), 90, np.uint8)
    dot = max(2, round(eye_distance / 12))
    for point, colour in zip(points, [(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        cv2.circle(picture, tuple(int(round(v)) for v in point), dot, colour, -1)
    crop = align(picture, points, 128).astype(int)
    for channel, target in enumerate(TEMPLATE * 128):
        others = [c for c in range(3) if c != channel]
        signal = np.clip(crop[..., channel] - crop[..., others].max(axis=2) - 30, 0, None)
        y, x = np.unravel_index(signal.argmax(), signal.shape)
        mass = signal / signal.sum()
        ys, xs = np.mgrid[:128, :128]
        found = np.array([(mass * xs).sum(), (mass * ys).sum()])
        assert np.linalg.norm(found - target) < 5, (channel, found, target, (x, y))


def test_a_similarity_is_found_exactly_where_there_is_one() -> None:
    source = np.array([[1, 2], [5, 3], [2, 9]], float)
    target = source @ np.array([[0, 2], [-2, 0]]).T + (7, -1)
    matrix = similarity(source, target)
    assert np.allclose(source @ matrix[:, :2].T + matrix[:, 2], target)


def test_landmarks_that_coincide_or_are_not_finite_are_refused() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    with pytest.raises(ValueError, match='coincide'):
        align(picture, np.full((3, 2), 4.0), 64)
    with pytest.raises(ValueError, match='not finite'):
        align(picture, np.array([[1, 1], [np.nan, 2], [3, 3]]), 64)


def test_a_large_face_is_averaged_not_sampled() -> None:
    # A fine chequerboard must become grey; sampling every eighth pixel would show patterns.
    picture = (np.indices((1000, 1000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = align(picture, face_points((500, 480), 240, 3), 96)
    inner = crop[20:76, 20:76]
    assert abs(float(inner.mean()) - 127.5) < 4
    assert inner.std() < 15


def test_what_lies_outside_the_picture_repeats_its_edge() -> None:
    picture = np.full((100, 100, 3), 77, np.uint8)
    assert (align(picture, face_points((2, 3), 30, 0), 64) == 77).all()
    assert (align(picture, face_points((-500, -500), 90, 0), 64) == 77).all()


def test_a_box_gives_the_same_extent_as_landmarks() -> None:
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (300, 300, 3)).astype(np.uint8), (0, 0), 4)
    box = np.array([90, 80, 120, 120])
    points = np.array([[0.31, 0.38], [0.69, 0.38], [0.5, 0.78]]) * 120 + (90, 80)
    assert np.array_equal(align_box(picture, box, 96), align(picture, points, 96))


def test_a_window_is_a_view_of_the_crop() -> None:
    crop = np.zeros((128, 128, 3), np.uint8)
    window = cut_window(crop, (0.25, 0.25, 0.75, 0.5))
    assert window.shape == (32, 64, 3)
    assert np.shares_memory(window, crop)
