# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What training a face model makes small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_training.fer.faceset import FaceSet
from emotion_training.fer.recipes import Recipe


def soft_cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    recipe: Recipe,
    class_weights: torch.Tensor | None,
) -> torch.Tensor:
    """Return the loss over all heads.

    :param logits: (n, heads * classes).
    :param targets: (n, heads, classes), rows as in :class:`FaceSet`.
    :param class_weights: (classes,) or ``None``.
    """
    count, heads, classes = targets.shape
    scores = functional.log_softmax(logits.float().view(count, heads, classes), dim=2)
    loss = scores.new_zeros(())
    for head, (weight, smoothing) in enumerate(zip(recipe.head_weights, recipe.smoothing)):
        target = targets[:, head]
        worth = target.sum(dim=1, keepdim=True)
        target = target * (1 - smoothing) + worth * smoothing / classes
        if class_weights is not None:
            target = target * class_weights
        # Divided by what the labels are worth together, as torch's weighted loss does.
        loss = loss - weight * (target * scores[:, head]).sum() / target.sum().clamp(min=1e-6)
    return loss


def distance_from(
    taught: torch.Tensor, logits: torch.Tensor, recipe: Recipe, classes: int
) -> torch.Tensor:
    """Return the cross-entropy of logits against a teacher's, (n, heads * classes) both."""
    shape = (len(logits), len(recipe.head_weights), classes)
    wanted = taught.float().view(shape).softmax(2)
    scores = functional.log_softmax(logits.float().view(shape), dim=2)
    weights = scores.new_tensor(recipe.head_weights)
    return -((wanted * scores).sum(2) * weights).sum(1).mean()


class Teachers:
    """Trained networks that judge together what a student sees.

    :param networks: with the student's heads and classes.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.networks = [network.eval().requires_grad_(False) for network in networks]

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, student: nn.Module) -> torch.Tensor:
        """Return the teachers' mean logits, for the mixture of classes the student is drawn."""
        logits = [network(images).float() - network.natural for network in self.networks]
        return torch.stack(logits).mean(0) + cast(torch.Tensor, student.drawn)


def placed(faces: FaceSet) -> np.ndarray:
    """Return the class of each picture, the most voted where there is no majority, int (n,)."""
    return np.where(faces.truths[0] >= 0, faces.truths[0], faces.targets[:, 0].argmax(axis=1))


def drawing_weights(faces: FaceSet, balance: float) -> np.ndarray:
    """Return how often each picture is drawn, relative to the others, float64 (n,)."""
    place = placed(faces)
    counts = np.bincount(place, minlength=len(faces.labels))
    return counts[place].astype(np.float64) ** -balance


def class_priors(faces: FaceSet, weights: np.ndarray | None = None) -> torch.Tensor:
    """Return the share of each class in each label set, votes counted as parts.

    :param weights: of each picture, (n,); all alike by default.
    :return: float32 (heads, classes), rows sum to 1.
    """
    targets = faces.targets.astype(np.float64)
    if weights is not None:
        targets = targets * weights[:, None, None]
    sums = targets.sum(axis=0)
    return torch.from_numpy(sums / sums.sum(axis=1, keepdims=True)).float()


def inverse_weights(faces: FaceSet) -> torch.Tensor:
    """Return n / (k n_class) for each class, from the labels as they are, float32 (k,)."""
    counts = np.bincount(faces.truths[0][faces.truths[0] >= 0], minlength=len(faces.labels))
    return torch.tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)), dtype=torch.float32)


def epoch_order(faces: FaceSet, recipe: Recipe, generator: torch.Generator) -> list[int]:
    """Return the indices of one epoch in random order, balanced as the recipe says."""
    if recipe.oversample:
        times = np.ones(len(faces.labels), int)
        for label, factor in recipe.oversample:
            times[faces.labels.index(label)] = factor
        repeated = torch.from_numpy(np.repeat(np.arange(len(faces)), times[placed(faces)]))
        return repeated[torch.randperm(len(repeated), generator=generator)].tolist()
    if recipe.balance > 0:
        weights = torch.from_numpy(drawing_weights(faces, recipe.balance))
        return torch.multinomial(weights, len(faces), True, generator=generator).tolist()
    return torch.randperm(len(faces), generator=generator).tolist()
