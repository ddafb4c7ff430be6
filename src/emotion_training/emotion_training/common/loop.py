# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The plain training loop that faces, voices and fusion share, and what belongs to it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from emotion_training.common.files import TrainingError


class MovingAverage:
    """Keep an exponential moving average of a network's weights.

    :param network: the network at the start.
    :param decay: share that is kept at each step, once warm.
    :param steps: that count as taken already: the more, the less the first ones move it.
    :ivar network: the averaged network, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float, steps: int = 0) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = steps

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's present weights and normalisation statistics."""
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine, others = self.network.state_dict(), network.state_dict()
        floating = [name for name, value in mine.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_(
            [mine[name] for name in floating],
            [others[name].to(mine[name].dtype) for name in floating],
            share,
        )
        for name in mine.keys() - set(floating):
            mine[name].copy_(others[name])


class Best:
    """Remember when a score was best, and say when it has not risen for too long.

    :param patience: rounds without a better score after which training ends; 0: never.
    :param least: by how much a score must be better.
    :ivar score: the best so far.
    :ivar at: the round that had it, counted from 1; 0 before the first.
    """

    def __init__(self, patience: int = 0, least: float = 0.0) -> None:
        self.patience, self.least = patience, least
        self.score, self.at = -math.inf, 0

    def rises(self, score: float, at: int) -> bool:
        """Take in the score of a round and return whether it is the best."""
        if not score > self.score + self.least:
            return False
        self.score, self.at = score, at
        return True

    def is_past(self, now: int) -> bool:
        """Return whether patience is spent at a round."""
        return 0 < self.patience <= now - self.at


def cosine(progress: float) -> float:
    """Return the share of the learning rate that half a cosine leaves, 1 at 0 and 0 at 1.

    I. Loshchilov, F. Hutter, "SGDR", ICLR 2017.
    """
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress: float, warm: float = 0.1) -> float:
    """Return the share of the peak learning rate: a linear warm-up, then half a cosine.

    L. N. Smith, N. Topin, "Super-convergence", 2019.

    :param progress: 0 to 1.
    :param warm: share of the training that warms up.
    """
    if progress < warm:
        return 0.05 + 0.95 * progress / warm
    return max(cosine((progress - warm) / (1 - warm)), 1e-3)


def mixup(host: np.random.Generator, share: float, *tensors: torch.Tensor) -> list[torch.Tensor]:
    """Blend a share of the batches with themselves in another order.

    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018, with Beta(0.4, 0.4).

    :param host: whose numbers decide; the same for every tensor.
    :param share: of the batches that are blended, 0 to 1.
    :param tensors: inputs, targets and whatever else goes with them, (n, ...) each.
    :return: the tensors, as they came or blended.
    """
    if host.random() >= share:
        return list(tensors)
    weight = float(host.beta(0.4, 0.4))
    other = torch.from_numpy(host.permutation(len(tensors[0])))
    return [tensor.lerp(tensor[other.to(tensor.device)], weight) for tensor in tensors]


def decayed_apart(
    network: nn.Module, decay: float, head: nn.Module | None = None, head_share: float = 1.0
) -> list[dict[str, Any]]:
    """Return the parameters that are trained, in groups for an optimizer.

    Weights shrink by ``decay``; biases, normalisation and other vectors do not. ``share`` of a
    group is what its learning rate is to be multiplied by.

    :param head: layers that learn at ``head_share`` of the rate.
    """
    apart = set() if head is None or head_share == 1 else {*head.parameters()}
    groups = []
    for share, mine in ((1.0, False), (head_share, True)):
        trained = [
            value
            for value in network.parameters()
            if value.requires_grad and (value in apart) == mine
        ]
        for values, shrink in (
            ([value for value in trained if value.ndim > 1], decay),
            ([value for value in trained if value.ndim <= 1], 0.0),
        ):
            if values:
                groups.append({'params': values, 'weight_decay': shrink, 'share': share})
    return groups


def take_steps(
    network: nn.Module,
    batches: Iterable[Any],
    loss_of: Callable[[Any], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    rate: Callable[[int, Mapping[str, Any]], float],
    average: MovingAverage | None = None,
    clip: float = 0.0,
    backward: Callable[[torch.Tensor], None] = torch.Tensor.backward,
    every: int = 1,
    watch: Callable[[int, float], bool | None] | None = None,
) -> float:
    """Take one step for each batch and return the mean loss.

    :param network: whose weights the optimizer changes.
    :param loss_of: a batch's loss, a scalar.
    :param rate: learning rate of a step, counted from 0, for a group of the optimizer.
    :param average: takes in the weights after each step.
    :param clip: largest norm of the gradient; 0 for no limit.
    :param backward: how gradients are made of a loss.
    :param watch: told, each ``every`` steps, how many are done and the mean loss since; where it
        answers true the training ends.
    :raises TrainingError: if the loss is no longer finite.
    """
    losses: list[torch.Tensor] = []
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group['lr'] = rate(step, group)
        loss = loss_of(batch)
        backward(loss)
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if average is not None:
            average.update(network)
        losses.append(loss.detach())
        done = step + 1
        if watch is not None and done % every == 0 and watch(done, _mean(losses[-every:])):
            break
    return _mean(losses)


def _mean(losses: Sequence[torch.Tensor]) -> float:
    """Return the mean of losses, read once: a GPU asked for each would wait for the next batch.

    :raises TrainingError: if it is not finite.
    """
    value = float(torch.stack(tuple(losses)).mean()) if losses else math.nan
    if not math.isfinite(value):
        raise TrainingError(f'the loss became {value}: lower the learning rate')
    return value
