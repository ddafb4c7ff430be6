"""What each node says about itself on /diagnostics, once a second."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from emotion_perception.ros import qos
from emotion_perception.ros.timer import steady_timer

PERIOD = 1.0


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
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', qos.RESULT)
        self._timer = steady_timer(node, PERIOD, self.publish)

    def tick(self, latency: float = float('nan')) -> None:
        """Count one result.

        :param latency: seconds from the acquisition of the input to now; NaN if unknown.
        """
        with self._lock:
            self._count += 1
            if not math.isnan(latency):
                self._latencies.append(latency)

    def ok(self, text: str = 'running') -> None:
        """Report that all is well."""
        self._level, self._text = DiagnosticStatus.OK, text

    def warn(self, text: str) -> None:
        """Report that the node works, but not as it should."""
        self._level, self._text = DiagnosticStatus.WARN, text

    def error(self, text: str) -> None:
        """Report that the node cannot do its work."""
        self._level, self._text = DiagnosticStatus.ERROR, text

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
