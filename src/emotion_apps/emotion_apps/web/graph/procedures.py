# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a page may ask the graph to do: every procedure by name, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from std_srvs.srv import SetBool, Trigger

from emotion_apps.web.call import CallError
from emotion_apps.web.graph.applications import APPLICATIONS
from emotion_apps.web.graph.bridge import Bridge
from emotion_apps.web.graph.remote import RECOGNISERS, Remote
from emotion_msgs.action import DetectEmotion, PlayGame
from emotion_perception.emotions import EMOTIONS

Values = dict[str, Any]


class Procedures:
    """Carries out what a page asks for.

    :param nodes: called with a place's prefix; returns the names of its nodes.
    :param notice: called with a prefix, a key and a text to tell the pages of that place.
    """

    def __init__(
        self,
        bridge: Bridge,
        remote: Remote,
        nodes: Callable[[str], set[str]],
        notice: Callable[[str, str, Values], None],
    ) -> None:
        self._bridge = bridge
        self._remote = remote
        self._nodes = nodes
        self._notice = notice
        self._table = {
            'trigger': self._trigger,
            'play': self._play,
            'detect': self._detect,
            'enable': self._enable,
            'parameters': self._parameters,
            'set': self._set,
            'reload': self._reload,
            'models': self._models,
            'choose': self._choose,
        }

    async def run(self, prefix: str, name: str, values: Values) -> Any:
        """Carry out a procedure in a place and return what it gives.

        :raises CallError: if there is no such one, a value is wrong, or the graph refuses.
        """
        procedure = self._table.get(name)
        if procedure is None:
            raise CallError(f'there is no procedure {name[:40]!r}')
        return await procedure(prefix, values)

    async def _trigger(self, prefix: str, values: Values) -> str:
        application = APPLICATIONS.get(_text(values, 'application'))
        service = _text(values, 'service')
        if application is None or service not in application.services:
            raise CallError('there is no such application or service')
        answer = await self._bridge.call(
            Trigger, f'{prefix}{application.node}/{service}', Trigger.Request()
        )
        if not answer.success:
            raise CallError(answer.message)
        return answer.message

    async def _play(self, prefix: str, values: Values) -> None:
        targets = values.get('targets', [])
        if not isinstance(targets, list) or not set(map(str, targets)) <= set(EMOTIONS):
            raise CallError('targets: names of emotions are expected')
        goal = PlayGame.Goal(
            rounds=_whole(values, 'rounds', 50),
            seconds=_number(values, 'seconds', 600.0),
            targets=[str(target) for target in targets],
            seed=-1,
        )
        await self._bridge.send_goal(
            PlayGame,
            f'{prefix}emotion/game/play',
            goal,
            self._teller(prefix, 'game'),
        )

    async def _detect(self, prefix: str, values: Values) -> None:
        goal = DetectEmotion.Goal(
            face_timeout=_number(values, 'face_timeout', 3600.0),
            speech_timeout=_number(values, 'speech_timeout', 3600.0),
        )
        await self._bridge.send_goal(
            DetectEmotion,
            f'{prefix}emotion/detect',
            goal,
            self._teller(prefix, 'multimodal'),
        )

    def _teller(self, prefix: str, application: str) -> Callable[[Any], None]:
        """Return what tells the pages of a place how an application's goal ended."""
        return lambda result: self._notice(
            prefix,
            f'ended/{application}',
            {'outcome': result.outcome, 'message': result.message},
        )

    async def _enable(self, prefix: str, values: Values) -> str:
        enabled = values.get('enabled')
        if not isinstance(enabled, bool):
            raise CallError('enabled: true or false is expected')
        answer = await self._bridge.call(
            SetBool, f'{self._node(prefix, values)}/enable', SetBool.Request(data=enabled)
        )
        return answer.message

    async def _parameters(self, prefix: str, values: Values) -> Any:
        return await self._remote.parameters(self._node(prefix, values))

    async def _set(self, prefix: str, values: Values) -> None:
        node = self._node(prefix, values)
        await self._remote.set(node, _text(values, 'name'), values.get('value'))

    async def _reload(self, prefix: str, values: Values) -> None:
        await self._remote.reload(self._node(prefix, values))

    async def _models(self, prefix: str, values: Values) -> Any:
        return await self._remote.models(prefix, self._nodes(prefix))

    async def _choose(self, prefix: str, values: Values) -> None:
        node = self._node(prefix, values)
        task = RECOGNISERS.get(_text(values, 'node'))
        if task is None:
            raise CallError('that node has no model to choose')
        await self._remote.choose(node, task, _text(values, 'model'))

    def _node(self, prefix: str, values: Values) -> str:
        """Return the node that is meant, with its prefix; only our own nodes may be meant."""
        node = _text(values, 'node')
        if node not in self._nodes(prefix):
            raise CallError(f'{node[:40]!r} is not running here')
        return prefix + node


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or len(value) > 200:
        raise CallError(f'{name}: a text is expected')
    return value


def _whole(values: Values, name: str, most: int) -> int:
    value = values.get(name, 0)
    if type(value) is not int or not 0 <= value <= most:
        raise CallError(f'{name}: a whole number from 0 to {most} is expected')
    return value


def _number(values: Values, name: str, most: float) -> float:
    value = values.get(name, 0.0)
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise CallError(f'{name}: a number from 0 to {most:g} is expected')
    return float(value)
