# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""All places of the graph: which there are, what runs in them, who of them is listened to."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from rclpy.node import Node

from emotion_apps.web import protocol
from emotion_apps.web.call import CallError
from emotion_apps.web.graph.applications import APPLICATIONS
from emotion_apps.web.graph.place import Place
from emotion_apps.web.hub import EVERYWHERE, Hub
from emotion_apps.web.settings import WebSettings
from emotion_perception.ros.report import Reporter

# A place is known by any of these.
_MARKS = ('emotion/faces', 'emotion/detections', 'emotion/voice_activity')
# Their number travels in one byte.
_MOST = 256


class Places:
    """The node's own place, number 0, and the others in the order in which they were found.

    Its methods belong to the executor of the node, but for :meth:`prefix` and :meth:`nodes`.

    :param settings: called for the present settings.
    """

    def __init__(
        self, node: Node, hub: Hub, report: Reporter, settings: Callable[[], WebSettings]
    ) -> None:
        self._node = node
        self._hub = hub
        self._report = report
        self._settings = settings
        self._places: list[Place] = []
        self._prefixes: list[str] = []
        self._present: dict[str, set[str]] = {}
        self._known_nodes = {point.name for point in entry_points(group='emotion.nodes')}
        self._told = ''
        self._add('')

    def prefix(self, number: int) -> str:
        """Return the prefix of a place's topics.

        :raises CallError: if there is no such place.
        """
        if number >= len(self._prefixes):
            raise CallError('there is no such place')
        return self._prefixes[number]

    def nodes(self, prefix: str) -> set[str]:
        """Return the names of the nodes of a place, as the last look found them."""
        return self._present.get(prefix, set())

    def look(self) -> None:
        """Look for places and nodes that came or went, and tell the pages."""
        self._find()
        self.tell()
        for place in self._places:
            place.look()

    def watch(self, numbers: set[int]) -> None:
        """Listen to these places, and to no other."""
        for number, place in enumerate(self._places):
            if number in numbers:
                place.listen()
            else:
                place.rest()

    def post(self, prefix: str, key: str, fields: dict[str, Any]) -> None:
        """Tell the pages that watch a place how something ended there."""
        number = self._prefixes.index(prefix)
        self._hub.post(number, key, protocol.encode('ended', place=number, name=key, **fields))

    def tell(self) -> None:
        """Tell the pages which places there are and what runs there, if that has changed."""
        nodes: dict[str, set[str]] = {}
        for name, namespace in self._node.get_node_names_and_namespaces():
            if name in self._known_nodes:
                nodes.setdefault(namespace.rstrip('/') + '/', set()).add(name)
        own = self._node.get_namespace().rstrip('/') + '/'
        listed = []
        for number, prefix in enumerate(self._prefixes):
            present = nodes.get(prefix or own, set())
            self._present[prefix] = present
            listed.append(
                {
                    'number': number,
                    'name': prefix.strip('/') or own.strip('/'),
                    'nodes': sorted(present),
                    'applications': [
                        name for name, app in APPLICATIONS.items() if app.node in present
                    ],
                }
            )
        text = protocol.encode('places', places=listed)
        if text != self._told:
            self._told = text
            self._hub.post(EVERYWHERE, 'places', text, keep=True)

    def _find(self) -> None:
        own = self._node.resolve_topic_name('emotion/faces').removesuffix('emotion/faces')
        for topic, kinds in self._node.get_topic_names_and_types():
            for mark in _MARKS:
                prefix = topic.removesuffix(mark)
                if prefix in (topic, own) or not prefix.endswith('/'):
                    continue
                if prefix not in self._prefixes and any('emotion_msgs' in kind for kind in kinds):
                    self._add(prefix)

    def _add(self, prefix: str) -> None:
        if len(self._places) < _MOST:
            self._places.append(
                Place(
                    self._node, self._hub, len(self._places), prefix, self._report, self._settings
                )
            )
            self._prefixes.append(prefix)
