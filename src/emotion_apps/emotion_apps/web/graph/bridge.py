# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Services and actions of the graph, for coroutines of the server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node

from emotion_apps.web.call import CallError

# Seconds between two looks at whether a service is there.
_LOOK = 0.05
# Seconds that a service has to appear, and to answer.
APPEAR = 3.0
ANSWER = 10.0


class Bridge:
    """Runs functions in the node's executor, and awaits what the graph answers.

    :param node: whose executor it is.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._to_do: deque[Callable[[], None]] = deque()
        self._guard = node.create_guard_condition(self._work)
        self._services: dict[tuple[type, str], Any] = {}
        self._actions: dict[tuple[type, str], ActionClient] = {}

    def run(self, function: Callable[[], None]) -> None:
        """Have a function called by the executor; any thread may ask."""
        self._to_do.append(function)
        if self._node.context.ok():
            self._guard.trigger()

    async def ask(self, function: Callable[[], Any]) -> Any:
        """Await the value of a function that the executor calls."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def work() -> None:
            try:
                value = function()
            except Exception as error:
                _settle(loop, future, error=error)
            else:
                _settle(loop, future, value)

        self.run(work)
        return await asyncio.wait_for(future, ANSWER)

    async def call(self, kind: type, name: str, request: Any, timeout: float = ANSWER) -> Any:
        """Call a service and return its response.

        :raises CallError: if there is none, or it does not answer.
        """
        client = await self.ask(lambda: self._service(kind, name))
        await _until(client.service_is_ready, f'{client.srv_name} is not there')
        return await self._answer(lambda: client.call_async(request), client.srv_name, timeout)

    async def has_service(self, name: str) -> bool:
        """Return whether somebody serves a name now."""

        def look() -> bool:
            full = self._node.resolve_service_name(name)
            return any(full == found for found, _ in self._node.get_service_names_and_types())

        return await self.ask(look)

    async def send_goal(
        self, kind: type, name: str, goal: Any, on_end: Callable[[Any], None]
    ) -> None:
        """Send a goal to an action and await that it is taken.

        :param on_end: called with the result, in the executor's thread.
        :raises CallError: if there is no such action, or it refuses.
        """
        client = await self.ask(lambda: self._action(kind, name))
        await _until(client.server_is_ready, f'{name} is not there')
        handle = await self._answer(lambda: client.send_goal_async(goal), name, ANSWER)
        if not handle.accepted:
            raise CallError('refused: something is under way already, or a value is not allowed')

        def wait_for_end() -> None:
            handle.get_result_async().add_done_callback(
                lambda future: on_end(future.result().result)
            )

        self.run(wait_for_end)

    async def _answer(self, send: Callable[[], Any], name: str, timeout: float) -> Any:
        """Await a future of rclpy, which its executor settles."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def settle(answer: Any) -> None:
            if answer.cancelled():
                _settle(loop, future, error=CallError(f'{name} does not answer'))
            elif answer.exception() is not None:
                _settle(loop, future, error=answer.exception())
            else:
                _settle(loop, future, answer.result())

        self.run(lambda: send().add_done_callback(settle))
        try:
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            raise CallError(f'{name} does not answer') from None

    def _work(self) -> None:
        while self._to_do:
            self._to_do.popleft()()

    def _service(self, kind: type, name: str) -> Any:
        if (kind, name) not in self._services:
            self._services[kind, name] = self._node.create_client(kind, name)
        return self._services[kind, name]

    def _action(self, kind: type, name: str) -> ActionClient:
        if (kind, name) not in self._actions:
            self._actions[kind, name] = ActionClient(self._node, kind, name)
        return self._actions[kind, name]

    def destroy(self) -> None:
        """End the action clients; the node ends the rest."""
        for client in self._actions.values():
            client.destroy()
        self._actions.clear()


async def _until(ready: Callable[[], bool], otherwise: str) -> None:
    end = asyncio.get_running_loop().time() + APPEAR
    while not ready():
        if asyncio.get_running_loop().time() > end:
            raise CallError(otherwise)
        await asyncio.sleep(_LOOK)


def _settle(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    value: Any = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
