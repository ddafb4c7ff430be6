# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Settings: the one place where a default, its range and its description stand.

Each algorithm keeps its settings in a frozen dataclass that derives from :class:`Settings` and
whose fields are made by :func:`setting`. What is made of several algorithms contains their
settings, each under a name of its own, by :func:`part`. The ROS layer declares node parameters
from the same classes (:mod:`emotion_perception.ros.parameters`), the launch arguments and
docs/parameters.md show what stands here, and a notebook constructs them directly: no default is
written twice.

The idea is generate_parameter_library's, in plain Python.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar('T')
S = TypeVar('S', bound='Settings')


@dataclass(frozen=True)
class Rule:
    """What a setting means and which values it may take.

    :param doc: one sentence, with the unit.
    :param low: smallest allowed value, or ``None``.
    :param high: largest allowed value, or ``None``.
    :param choices: allowed values, or empty for any.
    :param live: whether a running node takes a new value at once.
    """

    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    live: bool = False


def setting(
    default: T,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[T] = (),
    live: bool = False,
) -> T:
    """Make a dataclass field with a default and a :class:`Rule`.

    :param default: a bool, int, float or str, or a tuple of one of these (kept as a tuple).
    """
    rule = Rule(doc, low, high, tuple(choices), live)
    return dataclasses.field(default=default, metadata={'rule': rule})


def part(cls: type[S], prefix: str | None = None) -> S:
    """Make a dataclass field that holds the settings of a part, by default with its defaults.

    :param prefix: put before the names of the part's settings; by default the name of the field
        and a point (``tracker.keep_seconds``). Empty for the settings that users know best
        (``device``).
    """
    return dataclasses.field(default=cls(), metadata={'prefix': prefix})


class Settings:
    """Base of all settings: a frozen dataclass of :func:`setting` and :func:`part` fields.

    Each value is checked against its rule when an object is made, whoever makes it.

    :raises ValueError: naming the setting, the value and what is allowed.
    """

    def __post_init__(self) -> None:
        for item in settings_of(type(self)):
            if len(item.path) == 1:
                check(item, getattr(self, item.path[0]))
        self.check()

    def check(self) -> None:
        """Check what must hold between the values; each alone is as its rule says.

        :raises ValueError: naming the setting, the value and what is allowed.
        """


@dataclass(frozen=True)
class Setting:
    """A setting of a settings class or of one of its parts, as :func:`settings_of` lists it.

    :param name: with the prefixes of the parts that it belongs to.
    :param path: names of the fields that lead to it.
    :param kind: bool, int, float or str; that of the elements if it is a tuple.
    """

    name: str
    path: tuple[str, ...]
    default: Any
    rule: Rule
    kind: type

    @property
    def is_tuple(self) -> bool:
        """Return whether the value is a tuple."""
        return isinstance(self.default, tuple)

    @property
    def allowed(self) -> str:
        """Return the choices or the range in words; empty if everything is allowed."""
        rule = self.rule
        if rule.choices:
            return ', '.join(map(str, rule.choices))
        if rule.low is None:
            return '' if rule.high is None else f'up to {rule.high:g}'
        return f'from {rule.low:g}' if rule.high is None else f'{rule.low:g} to {rule.high:g}'

    @property
    def shown(self) -> str:
        """Return the default as it is written in YAML."""
        return _text(self.default)

    def of(self, settings: Any) -> Any:
        """Return the value that a settings object has for it."""
        for name in self.path:
            settings = getattr(settings, name)
        return settings


def settings_of(cls: type) -> Iterator[Setting]:
    """Yield the settings of a class and of its parts, in order."""
    for item in dataclasses.fields(cls):
        if 'rule' in item.metadata:
            yield Setting(
                item.name, (item.name,), item.default, item.metadata['rule'], _kind(item)
            )
        elif 'prefix' in item.metadata:
            given = item.metadata['prefix']
            prefix = f'{item.name}.' if given is None else given
            for inner in settings_of(type(item.default)):
                yield dataclasses.replace(
                    inner, name=prefix + inner.name, path=(item.name, *inner.path)
                )


def make(cls: type[T], values: Mapping[str, Any]) -> T:
    """Make a settings object, parts included, from values by name; the rest is default.

    :param values: by :attr:`Setting.name`.
    :raises ValueError: if a value breaks a rule.
    """
    tree: dict[str, Any] = {}
    for item in settings_of(cls):
        if item.name in values:
            branch = tree
            for name in item.path[:-1]:
                branch = branch.setdefault(name, {})
            branch[item.path[-1]] = values[item.name]
    return _grow(cls, tree)


def values_of(settings: object) -> dict[str, Any]:
    """Return all values of a settings object, parts included, by :attr:`Setting.name`."""
    return {item.name: item.of(settings) for item in settings_of(type(settings))}


def check(item: Setting, value: Any) -> None:
    """Check one value against the rule of its setting.

    :raises ValueError: naming the setting, the value and what is allowed.
    """
    rule = item.rule
    name = item.path[-1]
    if item.is_tuple and not all(isinstance(each, item.kind) for each in value):
        raise ValueError(f'{name} is {value!r}; it must be a list of {item.kind.__name__}')
    if rule.choices and value not in rule.choices:
        raise ValueError(f'{name} is {value!r}; allowed: {list(rule.choices)}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f'{name} is {value}; it must be finite')
        if rule.low is not None and value < rule.low:
            raise ValueError(f'{name} is {value}; it must be at least {rule.low}')
        if rule.high is not None and value > rule.high:
            raise ValueError(f'{name} is {value}; it must be at most {rule.high}')


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return '[' + ', '.join(map(_text, value)) + ']'
    if isinstance(value, bool):
        return str(value).lower()
    return f'{value:g}' if isinstance(value, float) else str(value) or "''"


def _grow(cls: type[T], tree: Mapping[str, Any]) -> T:
    """Make a settings object from nested values."""
    parts = {
        item.name: _grow(type(item.default), tree[item.name])
        for item in dataclasses.fields(cast(Any, cls))
        if 'prefix' in item.metadata and item.name in tree
    }
    return cls(**{**tree, **parts})


def _kind(item: dataclasses.Field[Any]) -> type:
    """Return the type of a field, from its default or (an empty tuple) from its annotation."""
    if not isinstance(item.default, tuple):
        return type(item.default)
    if item.default:
        return type(item.default[0])
    # Annotations are texts here: 'tuple[float, ...]'.
    return next((kind for kind in (bool, int, float) if kind.__name__ in str(item.type)), str)
