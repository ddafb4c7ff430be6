# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Settings: rules, parts and the names that parameters take from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from emotion_perception.settings import (
    Settings,
    make,
    part,
    setting,
    settings_of,
    values_of,
)


@dataclass(frozen=True)
class Smoothing(Settings):
    method: str = setting('mean', 'How.', choices=('mean', 'median'), live=True)
    window: int = setting(9, 'Frames.', low=1, high=99)


@dataclass(frozen=True)
class Tracking(Settings):
    low: float = setting(0.1, 'Low.', low=0.0)
    high: float = setting(0.9, 'High.', high=1.0)

    def check(self) -> None:
        if self.low > self.high:
            raise ValueError(f'low is {self.low}; it must be at most high ({self.high})')


@dataclass(frozen=True)
class Base(Settings):
    autostart: bool = setting(True, 'Start.')


@dataclass(frozen=True)
class Node(Base):
    model: str = setting('best', 'Model.')
    smoother: Smoothing = part(Smoothing)
    voice: Smoothing = part(Smoothing, prefix='voice_')
    tracker: Tracking = part(Tracking, prefix='')
    names: tuple[str, ...] = setting((), 'Names.')
    untouched: float = 3.0


def test_parts_with_the_same_word_have_parameters_of_their_own() -> None:
    assert [item.name for item in settings_of(Node)] == [
        'autostart',
        'model',
        'smoother.method',
        'smoother.window',
        'voice_method',
        'voice_window',
        'low',
        'high',
        'names',
    ]


def test_values_by_name_make_the_object_with_its_parts_and_back() -> None:
    settings = make(Node, {'smoother.window': 5, 'voice_method': 'median', 'low': 0.2})
    assert settings == Node(
        smoother=Smoothing(window=5), voice=Smoothing(method='median'), tracker=Tracking(low=0.2)
    )
    assert make(Node, values_of(settings)) == settings
    assert make(Node, {}) == Node()


@pytest.mark.parametrize(
    ('values', 'says'),
    [
        ({'smoother.window': 0}, 'window is 0; it must be at least 1'),
        ({'voice_window': 100}, 'window is 100; it must be at most 99'),
        ({'smoother.method': 'max'}, r"method is 'max'; allowed: \['mean', 'median'\]"),
        ({'low': 0.95}, r'low is 0.95; it must be at most high \(0.9\)'),
        ({'high': math.nan}, 'high is nan; it must be finite'),
        ({'names': (1,)}, r'names is \(1,\); it must be a list of str'),
    ],
)
def test_every_part_checks_its_own_values(values: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(Node, values)


def test_whoever_makes_a_settings_object_has_it_checked() -> None:
    with pytest.raises(ValueError, match='window is 0'):
        Smoothing(window=0)
    with pytest.raises(ValueError, match='window is 0'):
        replace(Smoothing(), window=0)


def test_what_is_allowed_and_the_default_are_shown_in_words() -> None:
    shown = {item.name: (item.shown, item.allowed) for item in settings_of(Node)}
    assert shown['autostart'] == ('true', '')
    assert shown['smoother.method'] == ('mean', 'mean, median')
    assert shown['voice_window'] == ('9', '1 to 99')
    assert shown['low'] == ('0.1', 'from 0')
    assert shown['high'] == ('0.9', 'up to 1')
    assert shown['names'] == ('[]', '')
