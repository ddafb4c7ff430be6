# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Memory that large messages took is given back: by the middleware's queues, and by the heap."""

from __future__ import annotations

import array
import os

import pytest
from campaign.usage import most_of, usage_of
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile

from emotion_msgs.msg import EmotionPrediction
from emotion_perception.ros import memory
from support.client import RELIABLE

# Much more than it takes: a busy machine is no failure.
PATIENCE = 90.0
# Bytes of a message; so many wait in the queue of a topic.
LARGE, WAIT = 8 << 20, 10


@pytest.mark.timeout(300)
def test_a_queue_that_was_full_of_large_messages_is_small_again(processes, client) -> None:
    node = processes.node('fusion_node')
    spoken = client.watch('/diagnostics', DiagnosticArray, RELIABLE)
    spoken.wait(timeout=PATIENCE)
    publisher = client.publisher(
        'emotion/face', EmotionPrediction, QoSProfile(depth=3 * WAIT), timeout=PATIENCE
    )
    before = usage_of(node.pid).memory
    message = EmotionPrediction(embedding=array.array('f', bytes(LARGE)))
    for _ in range(3 * WAIT):
        publisher.publish(message)
    client.until(
        lambda: most_of(node.pid) > before + LARGE / 2**20, PATIENCE, 'the messages to arrive'
    )
    publisher.wait_for_all_acked()
    client.until(
        lambda: usage_of(node.pid).memory < before + 2.5 * LARGE / 2**20,
        PATIENCE,
        'the memory to be given back',
    )


def test_a_few_megabytes_that_were_freed_go_back_to_the_system(monkeypatch) -> None:
    memory._trim(0)
    monkeypatch.setattr(memory, '_settled', memory._resident())
    blocks = [os.urandom(3000) for _ in range(2000)]
    kept = blocks[::100]
    grown = memory._resident()
    del blocks
    monkeypatch.setattr(memory, '_next', 0.0)
    memory.give_back()
    assert memory._resident() < grown - (4 << 20)
    assert len(kept) == 20
