# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a network's answers become before they are a model's, chosen on the validation split."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from emotion_perception.emotions import softmax
from emotion_perception.models.balance import BALANCED, NATURAL, BalanceSettings, rebalance
from emotion_training.common.metrics import figures

SHARES = tuple(np.round(np.arange(0, 0.55, 0.1), 2))
LIFTS = tuple(np.round(np.arange(0, 0.85, 0.1), 2))
POWERS = tuple(np.round(np.arange(1, 3.3, 0.25), 2))


@dataclass(frozen=True)
class Calibration:
    """What is chosen on the validation split, and on posed faces if there are any.

    :param share: weight of the second head's logits (the first has 1 - share); 0 for one head.
    :param lift: exponent of the inverse class frequencies that the probabilities are
        multiplied by (A. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).
    :param bias: float (classes,), what ``lift`` adds to the logits.
    :param temperature: divides the logits.
    :param power: of the training data's class shares that the answers divide by to become those
        for equally common classes. A network that was taught the shares as such, and whose
        logits are then sharpened by a temperature below 1, holds them more than once.
    :param shares: float (classes,), the training data's to that power, sums to 1: the mixture
        that the answers assume.
    """

    share: float
    lift: float
    bias: np.ndarray
    temperature: float
    power: float
    shares: np.ndarray

    def logits(self, heads: np.ndarray) -> np.ndarray:
        """Combine logits (n, heads, classes) into (n, classes)."""
        mixed = heads[:, 0]
        if heads.shape[1] > 1:
            mixed = (1 - self.share) * heads[:, 0] + self.share * heads[:, 1]
        return mixed + self.bias

    def answers(self, heads: np.ndarray, balance: float = NATURAL) -> np.ndarray:
        """Return probabilities (n, classes) for a mixture of classes, 0 natural to 1 equal."""
        return rebalance(softmax(self.logits(heads), self.temperature), self.shares, balance)


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature with the smallest negative log-likelihood (Guo et al., 2017)."""

    def loss(logarithm: float) -> float:
        probabilities = softmax(logits, float(np.exp(logarithm)))
        return -float(np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method='bounded').x))


def calibrate(
    heads: np.ndarray,
    truth: np.ndarray,
    shares: np.ndarray,
    posed: tuple[np.ndarray, np.ndarray] | None = None,
) -> Calibration:
    """Choose share, lift, temperature and the power of the class shares.

    By the sum of figures of the answers as they are used: accuracy and macro-F1 of the natural
    ones on the validation split, twice; UAR of those for perception's default mixture there and
    on posed faces; UAR of the balanced ones, with which a game is played, on posed faces (on
    the validation split if there are none).

    :param heads: validation logits (n, heads, classes).
    :param truth: int (n,), -1 where a picture is not judged.
    :param shares: of each class among the training labels, sums to 1.
    :param posed: the same two of posed faces, which were never trained on.
    """
    judged = truth >= 0
    heads, truth = heads[judged], truth[judged]
    logarithm = np.log(np.maximum(shares, 1e-4))
    rarity = logarithm.mean() - logarithm
    usual = BalanceSettings().class_balance
    scored: list[tuple[float, Calibration]] = []
    for share in SHARES if heads.shape[1] > 1 else (0.0,):
        for lift in LIFTS:
            plain = Calibration(float(share), float(lift), lift * rarity, 1.0, 1.0, shares)
            temperature = fit_temperature(plain.logits(heads), truth)
            natural = figures(softmax(plain.logits(heads), temperature), truth)
            for power in POWERS:
                steep = np.exp(power * logarithm)
                candidate = dataclasses.replace(
                    plain, temperature=temperature, power=float(power), shares=steep / steep.sum()
                )
                played = posed or (heads, truth)
                uses = [(*played, BALANCED), (heads, truth, usual)]
                uses += [(*posed, usual)] if posed else []
                score = 2 * (natural.accuracy + natural.macro_f1) + sum(
                    figures(candidate.answers(seen, balance), known).uar
                    for seen, known, balance in uses
                )
                scored.append((score, candidate))
    return max(scored, key=lambda item: item[0])[1]
