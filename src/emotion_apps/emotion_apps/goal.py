# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""An action of which one goal runs at a time: accepted, told about, cancelled, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

# Seconds that a result can still be asked for; rclpy keeps it for a quarter of an hour, 5 kB each.
_RESULT_KEPT = 60


class SingleGoal:
    """The server of an action whose goals are followed by a state machine, one at a time.

    A goal is executed, in rclpy's sense, when it is over: until then a callback would block the
    executor, and a coroutine keeps it busy (rclpy before Kilted polls coroutines that wait).

    :param node: that serves it.
    :param kind: type of the action.
    :param name: of the action.
    :param begin: called with a request; begins what it asks for, or raises ``ValueError`` or
        ``RuntimeError`` with the reason why the goal is rejected.
    :param taken: called when the goal that ``begin`` began can be told about.
    """

    def __init__(
        self,
        node: Node,
        kind: Any,
        name: str,
        begin: Callable[[Any], None],
        taken: Callable[[], None],
    ) -> None:
        self._logger = node.get_logger()
        self._kind = kind
        self._begin = begin
        self._taken = taken
        self._under_way = False
        self._handle: ServerGoalHandle | None = None
        self._told: object = None
        self._end: tuple[Any, bool] | None = None
        self._server = ActionServer(
            node,
            kind,
            name,
            self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            result_timeout=_RESULT_KEPT,
        )

    @property
    def under_way(self) -> bool:
        """Whether a goal was accepted and has not ended."""
        return self._under_way

    @property
    def cancelled(self) -> bool:
        """Whether the client wants the goal that runs to end; asked for at each tick."""
        return self._handle is not None and self._handle.is_cancel_requested

    def tell(self, state: Any, change: object) -> None:
        """Send a state as feedback, if there is a goal.

        :param change: what of the state is worth a feedback; an equal one is not sent again.
        """
        if self._handle is not None and change != self._told:
            self._told = change
            self._handle.publish_feedback(self._kind.Feedback(state=state))

    def finish(self, result: Any, *, success: bool) -> None:
        """End the goal, if there is one.

        :param success: whether it reached what was asked for; a goal that the client cancelled
            ends as cancelled all the same.
        """
        handle, self._handle = self._handle, None
        if handle is not None:
            self._end = result, success
            handle.execute()

    def destroy(self) -> None:
        """End the server."""
        self._server.destroy()

    def _on_goal(self, request: Any) -> GoalResponse:
        try:
            if self._under_way:
                raise RuntimeError('another one is under way; cancel it first')
            self._begin(request)
        except (ValueError, RuntimeError) as error:
            self._logger.warning(f'goal rejected: {error}')
            return GoalResponse.REJECT
        self._under_way = True
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._handle = handle
        self._told = None
        self._taken()

    def _execute(self, handle: ServerGoalHandle) -> Any:
        """Give the goal its end; called by the executor after :meth:`finish`."""
        self._under_way = False
        result, success = self._end or (self._kind.Result(), False)
        self._end = None
        if handle.is_cancel_requested:
            handle.canceled()
        elif success:
            handle.succeed()
        else:
            handle.abort()
        return result
