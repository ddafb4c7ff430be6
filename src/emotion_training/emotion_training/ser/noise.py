# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recorded sound without speech: for backgrounds, and to learn when to say nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from emotion_perception.audio import steady
from emotion_perception.audio.pcm import RATE
from emotion_perception.media.samples import to_int16
from emotion_training.common.files import TrainingError
from emotion_training.ser import nonspeech
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.sound import read_sound
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import SILENT

CORPUS = 'nonspeech'
MADE = 300
"""Made sounds beside the recorded ones."""

_LONGEST = 10.0


def read_noise(folder: Path | None, say: Callable[[str], None]) -> Sounds:
    """Return recorded and made sounds without speech as clips labelled with no speech.

    :param folder: holds sound files, and perhaps an ``index.csv`` with the columns path and
        kind; kinds with speech in them are left out. ``None`` for made sounds alone.
    :raises TrainingError: if the folder holds no sound.
    """
    sounds, kinds, names = [], [], []
    for path, kind in [] if folder is None else noise_files(folder):
        if 'speech' in kind:
            continue
        try:
            sound = read_sound(path, longest=_LONGEST)
        except TrainingError as error:
            say(f'left out: {error}')
            continue
        sounds.append(sound)
        kinds.append(kind)
        names.append(path.name)
    rng = np.random.default_rng(1)
    for number in range(MADE):
        sounds.append(nonspeech.make_sound(rng, rng.uniform(1, 4)))
        kinds.append('made')
        names.append(f'made_{number}')
    packed = [to_int16(0.5 * steady.steady(sound, RATE)) for sound in sounds]
    count = len(packed)
    return Sounds(
        np.concatenate(packed),
        np.cumsum([0, *(sound.size for sound in packed)]),
        np.full(count, SILENT),
        np.zeros((count, len(CLASSES)), np.float32),
        np.array([f'{CORPUS}/{kind}' for kind in kinds]),
        np.full(count, CORPUS),
        np.array(names),
        np.full(count, ''),
    )


def noise_files(folder: Path) -> list[tuple[Path, str]]:
    """Return path and kind of every sound of a folder.

    :raises TrainingError: if there is none.
    """
    folder = Path(folder)
    table = folder / 'index.csv'
    kinds = {}
    if table.is_file():
        with open(table, newline='', encoding='utf-8') as file:
            kinds = {Path(row['path']).name: row['kind'] for row in csv.DictReader(file)}
    found = [
        (path, kinds.get(path.name, 'noise'))
        for path in sorted(folder.rglob('*'))
        if path.suffix.lower() in ('.wav', '.flac', '.opus', '.ogg')
    ]
    if not found:
        raise TrainingError(f'{folder} holds no sound')
    return found


def joined(first: Sounds, second: Sounds) -> Sounds:
    """Return the clips of both, one behind the other."""
    names = [field.name for field in fields(Sounds) if field.name != 'start']
    start = np.concatenate((first.start, second.start[1:] + first.start[-1]))
    both = {name: np.concatenate((getattr(first, name), getattr(second, name))) for name in names}
    return Sounds(start=start, **both)
