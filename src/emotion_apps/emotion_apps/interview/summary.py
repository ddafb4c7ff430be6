# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From what was collected in an interview to figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_apps.interview.log import SOURCES, Answer, InterviewLog
from emotion_perception.emotions import names
from emotion_perception.words.language import Language
from emotion_perception.words.verbal import Verbal, measure

# Seconds for which a picture stands at most: what comes later is not known.
_LONGEST_HELD = 1.0


@dataclass(frozen=True)
class AnswerSummary:
    """The figures of one answer; NaN where nothing was measured.

    :param reaction: seconds from the question to the first word.
    :param answer_seconds: from the first word to the last; the silence that ends an answer is no
        pause.
    :param speaking_time: seconds of speech.
    :param pauses: number of pauses of half a second or more, and their mean length.
    :param rate: syllables a second while speaking.
    :param level: dB relative to full scale; ``level_range`` and ``pitch_range`` are its variation
        in dB and that of the pitch in semitones.
    :param engagement: part of the time with the face towards the camera, 0 to 1.
    :param present: part of the time with a face, 0 to 1.
    :param emotions: mean probability of each class, or empty; by source.
    :param verbal: of the words, where they were written down.
    """

    number: int
    question: str
    answered: bool
    reaction: float
    answer_seconds: float
    speaking_time: float
    pauses: int
    pause_seconds: float
    rate: float
    level: float
    level_range: float
    pitch: float
    pitch_range: float
    engagement: float
    present: float
    emotions: dict[str, dict[str, float]]
    verbal: Verbal | None = None

    @property
    def spoken_share(self) -> float:
        """Return the part of the answer that was speech, 0 to 1; NaN without speech."""
        if not self.speaking_time or not self.answer_seconds > 0:
            return math.nan
        return min(1.0, self.speaking_time / self.answer_seconds)


def held(times: Sequence[float], end: float) -> np.ndarray:
    """Return how long each picture stands: until the next one, a second at most, seconds.

    Cameras give fewer pictures in the dark, browsers when they are busy: counted by number, what
    happened meanwhile would weigh less.

    :param times: of the pictures, rising, seconds.
    :param end: of the last one at the latest; NaN if it is not known.
    """
    following = [*times[1:], times[-1] + _LONGEST_HELD if math.isnan(end) else end]
    return np.clip(np.subtract(following, times), 1e-3, _LONGEST_HELD)


def summarise(log: InterviewLog) -> list[AnswerSummary]:
    """Return the figures of each answer."""
    return [_summarise(answer, log.language) for answer in log.answers]


def _summarise(answer: Answer, language: Language | None) -> AnswerSummary:
    spoken = sorted(answer.utterances, key=lambda item: item.start)
    speaking = sum(item.prosody.speech_seconds for item in spoken)
    # An utterance is kept with some silence around it.
    gaps = [
        b.start + b.prosody.before - a.end + a.prosody.after for a, b in itertools.pairwise(spoken)
    ]
    gaps += [pause for item in spoken for pause in item.prosody.pauses]
    pauses = [gap for gap in gaps if gap >= 0.5]
    syllables = sum(item.prosody.syllables for item in spoken)
    frames = sorted(
        frame for frame in answer.frames if math.isnan(answer.began) or frame[0] >= answer.began
    ) or sorted(answer.frames)
    weights = held([frame[0] for frame in frames], answer.ended) if frames else np.zeros(0)

    def mean(name: str) -> float:
        pairs = [
            (getattr(item.prosody, name), item.prosody.speech_seconds)
            for item in spoken
            if not math.isnan(getattr(item.prosody, name))
        ]
        weight = sum(pair[1] for pair in pairs)
        return sum(value * part for value, part in pairs) / weight if weight else math.nan

    began = (
        answer.began if not math.isnan(answer.began) else (spoken[0].start if spoken else math.nan)
    )
    last = max((item.end for item in spoken), default=answer.ended)
    return AnswerSummary(
        answer.number,
        answer.question,
        bool(spoken),
        max(0.0, began - answer.shown),
        last - began,
        speaking,
        len(pauses),
        float(np.mean(pauses)) if pauses else 0.0,
        syllables / speaking if syllables and speaking > 0.5 else math.nan,
        mean('level'),
        mean('level_range'),
        mean('pitch'),
        mean('pitch_range'),
        float(np.average([frame[2] for frame in frames], weights=weights)) if frames else math.nan,
        float(np.average([frame[1] for frame in frames], weights=weights)) if frames else math.nan,
        {
            source: names(_mean_emotion(answer, source))
            for source in SOURCES
            if any(s.source == source for s in answer.emotions)
        },
        measure(answer.words, language, answer.key_words) if language else None,
    )


def _mean_emotion(answer: Answer, source: str) -> np.ndarray:
    """Return the mean probabilities (6,) of a source that has some, over the time."""
    samples = sorted((s for s in answer.emotions if s.source == source), key=lambda s: s.time)
    weights = None
    if source == 'face':
        weights = held([s.time for s in samples], answer.ended)
    return np.average([s.probabilities for s in samples], axis=0, weights=weights)
