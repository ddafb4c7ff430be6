# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Nodes that cannot begin, and nodes that are there twice."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray

from emotion_msgs.msg import MultimodalState
from support.client import LATCHED, RELIABLE
from support.models import face_model

# Much more than it takes: a busy machine is no failure.
START = 90.0
pytestmark = pytest.mark.timeout(300)


def test_a_model_that_is_missing_is_named_and_can_be_brought_later(processes, client, tmp_path):
    wanted = tmp_path / 'later' / 'face.onnx'
    fer = processes.node('fer_node', model=str(wanted))
    fer.wait_for_output(str(wanted), START)
    fer.wait_for_output('ros2 lifecycle set /fer_node configure', START)
    client.wait_for_state('/fer_node', 'unconfigured')
    troubles = client.watch('/diagnostics', DiagnosticArray, RELIABLE)
    troubles.wait(
        lambda message: any(str(wanted) in status.message for status in message.status), START
    )
    assert not client.transition('/fer_node', 'configure')
    wanted.parent.mkdir()
    face_model(wanted.parent)
    assert client.transition('/fer_node', 'configure')
    client.wait_for_state('/fer_node', 'active')


def test_two_nodes_of_one_name_both_say_so_and_go_on(processes, client):
    first = processes.node('orchestrator_node')
    states = client.watch('emotion/multimodal/state', MultimodalState, LATCHED)
    states.wait(timeout=START)
    second = processes.node('orchestrator_node')
    for process in (first, second):
        process.wait_for_output('2 nodes are named /orchestrator_node', START)
    assert first.running
    assert second.running
