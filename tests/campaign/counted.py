# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run a node and count, for whoever started it, the messages that it has worked on.

::

    python tests/campaign/counted.py COUNTS EXECUTABLE [ARGUMENTS]

The counts lie in a file that both map into memory: to look costs neither of them a message. A
message counts when its callback has returned; one that took another's place in a queue, or was
lost, never does.
"""

from __future__ import annotations

import inspect
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# As in each process of a node: one heap, from before NumPy makes threads.
import emotion_perception.nodes  # noqa: F401

# isort: split
import numpy as np

# A node has fewer subscriptions than this.
_ROWS = 32
_ROW = np.dtype([('topic', 'S128'), ('depth', 'i8'), ('count', 'i8'), ('giants', 'i8')])
# What the frame of a message that is far too large begins with: it has another sender.
GIANT = 'giant'


class Counts:
    """The messages that a node has worked on, by topic.

    :param path: of the file, made if there is none.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_ROWS * _ROW.itemsize))
        # As a plain array: a memmap makes another one of each element that is read.
        self._rows = np.asarray(np.memmap(path, _ROW, 'r+'))
        self._known: dict[str, int] = {}

    def depth(self, topic: str) -> int:
        """Return how many messages the node's queue holds; 0 if it takes none."""
        row = self._find(topic)
        return 0 if row is None else int(self._rows['depth'][row])

    def count(self, topic: str) -> int:
        """Return how many messages of a topic (its full name) were worked on, without giants."""
        row = self._find(topic)
        return 0 if row is None else int(self._rows['count'][row])

    def giants(self) -> int:
        """Return how many messages that are far too large were worked on, of all topics."""
        return int(self._rows['giants'].sum())

    def begin(self, topic: str, depth: int) -> Callable[[Any], None]:
        """Return what is to be called with each message that was worked on."""
        row = self._find(topic)
        if row is None:
            row = int(np.flatnonzero(self._rows['topic'] == b'')[0])
            self._rows['topic'][row] = topic.encode()
        self._rows['depth'][row] = depth
        usual, giants = self._rows['count'], self._rows['giants']

        def add(message: Any) -> None:
            header = getattr(message, 'header', None)
            giant = header is not None and header.frame_id.startswith(GIANT)
            (giants if giant else usual)[row] += 1

        return add

    def end(self, topic: str) -> None:
        """Note that the node takes a topic no more."""
        row = self._find(topic)
        if row is not None:
            self._rows['depth'][row] = 0

    def _find(self, topic: str) -> int | None:
        if topic not in self._known:
            found = np.flatnonzero(self._rows['topic'] == topic.encode())
            if not len(found):
                return None
            self._known[topic] = int(found[0])
        return self._known[topic]


def _count_all(counts: Counts) -> None:
    """Count what comes to each subscription that is made in this process from now on."""
    from rclpy.node import Node

    create, destroy = Node.create_subscription, Node.destroy_subscription

    def create_subscription(
        self: Any, kind: type, topic: str, callback: Any, profile: Any, **more: Any
    ) -> Any:
        depth = profile if isinstance(profile, int) else profile.depth
        add = counts.begin(self.resolve_topic_name(topic), depth)
        parameters = inspect.signature(callback).parameters.values()
        needed = [p for p in parameters if p.default is p.empty or p.kind is p.VAR_POSITIONAL]

        def plain(message: Any) -> None:
            try:
                callback(message)
            finally:
                add(message)

        def with_information(message: Any, information: Any) -> None:
            try:
                callback(message, information)
            finally:
                add(message)

        counted = plain if len(needed) < 2 else with_information
        return create(self, kind, topic, counted, profile, **more)

    def destroy_subscription(self: Any, subscription: Any) -> Any:
        counts.end(subscription.topic_name)
        return destroy(self, subscription)

    Node.create_subscription = create_subscription
    Node.destroy_subscription = destroy_subscription


if __name__ == '__main__':
    # The node finds what it imports where it always does, not in this folder.
    sys.path.pop(0)
    _count_all(Counts(Path(sys.argv[1])))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name='__main__')
