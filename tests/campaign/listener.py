# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Take all that a graph says, some at a time.

An executor wakes for each message, and builds its wait set each time: with hundreds of messages a
second that cost as much as a node of the graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node

from support.client import ANY

# Seconds between two looks.
_LOOK = 0.02


class Listener:
    """Subscribes to topics and hands on what comes, in a thread of its own.

    :param node: which nobody spins for these.
    :param topics: their types by name.
    :param take: called with the topic, the message, and when it arrived (seconds since the epoch).
    """

    def __init__(
        self, node: Node, topics: Mapping[str, type], take: Callable[[str, Any, float], None]
    ) -> None:
        self._subscriptions = {
            topic: node.create_subscription(kind, f'/{topic}', lambda _: None, ANY)
            for topic, kind in topics.items()
        }
        self._take = take
        self.error: BaseException | None = None
        """What ended it before its time."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='listener', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.wait(_LOOK):
                for topic, subscription in self._subscriptions.items():
                    while True:
                        with subscription.handle:
                            taken = subscription.handle.take_message(subscription.msg_type, False)
                        if taken is None:
                            break
                        self._take(topic, taken[0], taken[1]['received_timestamp'] * 1e-9)
        except BaseException as error:  # Whoever listens is told.
            self.error = error
