# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The transcript of an answer: what was said when, how it faltered, and the emotion beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotion_apps.interview.log import Answer
from emotion_perception.emotions import EMOTIONS
from emotion_perception.words.fluency import Kind
from emotion_perception.words.verbal import Verbal

# Seconds after the end of speech until which the voice model may have answered for it.
_ANSWERED = 1.0


@dataclass(frozen=True)
class Piece:
    """Words that belong together: how speech falters in them, if it does."""

    text: str
    kind: Kind | None = None


@dataclass(frozen=True)
class Line:
    """What was said between two silences.

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
    lines = []
    index = 0
    for turn in sorted(answer.turns, key=lambda item: item.start):
        pieces: list[Piece] = []
        group: int | None = None
        for word in turn.words:
            following = groups.get(index)
            if pieces and following == group:
                pieces[-1] = Piece(f'{pieces[-1].text} {word.text}', pieces[-1].kind)
            else:
                pieces.append(Piece(word.text, kinds.get(index)))
            group = following
            index += 1
        if pieces:
            lines.append(
                Line(
                    max(0.0, turn.words[0].start - answer.shown),
                    turn.words[-1].end - answer.shown,
                    tuple(pieces),
                    dict(_emotions(answer, turn.start, turn.end)),
                )
            )
    return lines


def _emotions(answer: Answer, start: float, end: float) -> Iterator[tuple[str, tuple[str, float]]]:
    for source, late in (('face', 0.0), ('voice', _ANSWERED)):
        found = [
            sample.probabilities
            for sample in answer.emotions
            if sample.source == source and start <= sample.time <= end + late
        ]
        if found:
            mean = np.mean(found, axis=0)
            best = int(mean.argmax())
            yield source, (EMOTIONS[best], float(mean[best]))
