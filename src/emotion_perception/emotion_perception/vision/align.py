# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The canonical face crop: the one geometry that detectors, models and training share.

A similarity transform (rotation, scale, shift; no shear) brings both eyes and the mouth as
closely as possible, in the least-squares sense, to fixed places of a square picture. The picture
is generous (its side is 1/0.30 = 3.3 eye distances), so that a model may cut its own narrower
window out of it (``window`` in its catalogue entry) without going back to the frame.

Least-squares similarity: S. Umeyama, "Least-squares estimation of transformation parameters
between two point patterns", IEEE TPAMI 13(4), 1991.
"""

from __future__ import annotations

import cv2
import numpy as np

# Where the landmarks go, as fractions of the side: the eye on the picture's left, the eye on its
# right, the mouth's centre. An adult's eyes are about as far apart as they are from the mouth.
TEMPLATE = np.array([[0.35, 0.37], [0.65, 0.37], [0.50, 0.69]], np.float32)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 2x3 matrix that maps points ``source`` (n, 2) onto ``target`` (n, 2) best.

    :raises ValueError: if the source points coincide or are not finite.
    """
    source = np.asarray(source, np.float64)
    target = np.asarray(target, np.float64)
    if not np.isfinite(source).all():
        raise ValueError('landmarks are not finite')
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    spread = (a * a).sum()
    if spread < 1e-9:
        raise ValueError('landmarks coincide')
    # In two dimensions the closed form needs no SVD: the best rotation and scale are the
    # complex number <a, b> / <a, a>.
    cosine = (a * b).sum() / spread
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([rotation, (target_mean - rotation @ source_mean)[:, None]])


def align(image: np.ndarray, landmarks: np.ndarray, size: int) -> np.ndarray:
    """Cut the canonical crop of a face out of a picture.

    :param image: (height, width) or (height, width, 3), uint8.
    :param landmarks: (3, 2) or more rows, pixels: left eye, right eye (as seen in the picture),
        mouth centre; further rows are ignored.
    :param size: side of the crop in pixels.
    :return: (size, size) or (size, size, 3), uint8; what lies outside the picture repeats its
        edge.
    :raises ValueError: if the landmarks coincide or are not finite.
    """
    matrix = similarity(np.asarray(landmarks)[:3], TEMPLATE * size)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # warpAffine samples points: shrinking by more than two without averaging would alias.
        # Only the face's surroundings are reduced, not the whole frame.
        image, matrix = _reduced(image, matrix, size, scale)
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def align_box(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cut a crop of the canonical extent around a box, for detectors without landmarks.

    :param box: x, y, width, height in pixels, tight around brows, cheeks and chin.
    :return: as :func:`align`.
    """
    x, y, width, height = (float(value) for value in box)
    # Measured places of the landmarks in a tight square box.
    points = np.array([[0.31, 0.38], [0.69, 0.38], [0.50, 0.78]])
    return align(image, points * (width, height) + (x, y), size)


def halve(image: np.ndarray, times: int) -> np.ndarray:
    """Shrink a picture by two, several times over, averaging 2 x 2 pixels each time.

    This is area averaging at a tenth of the price of ``INTER_AREA`` with other factors. Where a
    size is odd, the last row or column is left out.

    :return: (height // 2**times, width // 2**times, ...), at least one pixel.
    """
    for _ in range(times):
        height, width = image.shape[0] // 2, image.shape[1] // 2
        if not height or not width:
            break
        image = cv2.resize(
            image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
        )
    return image


def _reduced(
    image: np.ndarray, matrix: np.ndarray, size: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the region that the crop covers and halve it until sampling does not alias."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
    inverse = np.linalg.inv(matrix[:, :2])
    covered = (corners - matrix[:, 2]) @ inverse.T
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(covered.min(axis=0)).astype(int) - 2, 0, (width - 1, height - 1))
    right, bottom = np.clip(
        np.ceil(covered.max(axis=0)).astype(int) + 2, (left + 1, top + 1), (width, height)
    )
    times = int(np.log2(1 / scale))
    # Not so often that nothing would be left of a narrow strip at the picture's edge.
    times = min(times, int(np.log2(min(right - left, bottom - top))))
    factor = 2**times
    # x_crop = M x + t, with x = (x_shrunk + 0.5) * factor - 0.5 + origin.
    origin = np.array([left, top]) + 0.5 * factor - 0.5
    reduced = np.hstack([matrix[:, :2] * factor, (matrix[:, 2] + matrix[:, :2] @ origin)[:, None]])
    return halve(image[top:bottom, left:right], times), reduced
