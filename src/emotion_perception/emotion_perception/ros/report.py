# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Warnings that say a thing once, and not thirty times a second."""

from __future__ import annotations

import time

from rclpy.node import Node


class Reporter:
    """Log a kind of trouble at once, then at most every ``period`` seconds, with a count.

    :param period: seconds between two reports of the same kind.
    """

    def __init__(self, node: Node, period: float = 5.0) -> None:
        self._logger = node.get_logger()
        self._period = period
        self._last: dict[str, float] = {}
        self._silent: dict[str, int] = {}
        self.warnings = 0
        """Warnings so far, the silent ones too."""

    def warn(self, kind: str, text: str) -> None:
        """Report trouble of a kind; thread-safe enough for several workers."""
        self.warnings += 1
        now = time.monotonic()
        if now - self._last.get(kind, -1e9) < self._period:
            self._silent[kind] = self._silent.get(kind, 0) + 1
            return
        self._last[kind] = now
        again = self._silent.pop(kind, 0)
        self._logger.warning(text + (f' ({again} more like this)' if again else ''))
