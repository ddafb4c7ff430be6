"""Node parameters from settings classes: type, default, range and description stand there once."""

from __future__ import annotations

import array
import dataclasses
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

from emotion_perception.settings import Setting, check, settings_of

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
    """The parameters of one settings class, declared on one node.

    :param node: the node; parameters get the names of the settings, after ``prefix``.
    :param cls: a frozen dataclass of :func:`emotion_perception.settings.setting` fields.
    :param prefix: put before each name, for instance ``'tracker.'``.
    :param reconfigurable: whether settings that are not live may be set while the node runs,
        to be read by :meth:`read` at its next configuration (lifecycle nodes); else they are
        read-only after the start.
    :raises ConfigurationError: if a start value has a wrong type or lies out of range.
    """

    def __init__(
        self, node: Node, cls: type[T], prefix: str = '', *, reconfigurable: bool = False
    ) -> None:
        self._node = node
        self._cls = cls
        self._items = {prefix + item.name: item for item in settings_of(cls)}
        self._listeners: list[Callable[[T], None]] = []
        for name, item in self._items.items():
            _declare(node, name, item, read_only=not (item.rule.live or reconfigurable))
        self.value: T = self.read()
        """The settings as they hold now; replaced as a whole when a live one changes."""
        node.add_on_set_parameters_callback(self._on_set)

    def read(self) -> T:
        """Return the settings made of the parameters' present values, and keep them.

        :raises ConfigurationError: if the values do not go together.
        """
        values = {
            item.name: _plain(self._node.get_parameter(name).value)
            for name, item in self._items.items()
        }
        self.value = self._make(values)
        return self.value

    def on_change(self, listener: Callable[[T], None]) -> None:
        """Call ``listener(settings)`` after a live setting was changed."""
        self._listeners.append(listener)

    def _make(self, values: dict[str, Any]) -> T:
        try:
            return self._cls(**values)
        except ValueError as error:
            raise ConfigurationError(f'{self._node.get_name()}: {error}') from error

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        changes: dict[str, Any] = {}
        live = False
        for parameter in parameters:
            item = self._items.get(parameter.name)
            if item is None:
                continue
            value = _plain(parameter.value)
            if item.is_tuple and isinstance(value, bytes):
                value = tuple(value)
            try:
                check(item, value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
            changes[item.name] = value
            live |= item.rule.live
        if live:
            names = {f.name for f in dataclasses.fields(self._cls) if 'rule' in f.metadata}
            values = {name: getattr(self.value, name) for name in names}
            values.update(
                {name: value for name, value in changes.items() if self._rule(name).live}
            )
            try:
                self.value = self._cls(**values)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
            for listener in self._listeners:
                listener(self.value)
        return SetParametersResult(successful=True)

    def _rule(self, name: str) -> Any:
        return next(item.rule for item in self._items.values() if item.name == name)


def declare(node: Node, cls: type[T], prefix: str = '') -> T:
    """Declare the settings as parameters that are fixed at the start, and return their values."""
    return Parameters(node, cls, prefix).value


def _declare(node: Node, name: str, item: Setting, *, read_only: bool) -> None:
    descriptor = ParameterDescriptor(
        name=name, type=_type(item), description=item.rule.doc, read_only=read_only
    )
    kind = item.kind
    rule = item.rule
    if rule.choices:
        descriptor.additional_constraints = f'one of {list(rule.choices)}'
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
    return tuple(value) if isinstance(value, (list, tuple, array.array)) else value
