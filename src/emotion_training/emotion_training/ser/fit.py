# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Train a speech model: its head first, the encoder late and gently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch.nn import functional

from emotion_perception.audio import steady as levelled
from emotion_perception.audio.pcm import RATE
from emotion_training.common.loop import MovingAverage, cosine, take_steps
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
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import OUTPUTS, Profile, VoiceModel, nobody


@dataclass(frozen=True)
class Recipe:
    """A schedule.

    :param steps: batches in all.
    :param frozen: share of the steps in which the encoder stays as it is.
    :param groups: speakers in a batch.
    :param each: clips of a speaker.
    :param silent: clips without speech in a batch.
    :param head_rate: learning rate of the head.
    :param encoder_rate: of the encoder's last block; 0 leaves the encoder as it is.
    :param depth_decay: the rate of a block over that of the next higher.
    :param decay: weight decay.
    :param average: of the running average of the weights that is kept in the end.
    :param smoothing: of the labels.
    :param heard: weight of what listeners heard in the target, where they were asked.
    """

    steps: int = 900
    frozen: float = 0.1
    groups: int = 16
    each: int = 24
    silent: int = 32
    head_rate: float = 1e-3
    encoder_rate: float = 2.5e-4
    depth_decay: float = 0.75
    decay: float = 0.05
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


def _groups_of_weights(model: VoiceModel, recipe: Recipe) -> list[dict[str, Any]]:
    made = [{'params': list(model.head.parameters()), 'rate': recipe.head_rate, 'late': False}]
    if recipe.encoder_rate:
        depths = model.encoder.depths()
        for depth, weights in enumerate(depths):
            rate = recipe.encoder_rate * recipe.depth_decay ** (len(depths) - 1 - depth)
            made.append({'params': weights, 'rate': rate, 'late': True})
    return made


def fit(
    model: VoiceModel,
    data: Sounds,
    chosen: np.ndarray,
    recipe: Recipe,
    seed: int,
    noise: np.ndarray,
    watch: Callable[[int, float], None] = lambda *_: None,
    device: str = 'cpu',
    features: np.ndarray | None = None,
) -> VoiceModel:
    """Train a model on the chosen clips; return the running average of its weights.

    :param noise: recorded noise for backgrounds, float32 (n,).
    :param features: of a frozen encoder (:mod:`emotion_training.ser.frozen`): then only the head
        is trained, and no sound is played.
    :param watch: told of the number of steps done and the mean loss, now and then.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
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
    begin = round(recipe.steps * recipe.frozen)

    def batches() -> Iterator[tuple[Rows, bool]]:
        for step in range(recipe.steps):
            rows = sampler.draw(recipe.groups, recipe.each, recipe.silent)
            yield rows, bool(recipe.encoder_rate) and step >= begin

    def loss(batch: tuple[Rows, bool]) -> torch.Tensor:
        rows, tuned = batch
        target = targets(data, rows.rows, recipe).to(device)
        shift = torch.from_numpy(
            np.stack([shares[corpus] for corpus in data.corpora[rows.rows].tolist()])
        ).to(device)
        with torch.autocast('cuda', torch.bfloat16, enabled=device.startswith('cuda')):
            with torch.set_grad_enabled(tuned):
                pooled = pooled_of(rows)
            values = model.scale(pooled)
            logits = model.head(values, draw_profiles(values, rows))
        return loss_of(logits, target, shift, recipe.smoothing)

    now_and_then = max(1, recipe.steps // 15)
    recent: list[torch.Tensor] = []

    def told(step: int, value: torch.Tensor) -> None:
        recent.append(value)
        if (step + 1) % now_and_then == 0:
            watch(step + 1, float(torch.stack(recent).mean()))
            recent.clear()

    model.train()
    take_steps(
        model,
        batches(),
        loss,
        torch.optim.AdamW(_groups_of_weights(model, recipe), lr=1e-3, weight_decay=recipe.decay),
        lambda step, group: (
            group['rate'] * _schedule(step, recipe.steps, begin if group['late'] else 0)
        ),
        average,
        clip=2.0,
        watch=told,
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


def _schedule(step: int, steps: int, begin: int) -> float:
    """Return the share of the full learning rate: a short rise, then half a cosine."""
    if step < begin:
        return 0.0
    done, rise = step - begin, max(1, (steps - begin) // 20)
    if done < rise:
        return (done + 1) / rise
    return cosine((done - rise) / max(1, steps - begin - rise))


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
