# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The speech model: an encoder, statistics of all its levels, and a head that may know the voice.

Everything that tells one utterance from another is the mean and the deviation over time of every
level of the encoder: the lower ones carry the voice, the upper ones what is said. The head judges
these values twice: as they are, and relative to a *profile* of the voice that speaks (number,
mean and deviation of the utterances heard before), which needs no label.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.encoder import Encoder
from emotion_training.ser.levelling import SIZE, frame_powers

OUTPUTS = len(CLASSES) + 1
"""The classes and, last, no speech."""

SILENT = len(CLASSES)
"""The output that stands for no speech."""

HALFWAY = 4.0
"""Utterances at which a profile is believed by half."""

LEAST_SPREAD = 0.05
"""Added to the variance of a voice, so that a steady value is not blown up."""

LIMIT = 6.0
"""Standardised values are cut off here on both sides."""

ACTIVE_DB = -28.0
"""A frame so far below the loudest stretch of its clip counts half as speech."""

Profile = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def activity(waveform: torch.Tensor) -> torch.Tensor:
    """Return the weight of each 20 ms frame of sound, (n, frames) in 0..1.

    The reference is the loudest stretch of a tenth of a second, so that a click does not hush
    the speech.
    """
    powers = frame_powers(waveform)
    smooth = nn.functional.avg_pool1d(powers.unsqueeze(1), 5, 1, 2)[:, 0]
    below = 10.0 * torch.log10(
        (smooth / smooth.amax(dim=1, keepdim=True).clamp(min=1e-12)).clamp(min=1e-9)
    )
    return torch.sigmoid((below - ACTIVE_DB) / 3.0)


def statistics(level: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return weighted mean and deviation over time: (n, frames, d) to (n, 2 d).

    :param weight: of at least as many frames.
    """
    level, weight = level.float(), weight[:, : level.shape[1], None]
    share = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-6)
    mean = (level * share).sum(dim=1)
    variance = ((level - mean.unsqueeze(1)).square() * share).sum(dim=1)
    return torch.cat((mean, (variance + 1e-6).sqrt()), dim=1)


class Standardise(nn.Module):
    """Bring each value to mean 0 and deviation 1 over what was seen in training.

    Statistics move slowly and are the same in training and afterwards.
    """

    mean: torch.Tensor
    variance: torch.Tensor
    seen: torch.Tensor

    def __init__(self, width: int, rate: float = 0.02) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('variance', torch.ones(width))
        self.register_buffer('seen', torch.zeros(()))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.training:
            with torch.no_grad():
                self.seen += 1
                rate = torch.clamp(1.0 / self.seen, min=self.rate)
                self.mean += rate * (values.mean(dim=0) - self.mean)
                self.variance += rate * ((values - self.mean).square().mean(dim=0) - self.variance)
        scaled = (values - self.mean) / (self.variance + 1e-6).sqrt()
        return scaled.clamp(-LIMIT, LIMIT)


def relative(values: torch.Tensor, profile: Profile) -> torch.Tensor:
    """Return standardised values (n, d) relative to a voice.

    :param profile: (n or 1, 1) utterances that it rests on, (n or 1, d) mean and deviation.
    """
    count, mean, deviation = profile
    share = count / (count + HALFWAY)
    variance = (1.0 - share) + share * deviation * deviation + LEAST_SPREAD
    return ((values - share * mean) / variance.sqrt()).clamp(-LIMIT, LIMIT)


@dataclass(frozen=True)
class HeadShape:
    """Size of the head.

    :param width: of the values it judges.
    :param hidden: values between, of each of the two views.
    :param dropout: share of the values that training hides.
    """

    width: int
    hidden: int = 160
    dropout: float = 0.4


class Head(nn.Module):
    """Standardised values (n, d) and a profile to logits (n, 9)."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        self.hide = nn.Dropout(shape.dropout)
        self.alone = nn.Linear(shape.width, shape.hidden)
        self.known = nn.Linear(shape.width, shape.hidden)
        self.last = nn.Linear(2 * shape.hidden, OUTPUTS)

    def hidden(self, values: torch.Tensor, profile: Profile) -> torch.Tensor:
        """Return what the last layer sees, (n, 2 hidden)."""
        count = profile[0]
        share = count / (count + HALFWAY)
        alone = torch.relu(self.alone(self.hide(values)))
        known = torch.relu(self.known(self.hide(relative(values, profile))))
        return torch.cat((alone * (1.0 - 0.5 * share), known * share), dim=1)

    def forward(self, values: torch.Tensor, profile: Profile) -> torch.Tensor:
        return self.last(self.hide(self.hidden(values, profile)))


class VoiceModel(nn.Module):
    """Waveforms (n, samples), levelled, to what the head judges and to logits.

    :param encoder: a pretrained one.
    """

    def __init__(self, encoder: Encoder, hidden: int = 160, dropout: float = 0.4) -> None:
        super().__init__()
        self.encoder = encoder
        width = 2 * encoder.levels * encoder.width
        self.scale = Standardise(width)
        self.head = Head(HeadShape(width, hidden, dropout))

    @property
    def width(self) -> int:
        """Return the length of an embedding."""
        return self.head.shape.width

    def pooled(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the statistics of all levels, (n, d), not yet standardised."""
        # Whole frames only: then every encoder gives at most one level a frame.
        waveform = waveform[:, : waveform.shape[1] // SIZE * SIZE]
        weight = activity(waveform)
        return torch.cat([statistics(level, weight) for level in self.encoder(waveform)], dim=1)

    def embed(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the standardised values (n, d)."""
        return self.scale(self.pooled(waveform))

    def forward(self, waveform: torch.Tensor, profile: Profile) -> torch.Tensor:
        return self.head(self.embed(waveform), profile)

    def describe(self) -> dict[str, Any]:
        """Return what rebuilds the head, for a checkpoint."""
        return asdict(self.head.shape)


def nobody(values: torch.Tensor) -> Profile:
    """Return the profile of a voice of which nothing is known."""
    none = values.new_zeros(1, values.shape[1])
    return values.new_zeros(1, 1), none, none


def to_six(logits: torch.Tensor) -> torch.Tensor:
    """Bring logits over ``corpora.CLASSES`` (n, 8 or more) to the six.

    Calm joins Neutral, Disgust is dropped; so is what follows (no speech).
    """
    neutral = torch.logsumexp(logits[..., [3, 7]], dim=-1, keepdim=True)
    return torch.cat((logits[..., :3], neutral, logits[..., 4:6]), dim=-1)


def six_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels in the six classes: Calm is Neutral, Disgust and no speech are -1."""
    return np.where(labels == 7, 3, np.where(labels > 5, -1, labels))
