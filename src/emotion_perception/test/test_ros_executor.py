# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The executor of a node: what it spares, and that nothing is missed for it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

from emotion_perception.ros.executor import NodeExecutor


class Counting(NodeExecutor):
    """Counts how often the entities are gathered for a wait."""

    gathered = 0

    def can_execute(self, entity: Any) -> bool:
        """Count the looks at one entity of the node."""
        self.gathered += entity is self.watched
        return super().can_execute(entity)

    watched: Any = None


class Spun:
    """A node that an executor spins, and another that is not spun."""

    def __init__(self, context: Context) -> None:
        self.node = Node('spun', context=context)
        self.other = Node('other', context=context)
        self.executor = Counting(context=context)
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.error: BaseException | None = None

    def _spin(self) -> None:
        try:
            self.executor.spin()
        except BaseException as error:
            self.error = error


@pytest.fixture
def spun() -> Iterator[Spun]:
    context = Context()
    rclpy.init(context=context)
    spun = Spun(context)
    yield spun
    context.try_shutdown()
    if spun.thread.ident:
        spun.thread.join()
    assert isinstance(spun.error, ExternalShutdownException | None)
    spun.node.destroy_node()
    spun.other.destroy_node()


def paired(publisher: Any, subscription: Any) -> None:
    """Wait until both know of each other."""
    until = threading.Event()
    while not (publisher.get_subscription_count() and subscription.get_publisher_count()):
        until.wait(0.01)


def test_a_message_costs_one_look_at_the_entities(spun: Spun) -> None:
    came = threading.Semaphore(0)
    subscription = spun.node.create_subscription(String, 'said', lambda _: came.release(), 10)
    publisher = spun.other.create_publisher(String, 'said', 10)
    spun.executor.watched = subscription
    paired(publisher, subscription)
    spun.thread.start()
    count = 50
    for _ in range(count):
        publisher.publish(String())
        assert came.acquire(timeout=30)
    # One for each, and a few for the start; rclpy's own executor takes two for each.
    assert spun.executor.gathered < 1.3 * count


def test_services_coroutines_and_work_from_other_threads_are_served(spun: Spun) -> None:
    answered = threading.Event()
    opened: Future = Future(executor=spun.executor)

    async def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = await opened
        return response

    spun.node.create_service(Trigger, 'ask', answer)
    client = spun.node.create_client(Trigger, 'ask')
    spun.thread.start()
    assert client.wait_for_service(timeout_sec=30)
    future = client.call_async(Trigger.Request())
    future.add_done_callback(lambda _: answered.set())
    ran = threading.Event()
    spun.executor.create_task(ran.set)
    assert ran.wait(30)
    spun.executor.create_task(lambda: opened.set_result('open'))
    for _ in range(300):
        # Kilted's rclpy looks at a coroutine that waits only when something else happens.
        spun.executor.wake()
        if answered.wait(0.1):
            break
    assert answered.is_set()
    assert future.result().message == 'open'


@pytest.mark.parametrize('busy', [False, True])
def test_qos_that_does_not_fit_is_told_whether_messages_come_or_not(
    spun: Spun, busy: bool
) -> None:
    told = threading.Event()
    if busy:
        spun.node.create_timer(0.01, lambda: None)
    spun.node.create_subscription(
        String,
        'said',
        lambda _: None,
        10,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=lambda _: told.set()),
    )
    spun.thread.start()
    spun.other.create_publisher(String, 'said', qos_profile_sensor_data)
    assert told.wait(30)


def test_what_was_destroyed_is_forgotten(spun: Spun) -> None:
    forgotten = threading.Event()
    entities = spun.node.default_callback_group.entities
    left = iter(range(20))

    def make() -> None:
        if next(left, None) is not None:
            # With two events of its own.
            made = spun.node.create_subscription(String, 'said', lambda _: None, 10)
            spun.node.destroy_subscription(made)
        elif len(entities) == usual:
            forgotten.set()

    spun.node.create_timer(0.01, make)
    usual = len(entities)
    spun.thread.start()
    assert forgotten.wait(30), f'{len(entities)} entities are remembered, {usual} exist'


def test_it_is_shut_down_while_it_begins_a_callback(
    spun: Spun, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    make = SingleThreadedExecutor._make_handler

    def held(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return make(*arguments)

    monkeypatch.setattr(SingleThreadedExecutor, '_make_handler', held)
    spun.node.create_timer(0.01, lambda: None)
    spun.thread.start()
    assert begun.wait(30)
    spun.executor.shutdown(timeout_sec=30)
    go_on.set()
    spun.thread.join(30)
    assert not spun.thread.is_alive()
    assert spun.error is None


def test_the_end_of_the_context_before_a_wait_is_no_error_of_the_node(spun: Spun) -> None:
    stopped = threading.Event()

    def stop() -> None:
        spun.node.context.try_shutdown()
        spun.executor.spin_once()

    def note() -> None:
        try:
            stop()
        finally:
            stopped.set()

    spun.node.create_timer(0.01, note)
    spun.thread.start()
    assert stopped.wait(30)
    spun.thread.join(30)
    assert isinstance(spun.error, ExternalShutdownException)


def test_an_executor_that_a_shutdown_takes_down_meanwhile_goes_quietly(monkeypatch):
    # It was seen to end in a traceback after a Ctrl-C.
    said = []
    monkeypatch.setattr(sys, 'unraisablehook', said.append)
    context = Context()
    rclpy.init(context=context)
    executor = NodeExecutor(context=context)
    executor._sigint_gc.destroy()
    del executor
    gc.collect()
    context.shutdown()
    assert not said
