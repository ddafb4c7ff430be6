# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The campaign's short form: strange messages for every node; see docs/robustness.md."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from campaign import flow
from campaign.counted import Counts
from campaign.fuzz import fuzz
from campaign.strange import Stranger
from campaign.topics import INPUTS, SHARES
from campaign.usage import slope
from campaign.verdict import faults

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray


def test_strange_messages_end_no_node_and_never_become_a_number_that_is_none(
    tmp_path: Path,
) -> None:
    report = fuzz('web', 2000, seed=7, folder=tmp_path, seconds=15, attack=500)
    assert report['findings'] == {}
    assert report['messages'] > 200
    assert report['heard'].keys() >= {'emotion/face', 'emotion/voice', 'emotion/fused'}
    assert all(after <= before + 1 for before, after in report['threads'].values())
    assert all(after <= before + 2 for before, after in report['files'].values())
    # What was sent was worked on, by each node that takes it.
    worked_on = report['worked_on']
    for name, topic in (
        ('fusion_node', 'emotion/face'),
        ('orchestrator_node', 'emotion/voice'),
        ('interview_node', 'emotion/fused'),
        ('vad_node', 'audio/audio_stamped'),
    ):
        lost = report['lost'].get(f'{topic} to {name}', 0)
        assert worked_on[name][topic] == report['sent'][topic] - lost > 0


def test_the_campaign_sees_what_is_wrong() -> None:
    stranger = Stranger(1)
    assert faults(stranger.prediction(100.0)) == []
    wrong = stranger.prediction(100.0)
    wrong.probabilities[0] = float('nan')
    assert any('probabilities' in fault for fault in faults(wrong))
    wrong = stranger.prediction(100.0)
    wrong.span = float('inf')
    wrong.header.stamp.nanosec = 2**32 - 1
    assert len(faults(wrong)) == 2


def test_a_seed_gives_the_same_messages() -> None:
    made = [Stranger(5).make(EmotionPrediction, 100.0).probabilities.tobytes() for _ in range(2)]
    assert made[0] == made[1]


def test_no_message_but_a_giant_is_one() -> None:
    stranger = Stranger(3)
    made = [stranger.make(EmotionPredictionArray, 100.0) for _ in range(2000)]
    most = max(len(message.predictions) for message in made)
    assert 40 < most <= 200


def test_every_topic_has_a_share() -> None:
    assert SHARES.keys() == INPUTS.keys()
    assert sum(SHARES.values()) == pytest.approx(100.0)


@pytest.mark.parametrize('hourly', [0.0, 6.0])
def test_a_soak_tells_what_stays_from_what_comes_and_goes(hourly: float) -> None:
    # About half of the looks see what an utterance takes; once a minute there is no model.
    chance = random.Random(5)
    rows = [
        {
            'time': 5.0 * look,
            'node': {
                'memory': 70.0
                + hourly * 5.0 * look / 3600
                + 6.0 * (chance.random() < (0.4 if look < 240 else 0.6))
                - 15.0 * (look % 12 == 5)
            },
        }
        for look in range(360)
    ]
    assert slope(rows, 'node') == pytest.approx(hourly, abs=0.3)


@pytest.fixture
def counts(tmp_path: Path) -> Counts:
    """Return the counts of a node whose queue of ``/in/a`` holds three."""
    counts = Counts(tmp_path / 'counts')
    counts.begin('/in/a', 3)
    return counts


def test_a_message_waits_until_the_node_has_room_for_it(counts: Counts, tmp_path: Path) -> None:
    looked = []

    def work() -> None:
        looked.append(way.sent['a'])
        other.begin('/in/a', 3)(object())

    other = Counts(tmp_path / 'counts')  # The node's own view of the file.
    way = flow.Flow({'node': counts}, lambda name: {'a'}, lambda name: 0.0)
    for _ in range(4):
        way.wait('a', work)
        way.sent['a'] += 1
    assert looked == [2, 3]
    way.finish(work)
    assert way.arrived() == {'node': {'a': 4}}
    assert way.lost() == {}


def test_a_message_that_never_comes_is_lost_once_its_node_has_spoken(
    counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, '_GIVEN_UP', 0.01)
    spoke = 0.0
    checked = []

    def check() -> None:
        nonlocal spoke
        checked.append(way.lost())
        spoke = time.monotonic()

    way = flow.Flow({'node': counts}, lambda name: {'a'}, lambda name: spoke)
    way.wait('a', check)
    way.sent['a'] += 1
    way.finish(check)
    assert checked == [{}]
    assert way.lost() == {'a to node': 1}
    assert way.arrived() == {'node': {'a': 0}}


def test_a_node_that_does_not_listen_is_not_waited_for(counts: Counts) -> None:
    way = flow.Flow({'node': counts}, lambda name: {'a'}, lambda name: 0.0)
    way.wait('a', lambda: None)
    way.sent['a'] += 5
    counts.end('/in/a')
    way.finish(pytest.fail)
    assert way.lost() == {}
