# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Draw training batches: groups of one speaker each, the corpora and the classes in balance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from emotion_perception.audio.pcm import RATE
from emotion_training.ser.augment import Augmenter
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.levelling import steady
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import OUTPUTS, SILENT, Profile

ABSENT = 0.05
"""Weight, beside 1 for a class that a corpus has, of one that it lacks: Surprise exists in some
corpora only, and that must not teach a network which corpus it hears."""

SECONDS = (2.0, 2.56, 3.2, 4.0)
"""Lengths of a batch: longer clips are cut, shorter ones stand in silence. Few, since a GPU
plans its transforms anew for each."""


@dataclass(frozen=True)
class Rows:
    """Which clips a batch holds.

    :param rows: int (n,); first ``groups`` * ``each`` of speech, then clips without speech.
    :param groups: speakers.
    :param each: clips of a speaker.
    """

    rows: np.ndarray
    groups: int
    each: int

    @property
    def spoken(self) -> int:
        """Return how many rows hold speech."""
        return self.groups * self.each


class Sampler:
    """Draws rows of the chosen clips.

    A corpus is drawn by the square root of the number of its speakers times its clips' root, a
    speaker evenly within it, and of a speaker clips in a random mixture of classes, as a session
    may hold: on average every class of a corpus is as frequent as any other.

    :param chosen: indices of the clips that may be drawn.
    """

    def __init__(self, data: Sounds, chosen: np.ndarray, rng: np.random.Generator) -> None:
        self._rng = rng
        labels = data.labels[chosen]
        self._silent = chosen[labels == SILENT]
        spoken = chosen[labels != SILENT]
        self._speakers: list[list[np.ndarray]] = []
        corpus_of: list[str] = []
        sizes: dict[str, int] = {}
        for speaker in np.unique(data.speakers[spoken]):
            own = spoken[data.speakers[spoken] == speaker]
            self._speakers.append(
                [own[data.labels[own] == label] for label in np.unique(data.labels[own])]
            )
            corpus = str(data.corpora[own[0]])
            corpus_of.append(corpus)
            sizes[corpus] = sizes.get(corpus, 0) + len(own)
        counts = {corpus: corpus_of.count(corpus) for corpus in sizes}
        weight = {corpus: (sizes[corpus] ** 0.5) * (counts[corpus] ** 0.25) for corpus in sizes}
        share = np.array([weight[corpus] / counts[corpus] for corpus in corpus_of])
        self._share = share / share.sum()

    def draw(self, groups: int, each: int, silent: int) -> Rows:
        """Return the rows of a batch."""
        rng, rows = self._rng, []
        for speaker in rng.choice(len(self._speakers), groups, p=self._share):
            classes = self._speakers[speaker]
            mixture = rng.dirichlet(np.full(len(classes), 1.5))
            for place, size in enumerate(rng.multinomial(each, mixture)):
                pool = classes[place]
                rows.append(
                    rng.permutation(pool)[:size] if size <= len(pool) else rng.choice(pool, size)
                )
        if silent and len(self._silent):
            rows.append(rng.choice(self._silent, silent))
        return Rows(np.concatenate(rows), groups, each)


def log_shares(data: Sounds, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each corpus the logarithm of how often training shows each output."""
    found = {}
    for corpus in np.unique(data.corpora[chosen]):
        present = np.unique(data.labels[chosen][data.corpora[chosen] == corpus])
        share = np.full(OUTPUTS, ABSENT, np.float32)
        share[present] = share[SILENT] = 1.0
        found[str(corpus)] = np.log(share)
    return found


def class_shares(data: Sounds, chosen: np.ndarray) -> list[float]:
    """Return how often training shows each of the six classes: the mixture it answers for."""
    share = np.exp(
        np.mean(
            [
                row
                for corpus, row in log_shares(data, chosen).items()
                if (data.labels[data.corpora == corpus] != SILENT).any()
            ],
            axis=0,
        )
    )
    six = np.array([*share[:3], share[3] + share[CLASSES.index('Calm')], *share[4:6]])
    return [float(value) for value in six / six.sum()]


class Player:
    """Gives the sound of rows, placed, changed and levelled, on a device.

    :param augmenter: changes the sound; ``None`` plays it as it is.
    """

    def __init__(self, data: Sounds, device: str, augmenter: Augmenter | None) -> None:
        self._samples = torch.from_numpy(np.array(data.samples)).to(device)
        self._start = torch.from_numpy(data.start[:-1]).to(device)
        self._length = torch.from_numpy(data.lengths).to(device)
        self._augmenter, self.device = augmenter, device

    def play(self, rows: np.ndarray, seconds: float, channel: np.ndarray) -> torch.Tensor:
        """Return changed sound (n, seconds * 16000), each clip at a random place and speed.

        :param channel: int (n,): clips of one number share room and line.
        """
        chosen = torch.from_numpy(rows).to(self.device)
        length, count = round(seconds * RATE), len(rows)
        speed = torch.exp(torch.randn(count, 1, device=self.device) * 0.08).clamp(0.8, 1.25)
        speed = torch.where(torch.rand(count, 1, device=self.device) < 0.5, speed, 1.0)
        own = self._length[chosen][:, None].float()
        room = length - own / speed
        place = room * torch.rand(count, 1, device=self.device)
        time = (torch.arange(length, device=self.device)[None] - place) * speed
        inside = (time >= 0) & (time < own - 1)
        time = time.clamp(min=0).minimum(own - 2)
        index = time.long()
        part = time - index
        index = index + self._start[chosen][:, None]
        sound = (
            self._samples[index].float() * (1 - part) + self._samples[index + 1].float() * part
        ) / 32768.0
        sound = torch.where(inside, sound, 0.0)
        # No recording is without a floor.
        floor = 10 ** (torch.rand(count, 1, device=self.device) * -2.5 - 2.5)
        sound = sound + floor * torch.randn_like(sound)
        if self._augmenter is not None:
            sound = self._augmenter(sound, torch.from_numpy(channel).to(self.device))
        return steady(sound)

    def plain(self, rows: np.ndarray) -> torch.Tensor:
        """Return sound as it is, levelled, silence behind what is shorter than the longest."""
        chosen = torch.from_numpy(rows).to(self.device)
        own = self._length[chosen][:, None]
        time = torch.arange(int(own.max()), device=self.device)[None].expand(len(rows), -1)
        index = time.minimum(own - 1) + self._start[chosen][:, None]
        return steady(torch.where(time < own, self._samples[index].float() / 32768.0, 0.0))


def draw_profiles(values: torch.Tensor, rows: Rows, nothing: float = 0.4) -> Profile:
    """Return for each row what a session might have made known of the voice.

    Of each group a random number of the other clips is taken, by no label; ``nothing`` of the
    rows know nobody. Rows without speech are heard in the session of some speaker.

    :param values: standardised embeddings of the batch (n, d).
    """
    groups, each, device = rows.groups, rows.each, values.device
    own = values[: rows.spoken].detach().view(groups, each, -1)
    number = torch.randint(1, each, (groups, each, 1), device=device)
    # The diagonal last: a clip is never in its own profile.
    order = torch.rand(groups, each, each, device=device)
    order = order + 2.0 * torch.eye(each, device=device)
    taken = (order.argsort(dim=2).argsort(dim=2) < number).float()
    mean = taken @ own / number
    square = taken @ own.square() / number
    deviation = (square - mean.square()).clamp(min=0).sqrt()
    known = (torch.rand(groups, each, 1, device=device) >= nothing).float()
    count, mean, deviation = (
        part.flatten(0, 1) for part in (number * known, mean * known, deviation * known)
    )
    rest = len(values) - rows.spoken
    if rest:
        other = torch.randint(rows.spoken, (rest,), device=device)
        count, mean, deviation = (
            torch.cat((part, part[other])) for part in (count, mean, deviation)
        )
    return count, mean, deviation
