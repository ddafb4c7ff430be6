# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Train a speech model: its head first, the encoder late and gently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch.nn import functional

from emotion_perception.audio import steady as levelled
from emotion_perception.audio.pcm import RATE
from emotion_training.common.loop import MovingAverage
from emotion_training.ser.augment import Augmenter, Strength
from emotion_training.ser.batches import (
    SECONDS,
    Player,
    Rows,
    Sampler,
    draw_profiles,
    log_shares,
)
from emotion_training.ser.export import open_pooled
from emotion_training.ser.pace import Pace, learn, seeded
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import OUTPUTS, Profile, VoiceModel, nobody


@dataclass(frozen=True)
class Recipe(Pace):
    """A schedule.

    :param steps: batches in all.
    :param groups: speakers in a batch.
    :param each: clips of a speaker.
    :param silent: clips without speech in a batch.
    :param average: of the running average of the weights that is kept in the end.
    :param smoothing: of the labels.
    :param heard: weight of what listeners heard in the target, where they were asked.
    """

    steps: int = 900
    groups: int = 16
    each: int = 24
    silent: int = 32
    average: float = 0.995
    smoothing: float = 0.05
    heard: float = 0.2
    strength: Strength = field(default_factory=Strength)


def targets(data: Sounds, rows: np.ndarray, recipe: Recipe) -> torch.Tensor:
    """Return the target distribution of each row, (n, 9)."""
    labels = torch.from_numpy(data.labels[rows].astype(np.int64))
    target = functional.one_hot(labels, OUTPUTS).float()
    heard = functional.pad(torch.from_numpy(data.heard[rows]), (0, 1))
    asked = heard.sum(dim=1, keepdim=True) > 0
    return torch.where(asked, (1 - recipe.heard) * target + recipe.heard * heard, target)


def loss_of(
    logits: torch.Tensor, target: torch.Tensor, shares: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return the cross-entropy of logits shifted by the log share of each class in its corpus.

    So what a corpus lacks teaches little about it (logit adjustment, Menon et al., ICLR 2021).
    """
    present = (shares > -1e-3).float()
    smooth = present / present.sum(dim=1, keepdim=True)
    target = (1 - smoothing) * target + smoothing * smooth
    return -(target * torch.log_softmax(logits.float() + shares, dim=1)).sum(dim=1).mean()


def fit(
    model: VoiceModel,
    data: Sounds,
    chosen: np.ndarray,
    recipe: Recipe,
    seed: int,
    noise: np.ndarray,
    watch: Callable[[int, float], bool | None] | None = None,
    device: str = 'cpu',
    features: np.ndarray | None = None,
) -> VoiceModel:
    """Train a model on the chosen clips; return the running average of its weights.

    :param noise: recorded noise for backgrounds, float32 (n,).
    :param features: of a frozen encoder (:mod:`emotion_training.ser.frozen`): then only the head
        is trained, and no sound is played.
    :param watch: told, now and then, how many steps are done and the mean loss since; where it
        answers true the training ends.
    """
    rng = seeded(seed)
    model = model.to(device)
    average = MovingAverage(model, recipe.average, steps=-1)
    pooled_of = (
        _remembered(features, rng, device)
        if features is not None
        else _played(
            model, Player(data, device, Augmenter(noise, device, seed, recipe.strength)), rng
        )
    )
    sampler = Sampler(data, chosen, rng)
    shares = log_shares(data, chosen)

    def batches() -> Iterator[Rows]:
        while True:
            yield sampler.draw(recipe.groups, recipe.each, recipe.silent)

    def loss(rows: Rows) -> torch.Tensor:
        target = targets(data, rows.rows, recipe).to(device)
        shift = torch.from_numpy(
            np.stack([shares[corpus] for corpus in data.corpora[rows.rows].tolist()])
        ).to(device)
        values = model.scale(pooled_of(rows))
        logits = model.head(values, draw_profiles(values, rows))
        return loss_of(logits, target, shift, recipe.smoothing)

    learn(
        model,
        model.head.parameters(),
        model.encoder.depths(),
        recipe,
        recipe.steps,
        batches(),
        loss,
        device,
        average,
        max(1, recipe.steps // 15),
        watch,
    )
    mean = cast(VoiceModel, average.network.requires_grad_(True))
    mean.scale.load_state_dict(model.scale.state_dict())
    return mean


def _channels(rows: Rows) -> np.ndarray:
    """Return which clips share a line: those of one speaker; the others have their own."""
    return np.concatenate(
        (
            np.repeat(np.arange(rows.groups), rows.each),
            rows.groups + np.arange(len(rows.rows) - rows.spoken),
        )
    )


def _played(
    model: VoiceModel, player: Player, rng: np.random.Generator
) -> Callable[[Rows], torch.Tensor]:
    """Return what plays a batch to the encoder."""

    def pooled(rows: Rows) -> torch.Tensor:
        return model.pooled(player.play(rows.rows, float(rng.choice(SECONDS)), _channels(rows)))

    return pooled


def _remembered(
    features: np.ndarray, rng: np.random.Generator, device: str
) -> Callable[[Rows], torch.Tensor]:
    """Return what gives cached features of a batch, those of one speaker from one pass."""

    def pooled(rows: Rows) -> torch.Tensor:
        channel = _channels(rows)
        number = rng.integers(len(features), size=channel.max() + 1)[channel]
        return torch.from_numpy(features[number, rows.rows].astype(np.float32)).to(device)

    return pooled


def embeddings(
    model: VoiceModel, data: Sounds, rows: np.ndarray, device: str = 'cpu', batch: int = 128
) -> torch.Tensor:
    """Return the standardised embeddings of clips as they are, (n, d) on the CPU.

    On a CPU the exported model gives them: exactly what a user's model computes.
    """
    model = model.to(device).eval()
    found = torch.zeros(len(rows), model.width)
    if device == 'cpu':
        pooled = open_pooled(model)
        for place, row in enumerate(rows.tolist()):
            found[place] = torch.from_numpy(pooled(levelled.steady(data.clip(row), RATE)))
        with torch.inference_mode():
            return model.scale(found)
    player = Player(data, device, None)
    order = np.argsort(data.lengths[rows], kind='stable')
    with torch.inference_mode(), torch.autocast('cuda', torch.bfloat16):
        for place in range(0, len(order), batch):
            part = order[place : place + batch]
            found[part] = model.embed(player.plain(rows[part])).float().cpu()
    model.to('cpu')
    return found


def judge(model: VoiceModel, values: torch.Tensor, profile: Profile | None = None) -> np.ndarray:
    """Return the logits (n, 9) of embeddings, with a profile each or of nobody."""
    head = model.head.to('cpu').eval()
    with torch.inference_mode():
        return head(values, nobody(values) if profile is None else profile).numpy()
