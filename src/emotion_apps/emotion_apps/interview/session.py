"""A mock interview as it runs: the course, what is collected, and what the candidate shows.

The node feeds it from topics, the offline analysis from a file: one set of rules for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from emotion_apps.interview.course import Interview, InterviewSettings, Phase
from emotion_apps.interview.log import FacingCamera, InterviewLog
from emotion_apps.interview.questions import Question
from emotion_perception.audio.prosody import prosody
from emotion_perception.vision.headpose import head_pose


class InterviewSession:
    """Take readings with their times; keep the course and the log in step.

    :param on_change: called after the phase or the question changed.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        settings: InterviewSettings | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.interview = Interview(questions, settings or InterviewSettings())
        self.log = InterviewLog()
        self._on_change = on_change
        self._facing = FacingCamera()
        self._hint = ''

    def start(self, time: float) -> None:
        """Begin anew with the first question."""
        self.reset()
        self.interview.start(time)
        self._follow(time, (Phase.IDLE, 0))

    def next(self, time: float) -> None:
        """Go on to the next question."""
        self._do(time, lambda: self.interview.next(time))

    def stop(self, time: float) -> None:
        """End the interview; what was collected stays."""
        self._do(time, lambda: self.interview.stop(time))

    def reset(self) -> None:
        """Forget everything and wait for a start."""
        self.interview.reset()
        self.log = InterviewLog()
        self._facing = FacingCamera()
        self._on_change()

    def face(self, time: float, landmarks: np.ndarray | None) -> None:
        """Take a frame.

        :param landmarks: (4, 2) of the candidate's face, or ``None`` if no face is seen.
        """
        facing = False
        if landmarks is not None:
            yaw, pitch, _ = head_pose(landmarks)
            # A detector without a nose says nothing about the pose.
            facing = True if math.isnan(yaw) else self._facing.update(yaw, pitch)
        present = landmarks is not None
        self._do(time, lambda: self.interview.face(time, present, facing))
        self.log.frame(time, present, facing)

    def emotion(self, time: float, source: str, probabilities: np.ndarray) -> None:
        """Take a reading of ``'face'``, ``'voice'`` or ``'fused'``."""
        self.log.emotion(time, source, probabilities)

    def activity(self, time: float, speaking: bool) -> None:
        """Take whether somebody speaks."""
        self._do(time, lambda: self.interview.voice(time, speaking))

    def utterance(self, start: float, end: float, samples: np.ndarray) -> None:
        """Take an utterance (16 kHz mono) and measure how it was spoken."""
        measures = prosody(samples)
        self.log.utterance(start, end, measures)
        self._do(end, lambda: self.interview.utterance(measures.level, measures.rate))

    def tick(self, time: float) -> None:
        """Let time pass."""
        self._do(time, lambda: self.interview.tick(time))

    def _do(self, time: float, step: Callable[[], None]) -> None:
        before = (self.interview.phase, self.interview.number)
        step()
        self._follow(time, before)

    def _follow(self, time: float, before: tuple[Phase, int]) -> None:
        interview = self.interview
        after = (interview.phase, interview.number)
        if interview.hint and interview.hint != self._hint:
            self.log.hint(time, interview.hint)
        self._hint = interview.hint
        if after == before:
            return
        if interview.phase is Phase.QUESTION:
            self.log.ask(time, interview.number, interview.text)
        elif interview.phase is Phase.ANSWER:
            self.log.begin(time)
        elif interview.phase is Phase.FINISHED:
            self.log.finish(time)
        self._on_change()
