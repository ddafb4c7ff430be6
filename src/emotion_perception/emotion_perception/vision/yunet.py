# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""YuNet in OpenCV's ``FaceDetectorYN``; its model file is not part of OpenCV.

W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence
Research 20, 2023.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from emotion_perception.models.catalog import load_catalog
from emotion_perception.models.errors import ModelError
from emotion_perception.models.fetch import model_file
from emotion_perception.vision.detect import (
    Detection,
    DetectorError,
    DetectorSettings,
    check_image,
    order_eyes,
    select,
    tight_box,
)

# Pictures are reduced to this longer side: YuNet finds faces from 10 pixels on.
LONGEST = 640
# The common box's side, as a part of the root of the area of YuNet's box (hair line to chin).
SIDE = 1.03


class YuNet:
    """Wrap ``cv2.FaceDetectorYN``.

    :raises DetectorError: if OpenCV lacks it, or the model file is missing or damaged.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self.name = 'yunet'
        self._settings = settings
        if not hasattr(cv2, 'FaceDetectorYN'):
            raise DetectorError(
                f'OpenCV {cv2.__version__} has no FaceDetectorYN; '
                'install OpenCV 4.8 or newer, or choose blazeface'
            )
        path = _model_file(settings.model)
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(path), '', (320, 320), settings.min_score, 0.3, 5000
            )
        except cv2.error as error:
            raise DetectorError(f'{path} is not a YuNet model: {error}') from error
        self._size = (320, 320)

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find all faces; see :class:`~.detect.Detector`."""
        check_image(image)
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        size = (image.shape[1], image.shape[0])
        if size != self._size:
            self._network.setInputSize(size)
            self._size = size
        _, rows = self._network.detect(image)
        if rows is None:
            return []
        factor = np.array([width / size[0], height / size[1]], np.float32)
        return select([_detection(row, factor) for row in rows], self._settings)


def _detection(row: np.ndarray, factor: np.ndarray) -> Detection:
    # x, y, w, h, right eye, left eye, nose tip, right and left mouth corner, score.
    points = row[4:14].reshape(5, 2) * factor
    landmarks = order_eyes(
        np.stack([points[0], points[1], points[3:5].mean(axis=0), points[2]]).astype(np.float32)
    )
    side = SIDE * float(np.sqrt(np.prod(row[2:4] * factor)))
    return Detection(tight_box(landmarks, side), float(min(row[14], 1.0)), landmarks)


def _model_file(model: str) -> Path:
    """Find the model: a path as it is, a name (by default ``yunet``) in the catalogue."""
    path = Path(model).expanduser()
    if model and (path.suffix or path.exists()):
        if not path.is_file():
            raise DetectorError(
                f'{path} not found; get face_detection_yunet_2023mar.onnx '
                '(233 kB) from the OpenCV Zoo, or leave the model name empty'
            )
        return path
    try:
        return model_file(load_catalog()[model or 'yunet'])
    except ModelError as error:
        raise DetectorError(str(error)) from error
