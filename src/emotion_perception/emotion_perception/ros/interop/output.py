# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What all outputs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from rclpy.node import Node

from emotion_perception.ros.interop.frame import SeenFrame


class Output(ABC):
    """Says frames in the messages of one package, where anybody listens.

    A module of this folder imports its package at the top; :mod:`.outputs` leaves out those
    whose package is not installed.
    """

    @property
    @abstractmethod
    def wanted(self) -> bool:
        """Whether anybody listens."""

    @abstractmethod
    def publish(self, frame: SeenFrame) -> None:
        """Publish a frame; called only while :attr:`wanted`."""

    def rest(self) -> None:  # noqa: B027 (a hook: most have nothing to do)
        """Take note that nobody listens any more."""


MakeOutput = Callable[[Node], Output]
