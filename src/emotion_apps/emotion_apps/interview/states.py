# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The phases of an interview, its outcomes, and what a screen needs to draw it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, IntEnum


class Phase(IntEnum):
    """Where the interview is; the values equal the constants of ``InterviewState``."""

    IDLE = 0
    QUESTION = 1
    ANSWER = 2
    FINISHED = 3


class Outcome(str, Enum):
    """How an interview ended."""

    NONE = ''
    FINISHED = 'finished'
    STOPPED = 'stopped'


@dataclass(frozen=True)
class Snapshot:
    """All that a screen needs to draw the interview; field by field ``InterviewState``.

    Times are seconds, NaN where there is none.

    :param running: whether a question was asked and the last one is not answered yet.
    :param question: the question under way, from 1; 0 before the first.
    :param engagement: part of this answer with a face towards the camera, 0..1.
    :param transcript: whether the words are written down.
    :param words_per_minute: of this answer; NaN before there are enough words.
    :param fillers: number of them in this answer.
    :param transcribing: stretches of speech whose words are still to come.
    :param report: where the report was written; empty if nowhere.
    """

    phase: Phase = Phase.IDLE
    running: bool = False
    question: int = 0
    questions: int = 0
    text: str = ''
    hint: str = ''
    elapsed: float = 0.0
    remaining: float = math.nan
    speaking: bool = False
    speaking_time: float = 0.0
    face_present: bool = False
    facing_camera: bool = False
    engagement: float = math.nan
    transcript: bool = False
    words_per_minute: float = math.nan
    fillers: int = 0
    transcribing: int = 0
    outcome: Outcome = Outcome.NONE
    report: str = ''
