"""Clips as log-mel spectra, computed once and kept in a cache."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_training.common.files import TrainingError, write_atomically
from emotion_training.ser import frontend, spectral
from emotion_training.ser.corpora import CLASSES, Clip
from emotion_training.ser.sound import read_sound

SHORTEST = 0.2
"""Seconds; a shorter clip is left out of training with a message."""


@dataclass
class Spectra:
    """Clips as spectra with what is known of each.

    :param steps: uint8 (128, sum of frames), dB as :func:`frontend.to_bytes` packs it.
    :param offsets: int (n + 1,), where each clip begins.
    :param labels: int (n,), index into ``corpora.CLASSES``.
    :param speakers: str (n,), unique over corpora.
    :param corpora: str (n,).
    :param names: str (n,), file names.
    """

    steps: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    corpora: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def level(self, index: int) -> np.ndarray:
        """Return clip ``index`` in dB, float32 (128, frames), quiet ends trimmed."""
        part = self.steps[:, self.offsets[index]:self.offsets[index + 1]]
        return spectral.trim(frontend.from_bytes(part))

    def take(self, rows: np.ndarray) -> Spectra:
        """Return the clips of these indices."""
        parts = [self.steps[:, self.offsets[row]:self.offsets[row + 1]] for row in rows]
        return pack(parts, self.labels[rows], self.speakers[rows], self.corpora[rows],
                    self.names[rows])

    def __add__(self, other: Spectra) -> Spectra:
        return Spectra(
            np.concatenate((self.steps, other.steps), axis=1),
            np.concatenate((self.offsets, other.offsets[1:] + self.offsets[-1])),
            *(np.concatenate((getattr(self, name), getattr(other, name)))
              for name in ('labels', 'speakers', 'corpora', 'names')))


def pack(levels: Sequence[np.ndarray], labels: Sequence[int], speakers: Sequence[str],
         corpora: Sequence[str], names: Sequence[str]) -> Spectra:
    """Make a :class:`Spectra` from spectra in dB, each (128, frames)."""
    steps = [level if level.dtype == np.uint8 else frontend.to_bytes(level) for level in levels]
    return Spectra(np.concatenate(steps, axis=1),
                   np.cumsum([0] + [part.shape[1] for part in steps]),
                   np.asarray(labels, np.int64), np.asarray(speakers), np.asarray(corpora),
                   np.asarray(names))


def load_spectra(clips: Sequence[Clip], cache: Path | None = None,
                 say=print) -> Spectra:
    """Compute the spectra of clips, or take them from the cache.

    Clips that cannot be read or are shorter than 0.2 s are left out, each with a line said.

    :param cache: folder; one file for each set of clips, named after what is in it.
    :raises TrainingError: if no clip is left.
    """
    path = None
    if cache is not None:
        listing = '\n'.join(f'{c.corpus} {c.name} {c.label} {c.speaker} {c.path.stat().st_size}'
                            for c in clips)
        path = Path(cache) / f'spectra_{hashlib.sha256(listing.encode()).hexdigest()[:16]}.npz'
        if path.is_file():
            with np.load(path, allow_pickle=False) as saved:
                return Spectra(**{name: saved[name] for name in saved.files})
    levels, kept, archives = [], [], {}
    for number, clip in enumerate(clips):
        if number and number % 1000 == 0:
            say(f'{number} of {len(clips)} clips read')
        try:
            levels.append(_level(clip, archives))
            kept.append(clip)
        except TrainingError as error:
            say(f'left out: {error}')
    if not kept:
        raise TrainingError('no clip could be read')
    data = pack(levels, [CLASSES.index(clip.label) for clip in kept],
                [clip.speaker for clip in kept], [clip.corpus for clip in kept],
                [clip.name for clip in kept])
    if path is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(data, name) for name in (
            'steps', 'offsets', 'labels', 'speakers', 'corpora', 'names')})
        write_atomically(path, buffer.getvalue())
    return data


def _level(clip: Clip, archives: dict[Path, np.ndarray]) -> np.ndarray:
    if clip.index >= 0:
        if clip.path not in archives:
            with np.load(clip.path, allow_pickle=False) as archive:
                archives[clip.path] = archive['delta']
        # Steps of 4/255 of the 80 dB range, coded as differences in time.
        steps = np.cumsum(archives[clip.path][clip.index].astype(np.int32), axis=1) * 4
        return np.clip(steps, 0, 255).astype(np.uint8)
    samples = read_sound(clip.path)
    if samples.size < SHORTEST * frontend.RATE:
        raise TrainingError(f'{clip.path}: only {samples.size / frontend.RATE:.3f} s long')
    return frontend.logmel(samples)
