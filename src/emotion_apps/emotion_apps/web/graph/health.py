# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the nodes say of themselves on ``/diagnostics``, for the pages and for what they ask."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from emotion_apps.web import protocol
from emotion_apps.web.hub import EVERYWHERE, Hub
from emotion_perception.ros import qos

# What a node said about itself longer ago, seconds, is not shown any more.
_STALE = 5.0


class Health:
    """Listens while a page is open, and sends the pages what is new enough."""

    def __init__(self, node: Node, hub: Hub) -> None:
        self._node, self._hub = node, hub
        self._said: dict[str, tuple[float, DiagnosticStatus]] = {}
        self._subscription: Any = None

    def look(self, wanted: bool) -> None:
        """Begin or end to listen."""
        if wanted and self._subscription is None:
            self._subscription = self._node.create_subscription(
                DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.AUDIO
            )
        elif not wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def post(self) -> None:
        """Send the pages what was said lately."""
        now = time.monotonic()
        for name in [name for name, (when, _) in self._said.items() if now - when > _STALE]:
            del self._said[name]
        items = [
            {
                'name': name,
                'level': int.from_bytes(status.level, 'little'),
                'message': status.message,
                'values': [[value.key, value.value] for value in status.values],
            }
            for name, (_, status) in sorted(self._said.items())
        ]
        text = protocol.encode('diagnostics', items=items)
        self._hub.post(EVERYWHERE, 'diagnostics', text, keep=True)

    def error_of(self, node: str, since: float) -> str:
        """Return the error that a node reported after a steady time; empty if none."""
        name = self._node.resolve_service_name(f'{node}/x').removesuffix('/x').lstrip('/')
        if name not in self._said:
            return ''
        when, status = self._said[name]
        if when < since or status.level != DiagnosticStatus.ERROR:
            return ''
        return str(status.message)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        now = time.monotonic()
        for status in message.status:
            self._said[status.name] = (now, status)
