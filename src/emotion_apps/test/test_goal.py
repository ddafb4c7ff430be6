# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The server of an action of which one goal runs at a time."""

from __future__ import annotations

import contextlib
import threading

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from emotion_apps import goal
from emotion_msgs.action import PlayGame
from emotion_perception.ros.executor import NodeExecutor


def test_a_result_is_kept_for_a_while_and_then_forgotten(client, ros_domain, monkeypatch) -> None:
    monkeypatch.setattr(goal, '_RESULT_KEPT', 1)
    context = Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = Node('serving', context=context)
    server = goal.SingleGoal(node, PlayGame, 'play', lambda request: None, lambda: None)
    node.create_timer(0.05, lambda: server.finish(PlayGame.Result(), success=True))
    executor = NodeExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        status, _ = client.send_goal(PlayGame, 'play', PlayGame.Goal()).result()
        assert status == GoalStatus.STATUS_SUCCEEDED
        client.until(lambda: not server._server._goal_handles, 30, 'the result to be forgotten')
    finally:
        context.try_shutdown()
        thread.join()
        server.destroy()
        node.destroy_node()
