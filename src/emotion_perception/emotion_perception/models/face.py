# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From canonical face crops to probabilities of the six classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from emotion_perception.models.balance import BalanceSettings, Mixture, rebalance
from emotion_perception.models.catalog import FaceInput
from emotion_perception.models.errors import ModelError
from emotion_perception.models.model import Model


class FacePredictions(NamedTuple):
    """What the faces of one picture show.

    :param probabilities: (n, 6) float32 in the order of ``EMOTIONS``.
    :param valence: (n,) float32, -1..1, NaN where the model gives none.
    :param arousal: (n,) float32, -1..1, NaN where the model gives none.
    :param embedding: (n, d) float32; d is 0 where the model gives none.
    :param mixture: for which mixture of classes the probabilities answer.
    """

    probabilities: np.ndarray
    valence: np.ndarray
    arousal: np.ndarray
    embedding: np.ndarray
    mixture: Mixture


class FaceEmotionRecognizer:
    """Runs a face model on all faces of a picture as one batch.

    :param model: of task ``fer``.
    :param class_balance: mixture of classes to answer for, 0 (natural) to 1 (all equally common);
        may be set at any time.
    :ivar input: what the model wants of a face.
    :raises ModelError: if the model is not for faces.
    """

    def __init__(self, model: Model, class_balance: float = BalanceSettings.class_balance) -> None:
        if model.entry.face is None:
            raise ModelError(f'model {model.name} is not for faces')
        self.model = model
        self.input = model.entry.face
        self.class_balance = class_balance

    def predict(self, crops: Sequence[np.ndarray]) -> FacePredictions:
        """Return the emotions of some faces.

        :param crops: canonical crops (see :mod:`emotion_perception.vision.align`), BGR uint8
            (side, side, 3); sides may differ. May be empty.
        :raises ValueError: if a crop has another type or shape.
        """
        mixture = Mixture(self.model.shares, self.class_balance)
        if len(crops) == 0:
            none = np.empty(0, np.float32)
            return FacePredictions(
                np.empty((0, 6), np.float32),
                none,
                none.copy(),
                np.empty((0, 0), np.float32),
                mixture,
            )
        found = self.model.predict(prepare(crops, self.input))
        probabilities = rebalance(found.probabilities, mixture.shares, mixture.balance)
        return FacePredictions(
            probabilities, found.valence, found.arousal, found.embedding, mixture
        )


def prepare(crops: Sequence[np.ndarray], face: FaceInput) -> np.ndarray:
    """Bring canonical crops into the form that a model takes.

    Training uses this function too, so that both see the same pictures.

    :param crops: BGR uint8 (side, side, 3) each.
    :param face: the model's input.
    :return: (n, channels, size, size) float32.
    :raises ValueError: if a crop has another type or shape.
    """
    size, grey = face.size, face.channels == 1
    pixels = np.empty((len(crops), size, size) if grey else (len(crops), size, size, 3), np.uint8)
    for place, crop in zip(pixels, crops):
        if (
            not isinstance(crop, np.ndarray)
            or crop.dtype != np.uint8
            or crop.ndim != 3
            or crop.shape[2] != 3
            or crop.shape[0] != crop.shape[1]
            or crop.shape[0] == 0
        ):
            raise ValueError(
                'a face crop must be uint8 of shape (side, side, 3), not '
                f'{getattr(crop, "dtype", type(crop).__name__)} '
                f'{getattr(crop, "shape", "")}'
            )
        seen = cut_window(crop, face.window)
        if seen.size == 0:
            raise ValueError(f'a face crop of {crop.shape[0]} px is too small')
        if grey:
            seen = cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY)
        shrinks = seen.shape[0] >= size and seen.shape[1] >= size
        cv2.resize(
            seen,
            (size, size),
            dst=place,
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
    # (x / 255 - mean) / std as one multiplication and one addition.
    std = np.asarray(face.std, np.float32)
    scale = 1.0 / (255.0 * std)
    shift = -np.asarray(face.mean, np.float32) / std
    if grey:
        batch = np.multiply(pixels[:, None], scale[0], dtype=np.float32)
        batch += shift[0]
        return batch
    if face.colour == 'rgb':
        pixels = pixels[..., ::-1]
    batch = np.empty((len(crops), 3, size, size), np.float32)
    np.multiply(pixels.transpose(0, 3, 1, 2), scale.reshape(1, -1, 1, 1), out=batch)
    batch += shift.reshape(1, -1, 1, 1)
    return batch


def cut_window(crop: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    """Return the part of a canonical crop that a model looks at.

    :param crop: (size, size, ...) canonical crop.
    :param window: left, top, right, bottom as fractions of the side, 0 to 1.
    :return: a view, not a copy.
    """
    size = crop.shape[0]
    left, top, right, bottom = (int(round(edge * size)) for edge in window)
    return crop[max(top, 0) : bottom, max(left, 0) : right]
