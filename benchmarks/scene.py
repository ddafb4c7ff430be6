# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A 640x480 video of any number of real faces, made from what packages carry."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, FPS = 640, 480, 30
_NOISE = 3.0  # of the sensor, levels of 255
_GRID = {0: (1, 1), 1: (1, 1), 2: (2, 1), 4: (2, 2), 8: (4, 2)}


def portraits() -> list[np.ndarray]:
    """Return two public-domain portraits (Eileen Collins, Grace Hopper), BGR uint8, square."""
    import matplotlib.cbook
    import skimage.data

    collins = skimage.data.astronaut()[:, :, ::-1][0:290, 75:365]
    path = matplotlib.cbook.get_sample_data('grace_hopper.jpg', asfileobj=False)
    portrait = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if portrait is None:
        raise OSError(f'{path} is no picture')
    hopper = portrait[20:420, 60:460]
    return [np.ascontiguousarray(collins), np.ascontiguousarray(hopper)]


def write(path: Path, faces: int, seconds: float) -> None:
    """Write a video of faces that sway a little, or of an empty room as a sensor sees it.

    :param faces: 0, 1, 2, 4 or 8.
    """
    if not faces:
        write_room(path, seconds)
        return
    columns, rows = _GRID[faces]
    cell = (WIDTH // columns, HEIGHT // rows)
    side = min(cell)
    pictures = [cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in portraits()]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), FPS, (WIDTH, HEIGHT))
    for frame in range(int(seconds * FPS)):
        canvas = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
        for i in range(faces):
            picture = pictures[i % 2]
            angle = 2 * np.pi * (frame / FPS / 2 + i / 8)
            shift = (4 * np.cos(angle), 4 * np.sin(angle))
            moved = cv2.warpAffine(
                picture,
                np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32),
                (side, side),
                borderMode=cv2.BORDER_REPLICATE,
            )
            x = (i % columns) * cell[0] + (cell[0] - side) // 2
            y = (i // columns) * cell[1] + (cell[1] - side) // 2
            canvas[y : y + side, x : x + side] = moved
        writer.write(canvas)
    writer.release()


def write_room(path: Path, seconds: float) -> None:
    """Write a video of an empty room: nothing moves but the noise of the sensor."""
    generator = np.random.default_rng(0)
    few = generator.normal(110, 40, (12, 16, 3)).astype(np.float32)
    room = cv2.resize(few, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), FPS, (WIDTH, HEIGHT))
    for _ in range(int(seconds * FPS)):
        seen = room + generator.standard_normal(room.shape, np.float32) * _NOISE
        writer.write(np.clip(seen, 0, 255).astype(np.uint8))
    writer.release()
