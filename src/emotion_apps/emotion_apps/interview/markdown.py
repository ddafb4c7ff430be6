# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The report of a mock interview as Markdown: what one keeps, compares and sends on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emotion_apps.interview.figures import Figure, figures, verbal_figures
from emotion_apps.interview.log import Answer, InterviewLog
from emotion_apps.interview.note import Note
from emotion_apps.interview.notes import notes
from emotion_apps.interview.summary import AnswerSummary, summarise
from emotion_apps.interview.texts import NOTHING, SPEAKERS, cannot, clock, lead, sources
from emotion_apps.interview.transcript import Line, transcript
from emotion_perception.words.fluency import Kind

# How the places are marked where speech falters.
_MARKS = {
    Kind.FILLER: '*{}*',
    Kind.REPETITION: '~~{}~~',
    Kind.RESTART: '~~{}~~',
    Kind.OPEN_END: '**{}**',
}
_KEY = (
    '*fillers*, ~~what was said twice or begun anew~~, **the last word of a sentence left open**'
)


def render_markdown(log: InterviewLog) -> str:
    """Return the report as Markdown (CommonMark, and the tables of GitHub)."""
    summaries = summarise(log)
    strengths, suggestions = notes(log, summaries)
    parts = [
        '# Mock interview',
        f'{lead(log, summaries)}.',
        *_notes('Strengths', strengths),
        *_notes('Suggestions', suggestions),
    ]
    for answer, summary in zip(log.answers, summaries):
        parts += _answer(log, answer, summary)
    if log.left_out:
        parts += [
            '## What is not in this report',
            '\n'.join(f'- {escaped(line)}' for line in log.left_out),
        ]
    if works := sources(log):
        parts += ['## What is usual', SPEAKERS, '\n'.join(f'- {escaped(work)}' for work in works)]
    parts += ['## What this cannot tell', *cannot(log)]
    return '\n\n'.join(parts) + '\n'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the cells are Markdown already."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def escaped(text: str) -> str:
    """Return a text in which nothing is markup."""
    return re.sub(r'([\\`*_~\[\]<>|#])', r'\\\1', ' '.join(text.split()))


def _notes(title: str, items: Sequence[Note]) -> list[str]:
    lines = [
        f'- {escaped(item.text)} Measured: {escaped(item.measurement)}.' for item in items
    ] or [NOTHING]
    return [f'## {title}', '\n'.join(lines)]


def _answer(log: InterviewLog, answer: Answer, summary: AnswerSummary) -> list[str]:
    parts = [
        f'## {summary.number}. {escaped(summary.question)}',
        table(('Measure', 'Here'), [_row(item)[:2] for item in figures(summary)]),
    ]
    if summary.verbal is not None and log.language is not None:
        lines = transcript(answer, summary.verbal)
        measured = verbal_figures(summary.verbal, log.language.code == 'en')
        parts += [
            '### The words',
            table(('At', 'Said', 'Face', 'Voice'), [_line(line) for line in lines])
            if lines
            else 'None were understood.',
            *([_KEY] if summary.verbal.falters else []),
            table(('Measure', 'Here', 'Usual'), [_row(item) for item in measured]),
        ]
    if answer.hints:
        parts += [
            'Hints shown:',
            '\n'.join(
                f'- {escaped(text)} ({clock(time - answer.shown)})' for time, text in answer.hints
            ),
        ]
    return parts


def _row(figure: Figure) -> list[str]:
    known = f'{figure.usual.text} ({figure.usual.source})' if figure.usual else '–'
    return [escaped(figure.name), escaped(figure.value), escaped(known)]


def _line(line: Line) -> list[str]:
    said = ' '.join(
        _MARKS[piece.kind].format(escaped(piece.text)) if piece.kind else escaped(piece.text)
        for piece in line.pieces
    )
    emotions = [
        '{} {:.0%}'.format(*line.emotions[source]) if source in line.emotions else '–'
        for source in ('face', 'voice')
    ]
    return [clock(line.start), said, *emotions]
