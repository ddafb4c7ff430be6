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
