# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The nodes on an rclpy that has no more than Humble's."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

# What the branch `humble` of ros2/rclpy lacks of what `jazzy` has: whole modules, and names in
# the others. Two of the modules are kept, because this rclpy itself needs them while it runs.
HUMBLE = """
import importlib, sys, types, warnings
from importlib.metadata import entry_points
import rclpy, rclpy.action, rclpy.event_handler, rclpy.lifecycle, rclpy.node
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.subscription import Subscription

old = types.ModuleType('rclpy.qos_event')
old.SubscriptionEventCallbacks = rclpy.event_handler.SubscriptionEventCallbacks
old.QoSEventHandler = rclpy.event_handler.EventHandler
sys.modules['rclpy.qos_event'] = old
for name in ('event_handler', 'clock_type', 'destroyable', 'logging_service', 'parameter_client',
             'parameter_event_handler', 'type_hash'):
    sys.modules[f'rclpy.{name}'] = None
    if hasattr(rclpy, name):
        delattr(rclpy, name)
for owner, names in (
    (Node, ('add_post_set_parameters_callback', 'add_pre_set_parameters_callback',
            'count_clients', 'count_services', 'get_fully_qualified_node_names',
            'list_parameters', 'wait_for_node')),
    (Subscription, ('get_publisher_count',)),
    (Client, ('service_name', 'configure_introspection')),
    (Context, ('__enter__', '__exit__')),
    (Executor, ('__enter__', '__exit__')),
):
    for name in names:
        if name in vars(owner):
            delattr(owner, name)
"""

NODES = """
from emotion_perception.ros.bus import BusSubscription
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

rclpy.init()
nodes = [point.load()() for point in entry_points(group='emotion.nodes')]
listener = next(node for node in nodes if node.get_name() == 'fer_node')
came = []
BusSubscription(listener, Image, 'elsewhere', came.append)
other = rclpy.create_node('driver')
publisher = other.create_publisher(Image, 'elsewhere', qos_profile_sensor_data)
executor = rclpy.executors.SingleThreadedExecutor()
executor.add_node(listener)
while not came:
    publisher.publish(Image(height=1))
    executor.spin_once(timeout_sec=0.05)
print('nodes:', len(nodes), 'pictures:', came[0].height)
for node in (*nodes, other):
    node.destroy_node()
rclpy.try_shutdown()
"""


def test_every_node_starts_and_hears_a_best_effort_camera_with_the_names_of_humble() -> None:
    done = subprocess.run(
        [sys.executable, '-c', HUMBLE + NODES],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'pictures: 1' in done.stdout, done.stdout + done.stderr
