# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where the answers of a recording begin and end: by given times, by silence, or nowhere."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from emotion_apps.interview.questions import Question, QuestionList
from emotion_apps.interview.settings import LONGEST, InterviewSettings

LEAST_SILENCE = 1.0
"""Seconds: shorter silences are pauses between sentences."""

# Answers that are told apart by silence alone, at most.
_MOST_PARTS = 1000


@dataclass(frozen=True)
class Cut:
    """What is asked when.

    :param times: of the questions, seconds from the recording's beginning; empty where each is
        asked when the one before is answered.
    :param open_ended: whether there are more questions than answers.
    """

    questions: tuple[Question, ...]
    settings: InterviewSettings
    times: tuple[float, ...] = ()
    open_ended: bool = False


def cut(given: QuestionList | None, silence: float | None, title: str) -> Cut:
    """Return how a recording is cut.

    :param given: the questions, if there is a list of them.
    :param silence: that ends an answer, seconds; ``None`` for the usual.
    :param title: of a recording that is one answer.
    """
    whole = dataclasses.replace(
        InterviewSettings(), answer_silence=LONGEST, longest_answer=LONGEST, no_answer=LONGEST
    )
    if given is not None and given.timed:
        # Nothing but its time asks a question.
        questions = tuple(dataclasses.replace(item, seconds=0.0) for item in given.questions)
        settings = dataclasses.replace(whole, autostart=False)
        return Cut(questions, settings, tuple(item.at for item in questions))
    if given is not None and (len(given.questions) > 1 or silence is not None):
        settings = InterviewSettings()
        if silence is not None:
            settings = dataclasses.replace(settings, answer_silence=silence)
        return Cut(given.questions, settings)
    if given is None and silence is not None:
        parts = tuple(Question(f'Part {number}') for number in range(1, _MOST_PARTS + 1))
        settings = dataclasses.replace(whole, answer_silence=silence)
        return Cut(parts, settings, open_ended=True)
    return Cut(given.questions if given else (Question(title),), whole)
