# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What differs between the distributions of ROS 2, Humble to Rolling: the only place that knows.

Humble's rclpy (its branch ``humble``) keeps the callbacks of events in ``rclpy.qos_event``;
``rclpy.event_handler`` came with Iron, where importing the old module warns. Kilted (rclpy 9) came
with Fast DDS 3, which reads its profiles from a file that another variable names.
"""

from __future__ import annotations

from importlib.metadata import version

try:
    from rclpy.event_handler import EventHandler, SubscriptionEventCallbacks
except ImportError:
    from rclpy.qos_event import QoSEventHandler as EventHandler
    from rclpy.qos_event import SubscriptionEventCallbacks

FASTDDS_PROFILES = (
    'FASTDDS_DEFAULT_PROFILES_FILE'
    if int(version('rclpy').split('.')[0]) >= 9
    else 'FASTRTPS_DEFAULT_PROFILES_FILE'
)
"""Environment variable that names the file of Fast DDS's profiles."""

__all__ = ['FASTDDS_PROFILES', 'EventHandler', 'SubscriptionEventCallbacks']
