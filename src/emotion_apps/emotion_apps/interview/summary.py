# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From what was collected in an interview to figures, strengths and suggestions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_apps.interview.log import Answer, InterviewLog
from emotion_perception.emotions import EMOTIONS, names

# Seconds for which a picture stands at most: what comes later is not known.
_LONGEST_HELD = 1.0


@dataclass(frozen=True)
class Note:
    """A strength or a suggestion, with the measurement it rests on."""

    text: str
    measurement: str


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


def held(times: Sequence[float], end: float) -> np.ndarray:
    """Return how long each picture stands: until the next one, a second at most, seconds.

    Cameras give fewer pictures in the dark, browsers when they are busy: counted by number, what
    happened meanwhile would weigh less.

    :param times: of the pictures, rising, seconds.
    :param end: of the last one at the latest; NaN if it is not known.
    """
    following = [*times[1:], times[-1] + _LONGEST_HELD if math.isnan(end) else end]
    return np.clip(np.subtract(following, times), 1e-3, _LONGEST_HELD)


def summarise(answer: Answer) -> AnswerSummary:
    """Return the figures of one answer."""
    spoken = sorted(answer.utterances, key=lambda item: item.start)
    speaking = sum(item.prosody.speech_seconds for item in spoken)
    gaps = [b.start - a.end for a, b in itertools.pairwise(spoken)]
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
            for source in ('face', 'voice', 'fused')
            if any(s.source == source for s in answer.emotions)
        },
    )


def _mean_emotion(answer: Answer, source: str) -> np.ndarray:
    """Return the mean probabilities (6,) of a source that has some, over the time."""
    samples = sorted((s for s in answer.emotions if s.source == source), key=lambda s: s.time)
    weights = None
    if source == 'face':
        weights = held([s.time for s in samples], answer.ended)
    return np.average([s.probabilities for s in samples], axis=0, weights=weights)


def notes(summaries: list[AnswerSummary], heard: bool = True) -> tuple[list[Note], list[Note]]:
    """Return strengths and suggestions, each with the measurement it rests on.

    The bounds are those of public-speaking practice (3 to 5.5 syllables a second; a pitch that
    varies by more than 2 semitones is heard as lively), not of the emotion models.

    :param heard: whether anybody listened at all.
    """
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
    return strengths, suggestions


def as_json(log: InterviewLog) -> dict[str, object]:
    """Return the whole interview as what ``json.dumps`` takes (NaN becomes ``None``)."""
    summaries = [summarise(answer) for answer in log.answers]
    strengths, suggestions = notes(summaries, log.heard)

    def clean(value: object) -> object:
        if isinstance(value, float):
            return round(value, 4) if math.isfinite(value) else None
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [clean(item) for item in value]
        return value

    return {
        'seconds': clean(log.ended - log.started),
        'answers': [
            clean(
                {
                    **vars(summary),
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
                    'hints': [
                        {'time': time - log.started, 'text': text} for time, text in answer.hints
                    ],
                }
            )
            for summary, answer in zip(summaries, log.answers)
        ],
        'strengths': [vars(note) for note in strengths],
        'suggestions': [vars(note) for note in suggestions],
        'left_out': list(log.left_out),
        'classes': list(EMOTIONS),
    }
