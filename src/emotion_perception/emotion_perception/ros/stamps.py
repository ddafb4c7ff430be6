# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The stamps of a topic, made good where they cannot be used: :mod:`~.timing`'s rule for nodes."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_msgs.msg import Header

from emotion_perception import timing
from emotion_perception.ros.convert import to_seconds, to_stamp
from emotion_perception.ros.limits import LONGEST_TEXT, header_of
from emotion_perception.timing import Order, SetBack, TimeLine


class Stamps:
    """Read the headers of one topic at the entrance of a node.

    :param node: whose clock and log are used.
    :param topic: as the node subscribes to it.
    :param ahead: see :class:`emotion_perception.timing.Stamps`; so are ``behind`` and ``clock``.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        *,
        ahead: float = math.inf,
        behind: float = math.inf,
        clock: SetBack | None = None,
    ) -> None:
        self._node = node
        self._topic = node.resolve_topic_name(topic)
        self._stamps = timing.Stamps(self._say, ahead=ahead, behind=behind, clock=clock)

    def time(self, stamp: Time, *, late: float = 0.0) -> float:
        """Return the time that a stamp stands for, seconds; call it when the message arrives."""
        return self._stamps.read(to_seconds(stamp), now(self._node), late)

    def header(self, header: Header) -> Header:
        """Return the header itself, or one with the time that its stamp stands for.

        A frame's name that is longer than any is cut: it goes along with each result.
        """
        time = self.time(header.stamp)
        if time == to_seconds(header.stamp):
            return header_of(header)
        return Header(stamp=to_stamp(max(0.0, time)), frame_id=header.frame_id[:LONGEST_TEXT])

    def _say(self, text: str) -> None:
        self._node.get_logger().warning(f'{self._topic} {text}')


class StampedLine(TimeLine):
    """The time line of a topic, which says when its source begins anew.

    :param node: whose log is used.
    :param topic: as the node subscribes to it.
    :ivar late: how many stamps were out of order.
    """

    def __init__(self, node: Node, topic: str) -> None:
        super().__init__()
        self.late = 0
        self._node = node
        self._topic = node.resolve_topic_name(topic)

    def take(self, stamp: float) -> Order:
        """Note a stamp and say where it stands."""
        before = self.newest
        order = super().take(stamp)
        self.late += order is Order.LATE
        if order is Order.ANEW:
            self._node.get_logger().info(
                f'the stamps of {self._topic} go back by {before - stamp:.3f} s (a recording that '
                'starts over, or a clock that was set): everything begins anew'
            )
        return order


def now(node: Node) -> float:
    """Return the time of a node's clock, seconds since the epoch."""
    return node.get_clock().now().nanoseconds * 1e-9
