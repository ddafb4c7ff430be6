"""Settings: the one place where a default, its range and its description stand.

Each algorithm (and each node) keeps its settings in a frozen dataclass whose fields are made by
:func:`setting`. The ROS layer declares node parameters from the same dataclass
(:mod:`emotion_perception.ros.parameters`), the README's tables are generated from it, and a
notebook constructs it directly: no default is written twice.

The idea is generate_parameter_library's, in plain Python.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a setting means and which values it may take.

    :param doc: one sentence, with the unit.
    :param low: smallest allowed value, or ``None``.
    :param high: largest allowed value, or ``None``.
    :param choices: allowed values, or empty for any.
    :param live: whether a running node takes a new value at once; else the value is read-only.
    """

    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    live: bool = False


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] = (),
    live: bool = False,
) -> Any:
    """Make a dataclass field with a default and a :class:`Rule`.

    :param default: a bool, int, float or str, or a tuple of one of these (kept as a tuple).
    """
    rule = Rule(doc, low, high, tuple(choices), live)
    return dataclasses.field(default=default, metadata={'rule': rule})


@dataclass(frozen=True)
class Setting:
    """A field of a settings class, as :func:`settings_of` lists it.

    :param kind: bool, int, float or str; that of the elements if it is a tuple.
    """

    name: str
    default: Any
    rule: Rule
    kind: type

    @property
    def is_tuple(self) -> bool:
        """Return whether the value is a tuple."""
        return isinstance(self.default, tuple)


def settings_of(cls: type) -> Iterator[Setting]:
    """Yield the settings of a dataclass in order."""
    for item in dataclasses.fields(cls):
        if 'rule' in item.metadata:
            yield Setting(item.name, item.default, item.metadata['rule'], _kind(item))


def validate(settings: Any) -> None:
    """Check every value of a settings object against its rule; call it in ``__post_init__``.

    :raises ValueError: naming the setting, the value and what is allowed.
    """
    for item in settings_of(type(settings)):
        check(item, getattr(settings, item.name))


def check(item: Setting, value: Any) -> None:
    """Check one value against the rule of its setting.

    :raises ValueError: naming the setting, the value and what is allowed.
    """
    rule = item.rule
    if item.is_tuple and not all(isinstance(part, item.kind) for part in value):
        raise ValueError(f'{item.name} is {value!r}; it must be a list of {item.kind.__name__}')
    if rule.choices and value not in rule.choices:
        raise ValueError(f'{item.name} is {value!r}; allowed: {list(rule.choices)}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # `not (low <= value)` also refuses NaN.
        if rule.low is not None and not value >= rule.low:
            raise ValueError(f'{item.name} is {value}; it must be at least {rule.low}')
        if rule.high is not None and not value <= rule.high:
            raise ValueError(f'{item.name} is {value}; it must be at most {rule.high}')


def _kind(item: dataclasses.Field[Any]) -> type:
    """Return the type of a field, from its default or (an empty tuple) from its annotation."""
    if not isinstance(item.default, tuple):
        return type(item.default)
    if item.default:
        return type(item.default[0])
    # Annotations are texts here: 'tuple[float, ...]'.
    return next((kind for kind in (bool, int, float) if kind.__name__ in str(item.type)), str)
