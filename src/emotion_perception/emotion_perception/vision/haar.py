# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The Viola-Jones detector with OpenCV's Haar features, as OpenCV 4 carries it.

P. Viola, M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features",
CVPR 2001. Kept for comparison: it knows frontal faces only and gives no landmarks.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from emotion_perception.vision.detect import (
    Detection,
    DetectorError,
    DetectorSettings,
    check_image,
    select,
)

FILE = 'haarcascade_frontalface_default.xml'


class Haar:
    """Wrap ``cv2.CascadeClassifier``.

    :raises DetectorError: if this OpenCV has no cascades, or the file is missing or damaged.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self.name = 'haar'
        self._settings = settings
        if not hasattr(cv2, 'CascadeClassifier'):
            raise DetectorError(
                f'OpenCV {cv2.__version__} has no CascadeClassifier (OpenCV 5 dropped it). '
                'Install one that has it (pip install "opencv-python-headless<5"), or choose '
                'blazeface'
            )
        folder = getattr(
            getattr(cv2, 'data', None), 'haarcascades', '/usr/share/opencv4/haarcascades/'
        )
        path = Path(settings.model or Path(folder) / FILE).expanduser()
        if not path.is_file():
            raise DetectorError(
                f'{path} not found; install opencv-data (Debian, Ubuntu) or set '
                'the model to a cascade file'
            )
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise DetectorError(f'{path} is not a cascade of OpenCV')

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find frontal faces; landmarks are NaN, see :class:`~.detect.Detector`."""
        check_image(image)
        grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        smallest = max(24, self._settings.min_size)
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey, 1.1, 5, minSize=(smallest, smallest), outputRejectLevels=True
        )
        # The last stage's margin is about 0 for a doubtful and 5 and more for a clear face.
        found = [
            Detection(
                np.asarray(box, np.float32),
                float(1 / (1 + np.exp(-weight))),
                np.full((4, 2), np.nan, np.float32),
            )
            for box, weight in zip(boxes, np.ravel(weights))
        ]
        return select(
            [item for item in found if item.score >= self._settings.min_score], self._settings
        )
