# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The report of an interview as data: what ``interview.json`` holds."""

from __future__ import annotations

import math

from emotion_apps.interview.log import Answer, InterviewLog
from emotion_apps.interview.notes import notes
from emotion_apps.interview.summary import AnswerSummary, summarise
from emotion_perception.emotions import EMOTIONS
from emotion_perception.words.fluency import Kind
from emotion_perception.words.verbal import Verbal

KIND = 'mock interview'
"""By which a report is known for one."""


def as_json(log: InterviewLog) -> dict[str, object]:
    """Return the whole interview as what ``json.dumps`` takes (NaN becomes ``None``)."""
    summaries = summarise(log)
    strengths, suggestions = notes(log, summaries)
    return {
        'kind': KIND,
        'seconds': _clean(log.ended - log.started),
        'answers': [
            _clean(_answer(log, answer, summary))
            for answer, summary in zip(log.answers, summaries)
        ],
        'strengths': [vars(note) for note in strengths],
        'suggestions': [vars(note) for note in suggestions],
        'left_out': list(log.left_out),
        'classes': list(EMOTIONS),
        'transcript': {'model': log.transcriber, 'language': log.language.code}
        if log.language
        else None,
    }


def _answer(log: InterviewLog, answer: Answer, summary: AnswerSummary) -> dict[str, object]:
    return {
        **vars(summary),
        'spoken_share': summary.spoken_share,
        'verbal': _verbal(summary.verbal) if summary.verbal else None,
        'words': [
            {
                'start': word.start - log.started,
                'end': word.end - log.started,
                'text': word.text,
                'probability': word.probability,
            }
            for word in answer.words
        ],
        'timeline': [
            {
                'time': sample.time - log.started,
                'source': sample.source,
                'probabilities': [float(p) for p in sample.probabilities],
            }
            for sample in answer.emotions
        ],
        'utterances': [
            {
                'start': item.start - log.started,
                'end': item.end - log.started,
                **vars(item.prosody),
            }
            for item in answer.utterances
        ],
        'hints': [{'time': time - log.started, 'text': text} for time, text in answer.hints],
    }


def _verbal(verbal: Verbal) -> dict[str, object]:
    """Return the figures of the words; places as indices into the answer's words."""
    return {
        **vars(verbal),
        'falters': [{**vars(item), 'kind': item.kind.value} for item in verbal.falters],
        'fillers_in_100': verbal.per_hundred(Kind.FILLER),
        'repetitions': verbal.count(Kind.REPETITION),
        'restarts': verbal.count(Kind.RESTART),
        'open_ends': verbal.count(Kind.OPEN_END),
    }


def _clean(value: object) -> object:
    if isinstance(value, float):
        return round(float(value), 4) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
