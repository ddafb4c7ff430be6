# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every face detector is, and what it gives.

Every detector gives the same thing: tight square-ish boxes (brows, cheeks, chin) and, where it
knows them, four landmarks in a fixed order. :mod:`emotion_perception.vision.detectors` chooses
among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotion_perception.settings import Settings, setting

LEFT_EYE, RIGHT_EYE, MOUTH, NOSE = range(4)
"""Rows of :attr:`Detection.landmarks`; left and right as seen in the picture."""


class DetectorError(Exception):
    """Raised when a detector cannot be made; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Detection:
    """One face of one picture.

    :param box: float32 (4,): x, y, width, height in pixels, tight around brows, cheeks and chin.
        It may reach beyond the picture where the face does.
    :param score: the detector's confidence, 0 to 1.
    :param landmarks: float32 (4, 2), x and y in pixels: the eye on the picture's left, the eye on
        its right, the mouth's centre, the nose tip. A row is NaN where the detector has none.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray


class Detector(Protocol):
    """Finds the faces of a picture."""

    name: str

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find all faces.

        :param image: (height, width, 3), BGR uint8.
        :return: the faces, best score first.
        """


@dataclass(frozen=True)
class DetectorSettings(Settings):
    """Which detector, and what it reports."""

    detector: str = setting(
        'blazeface',
        'Face detector: blazeface (carried by a package), yunet (needs its file) or '
        'haar (needs an OpenCV that has it).',
        choices=('blazeface', 'yunet', 'haar'),
    )
    range: str = setting(
        'auto',
        'BlazeFace: short (faces within about 2 m, 1 ms), full (within about 5 m, 3 ms), '
        'auto (full; the landmarks of distant faces by a second look) or far (auto, and '
        'overlapping tiles of the picture: faces from 16 pixels on, 20 ms).',
        choices=('auto', 'short', 'full', 'far'),
    )
    model: str = setting(
        '', "File of the detector's model, or its name in the catalogue; empty for the usual one."
    )
    min_score: float = setting(
        0.5, 'Confidence below which a face is not reported, 0 to 1.', low=0.05, high=0.99
    )
    min_size: int = setting(16, 'Width of the smallest face to report, pixels.', low=8, high=1000)
    max_faces: int = setting(
        16, 'Most faces to report for one picture; the largest are kept.', low=1, high=100
    )


def check_image(image: np.ndarray) -> None:
    """Refuse what is not a BGR uint8 picture.

    :raises ValueError: naming shape and type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f'a BGR uint8 picture (height, width, 3) is needed, got {image.shape} {image.dtype}'
        )


def tight_box(landmarks: np.ndarray, side: float) -> np.ndarray:
    """Return the box that all detectors agree on, whatever their own boxes enclose.

    :param landmarks: (4, 2), all known.
    :param side: size of the face, pixels (about 2.6 eye distances of a frontal face).
    :return: float32 (4,): a square whose centre lies a little above the middle between eyes and
        mouth, along the face's own axis.
    """
    eyes = landmarks[:2].mean(axis=0)
    middle = (eyes + landmarks[MOUTH]) / 2
    down = landmarks[MOUTH] - eyes
    # The middle between eyes and mouth is at 0.58 of the box's height, see `align_box`.
    centre = middle - down / max(float(np.linalg.norm(down)), 1e-6) * (0.08 * side)
    return np.array([*(centre - side / 2), side, side], np.float32)


def order_eyes(landmarks: np.ndarray) -> np.ndarray:
    """Put the eye on the picture's left first.

    Left and right follow from the face's own up direction (mouth to eyes), so that a head that
    lies on its side keeps its order.

    :param landmarks: (4, 2): the two eyes in any order, mouth, nose.
    """
    eyes = landmarks[:2]
    across = eyes[1] - eyes[0]
    down = landmarks[MOUTH] - eyes.mean(axis=0)
    if across[0] * down[1] - across[1] * down[0] < 0:
        return landmarks[[1, 0, 2, 3]]
    return landmarks


def select(detections: list[Detection], settings: DetectorSettings) -> list[Detection]:
    """Apply the limits that every detector shares: size and number of faces."""
    kept = [item for item in detections if item.box[2] >= settings.min_size]
    if len(kept) > settings.max_faces:
        kept = sorted(kept, key=lambda item: -float(item.box[2] * item.box[3]))
        kept = kept[: settings.max_faces]
    return sorted(kept, key=lambda item: -item.score)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes (n, 4) and (m, 4), x y width height: (n, m)."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    union = a[:, None, 2:].prod(axis=2) + b[None, :, 2:].prod(axis=2) - shared
    return shared / np.maximum(union, 1e-9)
