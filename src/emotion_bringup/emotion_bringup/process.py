# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The nodes of a graph in one process.

Each node has an executor and a thread of its own, as in a process of its own: rclpy's executor
looks at every entity of its nodes on each wake, so that one executor for ten nodes costs 2.4
times the CPU time and twice the latency of ten (measured with ten lifecycle nodes in a chain at
30 Hz). What a wake costs: emotion_perception.ros.executor. Pictures are handed over as objects
(see emotion_perception.ros.bus).
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from pathlib import Path

import rclpy
from ament_index_python.packages import get_package_prefix
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from emotion_bringup.node_setup import NodeSetup
from emotion_perception.ros import hang
from emotion_perception.ros.executor import NodeExecutor
from emotion_perception.ros.main import prepare, shut_down


class GraphProcess:
    """The nodes of a graph, alive in this process.

    :param setups: of :func:`emotion_bringup.graphs.resolve`.
    :param context: an initialised rclpy context; the default one if ``None``.
    :param namespace: of the graph: where the namespaces of its nodes begin.
    :raises ConfigurationError: if a node cannot take a parameter.
    """

    def __init__(
        self,
        setups: Sequence[NodeSetup],
        context: rclpy.context.Context | None = None,
        namespace: str = '',
    ) -> None:
        # Threads hand frames to each other: the default of 5 ms would show in the latency.
        sys.setswitchinterval(0.0005)
        self._executors: list[NodeExecutor] = []
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self._closing = False
        self.nodes: dict[str, Node] = {}
        self.failed = False
        """Whether a node ended with an error; its text was logged, and the context shut down."""
        try:
            for setup in setups:
                self.nodes[setup.path] = make_node(setup, context, namespace)
        except BaseException:  # An interrupt, too: what is made already has threads.
            self.close()
            raise
        for node in self.nodes.values():
            self._start(node, context)

    def spin(self, node: Node, context: rclpy.context.Context | None = None) -> None:
        """Spin a further node in a thread of its own, until :meth:`close`."""
        self.nodes[node.get_name()] = node
        self._start(node, context)

    def _start(self, node: Node, context: rclpy.context.Context | None) -> None:
        executor = NodeExecutor(context=context)
        executor.add_node(node)
        thread = threading.Thread(
            target=self._spin, args=(executor, node), name=node.get_name(), daemon=True
        )
        self._executors.append(executor)
        self._threads.append(thread)
        thread.start()

    def _spin(self, executor: NodeExecutor, node: Node) -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass
        except Exception:
            # What a node does while it is closed or the context shut down may fail: that is no
            # failure.
            if node.context.ok() and not self._closing:
                node.get_logger().fatal(f'the node failed:\n{traceback.format_exc()}')
                self.failed = True
                node.context.try_shutdown()
        finally:
            self._ended.set()

    def wait(self) -> None:
        """Wait until the context is shut down or a node failed."""
        self._ended.wait()

    def close(self) -> None:
        """Stop all nodes."""
        self._closing = True
        for executor in self._executors:
            executor.shutdown(timeout_sec=5.0)
        for thread in self._threads:
            thread.join(timeout=5.0)
        for node in self.nodes.values():
            node.destroy_node()
        self.nodes.clear()


def initialise(arguments: Sequence[str] | None = None) -> None:
    """Initialise rclpy so that SIGINT and SIGTERM raise KeyboardInterrupt in the main thread.

    rclpy's own handlers shut the context down at once, under worker threads that still publish;
    this way :func:`finish` can stop the nodes first.
    """
    prepare()
    rclpy.init(
        args=None if arguments is None else list(arguments),
        signal_handler_options=SignalHandlerOptions.NO,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def finish(process: GraphProcess | None) -> None:
    """Stop the nodes, then rclpy; a second signal does not cut that short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    hang.rest()
    if process is not None:
        process.close()
    shut_down(complete=process is not None)


def in_executor(node: Node, call: Callable[[], Future], timeout: float = 30.0) -> Future:
    """Have the thread that spins a node send an action's request; return its future.

    rclpy's action client notes a request only after it has sent it: sent from another thread, an
    answer that comes at once is taken for somebody else's, and lost.

    :raises TimeoutError: if the node is not spun.
    """
    executor = node.executor
    if executor is None:
        raise TimeoutError(f'{node.get_name()} is not spun')
    sent = threading.Event()
    task = executor.create_task(call)
    task.add_done_callback(lambda _: sent.set())
    if not sent.wait(timeout):
        raise TimeoutError(f'{node.get_name()} sent nothing within {timeout:g} s')
    return task.result()


def make_node(
    setup: NodeSetup, context: rclpy.context.Context | None = None, namespace: str = ''
) -> Node:
    """Create a node of a graph.

    :param namespace: of the graph.
    :raises ConfigurationError: if it cannot take a parameter.
    """
    arguments = ['--ros-args']
    if setup.namespace:
        arguments += ['-r', f'__ns:={namespace.rstrip("/")}/{setup.namespace}']
    for key, value in setup.parameters.items():
        # JSON is YAML that keeps "0" a string; of its escapes, half an emoji is none to ROS.
        arguments += ['-p', f'{key}:={json.dumps(value, ensure_ascii=False)}']
    for source, target in setup.remappings.items():
        arguments += ['-r', f'{source}:={target}']
    return node_class(setup.package, setup.name)(cli_args=arguments, context=context)


def node_class(package: str, name: str) -> Callable[..., Node]:
    """Return the class of a node, which its package's setup.py lists under ``emotion.nodes``.

    :param name: of the executable.
    :raises LookupError: if the package is not installed or lists no such node.
    """
    points = distribution(package).entry_points.select(group='emotion.nodes', name=name)
    if not points:
        raise LookupError(f'{package} lists no node {name!r} under emotion.nodes in its setup.py')
    return next(iter(points)).load()


def executable(package: str, name: str) -> Path:
    """Return the file that ``ros2 run PACKAGE NAME`` starts.

    :raises LookupError: if the package is not installed.
    """
    return Path(get_package_prefix(package), 'lib', package, name)
