# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The report of a mock interview as one HTML document that needs nothing from elsewhere."""

from __future__ import annotations

from html import escape

from emotion_apps.interview.figures import Figure, figures, verbal_figures
from emotion_apps.interview.log import Answer, InterviewLog
from emotion_apps.interview.note import Note
from emotion_apps.interview.notes import notes
from emotion_apps.interview.summary import AnswerSummary, summarise
from emotion_apps.interview.texts import NOTHING, SPEAKERS, cannot, clock, lead, sources
from emotion_apps.interview.timeline import css, timeline
from emotion_apps.interview.transcript import Line, Piece, transcript
from emotion_perception.emotions import EMOTIONS
from emotion_perception.words.fluency import Kind
from emotion_perception.words.verbal import Verbal

_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2027;--soft:#5c6672;
--line:#d9dee4}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--card:#1e242b;--ink:#eceff2;
--soft:#9aa5b1;--line:#37404a}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{max-width:960px;margin:0 auto;padding:32px 16px}
h1{font-size:30px;margin:0 0 4px}h2{font-size:20px;margin:0 0 12px}
h3{font-size:16px;margin:24px 0 8px}
.lead{color:var(--soft);margin:0 0 24px}section{background:var(--card);border:1px solid
var(--line);border-radius:12px;padding:20px 24px;margin:0 0 20px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:16px 0 0}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-weight:600}
ul{margin:0;padding-left:20px}li{margin:6px 0}small{color:var(--soft)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:20px}
.two section{margin:0}.two{margin-bottom:20px}
.key{display:flex;flex-wrap:wrap;gap:6px 16px;color:var(--soft);font-size:13px;margin:8px 0}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:15px}
th,td{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-top:1px solid var(--line)}
thead th{border:0;color:var(--soft);font-size:13px;font-weight:400}tbody th{font-weight:400}
.said td:not(:nth-child(2)){white-space:nowrap;color:var(--soft);font-size:13px}
mark{color:inherit;border-radius:4px;padding:0 3px;background:#e69f0055}
mark.repetition{background:#56b4e955}mark.restart{background:#cc79a755}
mark.open-end{background:none;border-bottom:3px dotted #d55e00;border-radius:0}
.key i,.said i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px}
"""


def render(log: InterviewLog) -> str:
    """Return the report as HTML that needs nothing from elsewhere."""
    summaries = summarise(log)
    strengths, suggestions = notes(log, summaries)
    empty = NOTHING if strengths or suggestions else 'Not enough was measured.'
    sections = ''.join(
        _answer(log, answer, summary) for answer, summary in zip(log.answers, summaries)
    )
    unknown = ''.join(f'<p>{escape(text)}</p>' for text in cannot(log))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Mock interview</title><style>{_STYLE}</style></head><body><main>
<h1>Mock interview</h1>
<p class="lead">{escape(lead(log, summaries))}</p>
<div class="two"><section><h2>Strengths</h2>{_notes(strengths, empty)}</section>
<section><h2>Suggestions</h2>{_notes(suggestions, empty)}</section></div>
{sections}
{_left_out(log.left_out)}{_sources(log)}<section><h2>What this cannot tell</h2>{unknown}</section>
</main></body></html>
"""


def _left_out(lines: list[str]) -> str:
    if not lines:
        return ''
    items = ''.join(f'<li>{escape(line)}</li>' for line in lines)
    return f'<section><h2>What is not in this report</h2><ul>{items}</ul></section>\n'


def _sources(log: InterviewLog) -> str:
    items = ''.join(f'<li>{escape(work)}</li>' for work in sources(log))
    if not items:
        return ''
    return f'<section><h2>What is usual</h2><p>{escape(SPEAKERS)}</p><ul>{items}</ul></section>\n'


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


def _answer(log: InterviewLog, answer: Answer, summary: AnswerSummary) -> str:
    table = ''.join(
        f'<div><dt>{escape(item.name)}</dt><dd>{escape(item.value)}</dd></div>'
        for item in figures(summary)
    )
    hints = ''.join(
        f'<li>{escape(text)} <small>at {time - answer.shown:.0f} s</small></li>'
        for time, text in answer.hints
    )
    hints = f'<p><small>Hints shown</small></p><ul>{hints}</ul>' if hints else ''
    words = ''
    if summary.verbal is not None and log.language is not None:
        words = _words(answer, summary.verbal, log.language.code == 'en')
    return (
        f'<section><h2>{summary.number}. {escape(summary.question)}</h2>'
        f'{timeline(answer)}<dl>{table}</dl>{words}{hints}</section>'
    )


def _words(answer: Answer, verbal: Verbal, english: bool) -> str:
    """Return the transcript of an answer and its figures."""
    lines = transcript(answer, verbal)
    if not lines:
        return '<h3>The words</h3><p><small>None were understood.</small></p>'
    rows = ''.join(_line(line) for line in lines)
    shown = [kind for kind in Kind if verbal.count(kind)]
    key = ''.join(
        f'<span><mark class="{_class(kind)}">{kind.value}</mark></span>' for kind in shown
    )
    measured = ''.join(
        f'<tr><th scope="row">{escape(item.name)}</th><td>{escape(item.value)}</td>'
        f'<td>{_usual(item)}</td></tr>'
        for item in verbal_figures(verbal, english)
    )
    return (
        '<h3>The words</h3><table class="said"><thead><tr><th scope="col">At</th>'
        '<th scope="col">Said</th><th scope="col">Face</th><th scope="col">Voice</th></tr></thead>'
        f'<tbody>{rows}</tbody></table><div class="key">{key}</div>'
        '<table><thead><tr><th scope="col">Measure</th><th scope="col">Here</th>'
        f'<th scope="col">Usual</th></tr></thead><tbody>{measured}</tbody></table>'
    )


def _line(line: Line) -> str:
    said = ' '.join(map(_piece, line.pieces))
    emotions = ''.join(f'<td>{_emotion(line, source)}</td>' for source in ('face', 'voice'))
    return f'<tr><td>{clock(line.start)}</td><td>{said}</td>{emotions}</tr>'


def _piece(piece: Piece) -> str:
    text = escape(piece.text)
    if piece.kind is None:
        return text
    return f'<mark class="{_class(piece.kind)}" title="{piece.kind.value}">{text}</mark>'


def _emotion(line: Line, source: str) -> str:
    if source not in line.emotions:
        return '–'
    name, probability = line.emotions[source]
    return f'<i style="background:{css(EMOTIONS.index(name))}"></i>{name} {probability:.0%}'


def _class(kind: Kind) -> str:
    return kind.value.replace(' ', '-')


def _usual(figure: Figure) -> str:
    if figure.usual is None:
        return '–'
    return f'{escape(figure.usual.text)}<br><small>{escape(figure.usual.source)}</small>'
