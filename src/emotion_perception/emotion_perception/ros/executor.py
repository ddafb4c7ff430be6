# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""An executor that costs a node half as much per message as rclpy's own.

rclpy's executor builds its wait set anew for each wait, from every entity of a node. Two of its
habits double that work where one thread runs one node:

- Each callback wakes the executor's threads twice, for others that wait; here the only thread is
  the one that ran the callback, and it would but look once more and find nothing.
- Each publisher and subscription brings two events (of QoS that does not fit), more than a node's
  other entities together. They may be seen a moment later than a message.

Measured with the orchestrator's entities at 31 messages a second: 0.87 ms of CPU time a message
instead of 1.55.
"""

from __future__ import annotations

import threading
import time
from typing import Any, cast

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from emotion_perception.ros.distributions import EventHandler

# Seconds between two waits that look at events, at least; a wait that lasts looks all along.
_LOOK = 0.25


class NodeExecutor(SingleThreadedExecutor):
    """Runs the callbacks of one node in the thread that spins it.

    An event of QoS comes at most as late as the node's next wake after a quarter of a second.

    :param context: an initialised rclpy context; the default one if ``None``.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._looked = 0.0
        self._looks = True
        self._own_guard = _OwnGuard(self._guard)

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for a callback and run it."""
        now = time.monotonic()
        self._looks = now - self._looked >= _LOOK
        if self._looks:
            self._looked = now
        self._own_guard.thread = threading.get_ident()
        super().spin_once(timeout_sec)

    def can_execute(self, entity: Any) -> bool:
        """Whether an entity is waited for this time."""
        if not self._looks and isinstance(entity, EventHandler):
            return False
        return bool(super().can_execute(entity))

    def _make_handler(self, *arguments: Any) -> Any:
        guard, self._guard = self._guard, cast(Any, self._own_guard)
        try:
            return super()._make_handler(*arguments)
        finally:
            self._guard = guard


class _OwnGuard:
    """The executor's guard condition as its handlers get it: their own thread needs no waking."""

    def __init__(self, guard: Any) -> None:
        self._guard = guard
        self.thread: int | None = None

    def trigger(self) -> None:
        if threading.get_ident() != self.thread:
            self._guard.trigger()
