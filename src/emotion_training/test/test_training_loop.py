# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The loop that all trainings share does what its parts say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_training.common.files import TrainingError
from emotion_training.common.loop import (
    MovingAverage,
    decayed_apart,
    mixup,
    one_cycle,
    train_epoch,
)


def line_batches(count: int = 60):
    source = torch.Generator().manual_seed(0)
    for _ in range(count):
        inputs = torch.randn(16, 3, generator=source)
        yield inputs, inputs @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25


def trained(**arguments):
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 1)
    average = MovingAverage(network, 0.8)
    optimizer = torch.optim.SGD(decayed_apart(network, 0.0), lr=1.0)

    def loss_of(batch):
        return ((network(batch[0]) - batch[1]) ** 2).mean()

    loss = train_epoch(network, line_batches(), loss_of, optimizer, average=average, **arguments)
    return network, average, loss


def test_a_loop_learns_at_the_rate_it_is_given_and_averages_the_weights():
    network, average, loss = trained(rate=lambda step: 0.2)
    wanted = torch.tensor([[1.0, -2.0, 0.5]])
    torch.testing.assert_close(network.weight.detach(), wanted, atol=0.02, rtol=0)
    torch.testing.assert_close(average.network.weight, wanted, atol=0.1, rtol=0)
    assert not torch.equal(average.network.weight, network.weight) and 0 < loss < 2
    still, _, same = trained(rate=lambda step: 0.0)
    assert same > loss and still.weight.std() < network.weight.std()


def test_a_loss_that_is_no_number_ends_the_training_with_advice():
    with pytest.raises(TrainingError, match='lower the learning rate'):
        trained(rate=lambda step: 1e20)


def test_clipping_limits_a_step():
    torch.manual_seed(0)
    before = torch.nn.Linear(3, 1).weight.detach().clone()
    network, _, _ = trained(rate=lambda step: 0.1 if step == 0 else 0.0, clip=0.5)
    assert 0.01 < float((network.weight.detach() - before).norm()) <= 0.05 + 1e-6


def test_a_cycle_warms_up_and_comes_to_rest():
    rates = [one_cycle(step / 100, warm=0.1) for step in range(101)]
    assert rates[0] == pytest.approx(0.05) and rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True) and 0 < rates[-1] <= 0.001


def test_mixup_blends_all_that_belongs_together_alike():
    inputs = torch.arange(8.0)[:, None].repeat(1, 2)
    targets = torch.eye(8)
    some, same = mixup(np.random.default_rng(0), 0.0, inputs, targets)
    assert torch.equal(some, inputs) and torch.equal(same, targets)
    some, mixed = mixup(np.random.default_rng(0), 1.0, inputs, targets)
    torch.testing.assert_close(mixed @ inputs, some)
    assert not torch.equal(some, inputs)
    torch.testing.assert_close(mixed.sum(1), torch.ones(8))


def test_vectors_do_not_decay():
    groups = decayed_apart(
        torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)), 0.1
    )
    assert [len(group['params']) for group in groups] == [1, 3]
    assert [group['weight_decay'] for group in groups] == [0.1, 0.0]
