# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the lamp: the picture in a frame of its light."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import ColorRGBA

from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_apps.view.scene import draw_faces, draw_picture


class MoodLampScreen:
    """The picture, framed in the colour that was published last."""

    title, topic, kind = 'Mood Lamp', 'emotion/mood_lamp/colour', ColorRGBA
    moving = False

    def __init__(self) -> None:
        self._colour: tuple[int, int, int] | None = None

    @property
    def active(self) -> bool:
        """Whether a lamp has shone."""
        return self._colour is not None

    @property
    def phase(self) -> str:
        """Return the name of what it shows now."""
        return 'ON' if self.active else 'OFF'

    def take(self, message: ColorRGBA, feed: SceneFeed) -> None:
        """Take a colour."""
        blue, green, red = (round(255 * part) for part in (message.b, message.g, message.r))
        self._colour = (blue, green, red)

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the picture in its frame."""
        canvas = Canvas(*size)
        canvas.clear(self._colour or (0, 0, 0))
        scene = feed.scene(feed.read(feed.newest()))
        inside = canvas.box.inset(60 * canvas.unit, 60 * canvas.unit)
        place = draw_picture(canvas, inside, scene.picture)
        if place is not None:
            draw_faces(canvas, place, scene.faces)
        return canvas.image
