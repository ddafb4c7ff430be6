# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every form of the report says alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emotion_apps.interview.log import InterviewLog
from emotion_apps.interview.summary import AnswerSummary
from emotion_apps.interview.usual import SOURCES

_CANNOT = (
    'These models name the expression that a face or a voice resembles in data sets of mostly '
    'acted emotion. They cannot tell what you feel, what you think, whether you are honest, or '
    'how suited you are to a position. They make more errors on faces and voices that were rare '
    'in those data sets: by age, skin colour, culture, language, disability. Take the curves as '
    'a mirror for practice, not as a judgement, and never use them to judge somebody else: in '
    'the European Union emotion recognition at work and in education is prohibited, save for '
    'medical and safety reasons (AI Act, Article 5(1)(f)).'
)

NOTHING = 'None from what was measured.'

_CANNOT_WORDS = (
    'The words were written down by a program, and not all are right. Its smallest model (Whisper '
    'tiny.en) had 4 of 100 words wrong in sentences that actors spoke clearly (RAVDESS) and 18 '
    'of 100 in quieter ones with more emotion (CREMA-D); with other accents, other languages, '
    'noise or more than one speaker expect more. Of the fillers of a synthetic voice it wrote '
    'down 29 of 36, and it leaves out some of what is said twice: such counts are too low rather '
    'than too high. Nothing here understands what you said: not whether it was true, clear or to '
    'the point. That a key word came up says nothing of what was said about it. Fillers and '
    'pauses are part of everyday speech, of thinking, of stuttering, and of speaking a second '
    'language.'
)

SPEAKERS = (
    'The usual figures are of adults who spoke English as their first language, in talk that was '
    'recorded for research: a place to compare with, no norm.'
)


def lead(log: InterviewLog, summaries: Sequence[AnswerSummary]) -> str:
    """Return how many questions were answered, and how long it took."""
    answered = f'{sum(item.answered for item in summaries)} of {len(summaries)} questions answered'
    if not log.heard:
        answered = 'Without sound'
    seconds = log.ended - log.started
    return answered + (
        '' if math.isnan(seconds) else f', {seconds // 60:.0f} min {seconds % 60:.0f} s'
    )


def sources(log: InterviewLog) -> list[str]:
    """Return where the usual figures come from, if any are shown."""
    return list(SOURCES.values()) if log.language and log.language.code == 'en' else []


def cannot(log: InterviewLog) -> list[str]:
    """Return what the report cannot tell, a paragraph each."""
    return [_CANNOT, _CANNOT_WORDS] if log.language else [_CANNOT]


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    whole = max(0, round(seconds))
    return f'{whole // 60}:{whole % 60:02}'
