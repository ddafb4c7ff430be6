# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the game."""

from __future__ import annotations

import numpy as np

from emotion_apps.game import drawing
from emotion_apps.game.best_frames import BestFrames
from emotion_apps.game.messages import from_predictions, from_state_message
from emotion_apps.game.states import GameState, Phase
from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_apps.view.perception import draw_perception
from emotion_msgs.msg import GameState as StateMessage


class GameScreen:
    """The two-player game."""

    title, topic, kind = drawing.TITLE, 'emotion/game/state', StateMessage

    def __init__(self) -> None:
        self._state: GameState | None = None
        self._best = BestFrames()

    @property
    def active(self) -> bool:
        """Whether a game is under way, or its end is shown."""
        return self._state is not None and self._state.phase != Phase.IDLE

    @property
    def phase(self) -> str:
        """Return the phase of the game; empty before the first state."""
        return self._state.phase.name if self._state else ''

    @property
    def moving(self) -> bool:
        """Return false: each step of a countdown comes as a state of its own."""
        return False

    def take(self, message: StateMessage, feed: SceneFeed) -> None:
        """Take a state of the game, and the picture of a best moment while it is at hand."""
        state = from_state_message(message)
        self._best.add_state(state, lambda stamp: feed.picture_at(stamp * 1e-9))
        self._state = state

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the game."""
        frame, state = feed.read(feed.newest()), self._state
        if state is None:
            canvas = Canvas(*size)
            draw_perception(canvas, feed.scene(frame))
            return canvas.image
        return drawing.draw(
            size,
            frame,
            from_predictions(feed.faces(), feed.refuse),
            state,
            self._best.portraits(state),
        )
