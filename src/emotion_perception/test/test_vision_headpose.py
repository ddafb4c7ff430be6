# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where a head is before a calibrated camera."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.vision.headpose import head_transform

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
# A head as headpose.py takes it, in the distance of the eyes: eyes, mouth's centre, nose tip;
# x out of the face, y to the person's left, z up. The person's right eye is the first.
HEAD = np.array([[0.0, -0.5, 0.0], [0.0, 0.5, 0.0], [0.15, 0.0, -1.05], [0.45, 0.0, -0.6]])
EYES = 0.063
FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])


def turned(axis: int, degrees: float) -> np.ndarray:
    """Return a rotation about an axis of the camera."""
    angle = np.radians(degrees)
    turn = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[second, first], turn[first, second] = np.sin(angle), -np.sin(angle)
    return turn


def seen(turn: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the landmarks of a head, pixels, as a far camera sees them."""
    points = HEAD @ turn.T * EYES
    scale = K[0, 0] / place[2]
    return points[:, :2] * scale + place[:2] * scale + K[:2, 2]


def matrix(quaternion: np.ndarray) -> np.ndarray:
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@pytest.mark.parametrize(
    ('axis', 'degrees'), [(0, 0.0), (1, 25.0), (1, -25.0), (0, 15.0), (0, -15.0), (2, 20.0)]
)
def test_a_head_is_found_where_it_is_and_as_it_is_turned(axis: int, degrees: float) -> None:
    turn = turned(axis, degrees) @ FACING
    where = np.array([0.2, -0.1, 1.5])
    found = head_transform(seen(turn, where), K, EYES)
    assert found is not None
    place, quaternion = found
    np.testing.assert_allclose(place, where, rtol=0.03, atol=0.005)
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    cosine = (np.trace(matrix(quaternion).T @ turn) - 1) / 2
    angle = np.degrees(np.arccos(min(cosine, 1.0)))
    assert angle < 5, angle


def test_without_a_calibration_a_landmark_or_a_face_there_is_no_answer() -> None:
    good = seen(FACING, np.array([0.0, 0.0, 1.0]))
    assert head_transform(good, np.zeros((3, 3)), EYES) is None
    hidden = good.copy()
    hidden[3] = np.nan
    assert head_transform(hidden, K, EYES) is None
    away = seen(turned(1, 75.0) @ FACING, np.array([0.0, 0.0, 1.0]))
    assert head_transform(away, K, EYES) is None
