# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Two people in front of one camera, made from public-domain portraits that packages carry.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib), side by side,
as if they sat before the camera: they sway a little, and can come and go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotion_perception.media.images import read_image

WIDTH, HEIGHT = 960, 540


@dataclass(frozen=True)
class _Portrait:
    """A picture and the part of it that fills half of the frame.

    :param picture: BGR uint8.
    :param centre: x, y of the part's middle, pixels.
    :param width: of the part, pixels.
    """

    picture: np.ndarray
    centre: tuple[float, float]
    width: float


def _collins() -> _Portrait:
    import skimage.data

    return _Portrait(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), (225, 166), 300)


def _hopper() -> _Portrait:
    import matplotlib

    path = Path(matplotlib.get_data_path()) / 'sample_data' / 'grace_hopper.jpg'
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing: install matplotlib from PyPI, which has it')
    return _Portrait(read_image(path), (263, 285), 470)


class TwoPeople:
    """Frames of two people, BGR uint8, :data:`HEIGHT` x :data:`WIDTH`.

    :raises ImportError: if scikit-image or matplotlib is not installed.
    :raises FileNotFoundError: if matplotlib came without its sample pictures.
    """

    def __init__(self) -> None:
        self._people = (_collins(), _hopper())
        x = np.linspace(-1, 1, WIDTH)[None, :, None]
        y = np.linspace(0, 1, HEIGHT)[:, None, None]
        light = np.clip(1.15 - 0.35 * x * x - 0.45 * y, 0, 1)
        self._backdrop = (light * np.array([96, 84, 62])).astype(np.uint8)

    def frame(self, time: float, away: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """Return the picture at a time.

        :param time: seconds, for the swaying.
        :param away: how far the left and the right one have left, 0 (there) to 1 (gone).
        """
        picture = self._backdrop.copy()
        half = WIDTH // 2
        for index, person in enumerate(self._people):
            gone = round(half * min(1.0, max(0.0, away[index])))
            if gone >= half:
                continue
            side = self._half(person, time + 1.7 * index)
            if index == 0:
                picture[:, : half - gone] = side[:, gone:]
            else:
                picture[:, half + gone :] = side[:, : half - gone]
        return picture

    @staticmethod
    def _half(person: _Portrait, time: float) -> np.ndarray:
        """Return a person as half of the frame, swaying."""
        wide = WIDTH // 2
        scale = wide / person.width * (1.05 + 0.02 * math.sin(0.9 * time))
        matrix = cv2.getRotationMatrix2D(person.centre, 1.5 * math.sin(0.7 * time), scale)
        matrix[:, 2] += np.array(
            [
                wide / 2 - person.centre[0] + 5 * math.sin(1.1 * time),
                HEIGHT / 2 - person.centre[1] + 4 * math.sin(1.6 * time),
            ]
        )
        return cv2.warpAffine(
            person.picture,
            matrix,
            (wide, HEIGHT),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
