# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A node as it is to be started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeSetup:
    """What :func:`emotion_bringup.graphs.resolve` says of a node.

    :param name: of the node and of its executable.
    :param package: the ROS package that has the executable.
    :param namespace: within that of the graph; empty for the graph's own.
    """

    name: str
    package: str
    parameters: dict[str, object]
    remappings: dict[str, str]
    namespace: str = ''

    @property
    def path(self) -> str:
        """Return namespace and name, unique in the graph."""
        return f'{self.namespace}/{self.name}'.lstrip('/')
