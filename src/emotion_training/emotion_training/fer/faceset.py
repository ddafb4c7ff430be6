# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Pictures of faces with what is known of each, and those to judge models by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotion_perception.media.errors import MediaError
from emotion_perception.media.images import read_image
from emotion_training.common.files import TrainingError

SPLITS = ('train', 'valid', 'test')


class DatasetError(TrainingError):
    """A data set that cannot be used as it is; the message says what to do."""


@dataclass
class FaceSet:
    """Pictures, what is known of each, and where they come from.

    :param name: of the data set.
    :param labels: the classes, in order.
    :param pictures: uint8 array (n, h, w) or (n, h, w, 3) BGR, or the path of each picture.
    :param targets: float32 (n, heads, classes); each row is a distribution times what it is
        worth (0: this head learns nothing from the picture; 1: fully).
    :param truths: for each head, int (n,): the class it is judged by, -1 where it has none.
    :param split: str (n,), one of :data:`SPLITS`.
    :param heads: what each head's labels are called.
    :param digest: SHA-256 of the data set.
    """

    name: str
    labels: tuple[str, ...]
    pictures: np.ndarray | list[Path]
    targets: np.ndarray
    truths: np.ndarray
    split: np.ndarray
    heads: tuple[str, ...] = ('label',)
    digest: str = ''

    def __len__(self) -> int:
        return len(self.split)

    def picture(self, index: int) -> np.ndarray:
        """Return one picture, uint8 grey (h, w) or BGR (h, w, 3).

        :raises DatasetError: if the file cannot be decoded.
        """
        if isinstance(self.pictures, np.ndarray):
            return self.pictures[index]
        return read_picture(self.pictures[index])

    def of(self, split: str) -> FaceSet:
        """Return the part that belongs to a split."""
        return self.subset(np.flatnonzero(self.split == split))

    def subset(self, indices: np.ndarray) -> FaceSet:
        """Return the pictures at ``indices``, in that order."""
        pictures = (
            self.pictures[indices]
            if isinstance(self.pictures, np.ndarray)
            else [self.pictures[index] for index in indices]
        )
        return replace(
            self,
            pictures=pictures,
            targets=self.targets[indices],
            truths=self.truths[:, indices],
            split=self.split[indices],
        )

    def only(self, place: int) -> FaceSet:
        """Return the same pictures with one of the label sets alone."""
        return replace(
            self,
            targets=self.targets[:, place : place + 1],
            truths=self.truths[place : place + 1],
            heads=(self.heads[place],),
        )

    def counts(self) -> dict[str, list[int]]:
        """Return, for each split that has pictures, how many each class has (first head)."""
        return {
            split: [
                int(np.sum(self.truths[0][self.split == split] == place))
                for place in range(len(self.labels))
            ]
            for split in SPLITS
            if np.any(self.split == split)
        }

    def table(self) -> str:
        """Return a summary to print before training."""
        counts = self.counts()
        width = max(len(label) for label in (*self.labels, 'unlabelled'))
        lines = [
            f'{self.name}: {len(self)} pictures, {self.heads[0]}',
            ' ' * width + ''.join(f'{split:>9}' for split in counts),
        ]
        for place, label in enumerate(self.labels):
            lines.append(
                f'{label:<{width}}' + ''.join(f'{values[place]:>9}' for values in counts.values())
            )
        rest = [int(np.sum((self.split == split) & (self.truths[0] < 0))) for split in counts]
        lines.append(f'{"unlabelled":<{width}}' + ''.join(f'{value:>9}' for value in rest))
        return '\n'.join(lines)


@dataclass(frozen=True)
class Labelled:
    """Pictures to judge models by.

    :param pictures: paths, or uint8 arrays.
    :param truth: int (n,), the place of each label among the six classes.
    """

    pictures: Sequence[Path | np.ndarray]
    truth: np.ndarray

    def picture(self, index: int) -> np.ndarray:
        """Return a picture, decoded if need be: uint8 grey (h, w) or BGR (h, w, 3).

        :raises DatasetError: if it is missing or damaged.
        """
        found = self.pictures[index]
        return read_picture(found) if isinstance(found, Path) else found


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture file: uint8 grey (h, w) or BGR (h, w, 3).

    :raises DatasetError: if it is missing or damaged.
    """
    try:
        return read_image(path, grey=True)
    except MediaError as error:
        raise DatasetError(str(error)) from error
