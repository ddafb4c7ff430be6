# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Send messages that are far too large, in a process of its own.

Such a message is under way for seconds, and rclpy lets no other thread run while it publishes one.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from campaign.counted import GIANT
from campaign.strange import GIANTS, Stranger

# The topics of what is to be sent, and of what was sent and arrived, or did not.
ASK, TELL = '/campaign/giant', '/campaign/giant_sent'
# Seconds within which one has to arrive: newer ones of its topic take its place then.
PATIENCE = 60.0
_QUEUE = QoSProfile(depth=1000)


class Giants:
    """The process, as the campaign sees it.

    :param group: in which it is started.
    :param client: that asks it.
    """

    def __init__(self, group: Any, client: Any, seed: int) -> None:
        self._asked = 0
        self._told: Counter[str] = Counter()
        self._client = client
        group.start(sys.executable, __file__, str(seed), name='giants', may_end=False)
        client.node.create_subscription(String, TELL, self._on_told, _QUEUE)
        self._publisher = client.publisher(ASK, String, _QUEUE, timeout=60.0)

    def ask(self, topic: str) -> None:
        """Have one sent on a topic, one of `GIANTS`."""
        self._asked += 1
        self._publisher.publish(String(data=topic))

    def finish(self, check: Callable[[], None]) -> None:
        """Wait until all that were asked for have arrived, or were given up.

        :param check: called meanwhile.
        """

        def finished() -> bool:
            check()
            return self._told.total() >= self._asked

        self._client.until(finished, 10 * PATIENCE, 'the giants')

    def report(self) -> dict[str, int]:
        """Return how many were sent, by topic and by whether they arrived."""
        return dict(self._told)

    def _on_told(self, message: String) -> None:
        self._told[message.data] += 1


def main(seed: int) -> None:
    """Send what is asked for, one of each topic at a time."""
    rclpy.init()
    node = rclpy.create_node('giants')
    stranger = Stranger(seed)
    waiting: deque[str] = deque()
    publishers: dict[str, Any] = {}
    under_way: dict[str, float] = {}
    node.create_subscription(String, ASK, lambda message: waiting.append(message.data), _QUEUE)
    tell = node.create_publisher(String, TELL, _QUEUE)

    def send(topic: str) -> None:
        if topic not in publishers:
            kind = GIANTS[topic][0]
            publishers[topic] = node.create_publisher(kind, f'/in/{topic}', QoSProfile(depth=1))
            end = time.monotonic() + PATIENCE
            while not publishers[topic].get_subscription_count() and time.monotonic() < end:
                rclpy.spin_once(node, timeout_sec=0.05)
        message = GIANTS[topic][1](stranger, time.time())
        message.header.frame_id = GIANT + message.header.frame_id
        publishers[topic].publish(message)
        under_way[topic] = time.monotonic()

    while rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.05)
        for topic, since in list(under_way.items()):
            arrived = publishers[topic].wait_for_all_acked(Duration(nanoseconds=1))
            if arrived or time.monotonic() > since + PATIENCE:
                del under_way[topic]
                tell.publish(String(data=f'{topic}: {"arrived" if arrived else "given up"}'))
        topic = next((name for name in waiting if name not in under_way), None)
        if topic is not None:
            waiting.remove(topic)
            send(topic)


if __name__ == '__main__':
    try:
        main(int(sys.argv[1]))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
