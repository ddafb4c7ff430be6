# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is collected during a mock interview, question by question."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from emotion_apps.interview.packed import Packed
from emotion_apps.interview.scribe import Turn
from emotion_perception.audio.prosody import Prosody
from emotion_perception.emotions import EMOTIONS
from emotion_perception.words.language import Language
from emotion_perception.words.transcriber import Word

# Beyond these angles from the person's own usual pose a head does not face the camera.
YAW_LIMIT = 25.0
PITCH_LIMIT = 20.0
# Seconds by which a voice is heard before the course takes note of it.
_EARLY = 1.0
SOURCES = ('face', 'voice', 'fused')
"""What tells emotions."""


@dataclass
class Sample:
    """An emotion at a time.

    :param time: seconds.
    :param source: one of :data:`SOURCES`.
    :param probabilities: (6,).
    """

    time: float
    source: str
    probabilities: np.ndarray


def _emotions() -> Packed[Sample]:
    return Packed(
        [('time', 'f8'), ('source', 'u1'), ('probabilities', 'f4', len(EMOTIONS))],
        lambda time, source, probabilities: Sample(float(time), SOURCES[source], probabilities),
    )


def _frames() -> Packed[tuple[float, bool, bool]]:
    return Packed(
        [('time', 'f8'), ('present', '?'), ('facing', '?')],
        lambda time, present, facing: (float(time), bool(present), bool(facing)),
    )


@dataclass
class Spoken:
    """An utterance of an answer."""

    start: float
    end: float
    prosody: Prosody


@dataclass
class Answer:
    """All that was seen and heard from when a question was shown until the next one.

    :param began: when speech began; NaN if it did not.
    :param key_words: that it might name.
    """

    number: int
    question: str
    shown: float
    key_words: tuple[str, ...] = ()
    began: float = math.nan
    ended: float = math.nan
    emotions: Packed[Sample] = field(default_factory=_emotions)
    frames: Packed[tuple[float, bool, bool]] = field(default_factory=_frames)
    """Time, whether a face was present, whether it faced the camera."""
    utterances: list[Spoken] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    hints: list[tuple[float, str]] = field(default_factory=list)

    @property
    def words(self) -> list[Word]:
        """Return the words that were written down, in order of time."""
        return [word for turn in sorted(self.turns, key=lambda t: t.start) for word in turn.words]


class FacingCamera:
    """Whether a head faces the camera, relative to how this person usually sits before it.

    A camera seldom stands straight before the face, and heads differ: the median of what was seen
    so far is taken as straight ahead, as long as it is plausible.
    """

    def __init__(self, memory: int = 300) -> None:
        self._memory = memory
        self._poses: list[tuple[float, float]] = []

    def update(self, yaw: float, pitch: float) -> bool:
        """Take a pose (degrees) and say whether it faces the camera; NaN never does."""
        if math.isnan(yaw):
            return False
        pitch = 0.0 if math.isnan(pitch) else pitch
        self._poses.append((yaw, pitch))
        del self._poses[: -self._memory]
        usual = np.clip(np.median(self._poses, axis=0), -20, 20)
        return bool(abs(yaw - usual[0]) <= YAW_LIMIT and abs(pitch - usual[1]) <= PITCH_LIMIT)


class InterviewLog:
    """Collect readings into the answer under way; what comes between answers is left out."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.started = math.nan
        self.ended = math.nan
        self.heard = True
        """Whether anybody listened: a film without sound says nothing about the answers."""
        self.left_out: list[str] = []
        """What of a recording is not in here, and why; a line each."""
        self.language: Language | None = None
        """Of the words; ``None`` if none were written down."""
        self.transcriber = ''
        """What wrote them down."""

    @property
    def answer(self) -> Answer | None:
        """Return the answer under way."""
        return self.answers[-1] if self.answers and math.isnan(self.answers[-1].ended) else None

    def ask(
        self, time: float, number: int, question: str, key_words: tuple[str, ...] = ()
    ) -> None:
        """Begin a question (and end the one before)."""
        self.end_answer(time)
        if math.isnan(self.started):
            self.started = time
        self.answers.append(Answer(number, question, time, key_words))

    def begin(self, time: float) -> None:
        """Take note that the answer begins."""
        if self.answer is not None:
            self.answer.began = time

    def end_answer(self, time: float) -> None:
        """End the answer under way, if there is one."""
        if self.answer is not None:
            self.answer.ended = max(time, self.answer.shown)

    def finish(self, time: float) -> None:
        """End the interview."""
        self.end_answer(time)
        self.ended = time

    def forget_unanswered_end(self) -> None:
        """Drop a question at the end that nobody answered: nobody may have asked it."""
        if len(self.answers) > 1 and not self.answers[-1].utterances:
            del self.answers[-1]

    def emotion(self, time: float, source: str, probabilities: np.ndarray) -> None:
        """Add a reading; one that is not finite is left out."""
        vector = np.asarray(probabilities, np.float32)
        answer = self._at(time)
        if answer is not None and np.isfinite(vector).all():
            answer.emotions.append(time, SOURCES.index(source), vector)

    def frame(self, time: float, present: bool, facing: bool) -> None:
        """Add what a frame shows of the candidate."""
        if self.answer is not None:
            self.answer.frames.append(time, present, facing)

    def utterance(self, start: float, end: float, measures: Prosody) -> bool:
        """Add an utterance to the answer that it began in; return whether there is one.

        One after the end, or before the beginning, belongs to none.
        """
        answer = self._at(start, _EARLY)
        if answer is not None:
            answer.utterances.append(Spoken(start, end, measures))
        return answer is not None

    def turn(self, turn: Turn) -> None:
        """Add what was written down to the answer that it began in."""
        answer = self._at(turn.start, _EARLY)
        if answer is not None:
            answer.turns.append(turn)

    def hint(self, time: float, text: str) -> None:
        """Add a hint that was shown."""
        if self.answer is not None:
            self.answer.hints.append((time, text))

    def _at(self, time: float, early: float = 0.0) -> Answer | None:
        """Return the answer that a time lies in, however late that comes to be known.

        :param early: seconds by which it may lie before the question was shown.
        """
        for answer in reversed(self.answers):
            if time >= answer.shown - early:
                return None if time > answer.ended else answer
        return None
