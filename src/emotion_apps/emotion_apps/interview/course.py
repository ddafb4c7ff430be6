"""The course of a mock interview: questions, answers, hints. Time is passed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from emotion_apps.interview.questions import Question
from emotion_perception.settings import Settings, setting

LONGEST = 86400.0
"""Seconds that an answer, or a silence, may be set to last."""


class Phase(IntEnum):
    """Where the interview is; the values equal the constants of InterviewState."""

    IDLE = 0
    QUESTION = 1
    ANSWER = 2
    FINISHED = 3


@dataclass(frozen=True)
class InterviewSettings(Settings):
    """When a question is answered, and when a hint is given."""

    autostart: bool = setting(
        True, 'Begin when a face is seen or a voice is heard; false waits for ~/start.'
    )
    answer_silence: float = setting(
        4.0, 'An answer ends after this much silence, seconds.', low=0.5, high=LONGEST, live=True
    )
    longest_answer: float = setting(
        120.0,
        'An answer ends after this time at the latest, seconds.',
        low=5.0,
        high=LONGEST,
        live=True,
    )
    no_answer: float = setting(
        30.0,
        'A question that nobody answers is passed over after this time, seconds.',
        low=2.0,
        high=LONGEST,
        live=True,
    )
    hint_silence: float = setting(
        10.0,
        'Hint: silent for so long before an answer, seconds; 0 for never.',
        low=0.0,
        high=600.0,
        live=True,
    )
    hint_absent: float = setting(
        5.0, 'Hint: no face for so long, seconds; 0 for never.', low=0.0, high=600.0, live=True
    )
    hint_away: float = setting(
        8.0,
        'Hint: not facing the camera for so long, seconds; 0 for never.',
        low=0.0,
        high=600.0,
        live=True,
    )
    hint_level: float = setting(
        -38.0,
        'Hint: speech quieter than this, dB relative to full scale; -100 for never.',
        low=-100.0,
        high=0.0,
        live=True,
    )
    hint_rate: float = setting(
        6.0, 'Hint: more syllables a second than this; 0 for never.', low=0.0, high=20.0, live=True
    )
    hint_shown: float = setting(
        5.0, 'A hint is shown so long, seconds.', low=0.5, high=60.0, live=True
    )
    hint_gap: float = setting(
        15.0, 'Least time between two hints, seconds.', low=0.0, high=600.0, live=True
    )
    clock_jump: float = setting(
        5.0,
        'A step of the clock larger than this, or backwards, does not count as time '
        'passed, seconds.',
        low=1.0,
        high=3600.0,
    )


class Interview:
    """The state machine: IDLE, QUESTION, ANSWER, QUESTION, ..., FINISHED.

    A question is shown until somebody speaks; the answer ends by silence, by its longest time or
    by :meth:`next`. A question that nobody answers is passed over.

    :raises ValueError: if there is no question.
    """

    def __init__(
        self, questions: Sequence[Question], settings: InterviewSettings = InterviewSettings()
    ) -> None:
        if not questions:
            raise ValueError('an interview needs at least one question')
        self.questions = tuple(questions)
        self.settings = settings
        self.clock_jumps = 0
        """Steps of the clock that were not taken for time."""
        self._now: float | None = None
        self._time = 0.0
        self.reset()

    def reset(self) -> None:
        """Go back to IDLE and forget everything."""
        self.phase = Phase.IDLE
        self.number = 0
        """The question under way, from 1; 0 before the first."""
        self.hint = ''
        self.speaking = False
        self.speaking_time = 0.0
        """Seconds spoken in this answer."""
        self.face_present = False
        self.facing_camera = False
        self._begun = self._time
        self._spoke = self._time
        self._seen = self._faced = self._time
        self._hint_at = -math.inf
        self._faced_time = 0.0

    @property
    def text(self) -> str:
        """Return the question under way."""
        return self.questions[self.number - 1].text if self.number else ''

    @property
    def elapsed(self) -> float:
        """Return the seconds since the phase began."""
        return self._time - self._begun

    @property
    def remaining(self) -> float:
        """Return the seconds until the phase ends by itself at the latest; NaN if it does not."""
        if self.phase is Phase.QUESTION:
            return max(0.0, self.settings.no_answer - self.elapsed)
        if self.phase is Phase.ANSWER:
            return max(0.0, self._longest() - self.elapsed)
        return math.nan

    @property
    def engagement(self) -> float:
        """Return the part of this answer with a face towards the camera; NaN before it."""
        if self.phase is not Phase.ANSWER or self.elapsed <= 0:
            return math.nan
        return min(1.0, self._faced_time / self.elapsed)

    def start(self, time: float) -> None:
        """Ask the first question, from any phase."""
        self._advance(time)
        self.reset()
        self._ask()

    def next(self, time: float) -> None:
        """End the answer (or pass the question over) and ask the next."""
        self._advance(time)
        if self.phase in (Phase.QUESTION, Phase.ANSWER):
            self._ask()

    def stop(self, time: float) -> None:
        """End the interview now."""
        self._advance(time)
        if self.phase is not Phase.IDLE:
            self._go(Phase.FINISHED)

    def face(self, time: float, present: bool, facing: bool) -> None:
        """Take note of the face in a frame."""
        self._advance(time)
        self.face_present, self.facing_camera = present, present and facing
        if present:
            self._seen = self._time
            if self.phase is Phase.IDLE and self.settings.autostart:
                self._ask()
        if self.facing_camera:
            self._faced = self._time

    def voice(self, time: float, speaking: bool) -> None:
        """Take note of whether somebody speaks."""
        self._advance(time)
        if speaking and self.phase is Phase.IDLE and self.settings.autostart:
            self._ask()
        self.speaking = speaking
        if speaking:
            self._spoke = self._time
            if self.phase is Phase.QUESTION:
                self._go(Phase.ANSWER)

    def utterance(self, level: float, rate: float) -> None:
        """Take note of how an utterance was spoken (dB, syllables a second; NaN if unknown)."""
        if self.phase is not Phase.ANSWER:
            return
        if level < self.settings.hint_level:
            self._give('Speak up a little.')
        elif 0 < self.settings.hint_rate < rate:
            self._give('Take your time: you speak fast.')

    def tick(self, time: float) -> None:
        """Let time pass."""
        self._advance(time)
        settings = self.settings
        passed_over = self.phase is Phase.QUESTION and self.elapsed >= settings.no_answer
        if passed_over or self._answered():
            self._ask()
        if self.hint and self._time - self._hint_at >= settings.hint_shown:
            self.hint = ''
        self._watch()

    def _answered(self) -> bool:
        if self.phase is not Phase.ANSWER:
            return False
        silent = not self.speaking and self._time - self._spoke >= self.settings.answer_silence
        return silent or self.elapsed >= self._longest()

    def _watch(self) -> None:
        settings = self.settings
        if self.phase not in (Phase.QUESTION, Phase.ANSWER):
            return

        def over(limit: float, since: float) -> bool:
            return 0 < limit <= self._time - max(since, self._begun)

        if over(settings.hint_absent, self._seen):
            self._give('I cannot see you: move into the picture.')
        elif over(settings.hint_away, self._faced):
            self._give('Look towards the camera now and then.')
        elif self.phase is Phase.QUESTION and over(settings.hint_silence, self._begun):
            self._give(
                f'You have been silent for {settings.hint_silence:.0f} s: '
                'begin with the first thing that comes to mind.'
            )

    def _give(self, hint: str) -> None:
        if self._time - self._hint_at >= self.settings.hint_gap:
            self.hint, self._hint_at = hint, self._time

    def _longest(self) -> float:
        own = self.questions[self.number - 1].seconds if self.number else 0.0
        return own or self.settings.longest_answer

    def _ask(self) -> None:
        if self.number >= len(self.questions):
            self._go(Phase.FINISHED)
        else:
            self.number += 1
            self._go(Phase.QUESTION)

    def _go(self, phase: Phase) -> None:
        self.phase = phase
        self._begun = self._spoke = self._time
        self.speaking_time = self._faced_time = 0.0
        self.hint = ''

    def _advance(self, time: float) -> None:
        """Move the interview's own clock, which knows no jumps."""
        if not math.isfinite(time):
            return
        if self._now is None:
            self._now = time
            return
        step = time - self._now
        if -self.settings.clock_jump <= step <= 0:
            # Late by a little: messages of several topics arrive out of order.
            return
        self._now = time
        if not 0 < step <= self.settings.clock_jump:
            self.clock_jumps += 1
            return
        self._time += step
        if self.speaking:
            self.speaking_time += step
            self._spoke = self._time
        if self.facing_camera:
            self._faced_time += step
