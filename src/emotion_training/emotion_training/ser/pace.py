# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Train a new head on a pretrained encoder: the head first, the encoder late and gently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from emotion_training.common.loop import MovingAverage, cosine, take_steps


@dataclass(frozen=True)
class Pace:
    """How fast the parts of a network learn.

    :param frozen: share of the steps in which the encoder stays as it is.
    :param head_rate: learning rate of the head.
    :param encoder_rate: of the encoder's last block; 0 leaves the encoder as it is.
    :param depth_decay: the rate of a block over that of the next higher.
    :param decay: weight decay.
    """

    frozen: float = 0.1
    head_rate: float = 1e-3
    encoder_rate: float = 2.5e-4
    depth_decay: float = 0.75
    decay: float = 0.05

    def weights(
        self, head: Iterable[nn.Parameter], depths: Sequence[Iterable[nn.Parameter]]
    ) -> list[dict[str, Any]]:
        """Return the weights that learn, in groups for an optimizer, each with its ``rate``.

        :param depths: weights of the encoder, those next to the sound first; they are ``late``.
        """
        made = [{'params': list(head), 'rate': self.head_rate, 'late': False}]
        for height, weights in enumerate(reversed(depths)) if self.encoder_rate else ():
            rate = self.encoder_rate * self.depth_decay**height
            made.append({'params': list(weights), 'rate': rate, 'late': True})
        return made


def seeded(seed: int) -> np.random.Generator:
    """Seed all that a training draws from and return a source of numbers of its own."""
    torch.manual_seed(seed)
    # By these Transformers hides stretches of sound (SpecAugment).
    np.random.seed(seed)  # noqa: NPY002
    return np.random.default_rng(seed)


def learn(
    network: nn.Module,
    head: Iterable[nn.Parameter],
    depths: Sequence[Iterable[nn.Parameter]],
    pace: Pace,
    steps: int,
    batches: Iterable[Any],
    loss_of: Callable[[Any], torch.Tensor],
    device: str,
    average: MovingAverage | None = None,
    every: int = 1,
    watch: Callable[[int, float], bool | None] | None = None,
) -> None:
    """Train head and encoder in two phases; what is in neither stays as it is.

    On a GPU the loss is computed in bfloat16 where that is safe. The rest as
    :func:`emotion_training.common.loop.take_steps` takes it.

    :param network: that holds the weights.
    :param depths: as in :meth:`Pace.weights`.
    :param steps: in all; as many batches are taken.
    """
    groups = pace.weights(head, depths)
    begin = round(steps * pace.frozen)
    network.requires_grad_(False)

    def phases() -> Iterator[Any]:
        for step, batch in zip(range(steps), batches):
            if step in (0, begin):
                for group in groups:
                    for weight in group['params']:
                        weight.requires_grad_(step >= begin or not group['late'])
            yield batch

    def loss(batch: Any) -> torch.Tensor:
        with torch.autocast('cuda', torch.bfloat16, enabled=device.startswith('cuda')):
            return loss_of(batch)

    network.train()
    take_steps(
        network,
        phases(),
        loss,
        torch.optim.AdamW(groups, weight_decay=pace.decay),
        lambda step, group: group['rate'] * share(step, steps, begin if group['late'] else 0),
        average,
        clip=2.0,
        every=every,
        watch=watch,
    )


def share(step: int, steps: int, begin: int) -> float:
    """Return the share of the full learning rate: a short rise, then half a cosine."""
    if step < begin:
        return 0.0
    done, rise = step - begin, max(1, (steps - begin) // 20)
    if done < rise:
        return (done + 1) / rise
    return cosine((done - rise) / max(1, steps - begin - rise))
