# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Messages that were sent and never arrived, by number.

A callback gets the numbers as its second argument; rclpy's types do not know that (``Any``).
"""

from __future__ import annotations

from typing import Any

from rclpy.node import Node


class Losses:
    """Count the gaps in the sequence numbers of a topic's publisher.

    Only what is certain counts: numbers that followed one another before the gap, and one
    publisher. Middleware that gives no numbers (Humble's) gives no losses either.

    :param node: whose graph is asked.
    :param topic: as the node subscribes to it.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node = node
        self._topic = node.resolve_topic_name(topic)
        self._last: int | None = None
        self._steady = False
        self.count = 0
        """Messages that were lost so far."""

    def note(self, info: Any) -> int:
        """Note a message by the information that came along; return how many were lost before.

        :param info: the second argument of a subscription's callback.
        """
        number = info.get('publication_sequence_number') if isinstance(info, dict) else None
        if number is None:
            return 0
        last, self._last = self._last, number
        steady, self._steady = self._steady, last is not None and number == last + 1
        if last is None or not steady or number <= last + 1:
            return 0
        if self._node.count_publishers(self._topic) != 1:
            return 0
        lost = int(number - last - 1)
        self._steady = True
        self.count += lost
        return lost
