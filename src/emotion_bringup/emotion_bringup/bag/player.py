# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Publish a bag again, in its own rhythm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy
from rosgraph_msgs.msg import Clock

from emotion_bringup.bag import offers
from emotion_bringup.bag.definitions import message_class
from emotion_bringup.bag.errors import BagError
from emotion_bringup.bag.reader import BagReader, Recorded
from emotion_perception.ros import qos

_CLOCK = '/clock'
# Seconds for which nothing must have changed in who listens before the first message goes out, and
# the most that it may take; the most that subscriptions have for the last messages.
_SETTLED, _LONGEST = 1.0, 10.0
_ACKNOWLEDGE = 2.0
# Seconds that a pass of a loop lasts at least: a bag of one message must not spin.
_SHORTEST = 0.05


class Player:
    """Publishes the messages of a bag as they were serialised.

    :param node: that publishes; somebody else spins it.
    :param reader: of the bag.
    :param topics: to publish.
    :param remappings: other names for some of them.
    :param overrides: quality of service by (recorded) topic.
    :param rate: how much faster than it was recorded.
    :param offset: seconds of the bag to leave out; of latched topics the last message before
        is published all the same.
    :param clock: times a second that ``/clock`` is published; 0 for never.
    :ivar count: messages published so far.
    :raises BagError: if nothing is left to publish.
    """

    def __init__(
        self,
        node: Node,
        reader: BagReader,
        topics: Collection[str],
        *,
        remappings: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        rate: float = 1.0,
        offset: float = 0.0,
        clock: float = 0.0,
    ) -> None:
        self.count = 0
        self._node = node
        self._reader = reader
        self._rate = rate
        self._clock_rate = clock
        self._first = reader.start + round(offset * 1e9)
        if self._first > reader.end:
            raise BagError(f'the bag is shorter than {offset:g} s')
        self._started = time.monotonic()
        self._publishers: dict[str, Publisher] = {}
        self._latched: set[str] = set()
        for name in topics:
            if name == _CLOCK and clock:
                continue
            topic = reader.topics[name]
            profile = offers.override(
                offers.to_play(topic.offers, topic.kind), (overrides or {}).get(name, {})
            )
            try:
                kind = message_class(topic.kind)
            except BagError as error:
                node.get_logger().warning(f'{name} is not played: {error}')
                continue
            self._publishers[name] = node.create_publisher(
                kind, (remappings or {}).get(name, name), profile
            )
            if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
                self._latched.add(name)
        if not self._publishers:
            raise BagError('the bag holds nothing that could be played of what is asked for')
        self._ticks = node.create_publisher(Clock, _CLOCK, qos.RESULT) if clock else None

    @property
    def position(self) -> float:
        """Seconds of the bag that were played in this pass."""
        return max(0.0, (self._now() - self._reader.start) * 1e-9)

    def play(self, stop: threading.Event, *, loop: bool, told: Callable[[], None]) -> None:
        """Publish until the end of the bag, or for ever.

        :param stop: ends it.
        :param told: called a few times a second, for whoever shows how far it is.
        """
        self._await_subscriptions(stop)
        ended = threading.Event()
        clock = threading.Thread(target=self._tick, args=(ended,), name='clock', daemon=True)
        self._started = time.monotonic()
        clock.start()
        try:
            while True:
                self._pass(stop, told)
                if stop.is_set() or not loop:
                    break
                stop.wait(max(0.0, _SHORTEST - (time.monotonic() - self._started)))
                self._started = time.monotonic()
        finally:
            ended.set()
            clock.join()
        self._await_acknowledgements(stop)

    def _now(self) -> int:
        """Return the time of the recording, nanoseconds since the epoch."""
        passed = (time.monotonic() - self._started) * self._rate
        return min(self._first + round(passed * 1e9), self._reader.end)

    def _pass(self, stop: threading.Event, told: Callable[[], None]) -> None:
        before: dict[str, Recorded] = {}
        for message in self._reader.messages(self._publishers):
            if message.taken < self._first:
                if message.topic in self._latched:
                    before[message.topic] = message
                continue
            for latched in before.values():
                self._publish(latched)
            before.clear()
            due = self._started + (message.taken - self._first) * 1e-9 / self._rate
            while not stop.is_set() and (wait := due - time.monotonic()) > 0:
                told()
                stop.wait(min(wait, 0.2))
            if stop.is_set():
                return
            self._publish(message)
            told()

    def _publish(self, message: Recorded) -> None:
        self._publishers[message.topic].publish(message.data)
        self.count += 1

    def _tick(self, ended: threading.Event) -> None:
        if self._ticks is None:
            return
        while True:
            now = self._now()
            stamp = Time(sec=now // 10**9, nanosec=now % 10**9)
            self._ticks.publish(Clock(clock=stamp))
            if ended.wait(1 / self._clock_rate):
                return

    def _await_subscriptions(self, stop: threading.Event) -> None:
        """Begin when somebody listens, and all who are there have found the publishers."""
        publishers = list(self._publishers.values())
        if not any(publisher.get_subscription_count() for publisher in publishers):
            self._node.get_logger().info('waiting for a subscriber')
        while not any(publisher.get_subscription_count() for publisher in publishers):
            if stop.wait(0.05):
                return
        if self._ticks is not None:
            publishers.append(self._ticks)
        begun = changed = time.monotonic()
        before: list[tuple[int, int]] = []
        while time.monotonic() - begun < _LONGEST:
            counts = [
                (item.get_subscription_count(), self._node.count_subscribers(item.topic_name))
                for item in publishers
            ]
            if counts != before:
                before, changed = counts, time.monotonic()
            matched = all(found >= known for found, known in counts)
            if (matched and time.monotonic() - changed > _SETTLED) or stop.wait(0.05):
                return

    def _await_acknowledgements(self, stop: threading.Event) -> None:
        """Let the last messages arrive before the publishers go."""
        end = time.monotonic() + _ACKNOWLEDGE
        for publisher in self._publishers.values():
            while not stop.is_set() and time.monotonic() < end:
                if publisher.wait_for_all_acked(Duration(seconds=0.1)):
                    break
