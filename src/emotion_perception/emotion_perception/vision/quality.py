"""How far a face can be trusted: its size, its sharpness, and whether it looks at the camera."""

from __future__ import annotations

import cv2
import numpy as np

from emotion_perception.vision.detect import LEFT_EYE, NOSE, RIGHT_EYE

# A face this wide (pixels) leaves a model nothing to wish for; FER2013's are 48.
GOOD_SIZE = 64.0
# Ratio of fine detail to contrast (see `sharpness`) of a face that is blurred beyond use (a
# Gaussian of a tenth of the face and more leaves this much), and of a sharp one.
BLURRED, SHARP = 0.08, 0.38
# Part of the quality that a full profile keeps.
PROFILE = 0.3
INNER = (0.2, 0.2, 0.8, 0.85)


def face_quality(crop: np.ndarray, box: np.ndarray,
                 landmarks: np.ndarray | None = None) -> float:
    """Return one figure for size, sharpness and frontalness, 0 (useless) to 1 (good).

    :param crop: (size, size, 3) canonical crop, BGR uint8.
    :param box: (4,) x, y, width, height of the face in the frame, pixels.
    :param landmarks: (4, 2) in the frame; without them the face counts as frontal.
    """
    size = min(1.0, float(min(box[2], box[3])) / GOOD_SIZE)
    sharp = float(np.clip((sharpness(crop) - BLURRED) / (SHARP - BLURRED), 0.0, 1.0))
    front = 1.0 if landmarks is None else frontalness(landmarks)
    return float(np.sqrt(size * sharp) * (PROFILE + (1 - PROFILE) * front))


def sharpness(crop: np.ndarray) -> float:
    """Return the fine detail of a crop in relation to its contrast; 0 for a flat picture.

    The detail is the standard deviation of the Laplacian (J. L. Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000, use its variance); dividing by the grey
    levels' own makes it independent of light.
    """
    size = crop.shape[0]
    left, top, right, bottom = (round(edge * size) for edge in INNER)
    face = crop[top:bottom, left:right]
    # A common size first: a crop enlarged from a few pixels has no detail of its own.
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (64, 64),
                      interpolation=cv2.INTER_AREA)
    contrast = float(grey.std())
    if contrast < 2.0:
        return 0.0
    return float(cv2.Laplacian(grey, cv2.CV_32F).std()) / contrast


def frontalness(landmarks: np.ndarray) -> float:
    """Return 1 for a face towards the camera, 0 for a profile.

    The nose tip lies above the middle between the eyes, seen along the face's own axis, in a
    frontal face, and above one eye at about 45 degrees.

    :param landmarks: (4, 2); if any is NaN the answer is 1.
    """
    eyes = landmarks[LEFT_EYE:RIGHT_EYE + 1]
    across = eyes[1] - eyes[0]
    length = float(across @ across)
    if not np.isfinite(landmarks).all() or length < 1e-6:
        return 1.0
    offset = float((landmarks[NOSE] - eyes.mean(axis=0)) @ across) / length
    return float(np.clip(1.0 - 2.0 * abs(offset), 0.0, 1.0))
