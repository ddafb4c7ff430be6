# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Parameters, life cycle and models of the graph's nodes, as a page may see and change them.

Numbers, switches and choices may be set from a page. Free text (paths, devices, addresses) stays
with who starts the graph, save for the names of models in the catalogue.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import time
from collections.abc import Callable, Set
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParameters,
)

from emotion_apps.web.call import CallError
from emotion_apps.web.graph.bridge import Bridge
from emotion_perception.models.catalog import CatalogEntry, load_catalog
from emotion_perception.models.errors import ModelError
from emotion_perception.models.files import find, remedy

RECOGNISERS = {'fer_node': 'fer', 'ser_node': 'ser'}
"""Nodes whose model can be chosen, and the task of their models."""

# Loading a model, and the library that runs it, may take long on a small computer.
_LOADING = 120.0
_ACTIVATION = 10.0
# A node reports once a second; seconds until its reason is not awaited any more.
_REASON = 3.0

_FIELDS = {
    ParameterType.PARAMETER_BOOL: ('bool_value', bool),
    ParameterType.PARAMETER_INTEGER: ('integer_value', int),
    ParameterType.PARAMETER_DOUBLE: ('double_value', float),
    ParameterType.PARAMETER_STRING: ('string_value', str),
    ParameterType.PARAMETER_STRING_ARRAY: ('string_array_value', list),
    ParameterType.PARAMETER_DOUBLE_ARRAY: ('double_array_value', list),
    ParameterType.PARAMETER_INTEGER_ARRAY: ('integer_array_value', list),
    ParameterType.PARAMETER_BOOL_ARRAY: ('bool_array_value', list),
}
_PACKAGES = {
    'onnx': 'onnxruntime',
    'litert': 'ai_edge_litert',
    'torch': 'torch',
    'transformers': 'transformers',
    'keras-h5': 'h5py',
    'skops': 'skops',
    'sklearn-onnx': 'onnxruntime',
}


class Remote:
    """The nodes of the graph, from a page's side.

    :param error_of: called with a node's name and a steady time; returns the error that the node
        reported on /diagnostics since then, or nothing.
    """

    def __init__(self, bridge: Bridge, error_of: Callable[[str, float], str]) -> None:
        self._bridge = bridge
        self._error_of = error_of

    async def parameters(self, node: str) -> list[dict[str, Any]]:
        """Return all parameters of a node: name, value, description, what is allowed.

        :param node: its name, with the prefix of its place.
        """
        names = (
            await self._bridge.call(
                ListParameters, f'{node}/list_parameters', ListParameters.Request()
            )
        ).result.names
        names = sorted(n for n in names if not n.startswith(('qos_overrides', 'use_sim_time')))
        described = await self._describe(node, names)
        values = (
            await self._bridge.call(
                GetParameters, f'{node}/get_parameters', GetParameters.Request(names=names)
            )
        ).values
        return [
            {
                'name': name,
                'value': _value(value),
                'doc': descriptor.description,
                'kind': _kind(value.type),
                'settable': _settable(descriptor, value.type),
                **_limits(descriptor),
            }
            for name, descriptor, value in zip(names, described, values)
        ]

    async def set(self, node: str, name: str, value: object) -> None:
        """Set a parameter that a page may set; a node that has to load again for it does.

        :raises CallError: if it may not, or the node refuses.
        """
        (descriptor,) = await self._describe(node, [name])
        if not _settable(descriptor, descriptor.type):
            raise CallError(f'{name} cannot be set from a page')
        _check(descriptor, name, value)
        try:
            await self._set(node, name, descriptor.type, value)
        except CallError:
            if not await self._is_configured(node):
                raise
            # What is not live is refused while the node is configured.
            await self._set_anew(node, name, descriptor.type, value)

    async def reload(self, node: str) -> None:
        """Have a lifecycle node load its model again, for instance when it is there at last.

        :raises CallError: if it does not come up again; the text is what it said.
        """
        await self._unload(node)
        await self._load(node)

    async def models(self, prefix: str, present: Set[str]) -> list[dict[str, Any]]:
        """Return the models of each recogniser of a place, and what they need.

        :param present: names of the nodes that are there.
        """
        try:
            catalog = load_catalog()
        except ModelError as error:
            raise CallError(str(error)) from error
        listed = []
        for node, task in RECOGNISERS.items():
            if node not in present:
                continue
            chosen = (
                (
                    await self._bridge.call(
                        GetParameters,
                        f'{prefix}{node}/get_parameters',
                        GetParameters.Request(names=['model']),
                    )
                )
                .values[0]
                .string_value
            )
            listed.append(
                {
                    'node': node,
                    'chosen': chosen,
                    'models': [
                        {
                            'name': entry.name,
                            'about': entry.about,
                            'licence': entry.licence,
                            'backend': entry.backend,
                            'needs': needs(entry),
                        }
                        for entry in catalog.values()
                        if entry.task == task
                    ],
                }
            )
        return listed

    async def choose(self, node: str, task: str, model: str) -> None:
        """Have a recogniser run another model of the catalogue; the old one if that fails.

        :raises CallError: if it does not run; the text says what is missing.
        """
        entry = load_catalog().get(model)
        if entry is None or entry.task != task:
            raise CallError(f'the catalogue has no {task} model {model!r}')
        await self._set_anew(node, 'model', ParameterType.PARAMETER_STRING, model)

    async def _set_anew(self, node: str, name: str, kind: int, value: object) -> None:
        """Unload a node, set a parameter, load it again; with the old value if that fails."""
        request = GetParameters.Request(names=[name])
        answer = await self._bridge.call(GetParameters, f'{node}/get_parameters', request)
        before = _value(answer.values[0])
        await self._unload(node)
        try:
            await self._set(node, name, kind, value)
            await self._load(node)
        except CallError:
            await self._set(node, name, kind, before)
            await self._load(node)
            raise

    async def _unload(self, node: str) -> None:
        state = await self._state(node)
        if state == State.PRIMARY_STATE_ACTIVE:
            await self._change(node, Transition.TRANSITION_DEACTIVATE)
            state = State.PRIMARY_STATE_INACTIVE
        if state == State.PRIMARY_STATE_INACTIVE:
            await self._change(node, Transition.TRANSITION_CLEANUP)

    async def _load(self, node: str) -> None:
        since = time.monotonic()
        if not await self._change(node, Transition.TRANSITION_CONFIGURE):
            raise CallError(await self._reason(node, since))
        # It activates itself, unless a lifecycle manager is there to do it.
        end = asyncio.get_running_loop().time() + _ACTIVATION
        while await self._state(node) != State.PRIMARY_STATE_ACTIVE:
            if asyncio.get_running_loop().time() > end:
                raise CallError('the node is configured, but nobody activated it')
            await asyncio.sleep(0.1)

    async def _reason(self, node: str, since: float) -> str:
        """Return why a node is not configured: it says so once a second."""
        for _ in range(round(_REASON / 0.1)):
            error = self._error_of(node, since)
            if error:
                return error
            await asyncio.sleep(0.1)
        return 'the node stayed unconfigured; its log says why'

    async def _is_configured(self, node: str) -> bool:
        if not await self._bridge.has_service(f'{node}/get_state'):
            return False
        state = await self._state(node)
        return state in (State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_INACTIVE)

    async def _describe(self, node: str, names: list[str]) -> Any:
        return (
            await self._bridge.call(
                DescribeParameters,
                f'{node}/describe_parameters',
                DescribeParameters.Request(names=names),
            )
        ).descriptors

    async def _set(self, node: str, name: str, kind: int, value: object) -> None:
        field, type_ = _FIELDS[kind]
        if type_ is float and type(value) is int:
            value = float(value)
        if type(value) is not type_:
            raise CallError(f'{name}: {str(value)[:40]!r} is not of type {type_.__name__}')
        parameter = Parameter(name=name, value=ParameterValue(type=kind))
        try:
            setattr(parameter.value, field, value)
        except AssertionError:
            raise CallError(f'{name}: {str(value)[:40]} is out of range') from None
        (result,) = (
            await self._bridge.call(
                SetParameters,
                f'{node}/set_parameters',
                SetParameters.Request(parameters=[parameter]),
            )
        ).results
        if not result.successful:
            raise CallError(result.reason)

    async def _state(self, node: str) -> int:
        answer = await self._bridge.call(GetState, f'{node}/get_state', GetState.Request())
        return answer.current_state.id

    async def _change(self, node: str, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        answer = await self._bridge.call(ChangeState, f'{node}/change_state', request, _LOADING)
        return answer.success


def needs(entry: CatalogEntry) -> str:
    """Return what a model needs that is not here; empty if it can run."""
    package = _PACKAGES.get(entry.backend)
    if package and importlib.util.find_spec(package) is None:
        return f'the package {package}: ./emotion setup --training, or pip install {package}'
    if not entry.hub and find(entry) is None:
        return remedy(entry)
    return ''


def _value(value: ParameterValue) -> object:
    if value.type not in _FIELDS:
        return None
    found = getattr(value, _FIELDS[value.type][0])
    return list(found) if _FIELDS[value.type][1] is list else found


def _kind(type_: int) -> str:
    return _FIELDS[type_][1].__name__ if type_ in _FIELDS else 'none'


def _choices(descriptor: Any) -> list[str]:
    """Return the allowed values, which our nodes write as ``one of: a, b``."""
    words = descriptor.additional_constraints
    return words.removeprefix('one of: ').split(', ') if words.startswith('one of: ') else []


def _check(descriptor: Any, name: str, value: object) -> None:
    """Refuse at once what no loading would make allowed."""
    limits = _limits(descriptor)
    if limits['choices'] and str(value) not in limits['choices']:
        raise CallError(f'{name} is {str(value)[:40]!r}; allowed: {", ".join(limits["choices"])}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = limits.get('low', -math.inf), limits.get('high', math.inf)
        if not low <= value <= high:
            raise CallError(f'{name} is {value}; it must be from {low} to {high}')


def _settable(descriptor: Any, type_: int) -> bool:
    if descriptor.read_only:
        return False
    if type_ == ParameterType.PARAMETER_STRING:
        return bool(_choices(descriptor))
    return type_ in (
        ParameterType.PARAMETER_BOOL,
        ParameterType.PARAMETER_INTEGER,
        ParameterType.PARAMETER_DOUBLE,
    )


def _limits(descriptor: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {'choices': _choices(descriptor)}
    for ranges in (descriptor.integer_range, descriptor.floating_point_range):
        for limit in ranges:
            # What stands for "no limit" is no use on a page.
            if abs(limit.from_value) < 1e15:
                limits['low'] = limit.from_value
            if abs(limit.to_value) < 1e15:
                limits['high'] = limit.to_value
    return limits
