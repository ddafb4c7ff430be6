# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Large messages between nodes of one process: handed over as objects, not through DDS.

rclpy has no intra-process transport. Where the publisher and a subscription of the same resolved
topic live in one process, the subscription takes the message object itself, in the publisher's
thread; DDS carries it only if somebody outside listens. A topic that is published in this
process is taken from here alone; without a publisher here the subscription is a usual one.

Messages are shared: a receiver never changes one. Callbacks must only hand on (see
:class:`emotion_perception.ros.worker.LatestWorker`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, cast

from rclpy.context import Context
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from emotion_perception.ros import qos
from emotion_perception.ros.distributions import SubscriptionEventCallbacks
from emotion_perception.ros.timer import once, steady_timer

# Seconds between two looks at what publishers offer, while one offers less than is wanted.
_LOOK = 1.0
# Seconds for which it is looked at least: the graph may tell late of who offers less.
_SETTLED = 5.0

_lock = threading.RLock()
_publishers: dict[tuple[int, str], list[BusPublisher]] = {}
_subscriptions: dict[tuple[int, str], list[BusSubscription]] = {}


def no_rest() -> float:
    """Every message is wanted."""
    return 0.0


class BusPublisher:
    """A publisher that hands messages to subscriptions of this process directly."""

    def __init__(
        self, node: Node, message_type: type, topic: str, profile: QoSProfile = qos.IMAGE
    ) -> None:
        self._node = node
        self.kind = message_type
        self._publisher: Publisher = node.create_publisher(message_type, topic, profile)
        self._key = _key(node.context, self._publisher.topic_name)
        with _lock:
            _publishers.setdefault(self._key, []).append(self)
            for subscription in _subscriptions.get(self._key, []):
                subscription.listen()

    def publish(self, message: Any) -> None:
        """Send a message; it must not be changed afterwards."""
        with _lock:
            receivers = list(_subscriptions.get(self._key, ()))
        for receiver in receivers:
            receiver.callback(message)
        try:
            if self._publisher.get_subscription_count():
                self._publisher.publish(message)
        except RuntimeError:
            # The signal that ends the process takes the context from under a worker's feet.
            if self._node.context.ok():
                raise

    @property
    def wanted(self) -> bool:
        """Whether anybody, in this process or outside, listens."""
        return self._node.context.ok() and (
            bool(_subscriptions.get(self._key)) or self._publisher.get_subscription_count() > 0
        )

    def rest(self) -> float:
        """Return for how many seconds from now nobody in this process or outside wants a message.

        Nobody has subscribed: 0, for who comes is to be served at once.
        """
        with _lock:
            receivers = list(_subscriptions.get(self._key, ()))
        if not receivers or self._publisher.get_subscription_count():
            return 0.0
        return min(receiver.rest() for receiver in receivers)

    def destroy(self) -> None:
        """End the publisher; subscriptions of this process go back to DDS."""
        with _lock:
            _publishers[self._key].remove(self)
            for subscription in _subscriptions.get(self._key, []):
                subscription.listen()
        self._node.destroy_publisher(self._publisher)


class BusSubscription:
    """A subscription that takes messages of this process directly, and others through DDS.

    Over DDS it asks for what its profile says; if a publisher offers less (best effort only, or
    nothing for those who come late), it says so once and asks for that instead, for as long as
    there is such a publisher.

    :param rest: says for how many seconds from now it wants no message: a publisher of this
        process may spare itself making one.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        profile: QoSProfile = qos.IMAGE,
        rest: Callable[[], float] = no_rest,
    ) -> None:
        self._node = node
        self.rest = rest
        self._type = message_type
        self._topic = topic
        self.callback = callback
        self.info: Any = None
        """What came along with the newest message over DDS: stamps and a number."""
        self._wanted = self._profile = profile
        self._subscription: Subscription | None = None
        self._look_timer: Timer | None = None
        self._until = 0.0
        self._destroyed = False
        self._key = _key(node.context, node.resolve_topic_name(topic))
        with _lock:
            _subscriptions.setdefault(self._key, []).append(self)
            self.listen()

    def listen(self) -> None:
        """Choose the transport anew: DDS where no publisher of this process has the topic."""
        with _lock:
            local = bool(_publishers.get(self._key))
            if local and self._subscription is not None:
                self._retire()
            elif (
                not local
                and self._subscription is None
                and not self._destroyed
                and self._node.context.ok()
            ):
                self._subscription = self._node.create_subscription(
                    self._type,
                    self._topic,
                    cast(Any, self._on_message),
                    self._profile,
                    event_callbacks=SubscriptionEventCallbacks(
                        incompatible_qos=self._on_incompatible
                    ),
                )

    def destroy(self) -> None:
        """End the subscription."""
        with _lock:
            self._destroyed = True
            self._look_no_more()
            _subscriptions[self._key].remove(self)
            if self._subscription is not None:
                self._node.destroy_subscription(self._subscription)
                self._subscription = None

    def _on_incompatible(self, event: Any) -> None:
        with _lock:
            self._until = time.monotonic() + _SETTLED
            if self._look_timer is None:
                self._look_timer = steady_timer(self._node, _LOOK, self._look)
            self._adapt()

    def _look(self) -> None:
        """Follow what is offered, until all is as it is wanted."""
        with _lock:
            if self._subscription is None:
                return
            self._adapt()
            if self._profile is self._wanted and time.monotonic() > self._until:
                self._look_no_more()

    def _adapt(self) -> None:
        """Ask for what all who publish offer, if it is not what was asked for."""
        profile = self._common()
        if self._subscription is None or profile == self._profile:
            return
        if profile is self._wanted:
            what = 'all publishers of {} offer what is wanted'
        elif profile.reliability > self._wanted.reliability:
            what = 'a publisher of {} offers best effort only'
        else:
            what = 'a publisher of {} offers nothing to those who come late'
        self._node.get_logger().info(f'{what.format(self._key[1])}: asking for that')
        self._profile = profile
        self._retire()
        self.listen()

    def _common(self) -> QoSProfile:
        """Return what is wanted, less what a publisher does not offer."""
        offers = [
            info.qos_profile for info in self._node.get_publishers_info_by_topic(self._key[1])
        ]
        wanted = self._wanted
        if not offers:
            return self._profile
        # The policies' numbers grow as what they promise shrinks.
        reliability = max(offer.reliability for offer in offers)
        durability = max(offer.durability for offer in offers)
        if reliability <= wanted.reliability and durability <= wanted.durability:
            return wanted
        return QoSProfile(
            history=wanted.history,
            depth=wanted.depth,
            reliability=ReliabilityPolicy(max(reliability, wanted.reliability)),
            durability=DurabilityPolicy(max(durability, wanted.durability)),
        )

    def _look_no_more(self) -> None:
        if self._look_timer is not None:
            self._node.destroy_timer(self._look_timer)
            self._look_timer = None

    def _on_message(self, message: Any, info: Any) -> None:
        self.info = info
        # One that is retired may still bring what this process handed over already.
        if self._subscription is not None:
            self.callback(message)

    def _retire(self) -> None:
        """Have the node's executor end the subscription: it may be waiting on it just now."""
        old, self._subscription = self._subscription, None

        if old is not None:
            once(self._node, 0.0, lambda: self._node.destroy_subscription(old))


def published_here(node: Node, topic: str, kind: type) -> bool:
    """Whether a publisher of this process has a topic (its full name) and a type."""
    with _lock:
        found = _publishers.get(_key(node.context, topic), ())
        return any(publisher.kind is kind for publisher in found)


def _key(context: Context, topic: str) -> tuple[int, str]:
    return id(context), topic
