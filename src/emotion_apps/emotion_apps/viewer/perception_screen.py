# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of bare perception."""

from __future__ import annotations

from typing import Any

import numpy as np

from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_apps.view.perception import draw_perception


class PerceptionScreen:
    """Faces, voice, and both as one."""

    title, topic, kind = 'Emotion Perception', '', None
    active, moving, phase = True, False, 'LIVE'

    def take(self, message: Any, feed: SceneFeed) -> None:
        """Do nothing: there is no state."""

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw what is perceived now."""
        canvas = Canvas(*size)
        draw_perception(canvas, feed.scene(feed.read(feed.newest())))
        return canvas.image
