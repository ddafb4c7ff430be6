# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What differs between the distributions of ROS 2, Humble to Rolling: the only place that knows.

Humble's rclpy (its branch ``humble``) keeps the callbacks of events in ``rclpy.qos_event``;
``rclpy.event_handler`` came with Iron, where importing the old module warns.
"""

from __future__ import annotations

try:
    from rclpy.event_handler import EventHandler, SubscriptionEventCallbacks
except ImportError:
    from rclpy.qos_event import QoSEventHandler as EventHandler
    from rclpy.qos_event import SubscriptionEventCallbacks

__all__ = ['EventHandler', 'SubscriptionEventCallbacks']
