# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Camera calibration files in the standard format of ROS's ``camera_calibration``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class CalibrationError(Exception):
    """A calibration file cannot be used; the message names file and key."""


@dataclass(frozen=True)
class Calibration:
    """The intrinsic calibration of a camera, as ``sensor_msgs/CameraInfo`` has it.

    :param width: of the calibrated picture, pixels; ``height`` likewise.
    :param model: name of the distortion model, for instance ``'plumb_bob'``.
    :param d: distortion coefficients.
    :param k: camera matrix, 9 numbers, row by row.
    :param r: rectification matrix, 9 numbers.
    :param p: projection matrix, 12 numbers.
    """

    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]

    def scaled(self, width: int, height: int) -> Calibration:
        """Return the calibration of the same camera's picture in another size."""
        if (width, height) == (self.width, self.height):
            return self
        x, y = width / self.width, height / self.height
        k, p = list(self.k), list(self.p)
        k[:3], k[3:6] = [v * x for v in k[:3]], [v * y for v in k[3:6]]
        p[:4], p[4:8] = [v * x for v in p[:4]], [v * y for v in p[4:8]]
        return Calibration(width, height, self.model, self.d, tuple(k), self.r, tuple(p))


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration file.

    :raises CalibrationError: if it is missing, not YAML, or lacks what it should hold.
    """
    path = Path(path).expanduser()
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise CalibrationError(f'{path} cannot be read: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CalibrationError(f'{path} is not YAML: {error}') from error
    if not isinstance(content, dict):
        raise CalibrationError(f'{path} is not a calibration file: no keys')
    return Calibration(
        _size(path, content, 'image_width'),
        _size(path, content, 'image_height'),
        str(content.get('distortion_model', 'plumb_bob')),
        _numbers(path, content, 'distortion_coefficients', None),
        _numbers(path, content, 'camera_matrix', 9),
        _numbers(path, content, 'rectification_matrix', 9),
        _numbers(path, content, 'projection_matrix', 12),
    )


def _size(path: Path, content: dict[str, Any], key: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or value <= 0:
        raise CalibrationError(f'{path}: {key} is {value!r}, it must be a number of pixels')
    return value


def _numbers(
    path: Path, content: dict[str, Any], key: str, count: int | None
) -> tuple[float, ...]:
    matrix = content.get(key)
    data = matrix.get('data') if isinstance(matrix, dict) else None
    try:
        if data is None:
            raise ValueError('there are none')
        values = tuple(float(value) for value in data)
    except (TypeError, ValueError):
        raise CalibrationError(f'{path}: {key} has no list of numbers under data') from None
    if count is not None and len(values) != count:
        raise CalibrationError(f'{path}: {key} has {len(values)} numbers instead of {count}')
    return values
