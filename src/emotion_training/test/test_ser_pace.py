# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A new head learns first, the encoder below it late and gently."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_training.ser.pace import Pace, learn, share


class Net(torch.nn.Module):
    """Three layers: one that is never tuned, one of an encoder, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed, self.encoder, self.head = (torch.nn.Linear(3, 3) for _ in range(3))

    def forward(self, sound):
        return self.head(torch.tanh(self.encoder(torch.tanh(self.fixed(sound)))))


def what_moved(pace, steps=20):
    """Return which parts changed in each step."""
    torch.manual_seed(0)
    network = Net()
    moved, before = [], {name: p.clone() for name, p in network.state_dict().items()}

    def watch(step, loss):
        nonlocal before
        now = {name: p.clone() for name, p in network.state_dict().items()}
        moved.append({n.split('.')[0] for n in now if not torch.equal(now[n], before[n])})
        before = now

    learn(
        network,
        network.head.parameters(),
        [network.encoder.parameters()],
        pace,
        steps,
        itertools.repeat(torch.ones(4, 3)),
        lambda sound: network(sound).square().mean(),
        'cpu',
        watch=watch,
    )
    return moved


def test_the_head_learns_first_then_both_and_nothing_else():
    moved = what_moved(Pace(frozen=0.25))
    assert moved[:5] == [{'head'}] * 5
    assert moved[5:15] == [{'head', 'encoder'}] * 10


def test_a_rate_of_zero_leaves_the_encoder_as_it_is():
    assert all(parts == {'head'} for parts in what_moved(Pace(encoder_rate=0.0))[:15])


def test_lower_blocks_learn_more_slowly():
    blocks = [torch.nn.Linear(1, 1) for _ in range(4)]
    groups = Pace(head_rate=1.0, encoder_rate=0.1, depth_decay=0.5).weights(
        blocks[3].parameters(), [block.parameters() for block in blocks[:3]]
    )
    rates = {id(weight): group['rate'] for group in groups for weight in group['params']}
    assert [rates[id(block.weight)] for block in blocks] == [0.025, 0.05, 0.1, 1.0]


def test_the_rate_rises_where_a_phase_begins_and_comes_to_rest():
    shares = [share(step, 100, 20) for step in range(100)]
    assert shares[:20] == [0.0] * 20
    assert shares[20:25] == sorted(shares[20:25]) and max(shares) == 1.0
    assert shares[25:] == sorted(shares[25:], reverse=True) and shares[-1] < 0.01
