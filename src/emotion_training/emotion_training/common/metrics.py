# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Figures that both recognisers are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pairs: rows are the truth, columns the prediction, int64 (classes, classes)."""
    flat = np.asarray(truth) * classes + np.asarray(predicted)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def calibration_error(
    probabilities: np.ndarray,
    truth: np.ndarray,
    bins: int = 15,
    weights: np.ndarray | None = None,
) -> float:
    """Return the expected calibration error over equal-width bins of the confidence.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    :param probabilities: (n, classes), rows sum to 1.
    :param truth: int (n,).
    :param weights: (n,), what each sample counts, of any sum; all the same by default.
    :return: 0 (perfect) to 1; NaN for no samples.
    """
    if not len(truth):
        return float('nan')
    weights = np.ones(len(truth)) if weights is None else weights
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights * (right - confidence), bins)
    return float(np.abs(gap).sum() / weights.sum())


def mixture_weights(truth: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return weights (n,) by which the samples of each class count as much as a mixture says.

    An answer for some mixture of classes can be calibrated for samples of that mixture alone.

    :param truth: int (n,).
    :param prior: (classes,), the mixture; sums to 1.
    """
    counts = np.bincount(truth, minlength=len(prior))
    return (prior / np.maximum(counts, 1))[truth]


@dataclass(frozen=True)
class Figures:
    """What a set of predictions is worth; a class with no sample is left out of the means.

    :param recall: of each class, NaN where the class has no sample.
    :param precision: of each class, 0 where it was never predicted.
    :param f1: of each class, NaN where the class has no sample.
    :param confusion: rows truth, columns prediction.
    """

    n: int
    accuracy: float
    uar: float
    macro_f1: float
    ece: float
    recall: np.ndarray
    precision: np.ndarray
    f1: np.ndarray
    confusion: np.ndarray


def figures(probabilities: np.ndarray, truth: np.ndarray) -> Figures:
    """Judge probabilities (n, classes) against the truth, int (n,) in 0..classes-1.

    :raises ValueError: if there is no sample.
    """
    probabilities, truth = np.asarray(probabilities), np.asarray(truth, np.int64)
    if not len(truth):
        raise ValueError('no sample to judge')
    confusion = confusion_matrix(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    support, guessed, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    present = support > 0
    with np.errstate(invalid='ignore'):
        recall = np.where(present, hits / support, np.nan)
        f1 = np.where(present, 2 * hits / (support + guessed), np.nan)
    return Figures(
        n=len(truth),
        accuracy=float(hits.sum() / len(truth)),
        uar=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        ece=calibration_error(probabilities, truth),
        recall=recall,
        precision=hits / np.maximum(guessed, 1),
        f1=f1,
        confusion=confusion,
    )


def summary(
    probabilities: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]
) -> dict[str, Any]:
    """Return the figures as plain values."""
    found = figures(probabilities, truth)
    return {
        'n': found.n,
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': found.ece,
        'classes': [label for label, share in zip(labels, found.recall) if not np.isnan(share)],
        'recall': {
            label: float(share)
            for label, share in zip(labels, found.recall)
            if not np.isnan(share)
        },
        'confusion': found.confusion.tolist(),
    }
