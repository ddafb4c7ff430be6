# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The figures of an answer as a report shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emotion_apps.interview import usual
from emotion_apps.interview.summary import AnswerSummary
from emotion_apps.interview.usual import Usual
from emotion_perception.words.fluency import Kind
from emotion_perception.words.verbal import Verbal


@dataclass(frozen=True)
class Figure:
    """A figure in words; what is usual of it, where that is known."""

    name: str
    value: str
    usual: Usual | None = None


def figures(summary: AnswerSummary) -> list[Figure]:
    """Return what was measured of face and voice."""
    return [
        Figure('Until the first word', _text(summary.reaction, '{:.1f} s')),
        Figure('Speaking time', f'{summary.speaking_time:.1f} s'),
        Figure('Of the answer spoken', _text(100 * summary.spoken_share, '{:.0f} %')),
        Figure(
            'Pauses',
            f'{summary.pauses} ({summary.pause_seconds:.1f} s each)' if summary.pauses else '0',
        ),
        Figure('Pace', _text(summary.rate, '{:.1f} syll./s')),
        Figure('Loudness', _text(summary.level, '{:.0f} dBFS')),
        Figure('Pitch', _text(summary.pitch, '{:.0f} Hz')),
        Figure('Pitch variation', _text(summary.pitch_range, '{:.1f} semitones')),
        Figure('Facing the camera', _text(100 * summary.engagement, '{:.0f} %')),
    ]


def verbal_figures(verbal: Verbal, english: bool) -> list[Figure]:
    """Return what was measured of the words.

    :param english: whether they are: of other languages it is not known here what is usual.
    """

    def rate(kind: Kind, name: str, known: Usual) -> Figure:
        count = verbal.count(kind)
        often = f' ({verbal.per_hundred(kind):.1f} in 100 words)' if count else ''
        return Figure(name, f'{count}{often}', known)

    fillers = rate(Kind.FILLER, 'Fillers', usual.FILLERS)
    if verbal.fillers:
        each = ', '.join(f'{filler} {count}' for filler, count in verbal.fillers.items())
        fillers = Figure(fillers.name, f'{fillers.value}: {each}', fillers.usual)
    found = [
        Figure('Words', str(verbal.words)),
        Figure('Words a minute', _text(verbal.words_per_minute, '{:.0f}'), usual.WORDS_PER_MINUTE),
        fillers,
        rate(Kind.REPETITION, 'Repetitions', usual.REPETITIONS),
        rate(Kind.RESTART, 'Restarts', usual.RESTARTS),
        Figure('Longest pause', f'{verbal.longest_pause:.1f} s', usual.LONGEST_PAUSE),
        Figure('Sentences left open', str(verbal.count(Kind.OPEN_END))),
    ]
    if verbal.key_words:
        named = [word for word, came in verbal.key_words.items() if came]
        found.append(
            Figure(
                'Key words',
                f'{len(named)} of {len(verbal.key_words)}'
                + (f': {", ".join(named)}' if named else ''),
            )
        )
    if english:
        return found
    return [Figure(item.name, item.value) for item in found]


def _text(value: float, form: str) -> str:
    return '–' if math.isnan(value) else form.format(value)
