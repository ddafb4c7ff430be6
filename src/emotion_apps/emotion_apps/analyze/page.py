# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One page over all recordings that needs nothing from elsewhere.

Whatever comes from outside (names of files, reasons of failures) is escaped; the script only
sorts and filters what is there.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from emotion_apps.analyze.columns import CLASSES
from emotion_apps.view import theme
from emotion_perception.emotions import EMOTIONS

CANNOT = (
    'These figures say which expression a face or a voice resembles in data sets of mostly acted '
    'emotion, as one pair of models sees it. They do not say what somebody felt, thought or '
    'meant, nor whether it was true. They do not tell people, groups or places apart: the models '
    'err more on some faces and voices than on others, and light, camera, distance and language '
    'shift every figure. A difference between two films is one between two recordings first. '
    'Neighbouring pictures are nearly the same picture: a thousand of them are not a thousand '
    'observations. In the European Union emotion recognition at work and in education is '
    'prohibited, save for medical and safety reasons (AI Act, Article 5(1)(f)).'
)

_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2027;--soft:#5c6672;
--line:#d9dee4;--accent:#0b6fb3;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--card:#1e242b;--ink:#eceff2;
--soft:#9aa5b1;--line:#37404a;--accent:#7fd1ff;--bad:#ffb4ab}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}main{max-width:1240px;margin:0 auto;padding:32px 16px}
h1{font-size:30px;margin:0 0 4px}h2{font-size:20px;margin:0 0 12px}h3{font-size:14px;margin:0;
overflow-wrap:anywhere}.lead{color:var(--soft);margin:0 0 24px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:20px 24px;margin:0 0 20px}a{color:var(--accent)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:0}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-weight:600}
.key{display:flex;flex-wrap:wrap;gap:6px 16px;color:var(--soft);font-size:13px;margin:12px 0}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;
border:1px solid var(--line)}
.films{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:16px 20px}
.films small,.soft{color:var(--soft)}svg{width:100%;height:auto;display:block;margin:4px 0}
.track{fill:none;stroke:var(--line)}.speech{fill:var(--accent)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;
min-width:180px}th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible{outline:2px solid var(--accent)}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
.bar{display:flex;width:130px;height:12px;border-radius:3px;overflow:hidden;
background:var(--page)}.bar i{display:block;height:100%}
.bad{color:var(--bad)}ul{margin:0;padding-left:20px}li{margin:6px 0;overflow-wrap:anywhere}
input{font:inherit;padding:6px 10px;border:1px solid var(--line);border-radius:8px;
background:var(--page);color:var(--ink);margin:0 0 12px;width:min(320px,100%)}
@media print{body{background:#fff}section{break-inside:avoid}input{display:none}}
"""

_SCRIPT = """
'use strict';
const body = document.querySelector('tbody'), rows = [...body.rows];
document.querySelectorAll('th').forEach((head, column) => {
  head.querySelector('button').addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') !== 'descending';
    document.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const value = row => row.cells[column].dataset.value ?? '';
    rows.sort((a, b) => {
      const x = value(a), y = value(b);
      const order = x === '' || y === '' || isNaN(x) || isNaN(y)
        ? (x === '') - (y === '') || x.localeCompare(y) : y - x;
      return down || x === '' || y === '' ? order : -order;
    });
    body.append(...rows);
  });
});
document.querySelector('input').addEventListener('input', event => {
  const wanted = event.target.value.toLowerCase();
  document.querySelectorAll('[data-name]').forEach(item => {
    item.hidden = !item.dataset.name.includes(wanted);
  });
});
"""

_WIDTH, _HEIGHT, _SPEECH = 240, 64, 8


def render(summary: Mapping[str, Any]) -> str:
    """Return the page of a run's summary."""
    totals, recordings = summary['totals'], summary['recordings']
    minutes = totals['seconds'] / 60
    lead = f'{len(recordings)} recordings, {minutes:.1f} minutes'
    if summary['failures']:
        lead += f', and {len(summary["failures"])} that could not be analysed'
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Analysis of {len(recordings)} recordings</title><style>{_STYLE}</style></head><body><main>
<h1>Analysis</h1><p class="lead">{lead}</p>
<section><h2>All recordings</h2>{_totals(totals)}{_key()}</section>
{_failures(summary['failures'])}{_films(recordings)}{_table(recordings)}{_lost(recordings)}
<section><h2>How it was made</h2>{_made(summary)}</section>
<section><h2>What these figures cannot answer</h2><p>{escape(CANNOT)}</p></section>
</main><script>{_SCRIPT}</script></body></html>
"""


def _totals(totals: Mapping[str, Any]) -> str:
    pictures = totals['pictures']
    share = 100 * totals['pictures_with_face'] / pictures if pictures else None
    figures = {
        'Pictures looked at': f'{pictures:,}',
        'Of them with a face': '–' if share is None else f'{share:.0f} %',
        'Faces': f'{totals["faces"]:,}',
        'Utterances': f'{totals["utterances"]:,}',
        'Speech': f'{totals["talk_seconds"] / 60:.1f} min',
    }
    listed = ''.join(
        f'<div><dt>{key}</dt><dd>{value}</dd></div>' for key, value in figures.items()
    )
    shares = ''.join(
        f'<div><dt>{words}</dt><dd>{_bar(totals[name])}</dd></div>'
        for name, words in (('face', 'Faces show'), ('voice', 'Voices show'))
    )
    return f'<dl>{listed}{shares}</dl>'


def _key() -> str:
    items = ''.join(
        f'<span><i style="background:{_colour(place)}"></i>{name}</span>'
        for place, name in enumerate(EMOTIONS)
    )
    speech = '<span><i style="background:var(--accent)"></i>speech</span>'
    return f'<div class="key">{items}{speech}</div>'


def _failures(failures: Sequence[Mapping[str, str]]) -> str:
    if not failures:
        return ''
    items = ''.join(
        f'<li><b>{escape(item["recording"])}</b>: {escape(item["reason"])}</li>'
        for item in failures
    )
    return f'<section><h2 class="bad">Not analysed</h2><ul>{items}</ul></section>'


def _films(recordings: Sequence[Mapping[str, Any]]) -> str:
    cards = ''.join(
        f'<div data-name="{escape(item["recording"].lower())}">'
        f'<h3>{escape(item["recording"])}</h3>'
        f'{_timeline(item["timeline"])}<small>{_said(item)}</small></div>'
        for item in recordings
        if item['timeline']
    )
    if not cards:
        return ''
    return (
        '<section><h2>Over time</h2><p class="soft">The classes of the face that counts, above '
        'each other to 1; empty where no face was seen. Below: speech.</p>'
        f'<div class="films">{cards}</div></section>'
    )


def _said(item: Mapping[str, Any]) -> str:
    parts = [f'{item["seconds"]:.0f} s' if item['seconds'] is not None else 'length unknown']
    people, spoken = len(item['people']), item['voice']['utterances']
    if people:
        parts.append(f'{people} {"people" if people > 1 else "person"}')
    if spoken:
        parts.append(f'{spoken} utterance{"s" * (spoken > 1)}')
    return ', '.join(parts)


def _timeline(line: Mapping[str, Any]) -> str:
    """Draw the classes as stacked bands, and speech as a strip, as SVG."""
    count = len(line['classes'])
    step = _WIDTH / count
    shapes = []
    for first, last in _runs(line['classes']):
        below = [0.0] * (last - first)
        for place in range(len(EMOTIONS)):
            above = [low + line['classes'][first + n][place] for n, low in enumerate(below)]
            # Steps, not slopes: each is the mean of its part of the recording.
            top = ' '.join(
                f'{step * (first + n + side):.1f},{_HEIGHT * (1 - min(high, 1.0)):.1f}'
                for n, high in enumerate(above)
                for side in (0, 1)
            )
            under = ' '.join(
                f'{step * (first + n + side):.1f},{_HEIGHT * (1 - min(low, 1.0)):.1f}'
                for n, low in reversed(list(enumerate(below)))
                for side in (1, 0)
            )
            shapes.append(f'<polygon points="{top} {under}" fill="{_colour(place)}"/>')
            below = above
    speech = ''.join(
        f'<rect class="speech" x="{step * n:.1f}" y="{_HEIGHT + 3}" width="{step:.2f}" '
        f'height="{_SPEECH}" opacity="{part:.2f}"/>'
        for n, part in enumerate(line['speech'])
        if part
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 3 + _SPEECH}" role="img" '
        'aria-label="classes and speech over time">'
        f'<rect class="track" width="{_WIDTH}" height="{_HEIGHT}"/>{"".join(shapes)}'
        f'<rect class="track" y="{_HEIGHT + 3}" width="{_WIDTH}" height="{_SPEECH}"/>'
        f'{speech}</svg>'
    )


def _runs(values: Sequence[Any]) -> list[tuple[int, int]]:
    """Return the stretches [first, last) of values that are there."""
    runs, first = [], None
    for place, value in enumerate([*values, None]):
        if value is not None and first is None:
            first = place
        elif value is None and first is not None:
            runs.append((first, place))
            first = None
    return runs


_HEADS = (
    'Recording', 'Length', 'With a face', 'People', 'Face shows', 'Utterances', 'Speech',
    'Voice shows', 'Files',
)  # fmt: skip


def _table(recordings: Sequence[Mapping[str, Any]]) -> str:
    heads = ''.join(
        f'<th scope="col"><button type="button">{name}</button></th>' for name in _HEADS
    )
    rows = ''.join(_row(item) for item in recordings)
    return (
        '<section><h2>Recordings</h2><input type="search" placeholder="Name contains…" '
        'aria-label="Name contains"><div class="scroll"><table><thead><tr>'
        f'{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _row(item: Mapping[str, Any]) -> str:
    pictures = item['pictures']
    seconds = None if item['kind'] == 'picture' else item['seconds']
    seen = item['pictures_with_face'] / pictures if pictures else None
    talk = item['voice']['talk_seconds'] / seconds if seconds else None
    face, voice = item['face']['mean'], item['voice']['mean']
    links = ' '.join(
        f'<a href="{escape(urllib.parse.quote(path))}">{escape(name)}</a>'
        for name, path in item['files'].items()
    )
    name = item['recording']
    cells = (
        (name.lower(), escape(name)),
        (seconds, '–' if seconds is None else f'{seconds:.1f} s'),
        (seen, '–' if seen is None else f'{100 * seen:.0f} %'),
        (len(item['people']), str(len(item['people']))),
        (_most(face), _bar(face)),
        (item['voice']['utterances'], str(item['voice']['utterances'])),
        (talk, '–' if talk is None else f'{100 * talk:.0f} %'),
        (_most(voice), _bar(voice)),
        ('', links),
    )
    shown = ''.join(
        f'<td data-value="{"" if value is None else escape(str(value))}">{text}</td>'
        for value, text in cells
    )
    return f'<tr data-name="{escape(name.lower())}">{shown}</tr>'


def _most(shares: Mapping[str, float] | None) -> str:
    return max(CLASSES, key=lambda name: shares[name]) if shares else ''


def _bar(shares: Mapping[str, float] | None) -> str:
    """Draw class shares as one bar; the figures are its title."""
    if not shares:
        return '<span class="soft">–</span>'
    parts = ''.join(
        f'<i style="width:{100 * shares[name]:.1f}%;background:{_colour(place)}"></i>'
        for place, name in enumerate(CLASSES)
    )
    text = ', '.join(f'{name} {100 * shares[name]:.0f} %' for name in CLASSES)
    return f'<span class="bar" role="img" title="{text}" aria-label="{text}">{parts}</span>'


def _lost(recordings: Sequence[Mapping[str, Any]]) -> str:
    lines = ''.join(f'<li>{escape(line)}</li>' for item in recordings for line in item['left_out'])
    if not lines:
        return ''
    return f'<section><h2>What was lost or left out</h2><ul>{lines}</ul></section>'


def _made(summary: Mapping[str, Any]) -> str:
    items = ''.join(
        f'<li>{escape(task)}: {escape(model["name"])} '
        f'<span class="soft">sha256 {escape(model["sha256"][:16])}…</span></li>'
        for task, model in summary['models'].items()
    )
    options = summary['options']
    every = options['every']
    looked = (
        f'one in {every["seconds"]:g} s'
        if every['seconds']
        else (
            'every picture' if every['pictures'] == 1 else f'every {every["pictures"]}th picture'
        )
    )
    return (
        f'<ul>{items}<li>looked at: {looked}</li>'
        f'<li>class balance: {options["class_balance"]:g} '
        '(0 as in the training data, 1 all classes equally common)</li></ul>'
    )


def _colour(place: int) -> str:
    blue, green, red = theme.emotion_colour(place)
    return f'#{red:02x}{green:02x}{blue:02x}'
