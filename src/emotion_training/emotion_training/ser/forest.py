# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The reports' second recipe: a random forest on MFCC means, RAVDESS, 8 classes, no pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.models.catalog import Mfcc
from emotion_perception.models.mfcc import mfcc_statistics
from emotion_training.common.files import (
    TrainingError,
    save_json,
    save_yaml,
    write_atomically,
)
from emotion_training.common.metrics import figures
from emotion_training.ser.corpora import CLASSES, Clip
from emotion_training.ser.readable import readable
from emotion_training.ser.sound import read_sound
from emotion_training.ser.sounds import Say
from emotion_training.ser.splits import random_split

FEATURES = Mfcc()
"""Means of 40 coefficients over time, what the runtime computes for the entry mfcc-forest."""

SEEDS = 5


def train_forest(clips: list[Clip], out: Path, say: Say, trees: int = 300) -> Path:
    """Judge the recipe by P1's split over five seeds, train on all clips, save as skops.

    :return: path of ``mfcc_random_forest.skops``; its sidecar and figures stand beside it.
    :raises TrainingError: if there are too few clips.
    """
    from sklearn.ensemble import RandomForestClassifier
    from skops import io

    clips = readable(clips, say)
    if len(clips) < 10:
        raise TrainingError(f'{len(clips)} clips of sound are too few for a forest')
    say(f'MFCC of {len(clips)} clips')
    rows = []
    for clip in clips:
        samples = read_sound(clip.path)
        rows.append(
            mfcc_statistics(samples / max(float(np.abs(samples).max()), 1e-6), RATE, FEATURES)
        )
    features = np.stack(rows)
    labels = np.array([CLASSES.index(clip.label) for clip in clips])

    def grow(rows: np.ndarray, seed: int) -> RandomForestClassifier:
        forest = RandomForestClassifier(trees, random_state=seed, n_jobs=1)
        return forest.fit(features[rows], np.array(CLASSES)[labels[rows]])

    runs = []
    for seed in range(SEEDS):
        train, test = random_split(len(clips), 0.2, seed)
        forest = grow(train, seed)
        probabilities = np.zeros((len(test), len(CLASSES)), np.float32)
        columns = [CLASSES.index(label) for label in forest.classes_]
        probabilities[:, columns] = forest.predict_proba(features[test])
        found = figures(probabilities, labels[test])
        runs.append(
            {
                'accuracy': found.accuracy,
                'uar': found.uar,
                'macro_f1': found.macro_f1,
                'n': found.n,
            }
        )
        say(f'seed {seed}: accuracy {found.accuracy:.4f}')
    path = Path(out) / 'mfcc_random_forest.skops'
    present = [(index, label) for index, label in enumerate(CLASSES) if index in labels]
    write_atomically(path, io.dumps(grow(np.arange(len(clips)), 0)))
    save_yaml(
        path.with_suffix('.yaml'),
        {
            'task': 'ser',
            'backend': 'skops',
            'file': path.name,
            'output': 'probabilities',
            'shares': {label: int((labels == index).sum()) for index, label in present},
            'input': {
                'rate': RATE,
                'min_seconds': 0.5,
                'mfcc': {'coefficients': FEATURES.coefficients},
            },
            'licence': 'as its training data',
            'about': 'random forest on the means of 40 MFCC',
        },
    )
    save_json(
        path.with_suffix('.json'),
        {
            'protocol': 'random 80/20 over clips, the same people on both sides',
            'runs': runs,
            **{
                name: float(np.mean([run[name] for run in runs]))
                for name in ('accuracy', 'uar', 'macro_f1')
            },
        },
    )
    say(f'written: {path}')
    return path
