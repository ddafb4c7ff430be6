# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The course of a mock interview as a state machine: questions, answers, hints.

``IDLE`` -> (``QUESTION`` -> ``ANSWER``) for each question -> ``FINISHED``

A question is shown until somebody speaks; the answer ends by silence, by its longest time or by
:class:`~emotion_apps.interview.events.Next`. A question that nobody answers is passed over. An
interview ends with one declared outcome: ``finished`` (no question is left) or ``stopped``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from emotion_apps.interview.events import (
    Event,
    FaceSeen,
    Next,
    SoundHeard,
    Start,
    UtteranceMeasured,
)
from emotion_apps.interview.questions import Question
from emotion_apps.interview.settings import InterviewSettings
from emotion_apps.interview.states import Outcome, Phase, Snapshot
from emotion_apps.machine import Changed, Ended, Entered, Machine, Reset, Stop, Tick
from emotion_perception.timing import Stopwatch

# A hint is shown so long, seconds.
_HINT_SHOWN = 5.0


class Interview(Machine[Event]):
    """The state machine of the interview.

    :param stopwatch: how time passes; see :class:`~emotion_apps.machine.Machine`.
    :raises ValueError: if there is no question.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        settings: InterviewSettings | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        super().__init__(stopwatch)
        if not questions:
            raise ValueError('an interview needs at least one question')
        self._questions = tuple(questions)
        self.settings = settings or InterviewSettings()
        self._speaking_time = self._faced_time = 0.0
        self._hint = ''
        self._forget()
        self._notices.clear()

    # What it is.

    @property
    def phase(self) -> Phase:
        """Return the phase."""
        return self._phase

    @property
    def running(self) -> bool:
        """Whether a question was asked and the last one is not answered yet."""
        return self._phase in (Phase.QUESTION, Phase.ANSWER)

    @property
    def number(self) -> int:
        """Return the question under way, from 1; 0 before the first."""
        return self._number

    @property
    def text(self) -> str:
        """Return the question under way."""
        return self._questions[self._number - 1].text if self._number else ''

    @property
    def hint(self) -> str:
        """Return the hint that is shown; '' for none."""
        return self._hint

    @property
    def time(self) -> float:
        """Return the seconds since the first event, by a clock that knows no jumps."""
        return self._stopwatch.time

    def snapshot(self) -> Snapshot:
        """Return all that a screen needs, as of the last event."""
        return Snapshot(
            phase=self._phase,
            running=self.running,
            question=self._number,
            questions=len(self._questions),
            text=self.text,
            hint=self._hint,
            elapsed=self._elapsed,
            remaining=self._remaining(),
            speaking=self._speaking,
            speaking_time=self._speaking_time,
            face_present=self._present,
            facing_camera=self._facing,
            engagement=self._engagement(),
            outcome=self._outcome,
        )

    # What happens.

    def _take(self, event: Event, passed: float) -> None:
        if self._speaking:
            self._speaking_time += passed
            self._spoke = self.time
        if self._facing:
            self._faced_time += passed
        match event:
            case FaceSeen():
                self._on_face(event)
            case SoundHeard(speaking):
                self._on_sound(speaking)
            case UtteranceMeasured():
                self._on_utterance(event)
            case Tick():
                self._on_tick()
            case Start():
                self._forget()
                self._ask()
            case Next():
                if self.running:
                    self._ask()
            case Stop():
                if self.running:
                    self._end(Outcome.STOPPED, 'stopped')
            case Reset():
                if self.running:
                    self._tell(Ended(Outcome.STOPPED, 'the interview was reset'))
                self._forget()

    def _on_face(self, event: FaceSeen) -> None:
        self._present, self._facing = event.present, event.present and event.facing
        if self._present:
            self._seen = self.time
            self._begin()
        if self._facing:
            self._faced = self.time

    def _on_sound(self, speaking: bool) -> None:
        self._speaking = speaking
        if speaking:
            self._spoke = self.time
            # A voice that begins the interview is no answer before the question was shown.
            if self._phase is Phase.QUESTION:
                self._enter(Phase.ANSWER)
            self._begin()

    def _on_utterance(self, event: UtteranceMeasured) -> None:
        if self._phase is not Phase.ANSWER:
            return
        if event.level < self.settings.hint_level:
            self._give('Speak up a little.')
        elif 0 < self.settings.hint_rate < event.rate:
            self._give('Take your time: you speak fast.')

    def _on_tick(self) -> None:
        settings = self.settings
        passed_over = self._phase is Phase.QUESTION and self._elapsed >= settings.no_answer
        if passed_over or self._answered():
            self._ask()
        if self._hint and self.time - self._hint_at >= _HINT_SHOWN:
            self._hint = ''
            self._tell(Changed())
        self._watch()

    # Steps.

    def _forget(self) -> None:
        """Go back to IDLE and forget everything."""
        self._number = 0
        self._outcome = Outcome.NONE
        self._speaking = self._present = self._facing = False
        self._seen = self._faced = self.time
        self._hint_at = -math.inf
        self._enter(Phase.IDLE)

    def _begin(self) -> None:
        """Ask the first question if somebody is there and that is wanted."""
        if self._phase is Phase.IDLE and self.settings.autostart:
            self._ask()

    def _ask(self) -> None:
        if self._number >= len(self._questions):
            self._end(Outcome.FINISHED, 'all questions were asked')
        else:
            self._number += 1
            self._enter(Phase.QUESTION)

    def _end(self, outcome: Outcome, words: str) -> None:
        self._outcome = outcome
        self._enter(Phase.FINISHED)
        self._tell(Ended(outcome, words))

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._begun = self._spoke = self.time
        self._speaking_time = self._faced_time = 0.0
        self._hint = ''
        self._tell(Entered(phase))

    # Hints.

    def _watch(self) -> None:
        settings = self.settings
        if not self.running:
            return

        def over(limit: float, since: float) -> bool:
            return 0 < limit <= self.time - max(since, self._begun)

        if over(settings.hint_absent, self._seen):
            self._give('I cannot see you: move into the picture.')
        elif over(settings.hint_away, self._faced):
            self._give('Look towards the camera now and then.')
        elif self._phase is Phase.QUESTION and over(settings.hint_silence, self._begun):
            self._give(
                f'You have been silent for {settings.hint_silence:.0f} s: '
                'begin with the first thing that comes to mind.'
            )

    def _give(self, hint: str) -> None:
        if self.time - self._hint_at >= self.settings.hint_gap:
            self._hint, self._hint_at = hint, self.time
            self._tell(Changed())

    # Measures.

    @property
    def _elapsed(self) -> float:
        return self.time - self._begun

    def _remaining(self) -> float:
        """Return the seconds until the phase ends by itself at the latest; NaN if it does not."""
        if self._phase is Phase.QUESTION:
            return max(0.0, self.settings.no_answer - self._elapsed)
        if self._phase is Phase.ANSWER:
            return max(0.0, self._longest() - self._elapsed)
        return math.nan

    def _engagement(self) -> float:
        if self._phase is not Phase.ANSWER or self._elapsed <= 0:
            return math.nan
        return min(1.0, self._faced_time / self._elapsed)

    def _answered(self) -> bool:
        if self._phase is not Phase.ANSWER:
            return False
        silent = not self._speaking and self.time - self._spoke >= self.settings.answer_silence
        return silent or self._elapsed >= self._longest()

    def _longest(self) -> float:
        own = self._questions[self._number - 1].seconds if self._number else 0.0
        return own or self.settings.longest_answer
