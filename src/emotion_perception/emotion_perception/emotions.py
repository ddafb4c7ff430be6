# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The shared space of six emotion classes, and the way into it from other label sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Emotion(IntEnum):
    """One of the six classes; the value is its place in every probability vector.

    The values equal the constants of ``emotion_msgs/EmotionPrediction``.
    """

    ANGRY = 0
    FEAR = 1
    HAPPY = 2
    NEUTRAL = 3
    SAD = 4
    SURPRISE = 5

    @property
    def label(self) -> str:
        """Return the name as users read it, for instance ``'Happy'``."""
        return self.name.capitalize()


EMOTIONS: tuple[str, ...] = tuple(emotion.label for emotion in Emotion)
"""The six names in the order of every probability vector."""

UNKNOWN = 255
"""Emotion constant of an abstention: the model saw or heard too little to name a class."""

UNKNOWN_LABEL = 'Unknown'

OTHERS: tuple[str, ...] = (
    'Calm',
    'Disgust',
    'Contempt',
    'Boredom',
    'Excitement',
    'Frustration',
    'Other',
)
"""Classes of public data sets without a place of their own in the six."""

# How data sets and checkpoints spell the classes, in lower case with underscores.
_SPELLINGS: dict[str, str] = {
    spelling: name
    for name, spellings in {
        'Angry': 'angry anger ang mad',
        'Fear': 'fear fearful fea scared afraid',
        'Happy': 'happy happiness hap joy joyful',
        'Neutral': 'neutral neu',
        'Sad': 'sad sadness',
        'Surprise': 'surprise surprised sur surprisal pleasant_surprise '
        'pleasant_surprised pleasantly_surprised ps',
        'Calm': 'calm calmness cal',
        'Disgust': 'disgust disgusted dis disgusting',
        'Contempt': 'contempt contemptuous con',
        'Boredom': 'boredom bored bor',
        'Excitement': 'excitement excited exc',
        'Frustration': 'frustration frustrated fru',
        'Other': 'other others oth none uncertain unknown no_face nf xxx',
    }.items()
    for spelling in spellings.split()
}


def class_of(name: str) -> str | None:
    """Return the class that a label of a data set or checkpoint means, however it is spelt.

    :param name: a label in any case, for instance ``'happiness'``, ``'DIS'`` or ``'pleasant
        surprise'``.
    :return: one of :data:`EMOTIONS` or :data:`OTHERS`, or ``None`` if the label is not known.
    """
    return _SPELLINGS.get(
        '_'.join(name.strip().lower().replace('-', ' ').replace('_', ' ').split())
    )


def emotion_of(name: str) -> Emotion | None:
    """Return the emotion that a label of a data set or checkpoint stands for.

    :param name: a label in any case, for instance ``'happiness'``, ``'joy'`` or ``'Calm'``.
    :return: the class, or ``None`` for a label without a place in the six (disgust, contempt).
    """
    known = class_of(name)
    if known == 'Calm':
        return Emotion.NEUTRAL
    return Emotion(EMOTIONS.index(known)) if known in EMOTIONS else None


@dataclass(frozen=True)
class LabelMap:
    """Brings the probability vectors of any label set into the six classes.

    Labels that mean the same class are added; labels without a place are dropped and the rest
    is renormalised.

    :param labels: the label of each model output, in order.
    :param overrides: label -> one of :data:`EMOTIONS`, or ``None`` to drop it, where the
        usual synonyms do not serve.
    :raises ValueError: if no label has a place in the six classes.
    """

    labels: tuple[str, ...]
    overrides: tuple[tuple[str, str | None], ...] = ()

    def __post_init__(self) -> None:
        if not self.covered.any():
            raise ValueError(
                f'none of the labels {list(self.labels)} is one of {list(EMOTIONS)}; '
                'give the model a label map'
            )

    @property
    def matrix(self) -> np.ndarray:
        """Return the float32 matrix (len(labels), 6) that maps one space into the other."""
        overrides = dict(self.overrides)
        matrix = np.zeros((len(self.labels), len(EMOTIONS)), np.float32)
        for row, label in enumerate(self.labels):
            target = overrides.get(label, label)
            emotion = None if target is None else emotion_of(target)
            if emotion is not None:
                matrix[row, emotion] = 1.0
        return matrix

    @property
    def covered(self) -> np.ndarray:
        """Return a bool array (6,): which classes the label set can express at all."""
        return np.asarray(self.matrix.any(axis=0))

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Map probabilities (n, len(labels)) to (n, 6); each row of the result sums to 1.

        A row whose whole mass lies on dropped labels becomes uniform over the covered classes.

        :raises ValueError: if the number of columns is not the number of labels.
        """
        probabilities = np.atleast_2d(np.asarray(probabilities, np.float32))
        if probabilities.shape[1] != len(self.labels):
            raise ValueError(
                f'the model gives {probabilities.shape[1]} outputs but '
                f'{len(self.labels)} labels are named: {list(self.labels)}'
            )
        mapped = probabilities @ self.matrix
        mass = mapped.sum(axis=1, keepdims=True)
        uniform = self.covered / self.covered.sum()
        return np.where(mass > 1e-8, mapped / np.maximum(mass, 1e-8), uniform).astype(np.float32)


def distribution(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return probabilities as float32 (6,) that sum to 1.

    :param values: six numbers; what does not sum to 1 is brought there.
    :raises ValueError: if they are not six, or one is negative or not finite, or all are zero.
    """
    vector = np.asarray(values, np.float64)
    if vector.shape != (len(EMOTIONS),):
        raise ValueError(f'{vector.size} probabilities, not {len(EMOTIONS)}')
    total = float(vector.sum())
    if not math.isfinite(total) or vector.min() < 0 or total < 1e-6:
        raise ValueError(
            f'probabilities {[float(f"{value:.3g}") for value in vector]} are not finite numbers '
            'from 0 on, some above 0'
        )
    # What is right but for rounding stays as it is.
    scale = 1.0 if abs(total - 1) < 1e-3 else 1 / total
    return (vector * scale).astype(np.float32)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax over the last axis of ``logits / temperature``, float32."""
    scaled = np.asarray(logits, np.float32) / np.float32(temperature)
    scaled = scaled - scaled.max(axis=-1, keepdims=True)
    exponentials = np.exp(scaled)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def names(probabilities: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return the vector (6,) as a dictionary from class name to float, for JSON."""
    return {label: float(value) for label, value in zip(EMOTIONS, probabilities)}
