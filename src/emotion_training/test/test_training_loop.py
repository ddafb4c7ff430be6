# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The loop that all trainings share does what its parts say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_training.common.files import TrainingError
from emotion_training.common.loop import (
    Best,
    MovingAverage,
    cosine,
    decayed_apart,
    mixup,
    one_cycle,
    take_steps,
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

    loss = take_steps(network, line_batches(), loss_of, optimizer, average=average, **arguments)
    return network, average, loss


def test_a_loop_learns_at_the_rate_it_is_given_and_averages_the_weights():
    network, average, loss = trained(rate=lambda step, _: 0.2)
    wanted = torch.tensor([[1.0, -2.0, 0.5]])
    torch.testing.assert_close(network.weight.detach(), wanted, atol=0.02, rtol=0)
    torch.testing.assert_close(average.network.weight, wanted, atol=0.1, rtol=0)
    assert not torch.equal(average.network.weight, network.weight) and 0 < loss < 2
    still, _, same = trained(rate=lambda step, _: 0.0)
    assert same > loss and still.weight.std() < network.weight.std()


def test_a_loss_that_is_no_number_ends_the_training_with_advice():
    with pytest.raises(TrainingError, match='lower the learning rate'):
        trained(rate=lambda step, _: 1e20)


def test_who_watches_a_training_may_end_it():
    seen = []

    def enough(step, loss):
        seen.append(loss)
        return step == 9

    _, average, loss = trained(rate=lambda step, _: 0.1, every=3, watch=enough)
    assert len(seen) == 3 and average.steps == 9
    assert loss == pytest.approx(np.mean(seen), rel=1e-5)


def test_patience_counts_from_the_last_score_that_was_clearly_better():
    best = Best(patience=2, least=0.1)
    rises = [best.rises(score, at) for at, score in enumerate((0.5, 0.55, 0.7, 0.6, 0.75), 1)]
    assert rises == [True, False, True, False, False]
    assert (best.score, best.at) == (0.7, 3)
    assert [best.is_past(now) for now in (3, 4, 5)] == [False, False, True]
    assert not Best().is_past(1000)
    assert not Best().rises(float('nan'), 1)


def test_clipping_limits_a_step():
    torch.manual_seed(0)
    before = torch.nn.Linear(3, 1).weight.detach().clone()
    network, _, _ = trained(rate=lambda step, _: 0.1 if step == 0 else 0.0, clip=0.5)
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


def test_a_head_learns_at_a_rate_of_its_own():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    groups = decayed_apart(network, 0.1, network[1], 5.0)
    shares = {id(value): group['share'] for group in groups for value in group['params']}
    assert [shares[id(value)] for value in network.parameters()] == [1.0, 1.0, 5.0, 5.0]
    assert [group['weight_decay'] for group in groups] == [0.1, 0.0, 0.1, 0.0]


def test_the_loop_takes_the_steps_that_a_loop_written_out_would_take():
    """Groups with rates of their own, half a cosine, clipping, and an average of the weights."""

    def start():
        torch.manual_seed(1)
        network = torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
        )
        groups = [
            {'params': list(network[0].parameters()), 'lr': 0.05, 'peak': 0.05},
            {'params': list(network[2].parameters()), 'lr': 0.2, 'peak': 0.2},
        ]
        return network, torch.optim.AdamW(groups, weight_decay=0.1)

    def loss_of(network, batch):
        return ((network(batch[0]) - batch[1]) ** 2).mean()

    plain, optimizer = start()
    kept = [value.detach().clone() for value in plain.parameters()]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    losses = []
    for step, batch in enumerate(line_batches()):
        loss = loss_of(plain, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        schedule.step()
        weight = min(0.9, (step + 1) / (step + 10))
        kept = [weight * old + (1 - weight) * new for old, new in zip(kept, plain.parameters())]
        losses.append(float(loss.detach()))

    network, optimizer = start()
    average = MovingAverage(network, 0.9, steps=-1)
    told = []
    mean = take_steps(
        network,
        line_batches(),
        lambda batch: loss_of(network, batch),
        optimizer,
        lambda step, group: group['peak'] * cosine(step / 60),
        average,
        clip=0.5,
        every=20,
        watch=lambda step, loss: told.append((step, loss)),
    )
    for mine, theirs in zip(network.parameters(), plain.parameters()):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(average.network.parameters(), kept):
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-5, atol=1e-6)
    assert told == [
        (step, pytest.approx(np.mean(losses[step - 20 : step]), rel=1e-4)) for step in (20, 40, 60)
    ]
    assert mean == pytest.approx(np.mean(losses), rel=1e-4)
