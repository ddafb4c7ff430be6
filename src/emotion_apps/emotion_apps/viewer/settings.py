# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The settings of ``view_node``, without ROS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from emotion_perception.settings import Settings, setting

GROUP = 'emotion.screens'
"""Entry points by which an application's setup.py names its screen."""

BARE = 'perception'
"""The screen of bare perception, which is always there."""


@cache  # Every installed package is looked into: a thirtieth of the time of a start.
def screen_points() -> dict[str, EntryPoint]:
    """Return where the screens of the installed applications are, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


@dataclass(frozen=True)
class ViewSettings(Settings):
    """Settings of the node."""

    screen: str = setting(
        'auto',
        'What to draw; auto draws what is under way: a game, an '
        'interview, the multimodal cycle, else bare perception.',
        choices=('auto', *screen_points(), BARE),
        live=True,
    )
    width: int = setting(1280, 'Width of the screen, pixels.', low=640, high=3840)
    height: int = setting(720, 'Height of the screen, pixels.', low=360, high=2160)
    rate: float = setting(20.0, 'Most screens a second.', low=1.0, high=60.0)
    window: str = setting(
        'auto',
        'Show a window: auto (where there is a display), on or off.',
        choices=('auto', 'on', 'off'),
    )
    jpeg_quality: int = setting(
        85, 'Quality of emotion/view/compressed, per cent.', low=10, high=100, live=True
    )
