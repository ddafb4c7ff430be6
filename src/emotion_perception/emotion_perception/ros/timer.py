# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Timers that fire whatever the clock of the graph does."""

from __future__ import annotations

import threading
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


def once(node: Node, delay: float, step: Callable[[], object]) -> Timer:
    """Have the node's executor do something once, after ``delay`` seconds of real time."""
    made = threading.Lock()

    def act() -> None:
        with made:  # An executor in another thread may be this quick.
            node.destroy_timer(timer)
        step()

    with made:
        timer = steady_timer(node, delay, act)
    return timer
