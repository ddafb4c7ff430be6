# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Real faces that packages carry, and scenes composed of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

# Side of a portrait; the face itself is a good half of it.
PORTRAIT = 200


@functools.cache
def astronaut() -> np.ndarray:
    """Return Eileen Collins, smiling, NASA, public domain: (512, 512, 3) BGR uint8."""
    data = pytest.importorskip('skimage.data', reason='its face is in scikit-image')
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


@functools.cache
def hopper() -> np.ndarray:
    """Return Grace Hopper, US Navy, public domain: (600, 512, 3) BGR uint8."""
    matplotlib = pytest.importorskip('matplotlib', reason='its face is in matplotlib')
    path = Path(matplotlib.get_data_path()) / 'sample_data' / 'grace_hopper.jpg'
    if not path.is_file():
        pytest.skip(f'needs {path}')
    picture = cv2.imread(str(path))
    assert picture is not None, f'{path} cannot be read'
    return picture


def portrait(picture: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """Cut a face with its hair out of a picture: (PORTRAIT, PORTRAIT, 3).

    Args:
        picture: BGR uint8.
        box: x, y, width, height of the face.

    """
    x, y, width, height = box
    centre, side = np.array([x + width / 2, y + height / 2]), 1.7 * width
    low = np.maximum(np.round(centre - side / 2), 0).astype(int)
    high = np.round(centre + side / 2).astype(int)
    return cv2.resize(picture[low[1] : high[1], low[0] : high[0]], (PORTRAIT, PORTRAIT))


def portraits() -> tuple[np.ndarray, np.ndarray]:
    """Return both faces, each as a portrait."""
    return (portrait(astronaut(), (173, 66, 105, 105)), portrait(hopper(), (159, 115, 209, 209)))


@functools.cache
def background(width: int = 640, height: int = 480) -> np.ndarray:
    """Return a blurred, faceless picture."""
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 9)


def paste(scene: np.ndarray, face: np.ndarray, x: float, y: float, side: int = PORTRAIT) -> None:
    """Put a portrait into a scene, its middle at x, y, with a soft oval edge."""
    face = cv2.resize(face, (side, side))
    alpha = _oval(side)
    left, top = round(x - side / 2), round(y - side / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, scene.shape[1]), min(top + side, scene.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    there = scene[y0:y1, x0:x1]
    scene[y0:y1, x0:x1] = face[part] * alpha[part] + there * (1 - alpha[part])


def crossing(
    front: Sequence[np.ndarray],
    back: Sequence[np.ndarray],
    seconds: float,
    path: Callable[[float], tuple[float, float]],
    rate: float = 30.0,
    rest: float = 0.5,
) -> Iterator[tuple[float, np.ndarray, tuple[float, float]]]:
    """Yield (time, picture, (x of front, x of back)) of two people who move across each other.

    Args:
        front: portraits of the one who passes in front, one a frame, repeated.
        back: portraits of the other one.
        seconds: of the movement.
        path: from the part of the movement that is done, 0 to 1, to both places, pixels.
        rate: frames per second.
        rest: seconds of rest before and after.

    """
    count, still = round(seconds * rate), round(rest * rate)
    for i in range(-still, count + still):
        one, other = path(min(max(i / count, 0.0), 1.0))
        scene = background().copy()
        paste(scene, back[max(i, 0) % len(back)], other, 240, 190)
        paste(scene, front[max(i, 0) % len(front)], one, 240, 190)
        yield (i + still) / rate, scene, (one, other)


def pass_by(done: float) -> tuple[float, float]:
    """Walk from side to side."""
    return 130 + 380 * done, 510 - 380 * done


def turn_back(done: float) -> tuple[float, float]:
    """Meet in the middle and walk back."""
    return pass_by(min(done, 1 - done))


def write_video(path: Path, frames: Sequence[np.ndarray], rate: float = 30.0) -> Path:
    """Write frames as a video that OpenCV reads everywhere (Motion JPEG in AVI)."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate, (width, height))
    if not writer.isOpened():
        pytest.skip('this OpenCV cannot write Motion JPEG')
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@functools.cache
def _oval(side: int) -> np.ndarray:
    y, x = np.mgrid[:PORTRAIT, :PORTRAIT]
    inside = ((x - 100) / 75) ** 2 + ((y - 100) / 95) ** 2 < 1
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 3)
    return cv2.resize(soft, (side, side))[..., None]
