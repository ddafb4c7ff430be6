# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Two reports of one person side by side: what changed from one run to the next."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emotion_apps.interview.content import KIND
from emotion_apps.interview.markdown import escaped, table

_MOST_BYTES = 200_000_000

_SAME_WORDS = (
    'Two runs differ by chance, too: by the question, the day, the microphone, and by words that '
    'were misheard. A difference says something when it comes again.'
)


class CompareError(ValueError):
    """A file cannot be compared; the text names it and what is wrong."""


Answer = Mapping[str, Any]
# Name of a figure, how it is written, and where it stands in an answer.
_FIGURES: tuple[tuple[str, str, Callable[[Answer], float | None]], ...] = (
    ('Until the first word', '{:.1f} s', lambda answer: answer.get('reaction')),
    ('Speaking time', '{:.1f} s', lambda answer: answer.get('speaking_time')),
    ('Of the answer spoken', '{:.0%}', lambda answer: answer.get('spoken_share')),
    ('Pauses', '{:.0f}', lambda answer: answer.get('pauses')),
    ('Pace', '{:.1f} syll./s', lambda answer: answer.get('rate')),
    ('Loudness', '{:.0f} dBFS', lambda answer: answer.get('level')),
    ('Pitch variation', '{:.1f} semitones', lambda answer: answer.get('pitch_range')),
    ('Facing the camera', '{:.0%}', lambda answer: answer.get('engagement')),
    ('Words', '{:.0f}', lambda answer: _verbal(answer, 'words')),
    ('Words a minute', '{:.0f}', lambda answer: _verbal(answer, 'words_per_minute')),
    ('Fillers in 100 words', '{:.1f}', lambda answer: _verbal(answer, 'fillers_in_100')),
    ('Repetitions', '{:.0f}', lambda answer: _verbal(answer, 'repetitions')),
    ('Restarts', '{:.0f}', lambda answer: _verbal(answer, 'restarts')),
    ('Longest pause', '{:.1f} s', lambda answer: _verbal(answer, 'longest_pause')),
    ('Sentences left open', '{:.0f}', lambda answer: _verbal(answer, 'open_ends')),
)


def load_report(path: Path) -> dict[str, Any]:
    """Read the JSON of a report.

    :raises CompareError: if it is missing, or no report.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CompareError(f'{path}: larger than {_MOST_BYTES} bytes')
        report = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise CompareError(f'{path}: {error.strerror or error}') from None
    except (ValueError, RecursionError) as error:
        raise CompareError(f'{path}: not JSON: {error}') from None
    answers = report.get('answers') if isinstance(report, dict) else None
    if not isinstance(report, dict) or report.get('kind') != KIND or not isinstance(answers, list):
        raise CompareError(f'{path}: no report of an interview (interview.json)')
    for number, answer in enumerate(answers, 1):
        if not isinstance(answer, dict) or not isinstance(answer.get('question'), str):
            raise CompareError(f'{path}: answer {number} is none of a report')
    return {**report, 'path': str(path)}


def compare(one: Mapping[str, Any], two: Mapping[str, Any]) -> str:
    """Return both side by side, as Markdown: over all answers, then question by question.

    :param one: a report as :func:`load_report` gives it; ``two`` the later one.
    """
    parts = [
        '# Two interviews',
        f'A: {escaped(one["path"])}  \nB: {escaped(two["path"])}',
        '## Over all answers',
        _table(_answered(one['answers']), _answered(two['answers'])),
    ]
    later = {answer['question']: answer for answer in reversed(two['answers'])}
    for answer in one['answers']:
        if answer['question'] in later:
            parts += [
                f'## {escaped(answer["question"])}',
                _table([answer], [later[answer['question']]]),
            ]
    return '\n\n'.join([*parts, _SAME_WORDS]) + '\n'


def _answered(answers: Sequence[Answer]) -> Sequence[Answer]:
    return [answer for answer in answers if answer.get('answered')] or answers


def _table(one: Sequence[Answer], two: Sequence[Answer]) -> str:
    rows = []
    for name, form, figure in _FIGURES:
        values = [_mean([figure(answer) for answer in answers]) for answers in (one, two)]
        if all(map(math.isnan, values)):
            continue
        texts = ['–' if math.isnan(value) else form.format(value) for value in values]
        change = values[1] - values[0]
        sign = '+' if change > 0 else '−' if change < 0 else '±'
        by = '–' if math.isnan(change) else sign + form.format(abs(change))
        rows.append([name, *texts, by])
    return table(('Measure', 'A', 'B', 'Change'), rows)


def _mean(values: Sequence[object]) -> float:
    """Return the mean of what was measured; NaN if nothing was."""
    known = [
        float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    ]
    return sum(known) / len(known) if known else math.nan


def _verbal(answer: Answer, name: str) -> float | None:
    verbal = answer.get('verbal')
    return verbal.get(name) if isinstance(verbal, dict) else None
