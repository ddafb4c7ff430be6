"""Which frames of a spectrum carry sound."""

from __future__ import annotations

import torch

ACTIVE_DB = -40.0
"""A frame whose loudest band lies this far below the clip's maximum counts half as speech."""


def activity(level: torch.Tensor) -> torch.Tensor:
    """Return the weight of each frame, (n, frames) in 0..1, of spectra in dB (n, mels, frames)."""
    return torch.sigmoid((level.amax(dim=1) - ACTIVE_DB) / 3.0)
