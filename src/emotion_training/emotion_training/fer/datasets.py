# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Faces with labels, from the formats in which public data sets come.

Every reader returns a :class:`FaceSet`. Labels are brought into the six classes
(:data:`emotion_perception.emotions.EMOTIONS`) or kept as the data set has them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from emotion_perception.emotions import EMOTIONS, OTHERS, class_of, emotion_of
from emotion_perception.media.files import IMAGE_SUFFIXES, files_in, subfolders
from emotion_perception.media.images import unreadable
from emotion_training.common.files import fingerprint
from emotion_training.common.leftout import LeftOut
from emotion_training.common.tables import parse_pixels, read_table
from emotion_training.fer.faceset import SPLITS, DatasetError, FaceSet, read_picture

log = logging.getLogger(__name__)

EIGHT = ('Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Angry', 'Contempt')
"""AffectNet's numbers 0 to 7; its 8, 9 and 10 are none, uncertain and no face."""
SEVEN = ('Angry', 'Disgust', 'Fear', 'Happy', 'Sad', 'Surprise', 'Neutral')
"""FER2013's numbers 0 to 6."""
RAF = ('Surprise', 'Fear', 'Disgust', 'Happy', 'Sad', 'Angry', 'Neutral')
"""RAF-DB's numbers 1 to 7."""
VOTED = ('neutral', 'happiness', 'surprise', 'sadness', 'anger', 'disgust', 'fear', 'contempt')
"""The emotions that FER+ taggers could choose, in the file's order."""
UNUSABLE = ('unknown', 'NF')
FER2013_TABLES = ('fer2013', 'icml_face_data')
"""How FER2013's table is called, without its suffix; Kaggle has it twice."""


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
    rows = read_table(table, ('split', 'fer2013_label', *VOTED, 'unknown', 'no_face'))
    mosaics = sorted(root.glob('ferplus_[0-9][0-9].png'))
    if not mosaics:
        raise DatasetError(f'no ferplus_00.png, ... in {root}')
    tiles = [
        read_picture(path).reshape(50, 48, 50, 48).swapaxes(1, 2).reshape(-1, 48, 48)
        for path in mosaics
    ]
    faces = np.concatenate(tiles)
    if len(faces) < len(rows):
        raise DatasetError(
            f'{table} lists {len(rows)} pictures, but the {len(mosaics)} mosaics hold {len(faces)}'
        )
    faces = faces[: len(rows)]
    votes = np.array(
        [[int(row[name]) for name in (*VOTED, 'unknown', 'no_face')] for row in rows], np.float32
    )
    older = np.array([place_of(row['fer2013_label'], EMOTIONS) for row in rows])
    split = np.array([row['split'] for row in rows])
    repeated = np.array([row.get('duplicate_across_splits', '0') == '1' for row in rows])
    keep = ~(repeated & (split == 'train')) & (votes[:, -1] <= 5)
    chosen, majority = crowd_labels(votes[keep])
    older = older[keep]
    second = np.zeros_like(chosen)
    labelled = np.flatnonzero(older >= 0)
    second[labelled, older[labelled]] = 1
    return FaceSet(
        'FER+ and FER2013',
        EMOTIONS,
        faces[keep],
        np.stack([chosen, second], 1),
        np.stack([majority, older]),
        split[keep],
        ('FER+ majority', 'FER2013 label'),
        fingerprint([table, *mosaics], [], root),
    )


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

    def meaning(text: str) -> str:
        return (class_of(text) or text.strip()).lower()

    names = [meaning(known) for known in labels]
    if meaning(label) in names:
        return names.index(meaning(label))
    emotion = emotion_of(label)
    return (
        names.index(emotion.label.lower())
        if (emotion is not None and emotion.label.lower() in names)
        else -1
    )


def read_rafdb(root: Path, classes: str = 'six') -> FaceSet:
    """Read RAF-DB's basic set: ``EmoLabel/list_patition_label.txt`` and ``Image/aligned``.

    A line of the list is ``train_00001.jpg 5``; the picture is ``train_00001_aligned.jpg``.
    A tenth of the training pictures, every tenth in order, become the validation split. Without
    the list, folders named 1 to 7 are read, alone or inside train/ and test/.

    :raises DatasetError: if the list or a picture is missing.
    """
    root = Path(root)
    if not (root / 'EmoLabel').is_dir() and (root / 'basic' / 'EmoLabel').is_dir():
        root = root / 'basic'
    listed = root / 'EmoLabel' / 'list_patition_label.txt'
    folder = root / 'Image' / 'aligned'
    if not listed.is_file() and any(
        base.name.isdigit() for part in (root, root / 'train') for base in _folders(part)
    ):
        return read_folders(root, classes, name='RAF-DB', own=RAF, first=1)
    if not listed.is_file():
        raise DatasetError(f'no {listed}: RAF-DB has EmoLabel/list_patition_label.txt')
    samples = []
    for number, line in enumerate(listed.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 2 or parts[1] not in map(str, range(1, len(RAF) + 1)):
            raise DatasetError(
                f'{listed}, line {number}: {line!r} is not a name and a number from 1 to 7'
            )
        name = Path(parts[0])
        aligned = folder / f'{name.stem}_aligned{name.suffix}'
        path = aligned if aligned.is_file() else folder / name
        samples.append(
            (path, RAF[int(parts[1]) - 1], 'test' if name.stem.startswith('test') else 'train')
        )
    return _labelled('RAF-DB', root, samples, RAF, classes, [listed])


def read_affectnet(root: Path, classes: str = 'six') -> FaceSet:
    """Read AffectNet in its folder or its ``.npy`` annotation format.

    Annotations: ``train_set/images/12.jpg`` with ``train_set/annotations/12_exp.npy`` (a number
    0 to 7), and ``val_set`` likewise. Folders: ``train_class/class001`` ... or ``train/0`` ... or
    ``train/happy`` ..., and ``val_class`` or ``val`` likewise. AffectNet's validation part, the
    only one published beside the training part, becomes the test split; a tenth of the training
    part becomes the validation split.

    :raises DatasetError: if neither format is there.
    """
    root = Path(root)
    samples: list[tuple[Path, str, str]] = []
    for part, split in (('train_set', 'train'), ('val_set', 'test')):
        annotations = root / part / 'annotations'
        for file in sorted(annotations.glob('*_exp.npy')):
            number = int(np.load(file, allow_pickle=False))
            if not 0 <= number < len(EIGHT):
                continue  # none, uncertain, no face
            stem = file.name[: -len('_exp.npy')]
            path = next(
                (
                    root / part / 'images' / f'{stem}{suffix}'
                    for suffix in IMAGE_SUFFIXES
                    if (root / part / 'images' / f'{stem}{suffix}').is_file()
                ),
                root / part / 'images' / f'{stem}.jpg',
            )
            samples.append((path, EIGHT[number], split))
    if not samples:
        for name, split in (
            ('train_class', 'train'),
            ('train', 'train'),
            ('val_class', 'test'),
            ('val', 'test'),
            ('valid', 'test'),
            ('test', 'test'),
        ):
            for folder in _folders(root / name):
                digits = folder.name.removeprefix('class')
                place = int(digits) - (folder.name != digits) if digits.isdigit() else -1
                label = EIGHT[place] if 0 <= place < 8 else folder.name
                samples += [(path, label, split) for path in _pictures(folder)]
    if not samples:
        raise DatasetError(
            f'no AffectNet in {root}: looked for train_set/annotations/*_exp.npy '
            'and for train/<class>/ or train_class/class001/'
        )
    return _labelled('AffectNet', root, samples, EIGHT, classes, [])


def read_fer2013(root: Path, classes: str = 'six') -> FaceSet:
    """Read FER2013: ``fer2013.csv`` (emotion, pixels, Usage), or train/ and test/ folders.

    With a ``fer2013new.csv`` (FER+ votes, row by row the same pictures) beside the csv, use
    :func:`read_ferplus`.

    :param root: the folder or the csv file itself.
    :raises DatasetError: naming the line that is not as it should be.
    """
    root = Path(root)
    tables = [root, *(root / f'{name}.csv' for name in FER2013_TABLES)]
    table = next((path for path in tables if path.is_file()), root)
    if not table.is_file():
        return read_folders(root, classes, name='FER2013', own=SEVEN, first=0)
    pictures, labels, split = _read_fer2013_csv(table)
    places = SEVEN if classes == 'own' else EMOTIONS
    truth = np.array([place_of(label, places) for label in labels])
    keep = truth >= 0
    return FaceSet(
        'FER2013',
        tuple(places),
        pictures[keep],
        one_hot(truth[keep], len(places)),
        truth[keep][None],
        split[keep],
        ('FER2013 label',),
        fingerprint([table], [], table.parent),
    )


def read_ferplus(root: Path, classes: str = 'six') -> FaceSet:
    """Read FER+: ``fer2013new.csv`` (votes) beside ``fer2013.csv`` (pictures), row by row.

    Two heads, as :func:`read_mosaics`.

    :raises DatasetError: if a file is missing or the two differ in length.
    """
    root = Path(root)
    if classes != 'six':
        raise DatasetError('FER+ votes are read with the six classes; use --classes six')
    table, pixels = root / 'fer2013new.csv', root / 'fer2013.csv'
    rows = read_table(table, ('Usage', *VOTED, *UNUSABLE))
    pictures, labels, split = _read_fer2013_csv(pixels)
    if len(rows) != len(pictures):
        raise DatasetError(f'{table} has {len(rows)} rows, but {pixels} has {len(pictures)}')
    try:
        votes = np.array(
            [[int(row[name]) for name in (*VOTED, *UNUSABLE)] for row in rows], np.float32
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f'{table}: votes must be whole numbers in columns {(*VOTED, *UNUSABLE)} ({error})'
        ) from error
    keep = votes[:, -1] <= 5
    chosen, majority = crowd_labels(votes[keep])
    older = np.array([place_of(label, EMOTIONS) for label in labels])[keep]
    return FaceSet(
        'FER+ and FER2013',
        EMOTIONS,
        pictures[keep],
        np.concatenate([chosen[:, None], one_hot(older, len(EMOTIONS))], 1),
        np.stack([majority, older]),
        split[keep],
        ('FER+ majority', 'FER2013 label'),
        fingerprint([table, pixels], [], root),
    )


def read_folders(
    root: Path,
    classes: str = 'six',
    name: str = 'folders',
    own: Sequence[str] = (),
    first: int | None = None,
) -> FaceSet:
    """Read a folder per class, alone or inside train/, valid/ (or val/) and test/.

    Without a valid folder every tenth training picture of each class is taken for validation;
    without split folders another tenth for the test.

    :param own: the labels of ``classes='own'``; by default the folders' names.
    :param first: number of the first of ``own`` in folders that are named by numbers.
    :raises DatasetError: if there is no folder with pictures, or a folder's name is no label.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f'no folder {root}')
    inside = [
        (root / part, split)
        for part, split in (
            ('train', 'train'),
            ('valid', 'valid'),
            ('val', 'valid'),
            ('test', 'test'),
        )
        if (root / part).is_dir()
    ]
    samples = [
        (path, _numbered(folder, own, first), split)
        for base, split in inside or [(root, '')]
        for folder in _folders(base)
        for path in _pictures(folder)
    ]
    if not samples:
        raise DatasetError(
            f'no pictures in folders of {root}; expected {root}/<class>/*.jpg or '
            f'{root}/train/<class>/*.jpg'
        )
    if not own:
        own = sorted({label for _, label, _ in samples})
    return _labelled(name, root, samples, own, classes, [])


def _numbered(folder: Path, labels: Sequence[str], first: int | None) -> str:
    """Return the label of a class' folder, which may be named by its number."""
    if first is None or not folder.name.isdigit():
        return folder.name
    place = int(folder.name) - first
    if not 0 <= place < len(labels):
        raise DatasetError(
            f'{folder}: the classes are numbered {first} to {first + len(labels) - 1}'
        )
    return labels[place]


def read_manifest(path: Path, classes: str = 'six') -> FaceSet:
    """Read a CSV manifest with columns ``path``, ``label`` and, if known, ``split``.

    Paths are relative to the manifest.

    :raises DatasetError: naming the column, label, split or picture that is not as it should be.
    """
    path = Path(path)
    rows = read_table(path, ('path', 'label'))
    names = {'train': 'train', 'valid': 'valid', 'val': 'valid', 'test': 'test', '': ''}
    strange = sorted({row['split'] for row in rows if row.get('split', '') not in names})
    if strange:
        raise DatasetError(f'{path}: split is {strange}; allowed: train, valid, test')
    samples = [
        (path.parent / row['path'], row['label'], names[row.get('split') or '']) for row in rows
    ]
    own = sorted({row['label'] for row in rows})
    return _labelled(path.stem, path.parent, samples, own, classes, [path])


def one_hot(truth: np.ndarray, classes: int) -> np.ndarray:
    """Return float32 targets (n, 1, classes); rows of truth -1 are zero."""
    targets = np.zeros((len(truth), 1, classes), np.float32)
    known = np.flatnonzero(truth >= 0)
    targets[known, 0, truth[known]] = 1
    return targets


def _read_fer2013_csv(path: Path) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return pictures (n, 48, 48), labels and splits of ``fer2013.csv``."""
    usage = {'Training': 'train', 'PublicTest': 'valid', 'PrivateTest': 'test'}
    pictures, labels, split = [], [], []
    for row in read_table(path, ('emotion', 'pixels', 'Usage')):
        if row['emotion'] not in map(str, range(7)) or row['Usage'] not in usage:
            raise DatasetError(
                f'{row.where}: emotion {row["emotion"]!r}, Usage '
                f'{row["Usage"]!r}; expected 0 to 6 and {sorted(usage)}'
            )
        pictures.append(parse_pixels(row, 'pixels', 48 * 48).reshape(48, 48))
        labels.append(SEVEN[int(row['emotion'])])
        split.append(usage[row['Usage']])
    return np.stack(pictures), labels, np.array(split)


def _folders(root: Path) -> list[Path]:
    return subfolders(root) if root.is_dir() else []


def _pictures(folder: Path) -> list[Path]:
    return files_in(folder, IMAGE_SUFFIXES)


def _labelled(
    name: str,
    root: Path,
    samples: Sequence[tuple[Path, str, str]],
    own: Sequence[str],
    classes: str,
    described: Sequence[Path],
) -> FaceSet:
    """Make a set of picture files with one label each.

    :param samples: path, label, split (empty: to be dealt out).
    :param own: the data set's labels, kept if ``classes`` is ``'own'``.
    """
    labels = tuple(own) if classes == 'own' else EMOTIONS
    truth = np.array([place_of(label, labels) for _, label, _ in samples])
    # Classes that the six leave out (disgust, contempt) are no mistake; a misspelling is.
    unheard = sorted(
        {
            label
            for (_, label, _), place in zip(samples, truth)
            if place < 0 and not _dropped(label)
        }
    )
    if unheard:
        raise DatasetError(
            f'{root}: unknown labels {unheard}; known are '
            f'{list(EMOTIONS)} and their synonyms, Disgust and Contempt (left '
            'out of the six); rename them, or use --classes own'
        )
    kept = [(path, place, split) for (path, _, split), place in zip(samples, truth) if place >= 0]
    # Decoded whole, before an epoch stumbles over one.
    bad = dict(unreadable([path for path, _, _ in kept]))
    out = LeftOut(f'pictures of {name}', log.warning)
    for reason in bad.values():
        out.add(reason)
    kept = [item for item in kept if item[0] not in bad]
    out.close(len(kept))
    places = np.array([place for _, place, _ in kept], int)
    split = _deal(places, np.array([part for _, _, part in kept]))
    return FaceSet(
        name,
        labels,
        [path for path, _, _ in kept],
        one_hot(places, len(labels)),
        places[None],
        split,
        ('label',),
        fingerprint(described, [path for path, _, _ in kept], root),
    )


def _dropped(label: str) -> bool:
    """Tell whether a label is one that the six classes leave out on purpose."""
    return class_of(label) in OTHERS


def _deal(places: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Fill in missing splits: every tenth picture of each class, in order."""
    split = split.astype('U5').copy()
    whole = not np.isin(split, SPLITS).any()
    split[split == ''] = 'train'
    if (split == 'valid').any():
        return split
    for place in np.unique(places):
        mine = np.flatnonzero((places == place) & (split == 'train'))
        split[mine[9::10] if len(mine) >= 10 else mine[1:2]] = 'valid'
        if whole:
            split[mine[8::10] if len(mine) >= 10 else mine[2:3]] = 'test'
    return split


FORMATS: dict[str, Callable[..., FaceSet]] = {
    'mosaics': read_mosaics,
    'rafdb': read_rafdb,
    'affectnet': read_affectnet,
    'fer2013': read_fer2013,
    'ferplus': read_ferplus,
    'folders': read_folders,
    'manifest': read_manifest,
}


def read_faces(path: Path, form: str = 'auto', classes: str = 'six') -> FaceSet:
    """Read a data set in a named format, or recognise its format by its files.

    :param form: one of :data:`FORMATS` or ``'auto'``.
    :param classes: ``'six'`` or ``'own'``.
    :raises DatasetError: if there is nothing, or not what the format says.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f'no such folder or file: {path}')
    if form == 'auto':
        form = _guess(path)
    elif form not in FORMATS:
        raise DatasetError(f'unknown format {form!r}; there are {sorted(FORMATS)} and auto')
    return FORMATS[form](path, classes)


def _guess(path: Path) -> str:
    if path.is_file():
        return 'fer2013' if path.name.startswith(FER2013_TABLES) else 'manifest'
    signs = (
        ('ferplus.csv', 'mosaics'),
        ('fer2013new.csv', 'ferplus'),
        *((f'{name}.csv', 'fer2013') for name in FER2013_TABLES),
        ('EmoLabel', 'rafdb'),
        ('basic/EmoLabel', 'rafdb'),
        ('train_set', 'affectnet'),
        ('train_class', 'affectnet'),
    )
    known = next((form for sign, form in signs if (path / sign).exists()), '')
    if known:
        return known
    for base in (path, path / 'train'):
        numbered = [folder.name for folder in _folders(base) if folder.name.isdigit()]
        if numbered:
            raise DatasetError(
                f'the folders of {base} are numbers ({", ".join(numbered[:8])}), and data sets '
                'number the classes in different orders. Say which this is: --format fer2013 '
                f'(0 to 6: {", ".join(SEVEN)}), --format affectnet (0 to 7: {", ".join(EIGHT)}) '
                f'or --format rafdb (1 to 7: {", ".join(RAF)})'
            )
    return 'folders'
