# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Splits in which no speaker stands on two sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emotion_training.common.files import TrainingError
from emotion_training.ser.sounds import Sounds

HELD_OUT = 12
"""One in so many speakers is held out of a training that must judge itself."""


def speaker_folds(
    speakers: np.ndarray, corpora: np.ndarray, folds: int, seed: int = 0
) -> np.ndarray:
    """Give each clip a fold so that all clips of a speaker share one.

    Within each corpus the speakers, shuffled, go one by one to the fold that has the fewest
    clips of that corpus.

    :param speakers: str (n,), unique over corpora.
    :return: int (n,) in 0..folds-1.
    :raises TrainingError: if there are fewer than two speakers in all.
    """
    if len(np.unique(speakers)) < 2:
        raise TrainingError(
            f'only one speaker ({speakers[0] if len(speakers) else "none"}): a speaker-disjoint '
            'split needs two or more; name them in the column `speaker` of the manifest'
        )
    rng = np.random.default_rng(seed)
    result = np.zeros(len(speakers), int)
    for corpus in np.unique(corpora):
        of_corpus = corpora == corpus
        names, sizes = np.unique(speakers[of_corpus], return_counts=True)
        # Start each corpus at another fold, or all single-speaker corpora would share fold 0.
        filled = rng.random(folds) * 0.5
        for place in rng.permutation(len(names)):
            fold = int(filled.argmin())
            filled[fold] += sizes[place]
            result[speakers == names[place]] = fold
    return result


def check_disjoint(speakers: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Raise if a speaker stands on both sides.

    :param train: indices or mask into ``speakers``.
    :param test: likewise.
    :raises TrainingError: naming the speakers.
    """
    shared = sorted(set(speakers[train].tolist()) & set(speakers[test].tolist()))
    if shared:
        raise TrainingError(f'speaker(s) on both sides of the split: {", ".join(shared[:8])}')


def random_split(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return indices (train, test) of a random split over clips, ``share`` of them for test."""
    order = np.random.default_rng(seed).permutation(count)
    test = round(count * share)
    return np.sort(order[test:]), np.sort(order[:test])


def held_out(
    data: Sounds, rows: np.ndarray, say: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Divide clips into those that train and those that judge what was trained.

    A corpus that is divided keeps its own parts train and dev, and its part test takes no part.
    The others are divided by speakers, where there are at least four of them.

    :param rows: indices of the clips.
    :return: the indices (train, rest).
    :raises TrainingError: if either would be empty.
    """
    parts = data.parts[rows]
    own = rows[parts == '']
    train, rest = [rows[parts == 'train']], [rows[parts == 'dev']]
    speakers = len(np.unique(data.speakers[own]))
    if 0 < speakers < 4:
        say(
            f'only {speakers} speaker(s): judging by other clips of the same people, so the '
            'figures and the confidence will be too high for others'
        )
        for part, chosen in zip((train, rest), random_split(len(own), 0.15, 0)):
            part.append(own[chosen])
    elif speakers:
        fold = speaker_folds(
            data.speakers[own], data.corpora[own], min(HELD_OUT, speakers), seed=5
        )
        check_disjoint(data.speakers[own], fold != 0, fold == 0)
        train.append(own[fold != 0])
        rest.append(own[fold == 0])
    found = np.sort(np.concatenate(train)), np.sort(np.concatenate(rest))
    if not all(part.size for part in found):
        raise TrainingError(
            f'{len(rows)} clips do not give both a part that trains and one that judges it'
        )
    return found
