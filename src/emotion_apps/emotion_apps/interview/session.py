# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A mock interview as it runs: the course, what is collected, and what the candidate shows.

The node feeds it from topics, the offline analysis from a file: one set of rules for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from emotion_apps.interview.course import Interview
from emotion_apps.interview.events import (
    Event,
    FaceSeen,
    Next,
    SoundHeard,
    Start,
    UtteranceMeasured,
)
from emotion_apps.interview.log import FacingCamera, InterviewLog
from emotion_apps.interview.questions import Question
from emotion_apps.interview.scribe import Scribe
from emotion_apps.interview.settings import InterviewSettings
from emotion_apps.interview.states import Phase, Snapshot
from emotion_apps.machine import Entered, Reset, Stop, Tick
from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.prosody import prosody
from emotion_perception.audio.segment import LONGEST
from emotion_perception.timing import Stopwatch
from emotion_perception.vision.headpose import head_pose
from emotion_perception.words.fluency import Kind
from emotion_perception.words.verbal import Verbal, measure


class InterviewSession:
    """Take readings with their times; keep the course and the log in step.

    The log's times are those of a recording, or, live, those of the course: seconds since the
    first reading or command, whatever is done to the clock meanwhile.

    :param on_change: called after the phase or the question changed.
    :param clock: gives the present, by the clock of the times that are passed in; without one
        they are those of a recording, which are time however far apart.
    :param scribe: writes down what is said; nothing is without one.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        settings: InterviewSettings | None = None,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] | None = None,
        scribe: Scribe | None = None,
    ) -> None:
        stopwatch = Stopwatch() if clock else Stopwatch(longest=math.inf)
        self.interview = Interview(questions, settings, stopwatch)
        self._questions = tuple(questions)
        self._scribe = scribe
        self._on_change = on_change
        self._clock = clock
        self._newest = -math.inf
        self._verbal: Verbal | None = None
        self._measured = (0, 0)
        self._clear()

    def start(self, time: float) -> None:
        """Begin anew with the first question."""
        self._clear()
        self._handle(Start(), time)

    def next(self, time: float) -> None:
        """Go on to the next question."""
        self._handle(Next(), time)

    def stop(self, time: float) -> None:
        """End the interview; what was collected stays."""
        self._handle(Stop(), time)

    def reset(self, time: float) -> None:
        """Forget everything and wait for a start."""
        self._handle(Reset(), time)
        self._clear()

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
        moment = self._handle(FaceSeen(present, facing), time)
        self.log.frame(moment, present, facing)

    def emotion(self, time: float, source: str, probabilities: np.ndarray) -> None:
        """Take a reading of ``'face'``, ``'voice'`` or ``'fused'``."""
        self.log.emotion(self._moment(time), source, probabilities)

    def activity(self, time: float, speaking: bool) -> None:
        """Take whether somebody speaks."""
        self._handle(SoundHeard(speaking), time)

    def utterance(
        self, start: float, end: float, samples: np.ndarray, goes_on: bool = False
    ) -> None:
        """Take an utterance (16 kHz mono), measure how it was spoken, and have it written down.

        Measured are its first two minutes, the longest that the voice activity detector sends.

        :param goes_on: whether it was cut, and the next one goes on where it ends.
        """
        # Nobody who listens sends a longer one: more would only hold up what comes next.
        measures = prosody(samples[: round(LONGEST * RATE)])
        moment = self._moment(end)
        begin = moment - (end - start)
        # What is said outside the interview is nobody's business.
        if self.log.utterance(begin, moment, measures) and self._scribe is not None:
            self._scribe.hear(begin, samples, goes_on)
        self._handle(UtteranceMeasured(measures.level, measures.rate), end)

    def tick(self, time: float) -> None:
        """Let time pass."""
        self._handle(Tick(), time)

    def collect(self) -> bool:
        """Take what was written down meanwhile; return whether there was anything."""
        if self._scribe is None:
            return False
        turns = self._scribe.turns()
        for turn in turns:
            self.log.turn(turn)
        self.log.transcriber = self._scribe.name
        return bool(turns)

    def finish(self, seconds: float) -> None:
        """Wait for what is still being written down, so long at most, and say what is missing."""
        if self._scribe is None:
            return
        if not self._scribe.wait(seconds):
            self._scribe.give_up('there was no time for them')
        self.collect()
        if count := self._scribe.left_out:
            stretches = '1 stretch' if count == 1 else f'{count} stretches'
            self.log.left_out.append(f'the words of {stretches} of speech: {self._scribe.reason}')

    def snapshot(self) -> Snapshot:
        """Return what a screen shows, with what the words of this answer tell so far."""
        snapshot = self.interview.snapshot()
        if self._scribe is None:
            return snapshot
        snapshot = replace(snapshot, transcript=True, transcribing=self._scribe.pending)
        if (verbal := self.verbal()) is None:
            return snapshot
        return replace(
            snapshot,
            words_per_minute=verbal.words_per_minute,
            fillers=verbal.count(Kind.FILLER),
        )

    def verbal(self) -> Verbal | None:
        """Return the figures of the words of the answer under way; ``None`` without any."""
        answer, language = self.log.answer, self.log.language
        if answer is None or language is None:
            return None
        so_far = answer.number, len(answer.turns)
        if so_far != self._measured:
            self._measured = so_far
            self._verbal = measure(answer.words, language, answer.key_words)
        return self._verbal

    def _clear(self) -> None:
        self.log = InterviewLog()
        self._verbal, self._measured = None, (0, 0)
        if self._scribe is not None:
            self._scribe.clear()
            self.log.language = self._scribe.language
        self._facing = FacingCamera()
        self._hint = ''

    def _now(self, time: float) -> float:
        """Return the present; that of a recording is the newest time that was passed in."""
        if self._clock is not None:
            return self._clock()
        if math.isfinite(time):
            self._newest = max(self._newest, time)
        return self._newest

    def _moment(self, time: float) -> float:
        """Return a time as the log has it."""
        if self._clock is None:
            return time
        return self.interview.time - (self._clock() - time)

    def _handle(self, event: Event, time: float) -> float:
        """Hand an event to the course, follow it in the log, and return when it happened."""
        interview = self.interview
        notices = interview.handle(event, self._now(time))
        moment = self._moment(time)
        if interview.hint and interview.hint != self._hint:
            self.log.hint(moment, interview.hint)
        self._hint = interview.hint
        entered = [notice.phase for notice in notices if isinstance(notice, Entered)]
        for phase in entered:
            if phase is Phase.QUESTION:
                self._ask(moment)
            elif phase is Phase.ANSWER:
                self.log.begin(moment)
            elif phase is Phase.FINISHED:
                self.log.finish(moment)
        if entered:
            if self._scribe is not None:
                # Nothing that is said from now on belongs to what was said before.
                self._scribe.flush()
            self._on_change()
        return moment

    def _ask(self, moment: float) -> None:
        question = self._questions[self.interview.number - 1]
        self.log.ask(moment, self.interview.number, question.text, question.key_words)
