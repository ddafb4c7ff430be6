"""The registry of screens: every installed package adds those that its setup.py names.

An application's ``setup.py`` lists its screen in the entry point group ``emotion.screens``, by
the name that the parameter ``screen`` takes.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from emotion_apps.view.screen import Screen
from emotion_apps.viewer.perception_screen import PerceptionScreen

GROUP = 'emotion.screens'


def load_screens() -> dict[str, type[Screen]]:
    """Return the classes of all installed screens by name; bare perception is the last."""
    found = {point.name: point.load() for point in entry_points(group=GROUP)}
    return {name: found[name] for name in sorted(found)} | {'perception': PerceptionScreen}


SCREENS = load_screens()
"""By name; of several that are active, ``auto`` shows the first."""
