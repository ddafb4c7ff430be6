# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The protocols on RAVDESS, 8 classes: P1 and P2."""

from __future__ import annotations

from typing import Any

import numpy as np

from emotion_perception.emotions import softmax
from emotion_training.common.files import TrainingError
from emotion_training.common.metrics import summary
from emotion_training.ser import ridge
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.sounds import Say, Sounds
from emotion_training.ser.splits import check_disjoint, random_split
from emotion_training.ser.workshop import Workshop, without

# EmoBox's folds of RAVDESS by actor: fold -> actors.
RAVDESS_FOLDS = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}


def _ravdess(data: Sounds) -> np.ndarray:
    chosen = np.flatnonzero(data.corpora == 'ravdess')
    if not chosen.size:
        raise TrainingError('protocols P1 and P2 need RAVDESS (--corpus ravdess=PATH or --data)')
    return chosen


def run_p1(shop: Workshop) -> dict[str, Any]:
    """Run P1 and return its figures; ``accuracy`` is the mean over five seeds.

    A classifier (:mod:`emotion_training.ser.ridge`) on what a model that never heard RAVDESS makes
    of the clips. ``known`` holds the same with each clip relative to its speaker's other clips.
    """
    rows, values = _strange(shop)
    truth, speakers = shop.data.labels[rows], shop.data.speakers[rows]
    splits = [random_split(len(rows), 0.2, seed) for seed in range(5)]
    return {'protocol': 'P1', **_judged(values, truth, speakers, splits, shop.say)}


def run_p2(shop: Workshop) -> dict[str, Any]:
    """Run P2 and return its figures, ``uar`` the mean over the six folds; as :func:`run_p1`."""
    rows, values = _strange(shop)
    data = shop.data
    actor = np.array([int(name.split('/A')[1]) for name in data.speakers[rows]])
    splits = []
    for actors in RAVDESS_FOLDS.values():
        held = np.isin(actor, actors)
        if held.any() and not held.all():
            check_disjoint(data.speakers, rows[~held], rows[held])
            splits.append((np.flatnonzero(~held), np.flatnonzero(held)))
    return {
        'protocol': 'P2',
        **_judged(values, data.labels[rows], data.speakers[rows], splits, shop.say),
    }


def _strange(shop: Workshop) -> tuple[np.ndarray, np.ndarray]:
    """Return the clips of RAVDESS and what a model that never heard any makes of them."""
    rows = _ravdess(shop.data)
    return rows, shop.embeddings(without(shop, 'ravdess'), rows).numpy()


def _judged(
    values: np.ndarray,
    truth: np.ndarray,
    speakers: np.ndarray,
    splits: list[tuple[np.ndarray, np.ndarray]],
    say: Say,
) -> dict[str, Any]:
    """Judge each test part by a classifier fitted on the rest.

    By itself, and relative to the voice.
    """
    found = {}
    for name, table in (('alone', values), ('known', ridge.by_speaker(values, speakers))):
        runs = []
        for train, test in splits:
            logits = ridge.answer(table[train], truth[train], table[test], len(CLASSES))
            runs.append(summary(softmax(logits), truth[test], CLASSES))
        found[name] = {
            **_mean(runs),
            'runs': runs,
            'confusion': np.sum([run['confusion'] for run in runs], axis=0).tolist(),
        }
        say(f'{name}: accuracy {found[name]["accuracy"]:.4f}, UAR {found[name]["uar"]:.4f}')
    return {**found['alone'], 'known': found['known']}


def _mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return (
        {
            name: float(np.mean([run[name] for run in runs]))
            for name in ('accuracy', 'uar', 'macro_f1', 'ece')
        }
        | {
            f'{name}_deviation': float(np.std([run[name] for run in runs]))
            for name in ('accuracy', 'uar')
        }
        | {'n': sum(run['n'] for run in runs), 'classes': list(CLASSES)}
    )
