# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Record topics as they are published, without looking into the messages."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from emotion_bringup.bag import offers
from emotion_bringup.bag.definitions import definition, message_class
from emotion_bringup.bag.errors import BagError
from emotion_bringup.bag.selection import Selection
from emotion_bringup.bag.writer import BagWriter
from emotion_perception.ros.timer import steady_timer

# Seconds between two looks for new topics, and between two hand-overs to the system.
_LOOK = 0.2
_FLUSH = 1.0
# Bytes that may wait for the disk; beyond that messages are dropped, and that is said.
_WAITING = 512 * 2**20


class Recorder:
    """Subscribes to what is chosen, now and when it appears, and writes it in a thread.

    :param node: that subscribes; somebody else spins it.
    :param writer: that this closes at its end.
    :param selection: of topics.
    :param overrides: quality of service by topic, see :func:`offers.read_overrides`.
    :param simulated: whether messages are filed by the node's clock (``/clock``), not by the
        time at which they arrived.
    :ivar dropped: messages for which the disk was too slow.
    :ivar failure: what stopped the writing (a full disk); empty while all is well.
    """

    def __init__(
        self,
        node: Node,
        writer: BagWriter,
        selection: Selection,
        overrides: Mapping[str, Mapping[str, Any]],
        *,
        simulated: bool = False,
    ) -> None:
        self.dropped = 0
        self.failure = ''
        self._node = node
        self._writer = writer
        self._selection = selection
        self._overrides = overrides
        self._simulated = simulated
        self._subscriptions: dict[str, tuple[Subscription, QoSProfile]] = {}
        self._refused: set[str] = set()
        self._size_lock = threading.Lock()
        self._waiting = 0
        self._queue: queue.SimpleQueue[tuple[str, bytes, int, int] | None] = queue.SimpleQueue()
        self._write_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name='writer')
        self._thread.start()
        self._timer = steady_timer(node, _LOOK, self.look)

    @property
    def topics(self) -> list[str]:
        """Return the topics that are recorded."""
        return list(self._subscriptions)

    def look(self) -> None:
        """Subscribe to what is new, and anew where a publisher came that offers less."""
        if self._simulated and not self._node.get_clock().now().nanoseconds:
            return  # The clock has not begun: what came now could not be filed.
        for topic, kinds in self._node.get_topic_names_and_types():
            if topic in self._refused or not self._selection.takes(topic):
                continue
            found = [
                info.qos_profile
                for info in self._node.get_publishers_info_by_topic(topic)
                if info.topic_type == kinds[0]
            ]
            if not found:
                continue
            wanted = offers.override(offers.to_record(found), self._overrides.get(topic, {}))
            current = self._subscriptions.get(topic)
            if current is None:
                self._begin(topic, kinds, found, wanted)
            elif _asks_less(wanted, current[1]):
                self._node.get_logger().info(
                    f'a publisher of {topic} offers less than the others: asking for that'
                )
                self._node.destroy_subscription(current[0])
                self._subscribe(topic, kinds[0], wanted)

    def close(self) -> None:
        """Write what waits, and close the bag."""
        self._node.destroy_timer(self._timer)
        for subscription, _ in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._queue.put(None)
        self._thread.join()
        try:
            self._writer.close()
        except OSError as error:
            self.failure = self.failure or str(error)

    def _begin(
        self, topic: str, kinds: list[str], found: list[QoSProfile], wanted: QoSProfile
    ) -> None:
        try:
            if len(kinds) > 1:
                raise BagError(f'it carries several types ({", ".join(kinds)})')
            text = definition(kinds[0])
            message_class(kinds[0])
        except BagError as error:
            self._refused.add(topic)
            self._node.get_logger().warning(f'{topic} is not recorded: {error}')
            return
        with self._write_lock:
            self._writer.add_topic(topic, kinds[0], text, offers.to_text(found))
        self._subscribe(topic, kinds[0], wanted)

    def _subscribe(self, topic: str, kind: str, profile: QoSProfile) -> None:
        def take(data: bytes, info: Mapping[str, int]) -> None:
            now = time.time_ns()
            taken = info.get('received_timestamp') or now
            if self._simulated:
                taken = self._node.get_clock().now().nanoseconds
            self._put(topic, data, taken, info.get('source_timestamp') or taken)

        subscription = self._node.create_subscription(
            # rclpy's types do not know that a callback may take the information, too.
            message_class(kind),
            topic,
            cast(Any, take),
            profile,
            raw=True,
        )
        self._subscriptions[topic] = subscription, profile

    def _put(self, topic: str, data: bytes, taken: int, published: int) -> None:
        with self._size_lock:
            if self.failure or self._waiting + len(data) > _WAITING:
                self.dropped += 1
                return
            self._waiting += len(data)
        self._queue.put((topic, data, taken, published))

    def _run(self) -> None:
        """Write until there is nothing more to come."""
        flushed = time.monotonic()
        while (item := self._queue.get()) is not None:
            try:
                with self._write_lock:
                    self._writer.write(*item)
                    if time.monotonic() - flushed > _FLUSH:
                        self._writer.flush()
                        flushed = time.monotonic()
            except OSError as error:
                self.failure = self.failure or str(error)
            with self._size_lock:
                self._waiting -= len(item[1])


def _asks_less(wanted: QoSProfile, current: QoSProfile) -> bool:
    # The policies' numbers grow as what they promise shrinks.
    return bool(wanted.reliability > current.reliability or wanted.durability > current.durability)
