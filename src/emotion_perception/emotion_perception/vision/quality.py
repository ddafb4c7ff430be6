# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How far a face can be trusted: its size, sharpness, light and noise, and where it looks."""

from __future__ import annotations

import math

import cv2
import numpy as np

from emotion_perception.vision.detect import LEFT_EYE, NOSE, RIGHT_EYE

# A face this wide (pixels) leaves a model nothing to wish for; FER2013's are 48.
GOOD_SIZE = 64.0
# Ratio of fine detail to contrast (see `sharpness`) of a face blurred beyond use, and of a sharp
# one; ratio of noise to contrast (see `grain`) of a clean picture, and of one that is noisy or
# dark beyond use; grey levels of contrast below which a face is dim. With these the accuracy of
# the face model follows the quality on FER2013's validation pictures, altered step by step.
BLURRED, SHARP = 0.03, 0.38
CLEAN, NOISY = 0.04, 0.16
DIM = 16.0
# J. Immerkaer's mask: blind to planes and to edges along the axes, not to noise.
NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
# Part of the quality that a full profile keeps.
PROFILE = 0.3
# Grey levels; what varies less shows nothing.
FLAT = 2.0
INNER = (0.2, 0.2, 0.8, 0.85)


def face_quality(crop: np.ndarray, box: np.ndarray, landmarks: np.ndarray | None = None) -> float:
    """Return one figure for size, sharpness, noise, light and frontalness, 0 to 1 (good).

    :param crop: (size, size, 3) canonical crop, BGR uint8.
    :param box: (4,) x, y, width, height of the face in the frame, pixels.
    :param landmarks: (4, 2) in the frame; without them the face counts as frontal.
    """
    size = min(1.0, float(min(box[2], box[3])) / GOOD_SIZE)
    grey = _inner(crop)
    sharp = min(max((_sharpness(grey) - BLURRED) / (SHARP - BLURRED), 0.0), 1.0)
    clear = min(max(math.log(NOISY / max(_grain(grey), 1e-6)) / math.log(NOISY / CLEAN), 0.0), 1.0)
    light = min(_deviation(grey) / DIM, 1.0)
    front = 1.0 if landmarks is None else frontalness(landmarks)
    return math.sqrt(size * sharp) * clear * light * (PROFILE + (1 - PROFILE) * front)


def sharpness(crop: np.ndarray) -> float:
    """Return the fine detail of a crop in relation to its contrast; 0 for a flat picture.

    The detail is the standard deviation of the Laplacian (J. L. Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000, use its variance); dividing by the grey
    levels' own makes it independent of light.
    """
    return _sharpness(_inner(crop))


def grain(crop: np.ndarray) -> float:
    """Return the noise of a crop in relation to its contrast; 1 for a flat picture.

    A dark face has little contrast, and the noise of its sensor stays: this sees both. The noise
    is estimated as in J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image
    Understanding 64(2), 1996.
    """
    return _grain(_inner(crop))


def _inner(crop: np.ndarray) -> np.ndarray:
    size = crop.shape[0]
    left, top, right, bottom = (round(edge * size) for edge in INNER)
    # A common size first: a crop enlarged from a few pixels has no detail of its own.
    return cv2.resize(
        cv2.cvtColor(crop[top:bottom, left:right], cv2.COLOR_BGR2GRAY),
        (64, 64),
        interpolation=cv2.INTER_AREA,
    )


def _sharpness(grey: np.ndarray) -> float:
    contrast = _deviation(grey)
    return _deviation(cv2.Laplacian(grey, cv2.CV_32F)) / contrast if contrast >= FLAT else 0.0


def _grain(grey: np.ndarray) -> float:
    contrast = _deviation(grey)
    if contrast < FLAT:
        return 1.0
    response = cv2.norm(cv2.filter2D(grey, cv2.CV_32F, NOISE_MASK), cv2.NORM_L1) / grey.size
    return math.sqrt(math.pi / 2) / 6 * response / contrast


def _deviation(values: np.ndarray) -> float:
    return float(cv2.meanStdDev(values)[1][0, 0])


def frontalness(landmarks: np.ndarray) -> float:
    """Return 1 for a face towards the camera, 0 for a profile.

    The nose tip lies above the middle between the eyes, seen along the face's own axis, in a
    frontal face, and above one eye at about 45 degrees.

    :param landmarks: (4, 2); if any is NaN the answer is 1.
    """
    eyes = landmarks[LEFT_EYE : RIGHT_EYE + 1]
    across = eyes[1] - eyes[0]
    length = float(across @ across)
    if not np.isfinite(landmarks).all() or length < 1e-6:
        return 1.0
    offset = float((landmarks[NOSE] - eyes.mean(axis=0)) @ across) / length
    return float(np.clip(1.0 - 2.0 * abs(offset), 0.0, 1.0))
