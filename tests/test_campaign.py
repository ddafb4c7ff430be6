# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The campaign's short form: strange messages for every node; see docs/robustness.md."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from campaign.fuzz import fuzz
from campaign.strange import Stranger
from campaign.verdict import faults

from emotion_msgs.msg import EmotionPrediction


def test_strange_messages_end_no_node_and_never_become_a_number_that_is_none(
    tmp_path: Path,
) -> None:
    report = fuzz('web', 2000, seed=7, folder=tmp_path, seconds=15, attack=500)
    assert report['findings'] == {}
    assert report['messages'] > 200
    assert report['heard'].keys() >= {'emotion/face', 'emotion/voice', 'emotion/fused'}
    assert all(after <= before + 1 for before, after in report['threads'].values())
    assert all(after <= before + 2 for before, after in report['files'].values())


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
