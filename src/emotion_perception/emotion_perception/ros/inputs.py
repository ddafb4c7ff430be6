# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a node says of a topic that it lives on: whether anybody publishes it, and what comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from rclpy.node import Node

from emotion_perception.ros.sources import Way

# Seconds without a message after which a stream is said to have stopped; a slow one may take
# three times its usual pause, up to the longest.
_SILENT = 0.9
_LATE = 3.0
_LONGEST = 10.0
# So many topics of the same type are named at most.
_NAMED = 5


class Input:
    """A topic that a node subscribes to, as its diagnostics see it.

    :param node: that subscribes.
    :param ways: in which the messages may come, the usual one first.
    :param what: what a message brings, in the plural, where messages come all the time; empty
        for a topic on which there may be nothing to say.
    """

    def __init__(self, node: Node, ways: Sequence[Way], what: str = '') -> None:
        self._node = node
        self._ways = ways
        self._kind = ways[0].type_name
        self._topic = ways[0].topic
        self._what = what
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._pause = 0.0
        self._taken = self._refused = 0
        self._why = ''

    def begin(self) -> None:
        """Count from now: who did not listen has missed nothing."""
        with self._lock:
            self._last = time.monotonic()
            self._taken = self._refused = 0

    def came(self) -> None:
        """Note that a message arrived."""
        with self._lock:
            now = time.monotonic()
            pause = min(now - self._last, _LONGEST)
            self._pause += 0.3 * (pause - self._pause)
            self._last = now

    def taken(self) -> None:
        """Note that a message was good."""
        with self._lock:
            self._taken += 1

    def refused(self, why: str) -> None:
        """Note that a message could not be used."""
        with self._lock:
            self._refused += 1
            self._why = why

    def trouble(self) -> str:
        """Return what is wrong since the last call; empty if nothing is.

        What stopped is said within a second and a half.
        """
        with self._lock:
            taken, refused, why = self._taken, self._refused, self._why
            self._taken = self._refused = 0
            silent = time.monotonic() - self._last
            allowed = min(max(_SILENT, _LATE * self._pause), _LONGEST)
        if not any(way.published(self._node) for way in self._ways):
            publishers = self._node.get_publishers_info_by_topic(self._topic)
            return self._nobody({item.topic_type for item in publishers})
        if self._what and silent > allowed:
            return f'no {self._what} come on {self._topic}'
        if refused and not taken:
            return f'all {self._what or "messages"} on {self._topic} are refused: {why}'
        return ''

    def _nobody(self, kinds: set[str]) -> str:
        """Say that nobody publishes what is needed, and where it might be had."""
        if kinds:
            problem = (
                f'{self._topic} carries {" and ".join(sorted(kinds))}, but {self._kind} is needed'
            )
        else:
            problem = f'nobody publishes {self._topic} ({self._kind})'
        wanted = {way.type_name for way in self._ways}
        # The screen is a picture, too, but of the wrong side.
        screen = self._node.resolve_topic_name('emotion/view')
        others = sorted(
            name
            for name, types in self._node.get_topic_names_and_types()
            if not wanted.isdisjoint(types)
            and name not in (self._topic, screen, f'{screen}/compressed')
            and self._node.count_publishers(name)
        )
        if not others:
            return f'{problem}; no topic of that type is published'
        more = ' and others' if len(others) > _NAMED else ''
        return f'{problem}; topics of that type: {", ".join(others[:_NAMED])}{more}'
