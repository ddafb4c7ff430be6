# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The ways in which a driver may publish: raw or compressed, with stamps or without.

A node names one topic; what it takes is the first way that somebody publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.timer import Timer
from sensor_msgs.msg import CompressedImage, Image

from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription, no_rest, published_here
from emotion_perception.ros.timer import steady_timer

# Seconds between two looks at who publishes what.
_LOOK = 0.5


@dataclass(frozen=True)
class Way:
    """A topic (its full name) and the type of its messages."""

    topic: str
    kind: type

    @property
    def type_name(self) -> str:
        """Return the full name of the type, as the graph knows it."""
        return f'{self.kind.__module__.partition(".")[0]}/msg/{self.kind.__name__}'

    def published(self, node: Node) -> bool:
        """Whether anybody publishes it, in this process or outside."""
        return published_here(node, self.topic, self.kind) or any(
            info.topic_type == self.type_name
            for info in node.get_publishers_info_by_topic(self.topic)
        )


def picture_ways(node: Node, topic: str) -> list[Way]:
    """Return how the pictures of a camera may come.

    :param topic: as the node subscribes to it; it may be that of compressed pictures itself.
    """
    name = node.resolve_topic_name(topic)
    return [
        Way(name, Image),
        Way(name, CompressedImage),
        Way(f'{name}/compressed', CompressedImage),
    ]


class AnySubscription:
    """Subscribes to the first way that is published; the first of all while none is.

    Once a way has messages it stays, until its publishers leave and another way has some.

    :param node: that subscribes, and whose log says which way it took if not the first.
    :param ways: the best first.
    :param callback: takes a message of any of them; see :class:`BusSubscription`.
    :param rest: see there.
    """

    def __init__(
        self,
        node: Node,
        ways: Sequence[Way],
        callback: Callable[[Any], None],
        profile: QoSProfile = qos.IMAGE,
        rest: Callable[[], float] = no_rest,
    ) -> None:
        self._node = node
        self._ways = ways
        self._callback = callback
        self._profile = profile
        self._rest = rest
        self._way = self._choose() or ways[0]
        self._subscription = self._subscribe()
        self._timer: Timer | None = None
        if len(ways) > 1:
            self._timer = steady_timer(node, _LOOK, self._look)

    @property
    def info(self) -> Any:
        """Return what came along with the newest message over DDS, as :class:`BusSubscription`."""
        return self._subscription.info

    def destroy(self) -> None:
        """End the subscription."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._subscription.destroy()

    def _choose(self) -> Way | None:
        return next((way for way in self._ways if way.published(self._node)), None)

    def _look(self) -> None:
        """Take another way where this one has no publisher (any more)."""
        if self._way.published(self._node):
            return
        found = self._choose()
        if found is None:
            return
        self._way = found
        self._subscription.destroy()
        self._subscription = self._subscribe()

    def _subscribe(self) -> BusSubscription:
        if self._way != self._ways[0]:
            self._node.get_logger().info(f'taking {self._way.topic} ({self._way.type_name})')
        return BusSubscription(
            self._node, self._way.kind, self._way.topic, self._callback, self._profile, self._rest
        )
