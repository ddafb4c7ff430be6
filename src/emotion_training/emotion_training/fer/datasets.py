"""Faces with labels, from the formats in which public data sets come.

Every reader returns a :class:`FaceSet`. Labels are brought into the six classes
(:data:`emotion_perception.emotions.EMOTIONS`) or kept as the data set has them.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from emotion_perception.emotions import EMOTIONS, emotion_of

from emotion_training.common.files import TrainingError, fingerprint

log = logging.getLogger(__name__)

SPLITS = ('train', 'valid', 'test')
PICTURES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.pgm')
EIGHT = ('Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Angry', 'Contempt')
"""AffectNet's numbers 0 to 7; its 8, 9 and 10 are none, uncertain and no face."""
SEVEN = ('Angry', 'Disgust', 'Fear', 'Happy', 'Sad', 'Surprise', 'Neutral')
"""FER2013's numbers 0 to 6."""
RAF = ('Surprise', 'Fear', 'Disgust', 'Happy', 'Sad', 'Angry', 'Neutral')
"""RAF-DB's numbers 1 to 7."""
VOTED = ('neutral', 'happiness', 'surprise', 'sadness', 'anger', 'disgust', 'fear', 'contempt')
"""The emotions that FER+ taggers could choose, in the file's order."""
UNUSABLE = ('unknown', 'NF')


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
        pictures = self.pictures[indices] if isinstance(self.pictures, np.ndarray) \
            else [self.pictures[index] for index in indices]
        return replace(self, pictures=pictures, targets=self.targets[indices],
                       truths=self.truths[:, indices], split=self.split[indices])

    def counts(self) -> dict[str, list[int]]:
        """Return, for each split that has pictures, how many each class has (first head)."""
        return {split: [int(np.sum(self.truths[0][self.split == split] == place))
                        for place in range(len(self.labels))]
                for split in SPLITS if np.any(self.split == split)}

    def table(self) -> str:
        """Return a summary to print before training."""
        counts = self.counts()
        width = max(len(label) for label in (*self.labels, 'unlabelled'))
        lines = [f'{self.name}: {len(self)} pictures, {self.heads[0]}',
                 ' ' * width + ''.join(f'{split:>9}' for split in counts)]
        for place, label in enumerate(self.labels):
            lines.append(f'{label:<{width}}'
                         + ''.join(f'{values[place]:>9}' for values in counts.values()))
        rest = [int(np.sum((self.split == split) & (self.truths[0] < 0))) for split in counts]
        lines.append(f'{"unlabelled":<{width}}' + ''.join(f'{value:>9}' for value in rest))
        return '\n'.join(lines)


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture file: uint8 grey (h, w) or BGR (h, w, 3).

    :raises DatasetError: if it is missing or damaged.
    """
    image = cv2.imread(str(path), cv2.IMREAD_ANYCOLOR)
    if image is None:
        raise DatasetError(f'{path} is not a picture that OpenCV can read')
    return image


def read_mosaics(root: Path, classes: str = 'six') -> FaceSet:
    """Read FER2013's pictures with FER+ votes from lossless mosaics of 50 x 50 faces.

    ``ferplus.csv`` names each picture's split, its ten FER+ vote counts and its FER2013 label;
    ``ferplus_00.png`` ... hold the pictures in that order, row by row. Two heads: the FER+ vote
    distribution and the FER2013 label. Training pictures that stand in more than one split are
    left out, and those that most taggers called no face.

    Taggers' lone votes count as slips and are dropped, as in E. Barsoum et al., "Training deep
    networks for facial expression recognition with crowd-sourced label distribution", ICMI 2016.

    :param classes: only ``'six'``.
    :raises DatasetError: if files are missing or do not belong together.
    """
    root = Path(root)
    if classes != 'six':
        raise DatasetError('the mosaics are read with the six classes; use --classes six')
    table = root / 'ferplus.csv'
    rows = _read_csv(table, ('split', 'fer2013_label', *VOTED))
    mosaics = sorted(root.glob('ferplus_[0-9][0-9].png'))
    if not mosaics:
        raise DatasetError(f'no ferplus_00.png, ... in {root}')
    tiles = [read_picture(path).reshape(50, 48, 50, 48).swapaxes(1, 2).reshape(-1, 48, 48)
             for path in mosaics]
    faces = np.concatenate(tiles)
    if len(faces) < len(rows):
        raise DatasetError(f'{table} lists {len(rows)} pictures, but the {len(mosaics)} mosaics '
                           f'hold {len(faces)}')
    faces = faces[:len(rows)]
    votes = np.array([[int(row[name]) for name in (*VOTED, 'unknown', 'no_face')]
                      for row in rows], np.float32)
    older = np.array([place_of(row['fer2013_label'], EMOTIONS) for row in rows])
    split = np.array([row['split'] for row in rows])
    repeated = np.array([row.get('duplicate_across_splits', '0') == '1' for row in rows])
    keep = ~(repeated & (split == 'train')) & (votes[:, -1] <= 5)
    chosen, majority = crowd_labels(votes[keep])
    older = older[keep]
    second = np.zeros_like(chosen)
    labelled = np.flatnonzero(older >= 0)
    second[labelled, older[labelled]] = 1
    return FaceSet('FER+ and FER2013', EMOTIONS, faces[keep], np.stack([chosen, second], 1),
                   np.stack([majority, older]), split[keep], ('FER+ majority', 'FER2013 label'),
                   fingerprint([table, *mosaics], [], root))


def crowd_labels(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn FER+ votes into distributions over the six classes and majorities.

    :param votes: (n, 10) counts: :data:`VOTED`, then unknown and no face.
    :return: float32 (n, 6), each row a distribution times the share of votes inside the six
        classes; int (n,) the class with strictly most votes of all ten, -1 if there is none.
    """
    columns = np.array([place_of(name, EMOTIONS) for name in VOTED])
    clean = np.where(votes > 1, votes, 0)
    six = np.zeros((len(votes), len(EMOTIONS)), np.float32)
    for column, place in enumerate(columns):
        if place >= 0:
            six[:, place] = clean[:, column]
    six /= np.maximum(clean.sum(axis=1, keepdims=True), 1)
    most = votes.max(axis=1, keepdims=True)
    alone = (votes == most).sum(axis=1) == 1
    winner = np.append(columns, [-1, -1])[votes.argmax(axis=1)]
    return six, np.where(alone, winner, -1)


def place_of(label: str, labels: Sequence[str]) -> int:
    """Return the place of a data set's label among ``labels``, -1 if it has none.

    Synonyms of the six classes count as the same (``happiness`` is ``Happy``).
    """
    emotion = emotion_of(label)
    name = (emotion.label if emotion is not None else label.strip()).lower()
    return next((place for place, known in enumerate(labels) if known.lower() == name), -1)


def _read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file that must have some columns.

    :raises DatasetError: if the file or a column is missing, or there is no row.
    """
    if not path.is_file():
        raise DatasetError(f'no file {path}')
    with open(path, newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DatasetError(f'{path} has no column {missing}; it has {reader.fieldnames}')
        rows = list(reader)
    if not rows:
        raise DatasetError(f'{path} has no rows')
    return rows
