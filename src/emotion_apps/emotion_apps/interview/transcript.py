# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The transcript of an answer: what was said when, how it faltered, and the emotion beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_apps.interview.log import Answer
from emotion_perception.emotions import EMOTIONS
from emotion_perception.words.fluency import Kind, ends_sentence, pause_after
from emotion_perception.words.transcriber import Word
from emotion_perception.words.verbal import Verbal

# Seconds of silence that end a line.
_SILENCE = 0.6
# Seconds within which the end of an utterance and the voice model's answer for it lie.
_SAME = 0.5


@dataclass(frozen=True)
class Piece:
    """Words that belong together: how speech falters in them, if it does."""

    text: str
    kind: Kind | None = None


@dataclass(frozen=True)
class Line:
    """A sentence, or what was said between two silences.

    :param start: seconds from when the question was shown.
    :param emotions: the likeliest class and its probability, by ``'face'`` and ``'voice'``.
    """

    start: float
    end: float
    pieces: tuple[Piece, ...]
    emotions: dict[str, tuple[str, float]]


def transcript(answer: Answer, verbal: Verbal) -> list[Line]:
    """Return the lines of an answer.

    :param verbal: its figures, whose places count the words of the answer.
    """
    kinds: dict[int, Kind] = {}
    groups: dict[int, int] = {}
    for number, item in enumerate(verbal.falters):
        for index in range(item.first, item.last + 1):
            kinds.setdefault(index, item.kind)
            groups.setdefault(index, number)
    words = answer.words
    lines = []
    for first, last in _sentences(words):
        pieces: list[Piece] = []
        for index in range(first, last + 1):
            text = words[index].text
            if pieces and groups.get(index) == groups.get(index - 1):
                pieces[-1] = Piece(f'{pieces[-1].text} {text}', pieces[-1].kind)
            else:
                pieces.append(Piece(text, kinds.get(index)))
        start, end = words[first].start, words[last].end
        lines.append(
            Line(
                max(0.0, start - answer.shown),
                end - answer.shown,
                tuple(pieces),
                dict(_emotions(answer, start, end)),
            )
        )
    return lines


def _sentences(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Yield first and last word of what ends with a full stop or a silence."""
    first = 0
    for index, word in enumerate(words):
        if index + 1 == len(words) or ends_sentence(word) or pause_after(words, index) >= _SILENCE:
            yield first, index
            first = index + 1


def _emotions(answer: Answer, start: float, end: float) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield what the face showed meanwhile, and what was heard in the voice that said it."""
    spoken = [item.end for item in answer.utterances if item.start < end and item.end > start]
    for source, found in (
        ('face', [s for s in answer.emotions if s.source == 'face' and start <= s.time <= end]),
        (
            'voice',
            [
                sample
                for sample in answer.emotions
                if sample.source == 'voice'
                and any(abs(sample.time - time) < _SAME for time in spoken)
            ],
        ),
    ):
        if found:
            mean = np.mean([sample.probabilities for sample in found], axis=0)
            best = int(mean.argmax())
            yield source, (EMOTIONS[best], float(mean[best]))
