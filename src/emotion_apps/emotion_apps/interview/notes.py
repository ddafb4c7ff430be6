# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Strengths and suggestions, each with the measurement it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emotion_apps.interview.log import InterviewLog
from emotion_apps.interview.note import Note
from emotion_apps.interview.summary import AnswerSummary
from emotion_apps.interview.word_notes import word_notes


def notes(log: InterviewLog, summaries: Sequence[AnswerSummary]) -> tuple[list[Note], list[Note]]:
    """Return strengths and suggestions, each with the measurement it rests on.

    The bounds are those of public-speaking practice (3 to 5.5 syllables a second; a pitch that
    varies by more than 2 semitones is heard as lively), not of the emotion models.

    :param summaries: of the log's answers.
    """
    heard = log.heard
    strengths: list[Note] = []
    suggestions: list[Note] = []

    def judge(value: float, good: bool, strength: str, suggestion: str, measured: str) -> None:
        if math.isnan(value):
            return
        (strengths if good else suggestions).append(
            Note(strength if good else suggestion, measured)
        )

    answered = [item for item in summaries if item.answered or not heard]
    if heard and len(answered) < len(summaries):
        suggestions.append(
            Note(
                'Give every question at least a short answer; thinking aloud is fine.',
                f'{len(summaries) - len(answered)} of {len(summaries)} questions without '
                'an answer',
            )
        )

    def average(name: str) -> float:
        values = [getattr(item, name) for item in answered if not math.isnan(getattr(item, name))]
        return float(np.mean(values)) if values else math.nan

    engagement = average('engagement')
    judge(
        engagement,
        engagement >= 0.7,
        'You kept facing the camera.',
        'Face the camera more: put notes and the video window close to it.',
        f'face towards the camera for {engagement:.0%} of the time',
    )
    rate = average('rate')
    if not math.isnan(rate) and rate < 3.0:
        suggestions.append(
            Note(
                'You may speak a little faster.',
                f'{rate:.1f} syllables a second (usual: 3 to 5.5)',
            )
        )
    else:
        judge(
            rate,
            rate <= 5.5,
            'Your pace was easy to follow.',
            'Slow down a little, above all at the points that matter.',
            f'{rate:.1f} syllables a second (usual: 3 to 5.5)',
        )
    pitch_range = average('pitch_range')
    judge(
        pitch_range,
        pitch_range >= 2.0,
        'Your voice was lively.',
        'Let your voice rise and fall more: stress the word that matters in each sentence.',
        f'pitch varied by {pitch_range:.1f} semitones (lively: 2 or more)',
    )
    level = average('level')
    judge(
        level,
        level >= -38.0,
        'You were easy to hear.',
        'Speak up a little, or move closer to the microphone.',
        f'{level:.0f} dB relative to full scale while speaking',
    )
    reaction = average('reaction')
    judge(
        reaction,
        reaction <= 5.0,
        'You began to answer soon.',
        'A long silence before the answer is fine if you fill it: repeat the question in your '
        'own words.',
        f'{reaction:.1f} s from the question to the first word',
    )
    seconds = average('answer_seconds')
    speaking = average('speaking_time')
    if seconds > 3 and speaking > 0:
        part = min(1.0, speaking / seconds)
        judge(
            part,
            part >= 0.5,
            'You used your time for speaking.',
            'Shorter pauses would help: plan the first sentence of each answer.',
            f'{part:.0%} of the answers was speech',
        )
    strong, weak = word_notes(log, summaries)
    return strengths + strong, suggestions + weak
