# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Read the variables of a CTranslate2 model file, the format that Whisper's small models come in.

The layout (CTranslate2 4.x, binary version 6, little-endian): u32 version, the name of the model
as text, u32 revision, u32 number of variables; then for each variable its name as text, u8 rank,
u32 sizes, u8 type, u32 bytes, the data. Text is a u16 length, which counts the closing NUL, and
so many bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from emotion_training.common.files import TrainingError

VERSION = 6
_TYPES = ('<f4', '|i1', '<i2', '<i4', '<f2')
_MOST = 1 << 31
"""Bytes of one variable above which a file is not believed."""


def read_variables(path: Path, prefix: str = '') -> dict[str, np.ndarray]:
    """Return the variables of a file whose names begin with a prefix, as stored.

    :param path: ``model.bin`` of a CTranslate2 model folder.
    :raises TrainingError: if the file is absent, of another format or version, or cut short.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f'{path}: cannot be read: {error.strerror}') from error
    try:
        return _parse(memoryview(data), prefix)
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise TrainingError(
            f'{path} is not a whole CTranslate2 model of version {VERSION}: {error}'
        ) from error


def _parse(data: memoryview, prefix: str) -> dict[str, np.ndarray]:
    place = 0

    def take(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(form, data, place)
        place += struct.calcsize(form)
        return value

    def text() -> str:
        nonlocal place
        length = take('<H')
        raw = bytes(data[place : place + length])
        place += length
        if len(raw) != length or not raw.endswith(b'\0'):
            raise ValueError('a name is damaged')
        return raw[:-1].decode()

    version = take('<I')
    if version != VERSION:
        raise ValueError(f'its version is {version}')
    text()
    take('<I')
    found = {}
    for _ in range(take('<I')):
        name = text()
        shape = tuple(take('<I') for _ in range(take('<B')))
        kind, size = take('<B'), take('<I')
        if kind >= len(_TYPES) or size > _MOST or place + size > len(data):
            raise ValueError(f'variable {name} is damaged or cut short')
        if name.startswith(prefix):
            found[name] = np.frombuffer(data[place : place + size], _TYPES[kind]).reshape(shape)
        place += size
    return found
