# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What people do to a graph while it works: switch off and on, end and begin, ask and cancel."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

from action_msgs.msg import GoalStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.action import ActionClient
from std_srvs.srv import SetBool

from emotion_msgs.action import DetectEmotion, PlayGame
from support.client import Client

ENABLED = ('face_detector_node', 'fer_node', 'vad_node', 'ser_node')
"""Nodes with ``~/enable``; they are lifecycle nodes, too."""
_ACTIONS = {
    'orchestrator_node': (DetectEmotion, 'emotion/detect'),
    'game_node': (PlayGame, 'emotion/game/play'),
}
# A cleaned-up node configures and activates itself again.
_LIFE = ('deactivate', 'activate', 'deactivate', 'cleanup', 'configure')
_PATIENCE = 60.0


class Cycles:
    """Does one such thing after another, in a thread, until it is stopped.

    :param client: that asks.
    :param names: of the nodes of the graph.
    :param pause: seconds between two of them.
    """

    def __init__(self, client: Client, names: list[str], seed: int, pause: float = 2.0) -> None:
        self.done: Counter[str] = Counter()
        """How often each thing was done."""
        self.failures: Counter[str] = Counter()
        """What did not go as it should."""
        self._client = client
        self._random = random.Random(seed)
        self._pause = pause
        node = client.node
        self._nodes = [name for name in ENABLED if name in names]
        self._switches = {n: node.create_client(SetBool, f'/{n}/enable') for n in self._nodes}
        self._changes = {
            n: node.create_client(ChangeState, f'/{n}/change_state') for n in self._nodes
        }
        self._states = {n: node.create_client(GetState, f'/{n}/get_state') for n in self._nodes}
        self._goals = {
            n: (kind, ActionClient(node, kind, name))
            for n, (kind, name) in _ACTIONS.items()
            if n in names
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='cycles', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        things = [(self._switch, name) for name in self._nodes]
        things += [(self._live, name) for name in self._nodes]
        things += [(self._ask, name) for name in self._goals]
        while not self._stop.wait(self._pause):
            thing, name = self._random.choice(things)
            what = f'{name}: {thing.__name__.strip("_")}'
            try:
                thing(name)
                self.done[what] += 1
            except AssertionError as error:
                self.failures[f'{what}: {error}'[:300]] += 1

    def _answer(self, future: Any, what: str) -> Any:
        return self._client.wait(future, _PATIENCE, what)

    def _switch(self, name: str) -> None:
        """Disable a node, and enable it again."""
        for value in (False, True):
            future = self._switches[name].call_async(SetBool.Request(data=value))
            assert self._answer(future, '~/enable').success, f'enable {value} is refused'

    def _live(self, name: str) -> None:
        """Lead a node down to unconfigured, and up again."""
        for label in _LIFE:
            request = ChangeState.Request()
            request.transition.label = label
            future = self._changes[name].call_async(request)
            assert self._answer(future, label).success, f'{label} is refused'
        state = ''
        while state != 'active':
            future = self._states[name].call_async(GetState.Request())
            state = self._answer(future, 'get_state').current_state.label
            assert state in ('active', 'inactive'), f'it is {state}'
            self._stop.wait(0.1)
            if self._stop.is_set():
                return

    def _ask(self, name: str) -> None:
        """Send a goal, and cancel it after a moment; or wait for its end, if that is sooner."""
        kind, action = self._goals[name]
        handle = self._answer(action.send_goal_async(kind.Goal()), 'an answer to a goal')
        if not handle.accepted:
            return  # One is under way: begun by a service, say.
        result = handle.get_result_async()
        self._stop.wait(self._random.uniform(0.0, 2.0))
        self._answer(handle.cancel_goal_async(), 'a cancellation')
        status = self._answer(result, 'the end of a goal').status
        assert status in (
            GoalStatus.STATUS_CANCELED,
            GoalStatus.STATUS_SUCCEEDED,
            GoalStatus.STATUS_ABORTED,
        ), f'a goal ended as {status}'
