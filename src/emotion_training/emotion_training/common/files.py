# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Files that are either whole or absent: checkpoints, configurations, figures."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import yaml

from emotion_perception import storage


class TrainingError(Exception):
    """Something the user can put right: a missing folder, a wrong label, a full disk."""

    code = 2
    """With which a command exits."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file by :func:`emotion_perception.storage.write_atomically`.

    :raises TrainingError: if the disk is full or the folder cannot be written.
    """
    try:
        storage.write_atomically(path, data)
    except storage.SaveError as error:
        raise TrainingError(str(error)) from error


def save_torch(path: Path, state: Any) -> None:
    """Save tensors and plain values with :func:`torch.save`, atomically."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_torch(path: Path) -> Any:
    """Load what :func:`save_torch` wrote; tensors come to the CPU, and no code is run.

    :raises TrainingError: if the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise TrainingError(f'no checkpoint {path}')
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise TrainingError(f'{path} is not a readable checkpoint: {error}') from error


def save_json(path: Path, value: Any) -> None:
    """Save a JSON document, atomically."""
    write_atomically(path, (json.dumps(value, indent=2) + '\n').encode())


def save_yaml(path: Path, value: Any) -> None:
    """Save a YAML document, atomically, keys in their own order."""
    write_atomically(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode())


def fingerprint(described: Iterable[Path], listed: Iterable[Path], root: Path) -> str:
    """Return one SHA-256 for a data set.

    :param described: files whose content counts (annotations, archives).
    :param listed: files of which name and size count (hundreds of thousands of pictures, whose
        content would take longer to read than an epoch).
    :param root: names are taken relative to it, so that a moved data set is still the same.
    """
    digest = hashlib.sha256()
    for path in sorted(described):
        digest.update(f'{path.relative_to(root)} {storage.sha256_of(path)}\n'.encode())
    for path in sorted(listed):
        digest.update(f'{path.relative_to(root)} {path.stat().st_size}\n'.encode())
    return digest.hexdigest()
