"""The screen of the mock interview."""

from __future__ import annotations

import numpy as np

from emotion_apps.interview.course import Phase
from emotion_apps.interview.drawing import InterviewView, draw_interview
from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_msgs.msg import InterviewState


class InterviewScreen:
    """The mock interview."""

    title, topic, kind = 'Mock Interview', 'emotion/interview/state', InterviewState
    moving = False

    def __init__(self) -> None:
        self._state = InterviewView()

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
        self._state = InterviewView(
            phase=Phase(message.phase),
            question=message.question,
            questions=message.questions,
            text=message.text,
            hint=message.hint,
            elapsed=message.elapsed,
            remaining=message.remaining,
            speaking=message.speaking,
            speaking_time=message.speaking_time,
            face_present=message.face_present,
            engagement=message.engagement,
            report=message.report,
        )

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the interview."""
        canvas = Canvas(*size)
        draw_interview(canvas, feed.scene(feed.read(feed.newest())), self._state)
        return canvas.image
