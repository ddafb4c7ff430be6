"""The embedded default: a CNN, networks beside it, and networks that know the voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotion_training.ser import fit
from emotion_training.ser.fit import OUTPUTS
from emotion_training.ser.functionals import WIDTH
from emotion_training.ser.network import SpeechNetwork
from emotion_training.ser.spectra import Spectra
from emotion_training.ser.statistics import (
    Scale,
    StatisticsNetwork,
    features,
    fit_statistics,
    scale_of,
    statistics_logits,
    tables,
)
from emotion_training.ser.voices import Profile, Voices, relative

KNOWN, KNOWN_HALFWAY = 0.9, 3.0
"""Share of the networks that know the voice, in the limit, and the utterances to half of it."""

SHARPER = 0.4
"""Networks that know the voice are right more often than they claim: the logits grow by this
times their share. From the temperatures of P3's answers with and without a session."""


@dataclass
class Members:
    """What stands beside a CNN.

    :param scale: of the embeddings.
    :param plain: networks on the embeddings as they are.
    :param known: networks on the embeddings relative to the voice.
    """

    scale: Scale
    plain: list[StatisticsNetwork]
    known: list[StatisticsNetwork]


def fit_members(checkpoint: dict, data: Spectra, chosen: np.ndarray, cache: Path
                ) -> tuple[Members, np.ndarray]:
    """Train the networks beside a CNN on the same clips.

    :param checkpoint: of the CNN.
    :param cache: NPY file for the embeddings of all clips.
    :return: the networks, and the standardised embeddings of all clips, float32 (n, d).
    """
    table = tables(data, cache, fit.restore(checkpoint))
    scale = scale_of(table, chosen)
    with torch.no_grad():
        table = scale(torch.from_numpy(table)).numpy()
    voices = Voices(table[0], data, chosen, np.random.default_rng(0))
    plain = [fit_statistics(table, data, chosen, seed, width=width)
             for seed, width in enumerate((WIDTH, 0))]
    known = [fit_statistics(table, data, chosen, seed, voices, width)
             for seed, width in enumerate((WIDTH, 0))]
    return Members(scale, plain, known), table[0]


def known_share(count: torch.Tensor) -> torch.Tensor:
    """Return how much the networks that know the voice decide, after so many utterances."""
    return KNOWN * count / (count + KNOWN_HALFWAY)


def blend(cnn: np.ndarray, members: Members, values: np.ndarray, profile: Profile | None = None
          ) -> np.ndarray:
    """Return the logits (n, OUTPUTS) that :class:`Ensemble` gives, from what is computed already.

    :param cnn: its logits (n, OUTPUTS).
    :param values: standardised embeddings (n, d).
    :param profile: of each clip's voice.
    """
    stranger = (cnn + len(members.plain) * statistics_logits(members.plain, values)
                ) / (1 + len(members.plain))
    if profile is None:
        return stranger
    share = known_share(profile[0]).numpy()
    both = (1 - share) * stranger + share * statistics_logits(members.known, values, profile)
    return (1 + SHARPER * share) * both


class Ensemble(nn.Module):
    """All networks as one: spectra in dB (n, 128, frames) to logits and standardised embeddings.

    Their last layers are written as one linear layer, ``head``, which adaptation tunes: the
    share of each network multiplies what goes into it.

    :param cnn: its head is taken out.
    """

    def __init__(self, cnn: SpeechNetwork, members: Members) -> None:
        super().__init__()
        self.cnn, self.scale = cnn, members.scale
        self.plain, self.known = nn.ModuleList(members.plain), nn.ModuleList(members.known)
        self.width = len(members.scale.mean)
        strangers = [cnn.head, *(network.head for network in members.plain)]
        knowing = [network.head for network in members.known]
        columns = []
        for heads in (strangers, knowing):
            columns += [head.weight / len(heads) for head in heads]
            columns.append(sum(head.bias for head in heads)[:, None] / len(heads))
        self.head = nn.Linear(sum(part.shape[1] for part in columns), OUTPUTS)
        with torch.no_grad():
            self.head.weight.copy_(torch.cat(columns, dim=1))
            self.head.bias.zero_()
        # The heads inside are merged into one and no longer used.
        for network in (cnn, *members.plain, *members.known):
            network.head = nn.Identity()

    @property
    def profile(self) -> int:
        """Return the number of values in a profile: utterances, mean, deviation."""
        return 1 + 2 * self.width

    def forward(self, level: torch.Tensor, profile: torch.Tensor | None = None
                ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, OUTPUTS) and standardised embeddings (n, width).

        :param profile: (1, ``profile``), as a :class:`VoiceMemory` gives it.
        """
        if profile is None:
            profile = level.new_zeros((1, self.profile))
        values = features(level, self.cnn)
        heard, values = values[:, WIDTH:], self.scale(values)
        count = profile[:, :1]
        moved = relative(values, count, profile[:, 1:1 + self.width],
                         profile[:, 1 + self.width:])
        one = torch.ones_like(heard[:, :1])
        share = known_share(count) * one
        stranger = torch.cat([heard, *(network.embed(values) for network in self.plain), one],
                             dim=1)
        knowing = torch.cat([*(network.embed(moved) for network in self.known), one], dim=1)
        both = torch.cat(((one - share) * stranger, share * knowing), dim=1)
        return self.head((one + SHARPER * share) * both), values
