# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the mock interview."""

from __future__ import annotations

import numpy as np

from emotion_apps.interview.drawing import draw_interview
from emotion_apps.interview.messages import to_snapshot
from emotion_apps.interview.states import Phase, Snapshot
from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_msgs.msg import InterviewState


class InterviewScreen:
    """The mock interview."""

    title, topic, kind = 'Mock Interview', 'emotion/interview/state', InterviewState
    moving = False

    def __init__(self) -> None:
        self._state = Snapshot()

    @property
    def active(self) -> bool:
        """Whether an interview is under way, or its end is shown."""
        return self._state.phase != Phase.IDLE

    @property
    def phase(self) -> str:
        """Return the phase of the interview."""
        return self._state.phase.name

    def take(self, message: InterviewState, feed: SceneFeed) -> None:
        """Take a state of the interview."""
        self._state = to_snapshot(message)

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the interview."""
        canvas = Canvas(*size)
        draw_interview(canvas, feed.scene(feed.read(feed.newest())), self._state)
        return canvas.image
