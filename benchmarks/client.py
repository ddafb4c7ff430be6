# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A client in a thread of its own."""

from __future__ import annotations

import threading

import measure
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor


class Client:
    """A :class:`measure.FaceClient` that listens in a thread while it is entered.

    :param namespace: of the topics that it listens to.
    """

    def __init__(self, namespace: str = '') -> None:
        self._context = rclpy.context.Context()
        rclpy.init(context=self._context)
        self.node = measure.FaceClient(context=self._context, namespace=namespace)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def __enter__(self) -> Client:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
