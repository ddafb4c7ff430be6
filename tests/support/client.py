# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A node that plays the rest of the robot: it watches topics, calls services, sends goals."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future

from emotion_bringup.process import in_executor

# Takes what reliable and best-effort publishers send.
ANY = QoSProfile(depth=500, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=500, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


class Watch:
    """Everything that came on one topic since the watch began."""

    def __init__(self, topic: str, check: Callable[[], None]) -> None:
        self.topic = topic
        self._check = check
        self._changed = threading.Condition()
        self._messages: list[Any] = []
        self._times: list[float] = []

    def add(self, message: Any) -> None:
        """Take one message (the subscription's callback)."""
        with self._changed:
            self._messages.append(message)
            self._times.append(time.time())
            self._changed.notify_all()

    @property
    def messages(self) -> list[Any]:
        """All messages so far, oldest first."""
        with self._changed:
            return list(self._messages)

    @property
    def times(self) -> list[float]:
        """Their times of arrival, seconds since the epoch."""
        with self._changed:
            return list(self._times)

    def clear(self) -> None:
        """Forget what came: the next wait sees only what comes after."""
        with self._changed:
            self._messages.clear()
            self._times.clear()

    def wait(
        self,
        predicate: Callable[[Any], bool] = lambda _: True,
        timeout: float = 20.0,
        what: str = '',
    ) -> Any:
        """Return the first message that `predicate` accepts, of the past ones or a coming one.

        Raises:
            AssertionError: if none comes within `timeout` seconds, or a process dies meanwhile.

        """
        return self.wait_count(1, predicate, timeout, what)[0]

    def wait_count(
        self,
        count: int,
        predicate: Callable[[Any], bool] = lambda _: True,
        timeout: float = 20.0,
        what: str = '',
    ) -> list[Any]:
        """Return the first `count` messages that `predicate` accepts; see :meth:`wait`."""
        end = time.monotonic() + timeout
        found: list[Any] = []
        seen = 0
        while True:
            with self._changed:
                if len(self._messages) <= seen:
                    self._changed.wait(min(0.2, max(0.0, end - time.monotonic())))
                new = self._messages[seen:]
            seen += len(new)
            found += [message for message in new if predicate(message)]
            if len(found) >= count:
                return found[:count]
            self._check()
            if time.monotonic() >= end:
                with self._changed:
                    last = self._messages[-1] if self._messages else None
                raise AssertionError(
                    f'{self.topic}: {len(found)} of {count} expected messages '
                    f'{f"({what}) " if what else ""}within {timeout} s; {seen} came in all, '
                    f'the last: {str(last)[:600]}'
                )


class Goal:
    """An action goal that was accepted."""

    def __init__(self, client: Client, handle: Any, feedback: list[Any]) -> None:
        self._client = client
        self._handle = handle
        self.feedback = feedback
        self._result = client.send(handle.get_result_async)

    def result(self, timeout: float = 60.0) -> tuple[int, Any]:
        """Wait for the end; return the status (action_msgs GoalStatus) and the result."""
        answer = self._client.wait(self._result, timeout, 'the result of a goal')
        return answer.status, answer.result

    def cancel(self, timeout: float = 10.0) -> Any:
        """Ask to cancel; return the server's answer (action_msgs CancelGoal response)."""
        return self._client.wait(
            self._client.send(self._handle.cancel_goal_async), timeout, 'a cancellation'
        )


class Client:
    """A node on the test's domain, spun by a thread of its own.

    Args:
        domain: The ROS domain id.
        check: Called while something is awaited; raises when waiting has become senseless.
        name: The node's name.

    """

    def __init__(
        self, domain: int, check: Callable[[], None] = lambda: None, name: str = 'test_client'
    ) -> None:
        self._check = check
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node: Node = rclpy.create_node(name, context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._ended: Future = Future()
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin_until_future_complete(self._ended)

    def close(self) -> None:
        """Leave the graph."""
        # What the thread waits for must not go before it has ended.
        self._ended.set_result(None)
        self._thread.join(5.0)
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()

    # -- topics ----------------------------------------------------------------------------

    def watch(self, topic: str, kind: type, qos: QoSProfile = ANY) -> Watch:
        """Record what comes on a topic from now on (use ``LATCHED`` for a latched one)."""
        watch = Watch(topic, self._check)
        self.node.create_subscription(kind, topic, watch.add, qos)
        return watch

    def wait_for(
        self,
        topic: str,
        kind: type,
        predicate: Callable[[Any], bool] = lambda _: True,
        timeout: float = 20.0,
        qos: QoSProfile = ANY,
    ) -> Any:
        """Watch a topic from now on and return the first message that `predicate` accepts."""
        return self.watch(topic, kind, qos).wait(predicate, timeout)

    def publisher(
        self,
        topic: str,
        kind: type,
        qos: QoSProfile = RELIABLE,
        subscribers: int = 1,
        timeout: float = 20.0,
    ) -> Any:
        """Create a publisher and wait until that many subscriptions have found it."""
        publisher = self.node.create_publisher(kind, topic, qos)
        self.until(
            lambda: publisher.get_subscription_count() >= subscribers,
            timeout,
            f'{subscribers} subscription(s) of {topic}',
        )
        return publisher

    def until(self, condition: Callable[[], bool], timeout: float = 20.0, what: str = '') -> None:
        """Wait for a condition.

        Raises:
            AssertionError: if it does not hold within `timeout` seconds, or a process dies.

        """
        end = time.monotonic() + timeout
        while not condition():
            self._check()
            assert time.monotonic() < end, f'waited {timeout} s for {what or condition}'
            time.sleep(0.02)

    # -- services, parameters, lifecycle, actions --------------------------------------------

    def wait(self, future: Future, timeout: float, what: str) -> Any:
        """Wait for a future and return its result."""
        self.until(future.done, timeout, what)
        return future.result()

    def call(self, kind: Any, service: str, request: Any = None, timeout: float = 20.0) -> Any:
        """Call a service once it is there; return the response."""
        client = self.node.create_client(kind, service)
        self.until(client.service_is_ready, timeout, f'the service {service}')
        answer = self.wait(
            client.call_async(kind.Request() if request is None else request),
            timeout,
            f'an answer of {service}',
        )
        self.node.destroy_client(client)
        return answer

    def parameter(self, node: str, name: str, timeout: float = 20.0) -> Any:
        """Return the value of a node's parameter."""
        from rcl_interfaces.srv import GetParameters
        from rclpy.parameter import parameter_value_to_python

        answer = self.call(
            GetParameters, f'{node}/get_parameters', GetParameters.Request(names=[name]), timeout
        )
        assert answer.values, f'{node} has no parameter {name}'
        return parameter_value_to_python(answer.values[0])

    def set_parameter(self, node: str, name: str, value: Any, timeout: float = 20.0) -> Any:
        """Set a node's parameter; return the rcl_interfaces SetParametersResult."""
        from rcl_interfaces.srv import SetParameters

        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        return self.call(SetParameters, f'{node}/set_parameters', request, timeout).results[0]

    def lifecycle_state(self, node: str, timeout: float = 20.0) -> str:
        """Return a lifecycle node's state: 'unconfigured', 'inactive', 'active', 'finalized'."""
        from lifecycle_msgs.srv import GetState

        return self.call(GetState, f'{node}/get_state', timeout=timeout).current_state.label

    def wait_for_state(self, node: str, state: str, timeout: float = 30.0) -> None:
        """Wait until a lifecycle node is in a state."""
        self.until(
            lambda: self.lifecycle_state(node, timeout) == state, timeout, f'{node} to be {state}'
        )

    def transition(self, node: str, label: str, timeout: float = 30.0) -> bool:
        """Ask a lifecycle node for a transition ('configure', 'activate', ...); did it succeed?"""
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request()
        request.transition.label = label
        return self.call(ChangeState, f'{node}/change_state', request, timeout).success

    def send(self, request: Callable[[], Future]) -> Future:
        """Have the thread that spins the client send an action's request; return its future."""
        return in_executor(self.node, request, timeout=60.0)

    def send_goal(self, kind: type, action: str, goal: Any, timeout: float = 20.0) -> Goal:
        """Send an action goal.

        Raises:
            AssertionError: if there is no server in time, or it rejects the goal.

        """
        client = ActionClient(self.node, kind, action)
        self.until(client.server_is_ready, timeout, f'the action {action}')
        feedback: list[Any] = []
        handle = self.wait(
            self.send(
                lambda: client.send_goal_async(
                    goal, feedback_callback=lambda message: feedback.append(message.feedback)
                )
            ),
            timeout,
            f'{action} to take a goal',
        )
        assert handle.accepted, f'{action} rejected the goal'
        return Goal(self, handle, feedback)
