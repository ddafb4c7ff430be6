# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Strengths and suggestions that rest on the words; each quotes the place."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_apps.interview import usual
from emotion_apps.interview.log import Answer, InterviewLog
from emotion_apps.interview.note import Note
from emotion_apps.interview.summary import AnswerSummary
from emotion_perception.words.fluency import Kind, quote
from emotion_perception.words.verbal import Verbal

# Of fewer words no rate is judged.
_ENOUGH = 50
# Places that a suggestion quotes at most.
_MOST_QUOTED = 3

Worded = tuple[Answer, AnswerSummary, Verbal]


def word_notes(
    log: InterviewLog, summaries: Sequence[AnswerSummary]
) -> tuple[list[Note], list[Note]]:
    """Return strengths and suggestions.

    :param summaries: of the log's answers.
    """
    worded = [
        (answer, summary, summary.verbal)
        for answer, summary in zip(log.answers, summaries)
        if summary.verbal is not None and answer.words
    ]
    strengths: list[Note] = []
    suggestions: list[Note] = []
    words = sum(verbal.words for _, _, verbal in worded)
    # What is usual is known of English.
    if log.language is not None and log.language.code == 'en':
        if words >= _ENOUGH:
            _judge_rates(worded, words, strengths, suggestions)
        _judge_pace(worded, suggestions)
    _judge_pauses(worded, suggestions)
    _judge_endings(worded, suggestions)
    _judge_key_words(worded, strengths, suggestions)
    return strengths, suggestions


def _judge_rates(
    worded: Sequence[Worded], words: int, strengths: list[Note], suggestions: list[Note]
) -> None:
    """Judge what comes in hundred words."""
    for kind, bound, praise, advice in (
        (
            Kind.FILLER,
            usual.FILLERS,
            'You spoke with few fillers.',
            'Let a short silence stand where a filler would come.',
        ),
        (
            Kind.REPETITION,
            usual.REPETITIONS,
            '',
            'You often said words twice: pause until you know how the sentence goes on.',
        ),
        (
            Kind.RESTART,
            usual.RESTARTS,
            '',
            'You often began sentences anew: decide on the first words before you begin.',
        ),
    ):
        count = sum(verbal.count(kind) for _, _, verbal in worded)
        rate = 100.0 * count / words
        measured = (
            f'{count} in {words} words, {rate:.1f} in 100 (usual: {bound.text}; {bound.source})'
        )
        if rate > bound.high:
            suggestions.append(Note(advice, f'{measured}; {_places(worded, kind)}'))
        elif praise and rate <= bound.high / 2:
            strengths.append(Note(praise, measured))


def _judge_pace(worded: Sequence[Worded], suggestions: list[Note]) -> None:
    bound = usual.WORDS_PER_MINUTE
    for _, summary, verbal in worded:
        rate = verbal.words_per_minute
        if bound.low <= rate <= bound.high or verbal.words < _ENOUGH:
            continue
        advice = (
            'Leave more time between your sentences.'
            if rate > bound.high
            else 'Shorter pauses, or more to say in the same time, would keep the thread.'
        )
        suggestions.append(
            Note(
                advice,
                f'answer {summary.number}: {rate:.0f} words a minute '
                f'(usual: {bound.text}; {bound.source})',
            )
        )


def _judge_pauses(worded: Sequence[Worded], suggestions: list[Note]) -> None:
    for answer, summary, verbal in worded:
        if verbal.longest_pause <= usual.LONGEST_PAUSE.high:
            continue
        at = verbal.longest_pause_at
        suggestions.append(
            Note(
                'A pause in the middle of an answer is easier to follow if you announce it: '
                '"let me think".',
                f'{verbal.longest_pause:.1f} s of silence after '
                f'{_place(answer, summary, at - 4, at)}',
            )
        )


def _judge_endings(worded: Sequence[Worded], suggestions: list[Note]) -> None:
    count = sum(verbal.count(Kind.OPEN_END) for _, _, verbal in worded)
    if count:
        suggestions.append(
            Note(
                'End each sentence before you fall silent, if only with "and that was it".',
                f'{count} left open: {_places(worded, Kind.OPEN_END)}',
            )
        )


def _judge_key_words(
    worded: Sequence[Worded], strengths: list[Note], suggestions: list[Note]
) -> None:
    for _, summary, verbal in worded:
        missing = [word for word, came in verbal.key_words.items() if not came]
        if not verbal.key_words:
            continue
        measured = (
            f'answer {summary.number}: {len(verbal.key_words) - len(missing)} of '
            f'{len(verbal.key_words)} key words'
        )
        if missing:
            suggestions.append(
                Note('Come back to what was asked for.', f'{measured}; not: {", ".join(missing)}')
            )
        else:
            strengths.append(Note('You named what the question asked for.', measured))


def _places(worded: Sequence[Worded], kind: Kind) -> str:
    """Return the first places where speech faltered in a way, quoted."""
    found = [
        _place(answer, summary, max(item.first - 2, item.last - 4), item.last + 1)
        if kind is not Kind.OPEN_END
        else _place(answer, summary, item.first - 4, item.last)
        for answer, summary, verbal in worded
        for item in verbal.falters
        if item.kind is kind
    ]
    return ', '.join(found[:_MOST_QUOTED]) + (', ...' if len(found) > _MOST_QUOTED else '')


def _place(answer: Answer, summary: AnswerSummary, first: int, last: int) -> str:
    """Return words as they were written down, and when they were said in the answer."""
    words = answer.words
    first = max(0, first)
    seconds = max(0.0, words[first].start - answer.shown)
    return (
        f'“{quote(words, first, last)}” (answer {summary.number}, '
        f'{seconds // 60:.0f}:{seconds % 60:02.0f})'
    )
