"""The screens, each with the state topic that it draws."""

from __future__ import annotations

import time
from typing import Any, Protocol

import numpy as np

from emotion_msgs.msg import GameState, InterviewState, MultimodalState
from emotion_perception.interaction.game import Phase as GamePhase
from emotion_perception.interaction.interview import Phase as InterviewPhase
from emotion_perception.interaction.multimodal import Phase, Snapshot, with_time_left
from emotion_perception.ros.game_messages import (
    from_predictions,
    from_state_message,
)
from emotion_perception.ros.multimodal_messages import to_snapshot
from emotion_perception.ros.scene_feed import SceneFeed
from emotion_perception.view import game_screen
from emotion_perception.view.best_frames import BestFrames
from emotion_perception.view.draw import Canvas
from emotion_perception.view.interview_screen import InterviewView, draw_interview
from emotion_perception.view.multimodal_screen import draw_multimodal, portrait
from emotion_perception.view.perception_screen import draw_perception


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


class MultimodalScreen:
    """The multimodal cycle."""

    title, topic, kind = 'Multimodal System', 'emotion/multimodal/state', MultimodalState

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._came = 0.0
        self._locked: tuple[int, np.ndarray | None] = (0, None)
        self._spoken: list[float] = []

    @property
    def active(self) -> bool:
        """Whether an orchestrator has spoken."""
        return self._snapshot is not None

    @property
    def phase(self) -> str:
        """Return the phase of the cycle; empty before the first state."""
        return self._snapshot.phase.name if self._snapshot else ''

    @property
    def moving(self) -> bool:
        """Whether a countdown runs."""
        return self._snapshot is not None and self._snapshot.remaining > 0

    def take(self, message: MultimodalState, feed: SceneFeed) -> None:
        """Take a state of the cycle."""
        snapshot = to_snapshot(message)
        if snapshot.phase == Phase.WAITING_FACE:
            self._spoken = []
        self._snapshot, self._came = snapshot, time.monotonic()

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the cycle."""
        canvas = Canvas(*size)
        snapshot = self._snapshot
        scene = feed.scene(feed.read(feed.newest()))
        if snapshot is None:
            draw_perception(canvas, scene)
            return canvas.image
        if snapshot.phase == Phase.LISTENING and snapshot.speaking:
            self._spoken = (self._spoken + list(scene.levels[-2:]))[-400:]
        draw_multimodal(canvas, scene, with_time_left(snapshot, time.monotonic() - self._came),
                        self._portrait(snapshot, feed), self._spoken)
        return canvas.image

    def _portrait(self, snapshot: Snapshot, feed: SceneFeed) -> np.ndarray | None:
        """Return the locked face, cut out once in each cycle, from the frame that was locked."""
        if snapshot.phase == Phase.WAITING_FACE or snapshot.face is None:
            return None
        if self._locked[0] != snapshot.cycle or self._locked[1] is None:
            picture = (feed.picture_at(snapshot.face.stamp)
                       if snapshot.phase == Phase.LISTENING else None)
            cut = None if picture is None else portrait(picture, snapshot.face.region)
            self._locked = (snapshot.cycle, cut)
        return self._locked[1]


class GameScreen:
    """The two-player game."""

    title, topic, kind = game_screen.TITLE, 'emotion/game/state', GameState

    def __init__(self) -> None:
        self._state: Any = None
        self._best = BestFrames()

    @property
    def active(self) -> bool:
        """Whether a game is under way, or its end is shown."""
        return self._state is not None and self._state.phase != GamePhase.IDLE

    @property
    def phase(self) -> str:
        """Return the phase of the game; empty before the first state."""
        return self._state.phase.name if self._state else ''

    @property
    def moving(self) -> bool:
        """Return false: each step of a countdown comes as a state of its own."""
        return False

    def take(self, message: GameState, feed: SceneFeed) -> None:
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
        return game_screen.draw(size, frame, from_predictions(feed.faces()), state,
                                self._best.portraits(state))


class InterviewScreen:
    """The mock interview."""

    title, topic, kind = 'Mock Interview', 'emotion/interview/state', InterviewState
    moving = False

    def __init__(self) -> None:
        self._state = InterviewView()

    @property
    def active(self) -> bool:
        """Whether an interview is under way, or its end is shown."""
        return self._state.phase != InterviewPhase.IDLE

    @property
    def phase(self) -> str:
        """Return the phase of the interview."""
        return self._state.phase.name

    def take(self, message: InterviewState, feed: SceneFeed) -> None:
        """Take a state of the interview."""
        self._state = InterviewView(
            phase=InterviewPhase(message.phase), question=message.question,
            questions=message.questions, text=message.text, hint=message.hint,
            elapsed=message.elapsed, remaining=message.remaining, speaking=message.speaking,
            speaking_time=message.speaking_time, face_present=message.face_present,
            engagement=message.engagement, report=message.report)

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the interview."""
        canvas = Canvas(*size)
        draw_interview(canvas, feed.scene(feed.read(feed.newest())), self._state)
        return canvas.image


SCREENS: dict[str, type[Screen]] = {
    'game': GameScreen, 'interview': InterviewScreen, 'multimodal': MultimodalScreen,
    'perception': PerceptionScreen}
"""By name; of several that are active, ``auto`` shows the first."""
