# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Combine the probability vectors of two modalities into one.

The default is a product of experts (G. Hinton, "Products of experts", ICANN 1999) with a weight
for each expert's reliability, as in logarithmic opinion pooling (C. Genest, J. Zidek, "Combining
probability distributions", Statistical Science 1(1), 1986). It is right where face and voice are
independent given the emotion, and it needs no paired data: that is why it does not fail as a
network does that was trained on pairs which do not belong together.

The vectors are answers for equally common classes, p(x|c) but for a factor: in a product of
answers for the mixture of training, how common a class was would count once for each modality.
The result is such an answer too (:mod:`emotion_perception.models.balance` goes there and back).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.settings import Settings, setting

LEARNT = {'stacker': 'fusion_stacker.onnx', 'network': 'fusion_network.onnx'}
"""Methods that were trained, and their files among the weights."""

LEAST_QUALITY = 0.02
"""What is measured as useless still is better than nothing."""

METHODS = ('product', 'mean', *LEARNT)


@dataclass(frozen=True)
class CombineSettings(Settings):
    """How two probability vectors become one.

    Trust and agreement are fitted by ``./emotion train fusion`` on FER2013's validation
    pictures and on voices of RAVDESS and nEMO that the voice models had not heard
    (docs/fusion.md). Only the method is a parameter of a node: what is fitted belongs to the
    models, the floor is fixed, and the temperatures are 1 but where training fits the mean.

    :param face_trust: power of the quality of a face that makes its weight: 0 ignores the
        quality, 1 counts it in full.
    :param voice_trust: the same for the voice, whose quality is its signal-to-noise ratio.
    :param agreement: how much surer two are than their product says, as far as the weaker one
        counts; one alone is as sure as its model.
    :param face_temperature: softens (above 1) or sharpens the face model before it is combined:
        1, as the models are calibrated by themselves.
    :param voice_temperature: the same for the voice model.
    :param floor: least probability that a model may give a class, so that none has a veto.
    """

    method: str = setting(
        'product',
        'product: product of experts; mean: weighted mean; stacker: '
        'trained logistic regression; network: trained network.',
        choices=METHODS,
        live=True,
    )
    face_trust: float = 0.416
    voice_trust: float = 0.100
    agreement: float = 0.173
    face_temperature: float = 1.0
    voice_temperature: float = 1.0
    floor: float = 0.01


def reliability(quality: float | np.ndarray, trust: float | np.ndarray) -> float | np.ndarray:
    """Return how much a modality of some quality counts, 0 to 1.

    As its logarithms are multiplied by it, a poor modality is softened too where it is alone.
    """
    return np.maximum(quality, LEAST_QUALITY) ** trust


def combine(
    vectors: Sequence[np.ndarray],
    weights: Sequence[float] | np.ndarray,
    temperatures: Sequence[float],
    settings: CombineSettings,
) -> np.ndarray:
    """Combine the vectors of the modalities at hand by a method without a file.

    :param vectors: (n, 6) or (6,) probabilities of each modality, for equally common classes; at
        least one.
    :param weights: reliability of each, 0 (ignore) to 1: one value a modality, or (modalities, n)
        for one a row.
    :param temperatures: of each modality.
    :return: float32 of the shape of one vector; sums to 1; uniform where no modality has a
        weight.
    :raises ValueError: if there is no vector, or one is not finite.
    """
    if not vectors:
        raise ValueError('nothing to combine')
    stack = np.stack([np.asarray(vector, np.float32) for vector in vectors])
    if not np.isfinite(stack).all():
        raise ValueError('a probability is not finite')
    # Each modality's own temperature first; then the floor, which mixes with the uniform vector.
    shape = (-1,) + (1,) * (stack.ndim - 1)
    heat = np.asarray(temperatures, np.float32).reshape(shape)
    stack = softmax(np.log(np.maximum(stack, 1e-6)) / heat)
    mass = settings.floor * len(EMOTIONS)
    stack = stack * (1 - mass) + settings.floor
    weight = np.clip(np.asarray(weights, np.float32), 0.0, 1.0)
    weight = weight[..., None] if weight.ndim == 2 else weight.reshape(shape)
    total = weight.sum(axis=0)
    if settings.method == 'mean':
        mean = (stack * weight).sum(axis=0) / np.maximum(total, 1e-8)
        return np.where(total > 1e-8, mean, 1 / len(EMOTIONS)).astype(np.float32)
    log = (np.log(stack) * weight).sum(axis=0)
    # With one modality nothing is shared; between, as far as the weaker one counts.
    shared = total - weight.max(axis=0)
    return softmax(log * (1.0 + settings.agreement * shared))
