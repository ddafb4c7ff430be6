# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The registry of screens: every installed package adds those that its setup.py names.

An application's ``setup.py`` lists its screen in the entry point group ``emotion.screens``, by
the name that the parameter ``screen`` takes.
"""

from __future__ import annotations

from emotion_apps.view.screen import Screen
from emotion_apps.viewer.perception_screen import PerceptionScreen
from emotion_apps.viewer.settings import BARE, screen_points


def load_screens() -> dict[str, type[Screen]]:
    """Return the classes of all installed screens by name; bare perception is the last."""
    return {name: point.load() for name, point in screen_points().items()} | {
        BARE: PerceptionScreen
    }


SCREENS = load_screens()
"""By name; of several that are active, ``auto`` shows the first."""
