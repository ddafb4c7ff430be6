# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What each node says about itself on /diagnostics, once a second."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from emotion_perception.memory import give_back
from emotion_perception.ros import hang, qos
from emotion_perception.ros.inputs import Input
from emotion_perception.ros.sources import Way
from emotion_perception.ros.timer import steady_timer

PERIOD = 1.0
# Seconds between two looks at what comes in; what changed is said at once.
_LOOK = 0.5


class Diagnostics:
    """Count what a node does and publish rate, latency, drops, and what else it is told.

    :param values: called at each report; returns further keys and values (model, device, ...).
    """

    def __init__(self, node: Node, values: Callable[[], dict[str, object]] = dict) -> None:
        self._node = node
        self._values = values
        self._lock = threading.Lock()
        self._latencies: list[float] = []
        self._count = 0
        self._since = time.monotonic()
        self._level, self._text = DiagnosticStatus.OK, 'running'
        self._namesakes = 0
        self._inputs: list[Input] = []
        self._resting = False
        self._trouble = ''
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', qos.RESULT)
        self._timer = steady_timer(node, _LOOK, self._look)

    def tick(self, latency: float = float('nan')) -> None:
        """Count one result.

        :param latency: seconds from the acquisition of the input to now; NaN if unknown.
        """
        with self._lock:
            self._count += 1
            if not math.isnan(latency):
                self._latencies.append(latency)

    def watch(self, kind: type, topic: str, what: str = '') -> Input:
        """Warn from now on when nobody publishes a topic, nothing comes, or all is refused.

        See :class:`Input` for what is told and what it must be told.
        """
        return self.watch_any([Way(self._node.resolve_topic_name(topic), kind)], what)

    def watch_any(self, ways: Sequence[Way], what: str = '') -> Input:
        """Watch what may come in several ways; see :meth:`watch`."""
        item = Input(self._node, ways, what)
        self._inputs.append(item)
        return item

    def leave(self, item: Input) -> None:
        """Do not watch a topic any more."""
        self._inputs.remove(item)

    def rest(self, resting: bool) -> None:
        """Say whether the node does not listen at present: then nothing is missed."""
        if self._resting and not resting:
            for item in self._inputs:
                item.begin()
        self._resting = resting

    def ok(self, text: str = 'running') -> None:
        """Report that all is well."""
        self._level, self._text = DiagnosticStatus.OK, text

    def warn(self, text: str) -> None:
        """Report that the node works, but not as it should."""
        self._level, self._text = DiagnosticStatus.WARN, text

    def error(self, text: str) -> None:
        """Report that the node cannot do its work."""
        self._level, self._text = DiagnosticStatus.ERROR, text

    def _look(self) -> None:
        """Look at what comes in; report once a period, and at once when that has changed."""
        hang.alive()
        before = bool(self._trouble)
        inputs = [] if self._resting else self._inputs
        self._trouble = next(filter(None, [item.trouble() for item in inputs]), '')
        if bool(self._trouble) != before or time.monotonic() - self._since > PERIOD - _LOOK / 2:
            self.publish()

    def publish(self) -> None:
        """Report now: something changed that others wait for."""
        now = time.monotonic()
        with self._lock:
            rate = self._count / max(now - self._since, 1e-6)
            latencies, self._latencies = sorted(self._latencies), []
            self._count, self._since = 0, now
        values: dict[str, object] = {'rate_hz': f'{rate:.1f}'}
        if latencies:
            values['latency_ms'] = f'{1000 * latencies[len(latencies) // 2]:.1f}'
            values['latency_max_ms'] = f'{1000 * latencies[-1]:.1f}'
        values.update(self._values())
        level, text = self._level, self._text
        if self._trouble and level == DiagnosticStatus.OK:
            level, text = DiagnosticStatus.WARN, self._trouble
        if self._look_for_namesakes() and level == DiagnosticStatus.OK:
            level, text = DiagnosticStatus.WARN, 'another node has the same name'
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name().lstrip('/'),
            message=text,
            hardware_id=str(values.get('device', '')),
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
        give_back()

    def _look_for_namesakes(self) -> int:
        """Return how many other nodes have this node's name; warn whenever one comes.

        ROS 2 lets them be: topics work, but services, actions and parameters of that name
        answer for either of them.
        """
        own = (self._node.get_name(), self._node.get_namespace())
        namesakes = self._node.get_node_names_and_namespaces().count(own) - 1
        if namesakes > self._namesakes:
            self._node.get_logger().warning(
                f'{namesakes + 1} nodes are named {self._node.get_fully_qualified_name()}: stop '
                'one, or give it another name (--ros-args -r __node:=NAME) or namespace '
                '(-r __ns:=/NAME)'
            )
        self._namesakes = max(0, namesakes)
        return self._namesakes
