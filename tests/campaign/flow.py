# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How many messages are under way to each node, so that none takes another's place."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from campaign.counted import Counts

# So many messages of a topic are under way to a node at most, whatever its queue holds.
_MOST = 12
# Seconds without progress after which what is under way to a node that speaks will never come: a
# writer sends again what was lost within three.
_GIVEN_UP = 6.0
# Seconds between two looks at the counts, and between two at whether all nodes live.
_LOOK = 0.0005
_CHECK = 0.5


@dataclass
class _Way:
    """A node's subscription of a topic.

    :param gone: messages that this node will not count: sent before it listened, or lost.
    :param listens: whether the node has the subscription now.
    """

    gone: int = 0
    listens: bool = False
    lost: int = 0


class Flow:
    """Lets a message go when each node that takes it has room for it.

    :param nodes: the counts of each.
    :param takes: the topics of each.
    :param spoke: returns when a node spoke last (monotonic seconds).
    """

    def __init__(
        self,
        nodes: Mapping[str, Counts],
        takes: Callable[[str], Collection[str]],
        spoke: Callable[[str], float],
    ) -> None:
        self._nodes = nodes
        self._takers: defaultdict[str, list[str]] = defaultdict(list)
        for name in nodes:
            for topic in takes(name):
                self._takers[topic].append(name)
        self._spoke = spoke
        self.sent: Counter[str] = Counter()
        """Messages by topic."""
        self._ways: dict[tuple[str, str], _Way] = {}

    def wait(self, topic: str, check: Callable[[], None]) -> None:
        """Wait until all who take a topic have room for one more of its messages.

        :param check: called meanwhile, now and then.
        """
        for name in self._takers[topic]:
            self._wait(name, topic, check, done=False)

    def finish(self, check: Callable[[], None]) -> None:
        """Wait until all that was sent is worked on.

        :param check: called meanwhile, now and then.
        """
        for topic in self.sent:
            for name in self._takers[topic]:
                self._wait(name, topic, check, done=True)

    def arrived(self) -> dict[str, dict[str, int]]:
        """Return how many messages each node has worked on, by topic."""
        found: dict[str, dict[str, int]] = {name: {} for name in self._nodes}
        for topic, names in self._takers.items():
            for name in names:
                found[name][topic] = self._nodes[name].count(_full(topic))
        return found

    def giants(self) -> dict[str, int]:
        """Return how many messages that are far too large each node has worked on."""
        return {name: counts.giants() for name, counts in self._nodes.items()}

    def lost(self) -> dict[str, int]:
        """Return how many messages a node never worked on though it listened, by their way."""
        return {f'{topic} to {name}': w.lost for (name, topic), w in self._ways.items() if w.lost}

    def _wait(self, name: str, topic: str, check: Callable[[], None], done: bool) -> None:
        counts, full = self._nodes[name], _full(topic)
        way = self._ways.setdefault((name, topic), _Way())
        begin = checked = time.monotonic()
        before = -1
        while True:
            depth, count = counts.depth(full), counts.count(full)
            if not depth or not way.listens:
                way.gone = self.sent[topic] - count
                way.listens = bool(depth)
                return
            under_way = self.sent[topic] - way.gone - count
            if under_way < (1 if done else min(max(1, depth - 1), _MOST)):
                return
            now = time.monotonic()
            if count != before:
                before, begin = count, now
            elif now > begin + _GIVEN_UP and self._spoke(name) > begin + _GIVEN_UP:
                way.gone += under_way
                way.lost += under_way
                return
            if now > checked + _CHECK:
                checked = now
                check()
            time.sleep(_LOOK)


def _full(topic: str) -> str:
    return f'/in/{topic}'
