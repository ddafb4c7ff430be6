# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where detectors find the faces of training pictures, so that training sees their framing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from emotion_perception.vision.align import TEMPLATE, similarity
from emotion_perception.vision.detect import Detector, DetectorError, DetectorSettings
from emotion_perception.vision.detectors import make_detector
from emotion_training.fer.geometry import framed_whole

log = logging.getLogger(__name__)


def place_of_face(picture: np.ndarray, detector: Detector) -> np.ndarray:
    """Return where a detector finds the largest face, float32 (2, 3); NaN if nowhere.

    A picture cropped so tightly that nothing is found is tried once more with its edge repeated.

    :param picture: uint8 grey (h, w) or BGR (h, w, 3).
    """
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    border, found = 0, detector.detect(picture)
    if not found:
        border = max(picture.shape[:2]) // 3
        found = detector.detect(
            cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
        )
    if found:
        face = max(found, key=lambda item: float(item.box[2] * item.box[3]))
        if np.isfinite(face.landmarks[:3]).all():
            return similarity(face.landmarks[:3] - border, TEMPLATE).astype(np.float32)
    return np.full((2, 3), np.nan, np.float32)


def find_places(pictures: np.ndarray, detectors: Sequence[str]) -> np.ndarray:
    """Return the places of faces, float32 (n, candidates, 2, 3); NaN where one found none.

    The picture as it is stands as often as all detectors together, so that half of the training
    sees each. A detector that cannot be had here is left out, and said to be.

    :param pictures: uint8 (n, side, side) or (n, side, side, 3).
    :param detectors: names, as ``--detector`` takes them.
    """
    whole = framed_whole(len(pictures), pictures.shape[1])
    found = []
    for name in detectors:
        try:
            make_detector(DetectorSettings(detector=name))
        except DetectorError as error:
            log.warning('trained without the framing of %s: %s', name, error)
            continue
        parts = np.array_split(pictures, max(len(pictures) // 500, 1))
        with ProcessPoolExecutor(min(os.cpu_count() or 1, len(parts))) as pool:
            found.append(np.concatenate(list(pool.map(_find, parts, [name] * len(parts)))))
    return np.stack([whole] * max(len(found), 1) + found, axis=1)


def _find(pictures: Iterable[np.ndarray], name: str) -> np.ndarray:
    cv2.setNumThreads(1)
    detector = make_detector(DetectorSettings(detector=name))
    return np.stack([place_of_face(picture, detector) for picture in pictures])
