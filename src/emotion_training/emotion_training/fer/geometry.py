# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where a face lies in its picture, and what turning, moving and framing it otherwise does.

A face's place is a 2 x 3 matrix from its picture's pixels to the unit square of the canonical
crop (:mod:`emotion_perception.vision.align`). Pictures that were cut like FER2013's have no
landmarks to begin with: there the whole picture is taken as :data:`FRAME`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from emotion_perception.vision.align import TEMPLATE

FRAME = (0.094, 0.047, 0.906, 0.859)
"""Where FER2013's framing lies in the canonical crop: the median over 535 training pictures of
the similarity from BlazeFace's eyes and mouth to the template. Also the models' window."""

LEFT_EYE, RIGHT_EYE, MOUTH = TEMPLATE.tolist()


def framed_whole(count: int, side: int) -> np.ndarray:
    """Return the places (n, 2, 3) of faces whose square pictures are framed as :data:`FRAME`."""
    left, top, right, bottom = FRAME
    # Pixel i's centre lies at (i + 0.5) / side of the frame.
    matrix = np.array(
        [
            [(right - left) / side, 0, left + 0.5 * (right - left) / side],
            [0, (bottom - top) / side, top + 0.5 * (bottom - top) / side],
        ],
        np.float32,
    )
    return np.repeat(matrix[None], count, axis=0)


def jitter(
    turn: torch.Tensor,
    scale: torch.Tensor,
    stretch: torch.Tensor,
    shift: torch.Tensor,
    mirror: torch.Tensor,
) -> torch.Tensor:
    """Return matrices (n, 2, 3) from where an output pixel lies to where it looks, both -1..1.

    :param turn: radians (n,); ``scale`` above 1 makes faces smaller; ``stretch`` widens what is
        looked at; ``shift`` (n, 2); ``mirror`` 1 or -1.
    """
    cosine, sine = torch.cos(turn), torch.sin(turn)
    return torch.stack(
        [
            torch.stack([cosine * scale * stretch * mirror, -sine * scale, shift[:, 0]], 1),
            torch.stack([sine * scale * stretch * mirror, cosine * scale, shift[:, 1]], 1),
        ],
        1,
    )


def views(
    pictures: torch.Tensor,
    places: torch.Tensor,
    moved: torch.Tensor,
    size: int,
    yaw: torch.Tensor | None = None,
    fine: bool = False,
    window: Sequence[float] = FRAME,
) -> torch.Tensor:
    """Look at faces through the models' window, moved as :func:`jitter` says.

    :param pictures: (n, channels, h, w) float32.
    :param places: (n, 2, 3), see the module.
    :param yaw: radians (n,): turn the face about the vertical as a cylinder would turn.
    :param fine: sample twice as finely and average, as the canonical crop on the way does.
    :return: (n, channels, size, size); beyond a picture its edge repeats.
    """
    count, (height, width) = len(pictures), pictures.shape[-2:]
    samples = size * 2 if fine else size
    grid = functional.affine_grid(moved, [count, 1, samples, samples], align_corners=False)
    x, y = grid.unbind(-1)
    if yaw is not None:
        x = turned(x, yaw)
    left, top, right, bottom = window
    x, y = left + (x + 1) / 2 * (right - left), top + (y + 1) / 2 * (bottom - top)
    # The inverse of the place: from the crop back to the picture.
    (a, b, c), (d, e, f) = (row.unbind(1) for row in places.unbind(1))
    determinant = (a * e - b * d).view(-1, 1, 1)
    a, b, c, d, e, f = (value.view(-1, 1, 1) for value in (a, b, c, d, e, f))
    across = (e * (x - c) - b * (y - f)) / determinant
    down = (a * (y - f) - d * (x - c)) / determinant
    looked = torch.stack([(across + 0.5) / width * 2 - 1, (down + 0.5) / height * 2 - 1], -1)
    seen = functional.grid_sample(pictures, looked, padding_mode='border', align_corners=False)
    return functional.avg_pool2d(seen, 2) if fine else seen


CYLINDER = 1.35
"""Radius of the cylinder that stands for a head, in half widths of the window."""


def turned(x: torch.Tensor, yaw: torch.Tensor) -> torch.Tensor:
    """Return where a head turned by ``yaw`` must be looked at, frontally, for what is seen at x.

    The side that turns into view was never photographed: the cheek's edge repeats there.
    """
    yaw = yaw.view(-1, 1, 1)
    # The alignment brings the middle of the face back to the middle of the crop.
    seen = (x / CYLINDER - torch.sin(yaw)).clamp(-0.98, 0.98)
    return CYLINDER * torch.sin(torch.asin(seen) + yaw)


def point(
    crop: Sequence[float], moved: torch.Tensor, window: Sequence[float] = FRAME
) -> torch.Tensor:
    """Return where a point of the canonical crop is seen in moved views: (n, 2), -1..1."""
    left, top, right, bottom = window
    (a, b, x), (c, d, y) = (row.unbind(1) for row in moved.unbind(1))
    x = (float(crop[0]) - left) / (right - left) * 2 - 1 - x
    y = (float(crop[1]) - top) / (bottom - top) * 2 - 1 - y
    determinant = a * d - b * c
    return torch.stack([(d * x - b * y) / determinant, (a * y - c * x) / determinant], 1)
