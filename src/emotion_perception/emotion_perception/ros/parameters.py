# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Node parameters from settings classes: type, default, range and description stand there once."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterType,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from emotion_perception.settings import Setting, check, make, settings_of, values_of

T = TypeVar('T')

_SCALARS = {
    bool: ParameterType.PARAMETER_BOOL,
    int: ParameterType.PARAMETER_INTEGER,
    float: ParameterType.PARAMETER_DOUBLE,
    str: ParameterType.PARAMETER_STRING,
}
_ARRAYS = {
    bool: ParameterType.PARAMETER_BOOL_ARRAY,
    int: ParameterType.PARAMETER_INTEGER_ARRAY,
    float: ParameterType.PARAMETER_DOUBLE_ARRAY,
    str: ParameterType.PARAMETER_STRING_ARRAY,
}


class ConfigurationError(ValueError):
    """A parameter has a value that the node cannot take; the text says what is allowed."""


class Parameters(Generic[T]):
    """The parameters of one settings class and its parts, declared on one node.

    :param node: the node; parameters have the names of the settings.
    :param cls: a settings class.
    :param reconfigurable: whether settings that are not live may be set after the start (while
        nothing :meth:`hold` s them), as lifecycle nodes read them at each configuration; else
        they are read-only.
    :raises ConfigurationError: if a start value has a wrong type, lies out of range, or does not
        go with another one.
    """

    def __init__(self, node: Node, cls: type[T], *, reconfigurable: bool = False) -> None:
        self._node = node
        self._cls = cls
        self._items = {item.name: item for item in settings_of(cls)}
        self._listeners: list[Callable[[T], None]] = []
        self._held = ''
        values = {
            name: _declare(node, item, read_only=not (item.rule.live or reconfigurable))
            for name, item in self._items.items()
        }
        try:
            self.value: T = make(cls, values)
            """The settings as they hold now; replaced as a whole when one is set."""
        except ValueError as error:
            raise ConfigurationError(f'{node.get_name()}: {error}') from error
        node.add_on_set_parameters_callback(self._on_set)

    def on_change(self, listener: Callable[[T], None]) -> None:
        """Call ``listener(settings)`` when a live setting is changed.

        Whatever it raises refuses the change, with its text as the reason.
        """
        self._listeners.append(listener)

    def hold(self, why: str) -> None:
        """Refuse to change settings that are not live until :meth:`release`.

        :param why: what the user is told, after the name of the setting.
        """
        self._held = why

    def release(self) -> None:
        """Let all settings be changed."""
        self._held = ''

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        before = values_of(self.value)
        changes = {
            parameter.name: _plain(parameter.value)
            for parameter in parameters
            if parameter.name in self._items
        }
        changes = {name: value for name, value in changes.items() if value != before[name]}
        try:
            for name, value in changes.items():
                check(self._items[name], value)
                if self._held and not self._items[name].rule.live:
                    raise ValueError(f'{name} {self._held}')
            value = make(self._cls, {**before, **changes})
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        old, self.value = self.value, value
        if any(self._items[name].rule.live for name in changes):
            try:
                for listener in self._listeners:
                    listener(value)
            except Exception as error:
                self.value = old
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _declare(node: Node, item: Setting, *, read_only: bool) -> Any:
    """Declare one parameter and return its value, checked."""
    name = item.name
    descriptor = ParameterDescriptor(
        name=name, type=_type(item), description=item.rule.doc, read_only=read_only
    )
    kind = item.kind
    rule = item.rule
    if rule.choices:
        descriptor.additional_constraints = f'one of: {item.allowed}'
    elif not item.is_tuple and (rule.low, rule.high) != (None, None):
        if kind is float:
            descriptor.floating_point_range = [
                FloatingPointRange(
                    from_value=float(-1e300 if rule.low is None else rule.low),
                    to_value=float(1e300 if rule.high is None else rule.high),
                )
            ]
        elif kind is int:
            descriptor.integer_range = [
                IntegerRange(
                    from_value=int(-(2**62) if rule.low is None else rule.low),
                    to_value=int(2**62 if rule.high is None else rule.high),
                    step=1,
                )
            ]
    _widen(node, name, kind, item.is_tuple)
    if {'on', 'off'} <= set(rule.choices):
        _name_switch(node, name)
    default = list(item.default) if item.is_tuple else item.default
    if default == []:
        # rclpy takes an empty list for bytes and would refuse anything else later; the type is
        # checked by the setting's own rule.
        descriptor.dynamic_typing = True
    try:
        value = _plain(node.declare_parameter(name, default, descriptor).value)
        check(item, value)
    except Exception as error:
        raise ConfigurationError(f'{node.get_name()}: parameter {name}: {error}') from error
    return value


def _name_switch(node: Node, name: str) -> None:
    """Take `window:=off` for the word: YAML 1.1 gives a bool, which rclpy would refuse."""
    override = getattr(node, '_parameter_overrides', {}).get(name)
    if override is not None and override.type_ == Parameter.Type.BOOL:
        node._parameter_overrides[name] = Parameter(
            name, Parameter.Type.STRING, 'on' if override.value else 'off'
        )


def _widen(node: Node, name: str, kind: type, is_array: bool) -> None:
    """Take `rate:=30` for a double: YAML gives an integer, which rclpy would refuse."""
    override = getattr(node, '_parameter_overrides', {}).get(name)
    if override is None or kind is not float:
        return
    if not is_array and override.type_ == Parameter.Type.INTEGER:
        node._parameter_overrides[name] = Parameter(
            name, Parameter.Type.DOUBLE, float(override.value)
        )
    elif is_array and override.type_ == Parameter.Type.INTEGER_ARRAY:
        node._parameter_overrides[name] = Parameter(
            name, Parameter.Type.DOUBLE_ARRAY, [float(value) for value in override.value]
        )


def _type(item: Setting) -> int:
    return (_ARRAYS if item.is_tuple else _SCALARS)[item.kind]


def _plain(value: Any) -> Any:
    # rclpy gives an empty list as bytes.
    return tuple(value) if isinstance(value, (list, tuple, array.array, bytes)) else value
