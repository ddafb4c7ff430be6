"""What every model backend offers to :class:`~emotion_perception.models.model.Model`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np


class Outputs(NamedTuple):
    """What a model says about a batch, in its own label space.

    :param scores: (n, k) float32, logits or probabilities as the entry says.
    :param valence: (n,) float32, or ``None`` where the model gives none.
    :param arousal: (n,) float32, or ``None``.
    :param embedding: (n, d) float32, what the model makes of each input before it decides, or
        ``None`` where the file does not give it.
    """

    scores: np.ndarray
    valence: np.ndarray | None = None
    arousal: np.ndarray | None = None
    embedding: np.ndarray | None = None


class Backend(Protocol):
    """Runs one loaded model."""

    device: str
    """``cpu`` or ``cuda``."""

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the model.

        :param batch: faces (n, channels, size, size) float32, or waveforms (n, samples) float32.
        """
        ...
