# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where a head points, roughly, from four landmarks."""

from __future__ import annotations

import math

import numpy as np

# A head in units of the distance between the eyes, origin between them, x right, y down, z out of
# the face: nose tip and mouth's centre of an average adult (after the mean shape of
# V. Blanz, T. Vetter, "A morphable model for the synthesis of 3D faces", SIGGRAPH 1999, to 0.05).
_NOSE_Y, _NOSE_Z = 0.60, 0.45
_MOUTH_Y, _MOUTH_Z = 1.05, 0.15


def head_pose(landmarks: np.ndarray) -> tuple[float, float, float]:
    """Estimate yaw, pitch and roll of a head under weak perspective.

    Good to about ten degrees for one person (heads differ: compare with the person's own
    median), and of no use beyond sixty.

    :param landmarks: (4, 2) pixels: left eye, right eye (as seen in the picture), mouth's
        centre, nose tip.
    :return: degrees. Yaw is positive towards the picture's right, pitch towards its bottom, roll
        clockwise in the picture. NaN if a landmark is missing or the eyes coincide.
    """
    points = np.asarray(landmarks, np.float64)
    left, right, mouth, nose = points[:4]
    across = right - left
    distance = float(np.hypot(*across))
    if not np.isfinite(points[:4]).all() or distance < 1e-3:
        return math.nan, math.nan, math.nan
    roll = math.degrees(math.atan2(across[1], across[0]))
    along = across / distance
    down = np.array([-along[1], along[0]])
    middle = (left + right) / 2
    # The eyes' distance shrinks with the cosine of the yaw, the nose moves with its sine.
    yaw = math.degrees(math.atan2(float((nose - middle) @ along) / distance, _NOSE_Z))
    mouth_down = float((mouth - middle) @ down)
    if mouth_down < 1e-3:
        return yaw, math.nan, roll
    # (nose_y + nose_z t) / (mouth_y + mouth_z t) = ratio, with t the tangent of the pitch.
    ratio = float((nose - middle) @ down) / mouth_down
    tangent = (ratio * _MOUTH_Y - _NOSE_Y) / max(_NOSE_Z - ratio * _MOUTH_Z, 0.05)
    return yaw, math.degrees(math.atan(tangent)), roll


def head_transform(
    landmarks: np.ndarray, k: np.ndarray, eye_distance: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Estimate where a head is before a calibrated camera.

    The distance follows from how far the eyes are apart in the picture: people's differ by about
    a tenth (N. A. Dodgson, "Variation and extrema of human interpupillary distance", 2004), and
    so does the result.

    :param landmarks: see :func:`head_pose`.
    :param k: (3, 3) intrinsic matrix of the camera, pixels.
    :param eye_distance: between the pupils, metres.
    :return: place of the point between the eyes in the camera's optical frame (x right, y down,
        z forward), metres, and the turn from that frame to one with x out of the face, y to the
        person's left, z up, as a quaternion (x, y, z, w). ``None`` if a landmark is missing, the
        camera is not calibrated, or the head is turned away too far.
    """
    yaw, pitch, roll = (math.radians(angle) for angle in head_pose(landmarks))
    fx, fy = float(k[0, 0]), float(k[1, 1])
    if not math.isfinite(yaw + pitch + roll) or fx <= 0 or fy <= 0 or abs(yaw) > _TURNED:
        return None
    points = np.asarray(landmarks, np.float64)
    apart = float(np.hypot(*((points[1] - points[0]) / (fx, fy))))
    depth = eye_distance * math.cos(yaw) / apart
    middle = (points[0] + points[1]) / 2
    place = depth * np.array([(middle[0] - k[0, 2]) / fx, (middle[1] - k[1, 2]) / fy, 1.0])
    turn = _about(2, roll) @ _about(1, -yaw) @ _about(0, pitch) @ _FACING
    return place, _quaternion(turn)


# A face that looks into the camera: its axes, out of the face, to its left and up, as columns.
_FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
_TURNED = math.radians(60)


def _about(axis: int, angle: float) -> np.ndarray:
    """Return the rotation about an axis (0, 1, 2), radians, right-handed."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = math.cos(angle)
    turn[second, first], turn[first, second] = math.sin(angle), -math.sin(angle)
    return turn


def _quaternion(turn: np.ndarray) -> np.ndarray:
    """Return a rotation matrix as (x, y, z, w): the eigenvector of Bar-Itzhack's matrix (2000)."""
    (a, b, c), (d, e, f), (g, h, i) = turn
    matrix = np.array(
        [
            [a - e - i, b + d, c + g, h - f],
            [b + d, e - a - i, f + h, c - g],
            [c + g, f + h, i - a - e, d - b],
            [h - f, c - g, d - b, a + e + i],
        ]
    )
    found = np.linalg.eigh(matrix)[1][:, -1]
    return found if found[3] >= 0 else -found
