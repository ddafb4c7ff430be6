# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Label-paired draws: a face and a voice of one class, from pools that were never together.

Right only as far as face and voice are independent given the class: in life both also share the
person, the moment and the strength of the emotion. It is therefore reported under this name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emotion_perception.emotions import EMOTIONS
from emotion_training.fusion.pools import FACE_CONDITIONS, VOICE_CONDITIONS, Pool

CLASSES = len(EMOTIONS)


@dataclass(frozen=True)
class Scenario:
    """What a test does to the two modalities.

    :param face: condition of the face pool, or ``''`` where the face is missing.
    :param voice: condition of the voice pool, or ``''`` where the voice is missing.
    """

    name: str
    face: str
    voice: str


SCENARIOS = (
    Scenario('both clean', 'clean', 'clean'),
    Scenario('voice missing', 'clean', ''),
    Scenario('face missing', '', 'clean'),
    *(Scenario(f'face: {kind}', kind, 'clean') for kind in FACE_CONDITIONS[1:]),
    *(Scenario(f'voice: {kind}', 'clean', kind) for kind in VOICE_CONDITIONS[1:]),
)


@dataclass(frozen=True)
class Rows:
    """Rows of a table, each as often as wanted: embeddings of pairs without their copies.

    :param table: float32 (m, d).
    :param index: int (n,); -1 for a row of zeros.
    """

    table: np.ndarray
    index: np.ndarray

    def take(self, chosen: np.ndarray | slice) -> np.ndarray:
        """Return float32 (k, d)."""
        index = self.index[chosen]
        if not len(self.table):
            return np.zeros((len(index), self.table.shape[1]), np.float32)
        return self.table[index] * (index >= 0)[:, None].astype(np.float32)

    def __add__(self, other: Rows) -> Rows:
        moved = np.where(other.index < 0, -1, other.index + len(self.table))
        return Rows(np.concatenate((self.table, other.table)), np.concatenate((self.index, moved)))


@dataclass(frozen=True)
class Pairs:
    """Faces and voices side by side.

    :param face: float32 (n, 6), for equally common classes; uniform where missing.
    :param voice: float32 (n, 6), likewise.
    :param weights: float32 (n, 2), how far each can be trusted, 0 where missing.
    :param present: bool (n, 2), whether it is there at all.
    :param truth: int (n,).
    :param embeddings: of ``face`` and ``voice``; zeros where missing.
    """

    face: np.ndarray
    voice: np.ndarray
    weights: np.ndarray
    present: np.ndarray
    truth: np.ndarray
    embeddings: dict[str, Rows] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth)

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            np.concatenate((self.face, other.face)),
            np.concatenate((self.voice, other.voice)),
            np.concatenate((self.weights, other.weights)),
            np.concatenate((self.present, other.present)),
            np.concatenate((self.truth, other.truth)),
            {name: rows + other.embeddings[name] for name, rows in self.embeddings.items()},
        )


def draw(truth: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each label a random sample of that class, with replacement.

    :param truth: int (n,) of the samples.
    :param labels: int, any shape.
    :return: indices into the samples, of the shape of ``labels``.
    """
    result = np.zeros(labels.shape, int)
    for value in range(CLASSES):
        wanted = labels == value
        result[wanted] = rng.choice(np.flatnonzero(truth == value), int(wanted.sum()))
    return result


def balanced(per_class: int) -> np.ndarray:
    """Return labels (6 * per_class,), equally many of each class."""
    return np.repeat(np.arange(CLASSES), per_class)


def make_pairs(
    faces: Pool,
    voices: Pool,
    scenario: Scenario,
    face_index: np.ndarray,
    voice_index: np.ndarray,
    truth: np.ndarray,
) -> Pairs:
    """Put the chosen faces and voices together as a scenario says.

    Both pools answer for equally common classes (:meth:`Pool.balanced`). A weight is the quality
    that the live graph measures; that of a missing modality is 0.
    """

    def side(pool: Pool, condition: str, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not condition:
            return (
                np.full((len(index), CLASSES), 1 / CLASSES, np.float32),
                np.zeros(len(index), np.float32),
            )
        quality = np.nan_to_num(pool.quality[condition][index], nan=1.0)
        return pool.probabilities[condition][index], quality.astype(np.float32)

    face, face_weight = side(faces, scenario.face, face_index)
    voice, voice_weight = side(voices, scenario.voice, voice_index)
    present = np.tile([bool(scenario.face), bool(scenario.voice)], (len(face_index), 1))
    embeddings = {
        name: Rows(pool.embedding[condition], index)
        if condition
        else Rows(np.zeros((0, pool.width), np.float32), np.full(len(index), -1))
        for name, pool, condition, index in (
            ('face', faces, scenario.face, face_index),
            ('voice', voices, scenario.voice, voice_index),
        )
        if pool.width
    }
    return Pairs(
        face,
        voice,
        np.stack((face_weight, voice_weight), axis=1),
        present,
        np.asarray(truth),
        embeddings,
    )


def label_paired(
    faces: Pool, voices: Pool, scenario: Scenario, per_class: int, rng: np.random.Generator
) -> Pairs:
    """Draw equally many pairs of each class."""
    labels = balanced(per_class)
    return make_pairs(
        faces,
        voices,
        scenario,
        draw(faces.truth, labels, rng),
        draw(voices.truth, labels, rng),
        labels,
    )


def training_mixture(faces: Pool, voices: Pool, count: int, rng: np.random.Generator) -> Pairs:
    """Draw pairs to fit on: half of them clean, the others spread over the scenarios.

    For a network the missing ones are what modality dropout is (J. Ngiam et al., "Multimodal
    deep learning", ICML 2011, train with one input zeroed).
    """
    per_class = max(1, count // CLASSES)
    others = SCENARIOS[1:]
    pairs = label_paired(faces, voices, SCENARIOS[0], max(1, per_class // 2), rng)
    for scenario in others:
        pairs = pairs + label_paired(
            faces, voices, scenario, max(1, per_class // 2 // len(others)), rng
        )
    return pairs


def unpaired(faces: Pool, voices: Pool, count: int, label: str, rng: np.random.Generator) -> Pairs:
    """Pair faces with voices of any class, as the course report's training set was made.

    :param label: ``'face'`` labels each pair by its face; ``'row'`` by a list in a third order,
        as when files are matched by their place in two differently sorted folders.
    """
    face_labels, voice_labels = rng.integers(CLASSES, size=(2, count))
    truth = face_labels if label == 'face' else rng.integers(CLASSES, size=count)
    return make_pairs(
        faces,
        voices,
        SCENARIOS[0],
        draw(faces.truth, face_labels, rng),
        draw(voices.truth, voice_labels, rng),
        truth,
    )
