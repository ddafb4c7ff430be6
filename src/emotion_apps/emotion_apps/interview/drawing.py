# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the mock interview: the question, the candidate, and how the answer goes."""

from __future__ import annotations

import math

from emotion_apps.interview.states import Phase, Snapshot
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas
from emotion_apps.view.masks import text_width
from emotion_apps.view.perception import draw_sound, split
from emotion_apps.view.scene import Scene, draw_picture, draw_reading


def draw_interview(canvas: Canvas, scene: Scene, state: Snapshot) -> None:
    """Draw the phase that the interview is in."""
    canvas.clear()
    unit = canvas.unit
    if state.phase is Phase.FINISHED:
        _draw_end(canvas, state)
        return
    area, side = split(canvas)
    draw_picture(canvas, area, scene.picture, fit='cover')
    # On a narrow canvas the question may need three lines.
    question = Box(area.x + 24 * unit, area.y + 24 * unit, area.w - 48 * unit, 178 * unit)
    canvas.panel(question, alpha=0.86, radius=22 * unit)
    inside = question.inset(26 * unit, 20 * unit)
    if state.phase is Phase.IDLE:
        canvas.text(
            'MOCK INTERVIEW', inside.x, inside.y, 20 * unit, theme.MUTED, weight=700, level='top'
        )
        canvas.paragraph(
            'Sit down before the camera to begin',
            _below(inside, unit),
            42 * unit,
            theme.TEXT,
            weight=700,
        )
    else:
        canvas.text(
            f'QUESTION {state.question} OF {state.questions}',
            inside.x,
            inside.y,
            20 * unit,
            theme.MUTED,
            weight=700,
            level='top',
        )
        _draw_question(canvas, _below(inside, unit), state.text)
    if state.hint:
        hint = Box(area.x + 24 * unit, area.bottom - 108 * unit, area.w - 48 * unit, 84 * unit)
        canvas.panel(hint, alpha=0.9, radius=20 * unit)
        canvas.text(
            state.hint,
            hint.centre[0],
            hint.centre[1],
            30 * unit,
            theme.WARNING,
            weight=700,
            align='centre',
            level='middle',
            room=hint.w - 40 * unit,
        )
    face, sound, answer = side.rows(330, 94, 230, gap=14 * unit)
    draw_reading(canvas, face, 'YOUR FACE', scene.face, 'no face')
    draw_sound(canvas, sound, scene)
    _draw_answer(canvas, answer, state)


def _draw_question(canvas: Canvas, box: Box, text: str) -> None:
    """Draw a question as large as it fits."""
    for points in (40, 34, 28, 23, 19):
        size = points * canvas.unit
        # Words break lines early: reckon with a tenth less room.
        lines = math.ceil(text_width(text, size, 700) / (0.9 * box.w))
        if lines * size * 1.35 <= box.h:
            break
    canvas.paragraph(text, box, size, theme.TEXT, weight=700)


def _below(inside: Box, unit: float) -> Box:
    return Box(inside.x, inside.y + 30 * unit, inside.w, inside.h - 30 * unit)


def _draw_answer(canvas: Canvas, box: Box, state: Snapshot) -> None:
    unit = canvas.unit
    canvas.panel(box, radius=18 * unit)
    inside = box.inset(22 * unit, 18 * unit)
    canvas.text('YOUR ANSWER', inside.x, inside.y, 19 * unit, theme.MUTED, weight=700, level='top')
    if state.phase is not Phase.ANSWER:
        text = 'Speak when you are ready' if state.phase is Phase.QUESTION else 'not yet'
        canvas.text(
            text,
            inside.x,
            inside.y + 40 * unit,
            26 * unit,
            theme.MUTED,
            level='top',
            room=inside.w,
        )
        return
    word, ink = ('speaking', theme.ACCENT) if state.speaking else ('pause', theme.MUTED)
    canvas.text(
        word, inside.right, inside.y, 19 * unit, ink, weight=700, align='right', level='top'
    )
    canvas.text(
        f'{state.speaking_time:.0f} s',
        inside.x,
        inside.y + 34 * unit,
        46 * unit,
        weight=700,
        level='top',
    )
    canvas.text(
        'spoken',
        inside.right,
        inside.y + 44 * unit,
        24 * unit,
        theme.MUTED,
        align='right',
        level='top',
    )
    canvas.text(
        'Facing the camera', inside.x, inside.y + 104 * unit, 22 * unit, theme.MUTED, level='top'
    )
    if not math.isnan(state.engagement):
        canvas.text(
            f'{state.engagement:.0%}',
            inside.right,
            inside.y + 104 * unit,
            22 * unit,
            weight=700,
            align='right',
            level='top',
        )
        canvas.bar(
            Box(inside.x, inside.y + 138 * unit, inside.w, 16 * unit),
            state.engagement,
            theme.ACCENT,
        )
    if state.transcript:
        _draw_words(canvas, Box(inside.x, inside.y + 166 * unit, inside.w, 28 * unit), state)


def _draw_words(canvas: Canvas, box: Box, state: Snapshot) -> None:
    """Draw the pace in words, and how many of them were fillers, if any were."""
    size = 22 * canvas.unit
    pace = '–' if math.isnan(state.words_per_minute) else f'{state.words_per_minute:.0f}'
    canvas.text(f'{pace} words a minute', box.x, box.y, size, theme.MUTED, level='top')
    if state.fillers:
        text = '1 filler' if state.fillers == 1 else f'{state.fillers} fillers'
        canvas.text(text, box.right, box.y, size, theme.MUTED, align='right', level='top')


def _draw_end(canvas: Canvas, state: Snapshot) -> None:
    unit = canvas.unit
    x, y = canvas.box.centre
    canvas.text(
        'Thank you', x, y - 60 * unit, 96 * unit, weight=700, align='centre', level='middle'
    )
    text = (
        f'Your report: {state.report}'
        if state.report
        else 'Nothing was stored. Give out:=FOLDER to keep a report.'
    )
    canvas.text(
        text,
        x,
        y + 50 * unit,
        30 * unit,
        theme.MUTED,
        align='centre',
        level='middle',
        room=0.92 * canvas.width,
    )
