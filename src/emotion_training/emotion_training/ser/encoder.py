# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a speech model asks of its encoder."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import nn


class Encoder(nn.Module):
    """Waveforms (n, samples) at 16 kHz to levels, each (n, frames, width), 50 frames a second.

    :ivar kind: family of the network, as Transformers names it.
    """

    kind: str

    @property
    @abstractmethod
    def levels(self) -> int:
        """Return how many levels :meth:`forward` gives."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Return the width of a level."""

    @abstractmethod
    def depths(self) -> list[list[nn.Parameter]]:
        """Return the weights that may be tuned by depth, those next to the sound first."""

    @abstractmethod
    def forward(self, waveform: torch.Tensor) -> list[torch.Tensor]:
        """Return the levels of sound of at least 0.05 s."""
