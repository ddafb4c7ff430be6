# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""For which mixture of classes an answer is given, and the way from one mixture to another.

A classifier's probabilities hold what it saw and how common each class was where it learnt:
p(c|x) ~ p(x|c) p(c). Where three of a hundred training pictures show fear, it takes a lot to be
called afraid. Divided by the shares of training, p(c|x) / p(c), the same answer is one for equally
common classes (M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to
new a priori probabilities", Neural Computation 14(1), 2002; A. Menon et al., "Long-tail learning
via logit adjustment", ICLR 2021).

It comes after the temperature: probabilities that are calibrated for the mixture of training stay
calibrated for the new one, because nothing but the prior of Bayes' rule is exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_perception.emotions import EMOTIONS, LabelMap
from emotion_perception.settings import Settings, setting

NATURAL, BALANCED = 0.0, 1.0
"""Class balance of the mixture of training, and of equally common classes."""


@dataclass(frozen=True)
class BalanceSettings(Settings):
    """For which mixture of classes answers are given."""

    class_balance: float = setting(
        0.5,
        'Mixture of classes to answer for: 0 as common as in the training data, 1 all equally '
        'common, or between.',
        low=NATURAL,
        high=BALANCED,
        live=True,
    )


def class_shares(label_map: LabelMap, shares: Sequence[tuple[str, float]]) -> np.ndarray | None:
    """Return the share of each of the six classes in a model's mixture of training.

    :param label_map: of the model's labels.
    :param shares: (label, count or share) pairs; empty if not known.
    :return: float32 (6,), sums to 1; 0 for a class that the model cannot name; ``None`` if not
        known.
    :raises ValueError: if a label is none of the model's, or a class has no share.
    """
    if not shares:
        return None
    given = dict(shares)
    strange = sorted(set(given) - set(label_map.labels))
    if strange:
        raise ValueError(f'`shares` names {strange}, which are no labels of the model')
    counts = np.array([given.get(label, 0.0) for label in label_map.labels])
    found = counts @ label_map.matrix.astype(np.float64)
    lacking = [EMOTIONS[place] for place in np.flatnonzero(label_map.covered & ~(found > 0))]
    if lacking:
        raise ValueError(f'`shares` says nothing of {", ".join(lacking)}')
    return (found / found.sum()).astype(np.float32)


def rebalance(
    probabilities: np.ndarray,
    shares: np.ndarray | None,
    wanted: float,
    given: float = NATURAL,
) -> np.ndarray:
    """Return the answer for another mixture: p_c / share_c ^ (wanted - given), renormalised.

    :param probabilities: (6,) or (n, 6); rows sum to 1.
    :param shares: (6,), of the training data; a class of share 0 keeps its probability as it is;
        ``None`` leaves the answer as it is.
    :param wanted: class balance to answer for, 0 (natural) to 1 (all equal).
    :param given: class balance that the probabilities answer for.
    :return: float32 of the same shape.
    """
    probabilities = np.asarray(probabilities, np.float32)
    if shares is None or wanted == given:
        return probabilities
    shares = np.asarray(shares, np.float64)
    factors = np.where(shares > 0, np.maximum(shares, 1e-12) ** (given - wanted), 1.0)
    changed = probabilities * factors
    return (changed / changed.sum(axis=-1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Mixture:
    """For which mixture of classes some probabilities answer.

    :param shares: float32 (6,), of the training data, sums to 1; ``None`` if not known.
    :param balance: 0 (the mixture of the training data) to 1 (all classes equally common).
    """

    shares: np.ndarray | None = None
    balance: float = NATURAL

    @property
    def prior(self) -> np.ndarray | None:
        """Return the mixture itself, float32 (6,), sums to 1; ``None`` if not known."""
        if self.shares is None:
            return None
        powers = np.where(
            self.shares > 0, np.maximum(self.shares, 1e-12) ** (1.0 - self.balance), 0.0
        )
        return (powers / powers.sum()).astype(np.float32)

    def rebalance(self, probabilities: np.ndarray, wanted: float) -> np.ndarray:
        """Return the answer for another balance; see :func:`rebalance`."""
        return rebalance(probabilities, self.shares, wanted, self.balance)


UNKNOWN_MIXTURE = Mixture()
"""Of an answer of a model whose class shares nobody has stated."""


def unknown_shares(model: str) -> str:
    """Return what to tell the user of a model whose class shares nobody has stated."""
    return (
        f'{model} does not say which class shares it was trained on, so class_balance has no '
        'effect on its answers: state them as `shares` in its entry (docs/models.md)'
    )
