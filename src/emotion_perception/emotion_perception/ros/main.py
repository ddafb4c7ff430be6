# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The ``main`` that every node executable shares."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from emotion_perception.ros import hang
from emotion_perception.ros.executor import NodeExecutor
from emotion_perception.ros.middleware import use_profile
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.ros.parent import end_with_parent


def run(make: Callable[[], Node], args: Sequence[str] | None = None) -> None:
    """Create a node, spin it until it is told to end, and clean up.

    A parameter that the node cannot take ends the process with one clear line and exit code 2.
    """
    # Threads hand frames to each other: the default of 5 ms would show in the latency.
    sys.setswitchinterval(0.0005)
    interrupted = []

    def interrupt(*_: object) -> None:
        interrupted.append(True)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    prepare()
    end_with_parent()
    rclpy.init(args=None if args is None else list(args))
    node = None
    try:
        node = make()
        executor = NodeExecutor()
        executor.add_node(node)
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except ConfigurationError as error:
        print(f'error: {error}', file=sys.stderr)
        raise SystemExit(2) from None
    except Exception:
        # What a node does while a signal shuts the context down may fail: that is no failure.
        # Inside rclpy's C++ an interrupt becomes some other error.
        if rclpy.ok() and not interrupted:
            raise
    finally:
        # A second Ctrl-C (launch adds its own to the terminal's) must not cut the cleanup short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        hang.rest()
        if node is not None:
            destroy(node)
        shut_down(complete=node is not None)


def prepare() -> None:
    """Set what holds for the whole process; call it in the main thread before rclpy.init."""
    use_profile()
    hang.watch()


def destroy(node: Node) -> None:
    """Destroy a node; what fails because the context is down already is no failure."""
    try:
        node.destroy_node()
    except Exception:
        if node.context.ok():
            raise


def shut_down(*, complete: bool) -> None:
    """Shut rclpy down.

    :param complete: whether all nodes were made. Kilted's context also destroys one whose
        construction failed, half-made as it is, and stumbles over what it lacks.
    """
    try:
        rclpy.try_shutdown()
    except AttributeError:
        if complete:
            raise
