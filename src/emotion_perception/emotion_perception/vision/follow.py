# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Faces from one picture to the next by optical flow, so that not each needs the detector.

Between two looks of the detector a face moves little. Points all over it are found again (B. D.
Lucas and T. Kanade, IJCAI 1981, in pyramids: J.-Y. Bouguet, 2001), and the shift, turn and
scaling that most of them agree on moves its box and landmarks; a mouth that opens and an eye that
blinks are outvoted. BlazeFace's authors follow the landmarks of a face for the same reason
(V. Bazarevsky et al., 2019, section 2). Where the points do not agree, the detector looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from emotion_perception.vision.detect import Detection, iou

LOOK_AGAIN = 0.1
"""Seconds after which the detector looks again: somebody may have come."""

# Pictures are followed at about this longer side, or larger if a face would then be smaller than
# so many pixels: points find each other again where a face has some to spare.
_LONGEST = 240
_SIDE = 28.0
# Side of the smallest face that is followed, pixels.
_LEAST = 20.0
# Points in a row and in a column of a face, of whose box this part is covered with them.
_POINTS = 5
_COVERED = 0.8
# Of the flow: window (pixels), levels above the first, and where its search ends.
_WINDOW = (9, 9)
_LEVELS = 2
_ENOUGH = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)
# Part of the points that must agree, to within this part of the face's side.
_AGREE = 0.6
_WITHIN = 0.03
# Change of size and turn from one picture to the next that no head makes.
_SCALED = 0.15
_TURNED = math.radians(15.0)


class Follower:
    """Follows the faces of the last look through the pictures after it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next picture takes a look."""
        self._looked = self._time = -math.inf
        self._faces: list[Detection] = []
        self._shape: tuple[int, ...] = ()
        self._step = 1
        self._grey = np.zeros((0, 0), np.uint8)

    def looked(self, picture: np.ndarray, time: float, faces: Sequence[Detection]) -> None:
        """Take note of what the detector found in a picture.

        :param picture: (height, width, 3), BGR uint8.
        :param time: of its acquisition, seconds.
        :param faces: all to be followed. The next picture takes a look if there is none, if two
            overlap, or if one is too small.
        """
        self._looked = self._time = time
        self._shape = picture.shape
        smallest = min((float(face.box[2:].min()) for face in faces), default=0.0)
        self._faces = [] if smallest < _LEAST or _crowded(faces) else list(faces)
        if self._faces:
            most = min(max(picture.shape) / _LONGEST, smallest / _SIDE)
            self._step = max(1, int(most))
            self._grey = _reduced(picture, self._step)

    def follow(self, picture: np.ndarray, time: float) -> list[Detection] | None:
        """Return the faces of the next picture, or ``None`` if it takes a look.

        :param picture: (height, width, 3), BGR uint8.
        :param time: of its acquisition, seconds.
        """
        # A camera of 30 pictures a second: every third, whatever its stamps' last digits say.
        soon = self._time < time < self._looked + LOOK_AGAIN - 0.01
        if not self._faces or not soon or picture.shape != self._shape:
            return None
        before, self._grey = self._grey, _reduced(picture, self._step)
        starts = np.concatenate([_grid(face.box / self._step) for face in self._faces])
        ends, found, _ = cv2.calcOpticalFlowPyrLK(
            before,
            self._grey,
            starts,
            np.zeros_like(starts),
            winSize=_WINDOW,
            maxLevel=_LEVELS,
            criteria=_ENOUGH,
        )
        rows = [
            values.reshape(len(self._faces), len(starts) // len(self._faces), -1)
            for values in (starts, ends, found)
        ]
        faces = []
        for face, start, end, known in zip(self._faces, *rows):
            moved = _moved(face, start, end, known[:, 0] > 0, self._step)
            if moved is None:
                return None
            faces.append(moved)
        if _crowded(faces):
            return None
        self._faces, self._time = faces, time
        return faces


def _reduced(picture: np.ndarray, step: int) -> np.ndarray:
    # Green is most of what is bright.
    return np.ascontiguousarray(picture[::step, ::step, 1])


def _grid(box: np.ndarray) -> np.ndarray:
    """Return points (n, 2) all over a box (4,)."""
    steps = (np.arange(_POINTS) / (_POINTS - 1) - 0.5) * _COVERED + 0.5
    across, down = np.meshgrid(box[0] + box[2] * steps, box[1] + box[3] * steps)
    return np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32)


def _moved(
    face: Detection, starts: np.ndarray, ends: np.ndarray, found: np.ndarray, step: int
) -> Detection | None:
    """Return a face where its points have gone, or ``None`` if they do not agree."""
    if found.mean() < _AGREE:
        return None
    within = _WITHIN * float(face.box[2]) / step
    change, agree = cv2.estimateAffinePartial2D(
        starts[found], ends[found], method=cv2.RANSAC, ransacReprojThreshold=max(0.5, within)
    )
    if change is None or agree.sum() < _AGREE * len(starts):
        return None
    scale = math.hypot(change[0, 0], change[1, 0])
    turn = math.atan2(change[1, 0], change[0, 0])
    if abs(scale - 1.0) > _SCALED or abs(turn) > _TURNED:
        return None
    change[:, 2] *= step
    landmarks = (face.landmarks @ change[:, :2].T + change[:, 2]).astype(np.float32)
    centre = (face.box[:2] + face.box[2:] / 2) @ change[:, :2].T + change[:, 2]
    size = face.box[2:] * scale
    return Detection(
        np.concatenate([centre - size / 2, size]).astype(np.float32), face.score, landmarks
    )


def _crowded(faces: Sequence[Detection]) -> bool:
    if len(faces) < 2:
        return False
    boxes = np.stack([face.box for face in faces])
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0.0)
    return bool((overlap > 0).any())
