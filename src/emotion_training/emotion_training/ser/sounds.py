# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""All clips of a training run in memory, trimmed to what is heard, with their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

import numpy as np

from emotion_perception.audio import steady
from emotion_perception.audio.pcm import RATE
from emotion_perception.media.samples import to_int16
from emotion_perception.storage import whole
from emotion_training.common.files import TrainingError
from emotion_training.common.leftout import LeftOut
from emotion_training.ser.corpora import CLASSES, Clip
from emotion_training.ser.sound import read_sound

SHORTEST = 0.2
"""Seconds of sound below which a clip is left out."""

MARGIN = 0.15
"""Seconds kept before and behind what is heard."""

_FAINT_DB = -35.0
"""A frame so far below the speech of its clip is silence around it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sounds:
    """Clips one behind the other.

    :param samples: int16 of all, levelled.
    :param start: int64 (n + 1,): clip i is ``samples[start[i]:start[i + 1]]``.
    :param labels: int (n,) in ``corpora.CLASSES``.
    :param heard: float32 (n, classes): what listeners heard, rows sum to 1; 0 where not known.
    :param speakers: str (n,).
    :param corpora: str (n,).
    :param names: str (n,).
    :param parts: str (n,): train, dev or test of a corpus that is divided, else empty.
    """

    samples: np.ndarray
    start: np.ndarray
    labels: np.ndarray
    heard: np.ndarray
    speakers: np.ndarray
    corpora: np.ndarray
    names: np.ndarray
    parts: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def clip(self, row: int) -> np.ndarray:
        """Return a clip as float32 in -1..1."""
        return self.samples[self.start[row] : self.start[row + 1]] / np.float32(32768.0)

    @property
    def lengths(self) -> np.ndarray:
        """Return the samples of each clip."""
        return np.diff(self.start)


def trim(sound: np.ndarray) -> np.ndarray:
    """Return levelled 16 kHz sound without the silence around it, but for a short margin."""
    size = round(RATE * steady.FRAME)
    count = sound.size // size
    if count == 0:
        return sound
    powers = np.square(sound[: count * size].reshape(count, size)).mean(axis=1)
    loud = np.flatnonzero(powers > 10 ** ((steady.LEVEL_DB + _FAINT_DB) / 10))
    if not loud.size:
        return sound
    margin = round(MARGIN * RATE)
    return sound[max(0, loud[0] * size - margin) : (loud[-1] + 1) * size + margin]


def _prepared(clip: Clip) -> np.ndarray | str:
    try:
        sound = read_sound(clip.path)
    except TrainingError as error:
        return str(error)
    if sound.size < SHORTEST * RATE:
        return f'{clip.path}: {sound.size / RATE:.2f} s are too short'
    # The peaks of levelled speech pass 1; half of it leaves room for them.
    return to_int16(0.5 * trim(steady.steady(sound, RATE)))


def load_sounds(clips: Sequence[Clip], cache: Path, say: Say, processes: int = 1) -> Sounds:
    """Read all clips, or take them from the cache if they were read before.

    A clip that cannot be read or is too short is left out, counted and said.

    :param cache: folder for the sound, a file for each set of clips.
    :raises NothingLeftError: if no clip is left.
    """
    digest = sha256(' '.join(field.name for field in fields(Sounds)).encode())
    for clip in clips:
        size = clip.path.stat().st_size if clip.path.is_file() else -1
        digest.update(f'{clip} {size}\n'.encode())
    place = Path(cache) / f'sounds_{digest.hexdigest()[:16]}'
    packed, table = place.with_suffix('.npy'), place.with_suffix('.npz')
    if not (packed.is_file() and table.is_file()):
        say(f'reading {len(clips)} clips')
        if processes > 1:
            with ProcessPoolExecutor(processes) as pool:
                sounds = list(pool.map(_prepared, clips, chunksize=32))
        else:
            sounds = [_prepared(clip) for clip in clips]
        out, kept = LeftOut('clips', say), []
        for clip, sound in zip(clips, sounds):
            if isinstance(sound, str):
                out.add(sound)
            else:
                kept.append((clip, sound))
        out.close(len(kept))
        with whole(packed) as part:
            np.save(part, np.concatenate([sound for _, sound in kept]))
        with whole(table) as part:
            np.savez(
                part,
                start=np.cumsum([0, *(sound.size for _, sound in kept)]),
                labels=[CLASSES.index(clip.label) for clip, _ in kept],
                heard=np.array(
                    [clip.heard or (0.0,) * len(CLASSES) for clip, _ in kept], np.float32
                ),
                speakers=[clip.speaker for clip, _ in kept],
                corpora=[clip.corpus for clip, _ in kept],
                names=[clip.name for clip, _ in kept],
                parts=[clip.part for clip, _ in kept],
            )
    with np.load(table, allow_pickle=False) as archive:
        return Sounds(
            np.load(packed, mmap_mode='r'), **{name: archive[name] for name in archive.files}
        )
