"""Embeddings relative to the voice that speaks: the same arithmetic in training and in the file.

A profile is what is known of a voice: the number of utterances heard, and mean and deviation of
their standardised embeddings (see ``emotion_perception.models.voice_memory``). The fewer
utterances, the less the profile moves; with none, nothing is moved at all.
"""

from __future__ import annotations

import numpy as np
import torch

from emotion_training.ser import nonspeech
from emotion_training.ser.spectra import Spectra

HALFWAY = 4.0
"""Utterances at which a profile is believed by half."""

LEAST_SPREAD = 0.05
"""Added to the variance of a voice, so that a steady value is not blown up."""

LIMIT = 5.0
"""Standardised values are cut off here on both sides."""

SHORTEST, LONGEST = 3, 100
"""Utterances in the profiles that training draws."""

POOL = 64
"""Profiles of each speaker that training draws from."""

Profile = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def relative(values: torch.Tensor, count: torch.Tensor, mean: torch.Tensor,
             deviation: torch.Tensor) -> torch.Tensor:
    """Return standardised embeddings (n, d) relative to a voice.

    :param count: (n or 1, 1) utterances that the profile rests on.
    :param mean: (n or 1, d).
    :param deviation: (n or 1, d).
    """
    share = count / (count + HALFWAY)
    variance = (1.0 - share) + share * deviation * deviation + LEAST_SPREAD
    return ((values - share * mean) / variance.sqrt()).clamp(-LIMIT, LIMIT)


class Voices:
    """Profiles of speakers as sessions might give them: of any length, any mixture of classes.

    :param values: standardised embeddings of all clips, float32 (n, d).
    :param data: whose clips they are.
    :param chosen: indices of the clips that may be drawn.
    :param rng: makes :data:`POOL` profiles of each speaker.
    """

    def __init__(self, values: np.ndarray, data: Spectra, chosen: np.ndarray,
                 rng: np.random.Generator) -> None:
        spoken = chosen[data.corpora[chosen] != nonspeech.CORPUS]
        names = np.unique(data.speakers[spoken])
        self._count = np.zeros((len(names), POOL, 1), np.float32)
        self._mean = np.zeros((len(names), POOL, values.shape[1]), np.float32)
        self._deviation = np.zeros_like(self._mean)
        for place, name in enumerate(names):
            rows = spoken[data.speakers[spoken] == name]
            groups = [rows[data.labels[rows] == label] for label in np.unique(data.labels[rows])]
            for number in range(POOL):
                heard = _session(groups, rng)
                self._count[place, number] = len(heard)
                self._mean[place, number] = values[heard].mean(axis=0)
                self._deviation[place, number] = values[heard].std(axis=0)
        # -1: no speech, which is heard in anybody's session.
        known = {name: place for place, name in enumerate(names.tolist())}
        self._speaker = np.array([known.get(name, -1) for name in data.speakers.tolist()])

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> Profile:
        """Return a profile of the speaker of each row: (n, 1), (n, d), (n, d)."""
        speaker = self._speaker[rows]
        speaker = np.where(speaker < 0, rng.integers(len(self._count), size=len(rows)), speaker)
        number = rng.integers(POOL, size=len(rows))
        return tuple(torch.from_numpy(part[speaker, number])
                     for part in (self._count, self._mean, self._deviation))


def _session(groups: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return clips drawn with replacement, the groups mixed in random shares."""
    count = int(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST + 1))))
    sizes = rng.multinomial(count, rng.dirichlet(np.ones(len(groups))))
    return np.concatenate([group[rng.integers(len(group), size=size)]
                           for group, size in zip(groups, sizes)])
