# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Timers that fire whatever the clock of the graph does."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer


def steady_timer(node: Node, period: float, callback: Callable[[], None]) -> Timer:
    """Create a timer that fires every ``period`` seconds of real time.

    A timer of the node's own clock stands still while simulated time does, and waits for hours
    when the clock is set back.
    """
    return node.create_timer(period, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
