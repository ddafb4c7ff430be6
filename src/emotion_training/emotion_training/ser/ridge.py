# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Kernel ridge regression: a classifier of embeddings that is fitted in a second.

Saunders, Gammerman and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998;
the classes as targets 0 and 1, a Gaussian kernel as wide as the typical distance.
"""

from __future__ import annotations

import numpy as np

PULL = 0.1
"""Added to the diagonal of the kernel matrix: of 0.03 and 0.1 the better one on P2."""

SHARPNESS = 8.0
"""Turns differences of scores, which lie in 0 to 1, into differences of logits."""


def answer(train: np.ndarray, labels: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """Fit on embeddings and return logits for others, (m, classes).

    :param train: float (n, d), standardised.
    :param labels: int (n,) in 0..classes-1.
    :param test: float (m, d).
    """
    power = float(np.median(np.square(train).sum(axis=1)))

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        distance = (
            np.square(first).sum(axis=1)[:, None]
            + np.square(second).sum(axis=1)
            - 2.0 * first @ second.T
        )
        return np.exp(-distance / (2.0 * power))

    target = np.eye(classes)[labels]
    mean = target.mean(axis=0)
    weights = np.linalg.solve(kernel(train, train) + PULL * np.eye(len(train)), target - mean)
    return (SHARPNESS * (kernel(test, train) @ weights + mean)).astype(np.float32)


def by_speaker(values: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Return embeddings standardised by the mean and deviation of their speaker, no labels."""
    found = np.empty_like(values)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        spread = values[own].std(axis=0) + 0.3
        found[own] = (values[own] - values[own].mean(axis=0)) / spread
    return found
