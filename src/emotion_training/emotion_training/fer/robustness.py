# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a face model loses in the dark, far away, turned, covered: ``eval fer --robustness``.

Every trouble befalls the canonical crop, scaled so that the window of most models is about 48
pixels wide, as a face two metres from a camera is. So the figures are those of the model: what a
detector misses in the dark comes on top, and what it puts right (a tilted head) is counted here
as a detector without landmarks would leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from emotion_training.fer import degrade, geometry

SIDE = 60
"""Side of the crops, pixels: the usual window then holds 48 to 49."""

WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Trouble:
    """One thing that befalls faces.

    :param name: as the table has it.
    :param befall: from crops (n, 3, SIDE, SIDE), BGR float32 in 0..255, to the same.
    """

    name: str
    befall: Callable[[torch.Tensor], torch.Tensor]


def _dark(crops: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(crops.shape, generator=torch.Generator().manual_seed(0))
    return degrade.dark(crops, torch.full((len(crops),), 0.1), noise)


def _cast(*gains: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda crops: crops * torch.tensor(gains).view(1, 3, 1, 1)


def _blurred(crops: torch.Tensor) -> torch.Tensor:
    deviation = torch.full((len(crops),), 1.5)
    return degrade.blur(crops, deviation, deviation)


def _jpeg(crops: torch.Tensor) -> torch.Tensor:
    return degrade.jpeg(crops, torch.full((len(crops),), 10.0))


def _far(pixels: int) -> Callable[[torch.Tensor], torch.Tensor]:
    left, _, right, _ = geometry.FRAME
    return lambda crops: degrade.far(crops, round(pixels / (right - left)))


def _moved(
    turn: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    yaw: float = 0.0,
) -> Callable[[torch.Tensor], torch.Tensor]:
    def befall(crops: torch.Tensor) -> torch.Tensor:
        ones = torch.ones(len(crops))
        moved = geometry.jitter(
            ones * np.radians(turn),
            ones * scale,
            ones,
            torch.tensor([shift]) * ones[:, None],
            ones,
        )
        places = torch.tensor([[1 / SIDE, 0, 0.5 / SIDE], [0, 1 / SIDE, 0.5 / SIDE]])
        return geometry.views(
            crops,
            places.repeat(len(crops), 1, 1),
            moved,
            SIDE,
            ones * np.radians(yaw) if yaw else None,
            window=WHOLE,
        )

    return befall


def _covered(
    where: Sequence[float], half: tuple[float, float], tone: float | None
) -> Callable[[torch.Tensor], torch.Tensor]:
    def befall(crops: torch.Tensor) -> torch.Tensor:
        ones = torch.ones(len(crops), 1)
        centre = ones * (torch.tensor([where]) * 2 - 1)
        # A hand is about as bright as the face it covers.
        level = crops.mean((2, 3), keepdim=True) if tone is None else torch.tensor(tone)
        return degrade.cover(
            crops, centre, ones * torch.tensor([half]), level, ones[:, 0] * 4, ones[:, 0] * 0
        )

    return befall


_EYES = ((np.array(geometry.LEFT_EYE) + geometry.RIGHT_EYE) / 2).tolist()

TROUBLES = (
    Trouble('darkness, a tenth of the light', _dark),
    Trouble('colour cast, warm bulb', _cast(0.35, 0.75, 1.15)),
    Trouble('colour cast, blue screen', _cast(1.2, 0.7, 0.45)),
    Trouble('blur, 1.5 pixels', _blurred),
    Trouble('JPEG, quality 10', _jpeg),
    Trouble('24 pixels', _far(24)),
    Trouble('16 pixels', _far(16)),
    Trouble('roll, 30 degrees', _moved(turn=30)),
    Trouble('yaw, 35 degrees', _moved(yaw=35)),
    Trouble('mouth covered', _covered(geometry.MOUTH, (0.36, 0.24), None)),
    Trouble('eyes covered', _covered(_EYES, (0.56, 0.16), 20.0)),
    Trouble('shifted by a tenth', _moved(shift=(0.16, 0.16))),
    Trouble('scaled to 0.8', _moved(scale=1.25)),
    Trouble('scaled to 1.2', _moved(scale=1 / 1.2)),
)


def befallen(crops: Sequence[np.ndarray], trouble: Trouble | None) -> list[np.ndarray]:
    """Return canonical crops as a trouble leaves them, BGR uint8 (SIDE, SIDE, 3).

    :param crops: canonical crops, BGR uint8.
    :param trouble: ``None`` for crops of that size with nothing wrong.
    """
    small = [
        cv2.resize(
            crop,
            (SIDE, SIDE),
            interpolation=cv2.INTER_AREA if crop.shape[0] > SIDE else cv2.INTER_LINEAR,
        )
        for crop in crops
    ]
    if trouble is None:
        return small
    batch = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float()
    changed = trouble.befall(batch).round().clamp(0, 255).byte()
    return list(changed.permute(0, 2, 3, 1).contiguous().numpy())
