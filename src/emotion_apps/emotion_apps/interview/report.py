# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The report of a mock interview: one self-contained HTML file, and the same figures as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from emotion_apps.interview.log import Answer, InterviewLog, Sample
from emotion_apps.interview.summary import (
    AnswerSummary,
    Note,
    as_json,
    notes,
    summarise,
)
from emotion_apps.view import theme
from emotion_perception.emotions import EMOTIONS
from emotion_perception.storage import write_atomically

CANNOT = (
    'These models name the expression that a face or a voice resembles in data sets of mostly '
    'acted emotion. They cannot tell what you feel, what you think, whether you are honest, or '
    'how suited you are to a position. They make more errors on faces and voices that were rare '
    'in those data sets: by age, skin colour, culture, language, disability. Take the curves as '
    'a mirror for practice, not as a judgement, and never use them to judge somebody else: in '
    'the European Union emotion recognition at work and in education is prohibited, save for '
    'medical and safety reasons (AI Act, Article 5(1)(f)).'
)

NOTHING = 'None from what was measured.'

_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2027;--soft:#5c6672;
--line:#d9dee4}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--card:#1e242b;--ink:#eceff2;
--soft:#9aa5b1;--line:#37404a}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{max-width:960px;margin:0 auto;padding:32px 16px}
h1{font-size:30px;margin:0 0 4px}h2{font-size:20px;margin:0 0 12px}
.lead{color:var(--soft);margin:0 0 24px}section{background:var(--card);border:1px solid
var(--line);border-radius:12px;padding:20px 24px;margin:0 0 20px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:16px 0 0}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-weight:600}
ul{margin:0;padding-left:20px}li{margin:6px 0}small{color:var(--soft)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:20px}
.two section{margin:0}.two{margin-bottom:20px}
.key{display:flex;flex-wrap:wrap;gap:6px 16px;color:var(--soft);font-size:13px;margin:8px 0}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px}
"""


def write_report(log: InterviewLog, folder: str | Path) -> tuple[Path, Path]:
    """Write ``interview.html`` and ``interview.json``, each whole or not; return their paths.

    :raises SaveError: if the folder cannot be made or written.
    """
    folder = Path(folder).expanduser()
    page, data = folder / 'interview.html', folder / 'interview.json'
    write_atomically(data, (json.dumps(as_json(log), indent=1, allow_nan=False) + '\n').encode())
    # The page is the last: where there is one, the report is complete.
    write_atomically(page, render(log).encode())
    return page, data


def render(log: InterviewLog) -> str:
    """Return the report as HTML that needs nothing from elsewhere."""
    summaries = [summarise(answer) for answer in log.answers]
    strengths, suggestions = notes(summaries, log.heard)
    seconds = log.ended - log.started
    duration = '' if math.isnan(seconds) else f', {seconds / 60:.0f} min {seconds % 60:.0f} s'
    answered = f'{sum(item.answered for item in summaries)} of {len(summaries)} questions answered'
    if not log.heard:
        answered = 'Without sound'
    empty = NOTHING if strengths or suggestions else 'Not enough was measured.'
    sections = ''.join(_answer(answer, summary) for answer, summary in zip(log.answers, summaries))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Mock interview</title><style>{_STYLE}</style></head><body><main>
<h1>Mock interview</h1>
<p class="lead">{answered}{duration}</p>
<div class="two"><section><h2>Strengths</h2>{_notes(strengths, empty)}</section>
<section><h2>Suggestions</h2>{_notes(suggestions, empty)}</section></div>
{sections}
{_left_out(log.left_out)}<section><h2>What this cannot tell</h2><p>{escape(CANNOT)}</p></section>
</main></body></html>
"""


def _left_out(lines: list[str]) -> str:
    if not lines:
        return ''
    items = ''.join(f'<li>{escape(line)}</li>' for line in lines)
    return f'<section><h2>What is not in this report</h2><ul>{items}</ul></section>\n'


def _notes(items: list[Note], empty: str) -> str:
    if not items:
        return f'<p><small>{empty}</small></p>'
    return (
        '<ul>'
        + ''.join(
            f'<li>{escape(item.text)}<br><small>Measured: {escape(item.measurement)}</small></li>'
            for item in items
        )
        + '</ul>'
    )


def _answer(answer: Answer, summary: AnswerSummary) -> str:
    def figure(value: float, form: str) -> str:
        return '–' if math.isnan(value) else form.format(value)

    figures = {
        'Until the first word': figure(summary.reaction, '{:.1f} s'),
        'Speaking time': f'{summary.speaking_time:.1f} s',
        'Pauses': f'{summary.pauses} ({summary.pause_seconds:.1f} s each)'
        if summary.pauses
        else '0',
        'Pace': figure(summary.rate, '{:.1f} syll./s'),
        'Loudness': figure(summary.level, '{:.0f} dBFS'),
        'Pitch': figure(summary.pitch, '{:.0f} Hz'),
        'Pitch variation': figure(summary.pitch_range, '{:.1f} semitones'),
        'Facing the camera': figure(100 * summary.engagement, '{:.0f} %'),
    }
    table = ''.join(f'<div><dt>{key}</dt><dd>{value}</dd></div>' for key, value in figures.items())
    hints = ''.join(
        f'<li>{escape(text)} <small>at {time - answer.shown:.0f} s</small></li>'
        for time, text in answer.hints
    )
    hints = f'<p><small>Hints shown</small></p><ul>{hints}</ul>' if hints else ''
    return (
        f'<section><h2>{summary.number}. {escape(summary.question)}</h2>'
        f'{_timeline(answer)}<dl>{table}</dl>{hints}</section>'
    )


def _timeline(answer: Answer, width: int = 860, height: int = 190) -> str:
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
                f'stroke="{_css(emotion)}"><title>{name}</title></polyline>'
            )
    for sample in answer.emotions:
        if sample.source == 'voice':
            emotion = int(sample.probabilities.argmax())
            shown.append(emotion)
            y = 4 + plot * (1 - float(sample.probabilities[emotion]))
            parts.append(
                f'<circle cx="{x(sample.time):.1f}" cy="{y:.1f}" r="6" '
                f'fill="{_css(emotion)}" stroke="var(--card)" stroke-width="2">'
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
        f'<span><i style="background:{_css(e)}"></i>{EMOTIONS[e]}</span>'
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


def _runs(frames: list[tuple[float, bool, bool]]) -> list[tuple[float, float]]:
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


def _css(emotion: int) -> str:
    blue, green, red = theme.emotion_colour(emotion)
    return f'#{red:02x}{green:02x}{blue:02x}'
