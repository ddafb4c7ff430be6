# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Splits in which no speaker stands on two sides."""

from __future__ import annotations

import numpy as np

from emotion_training.common.files import TrainingError


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
