# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The emotions of an answer over time, with speech and facing below, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from emotion_apps.interview.log import Answer, Sample
from emotion_apps.view import theme
from emotion_perception.emotions import EMOTIONS


def timeline(answer: Answer, width: int = 860, height: int = 190) -> str:
    """Draw the probability of each class over time, speech and facing below, as SVG."""
    end = (
        answer.ended
        if not math.isnan(answer.ended)
        else max([sample.time for sample in answer.emotions], default=answer.shown)
    )
    length = max(end - answer.shown, 0.5)
    left, plot = 34, height - 52

    def x(time: float) -> float:
        return left + (width - left) * min(max((time - answer.shown) / length, 0.0), 1.0)

    parts = [
        (
            f'<svg viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="Emotion over time, answer {answer.number}">'
        )
    ]
    for value in (0.0, 0.5, 1.0):
        y = 4 + plot * (1 - value)
        parts.append(
            f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="0" y="{y + 4:.1f}">{value:.0%}</text>'
        )
    shown: list[int] = []
    faces = [s for s in answer.emotions if s.source == 'face']
    if faces:
        times, vectors = _thinned(faces, 240)
        for emotion, name in enumerate(EMOTIONS):
            # A class that never matters would only be ink.
            if vectors[:, emotion].max() < 0.15:
                continue
            shown.append(emotion)
            points = ' '.join(
                f'{x(t):.1f},{4 + plot * (1 - p):.1f}' for t, p in zip(times, vectors[:, emotion])
            )
            parts.append(
                f'<polyline points="{points}" fill="none" stroke-width="2" '
                f'stroke="{css(emotion)}"><title>{name}</title></polyline>'
            )
    for sample in answer.emotions:
        if sample.source == 'voice':
            emotion = int(sample.probabilities.argmax())
            shown.append(emotion)
            y = 4 + plot * (1 - float(sample.probabilities[emotion]))
            parts.append(
                f'<circle cx="{x(sample.time):.1f}" cy="{y:.1f}" r="6" '
                f'fill="{css(emotion)}" stroke="var(--card)" stroke-width="2">'
                f'<title>voice: {EMOTIONS[emotion]} '
                f'{sample.probabilities[emotion]:.0%}</title></circle>'
            )
    row = plot + 14
    parts.append(f'<text x="0" y="{row + 8}">voice</text>')
    for item in answer.utterances:
        parts.append(
            f'<rect x="{x(item.start):.1f}" y="{row}" rx="3" height="9" '
            f'width="{max(2.0, x(item.end) - x(item.start)):.1f}" fill="#0072B2"/>'
        )
    row += 16
    parts.append(f'<text x="0" y="{row + 8}">face</text>')
    for start, stop in _runs(answer.frames):
        parts.append(
            f'<rect x="{x(start):.1f}" y="{row}" rx="3" height="9" '
            f'width="{max(2.0, x(stop) - x(start)):.1f}" fill="#009E73"/>'
        )
    parts.append(
        f'<text x="{left}" y="{height - 3}">0 s</text>'
        f'<text x="{width - 36}" y="{height - 3}">{length:.0f} s</text></svg>'
    )
    key = ''.join(
        f'<span><i style="background:{css(e)}"></i>{EMOTIONS[e]}</span>'
        for e in sorted(set(shown))
    )
    return (
        ''.join(parts) + f'<div class="key">{key}<span>lines: face; dots: voice; bars: '
        'speaking, and facing the camera</span></div>'
    )


def _thinned(samples: Sequence[Sample], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbouring samples, so that a long answer stays a light file."""
    order = sorted(samples, key=lambda sample: sample.time)
    groups = np.array_split(np.arange(len(order)), min(most, len(order)))
    times = np.array([np.mean([order[i].time for i in group]) for group in groups])
    vectors = np.array(
        [np.mean([order[i].probabilities for i in group], axis=0) for group in groups]
    )
    return times, vectors


def _runs(frames: Iterable[tuple[float, bool, bool]]) -> list[tuple[float, float]]:
    """Return the stretches during which the face faced the camera."""
    runs: list[tuple[float, float]] = []
    start: float | None = None
    last = 0.0
    for time, _, facing in sorted(frames):
        if facing and start is None:
            start = time
        if not facing and start is not None:
            runs.append((start, last))
            start = None
        last = time
    if start is not None:
        runs.append((start, last))
    return runs


def css(emotion: int) -> str:
    """Return the colour of a class as CSS writes it."""
    blue, green, red = theme.emotion_colour(emotion)
    return f'#{red:02x}{green:02x}{blue:02x}'
