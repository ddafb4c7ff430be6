# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every model backend is told, and what it offers to a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from emotion_perception.settings import Settings, setting


@dataclass(frozen=True)
class ModelSettings(Settings):
    """How models run and where their files are kept."""

    device: str = setting(
        'auto',
        'Where the model runs; auto takes CUDA where it is present.',
        choices=('auto', 'cpu', 'cuda'),
    )
    threads: int = setting(
        2, 'Threads of one inference; 0 lets the library choose.', low=0, high=256
    )
    cache: str = setting('', 'Directory of downloaded models; empty for $XDG_CACHE_HOME/emotion.')
    offline: bool = setting(False, 'Never download a model.')


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


@runtime_checkable
class AdaptiveBackend(Backend, Protocol):
    """Runs a model that can be told what is known of the voice it hears."""

    profile: int
    """Number of values in a voice profile; 0 for a file that takes none."""

    def run(self, batch: np.ndarray, profile: np.ndarray | None = None) -> Outputs:
        """Run the model; see :class:`Backend`.

        :param profile: (1, ``self.profile``) float32: the voice that is known already.
        """
        ...
