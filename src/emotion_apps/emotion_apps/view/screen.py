# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a screen is: an application's state, drawn."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from emotion_apps.view.feed import SceneFeed


class Screen(Protocol):
    """What the view needs of a screen; ``take`` may be called in another thread than ``draw``."""

    title: str
    """Of the window."""
    topic: str
    """Of the state that it draws; empty if it draws none."""
    kind: type | None
    """Type of that topic."""

    @property
    def active(self) -> bool:
        """Whether it has something to show, for ``screen`` = auto."""

    @property
    def phase(self) -> str:
        """Return the name of what it shows now."""

    @property
    def moving(self) -> bool:
        """Whether it changes by itself as time goes by."""

    def take(self, message: Any, feed: SceneFeed) -> None:
        """Take a state; raise ValueError if it makes no sense."""

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Return the screen (height, width, 3), BGR."""
