# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screens of the multimodal cycle: hold an expression, speak, see the result."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emotion_apps.multimodal.states import Phase, Snapshot
from emotion_apps.reading import Reading
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas
from emotion_apps.view.masks import text_width
from emotion_apps.view.perception import draw_sound, split
from emotion_apps.view.scene import (
    Scene,
    draw_faces,
    draw_picture,
    draw_reading,
    draw_verdict,
)

_STEPS = ('FACE', 'VOICE', 'RESULT')


def draw_multimodal(
    canvas: Canvas,
    scene: Scene,
    state: Snapshot,
    locked: np.ndarray | None = None,
    spoken: Sequence[float] = (),
) -> None:
    """Draw the phase that the cycle is in.

    :param locked: picture of the face that was locked, BGR, if there is one.
    :param spoken: sound levels since the lock, dB.
    """
    canvas.clear()
    if state.phase == Phase.LISTENING:
        _draw_listening(canvas, scene, state, locked)
    elif state.phase == Phase.SHOW_RESULT:
        _draw_result(canvas, state, locked, spoken)
    else:
        _draw_waiting(canvas, scene, state)


def portrait(picture: np.ndarray, region: Sequence[float]) -> np.ndarray | None:
    """Return a square cut around a face, to be shown beside its emotion.

    :param picture: (h, w, 3) BGR.
    :param region: x, y, width, height of the face, pixels.
    :return: a copy, or ``None`` if the region is empty or lies outside.
    """
    x, y, w, h = region
    high, wide = picture.shape[:2]
    side = min(1.5 * max(w, h), high, wide)
    if not (w > 0 and h > 0 and side >= 8):
        return None
    left = min(max(0.0, x + w / 2 - side / 2), wide - side)
    top = min(max(0.0, y + h / 2 - 0.54 * side), high - side)
    cut = picture[int(top) : int(top + side), int(left) : int(left + side)]
    return cut.copy() if cut.size else None


def _draw_waiting(canvas: Canvas, scene: Scene, state: Snapshot) -> None:
    unit = canvas.unit
    area, side = split(canvas)
    place = draw_picture(canvas, area, scene.picture)
    if place is not None:
        draw_faces(canvas, place, scene.faces)
    steps, face, sound = side.rows(64, 486, 106, gap=14 * unit)
    _draw_steps(canvas, steps, 0)
    draw_reading(canvas, face, 'FACE', state.face, 'show your face')
    draw_sound(canvas, sound, scene)

    banner = Box(area.x + 24 * unit, area.bottom - 124 * unit, area.w - 48 * unit, 100 * unit)
    canvas.panel(banner, theme.BACKGROUND, alpha=0.86, radius=22 * unit)
    radius = 34 * unit
    ring_x, middle = banner.x + 18 * unit + radius, banner.centre[1]
    shown = state.face if state.face is not None and state.face.known else None
    colour = theme.ACCENT if shown is None else theme.emotion_colour(shown.emotion)
    canvas.ring(
        ring_x,
        middle,
        radius,
        state.progress if state.running else 0.0,
        colour,
        thickness=9 * unit,
    )
    left = ring_x + radius + 22 * unit
    canvas.text(
        state.prompt,
        (left + banner.right - 22 * unit) / 2,
        middle,
        44 * unit,
        weight=700,
        align='centre',
        level='middle',
        room=banner.right - 22 * unit - left,
    )
    if not math.isnan(state.remaining):
        x, y = area.right - 80 * unit, area.y + 80 * unit
        canvas.dot(x, y, 60 * unit, theme.BACKGROUND)
        canvas.countdown(x, y, 50 * unit, state.remaining, state.duration)


def _draw_steps(canvas: Canvas, box: Box, current: int) -> None:
    """Draw where in the cycle we are."""
    unit = canvas.unit
    canvas.panel(box, radius=18 * unit)
    size = 20 * unit
    for number, (name, cell) in enumerate(zip(_STEPS, box.inset(12 * unit, 0).columns(1, 1, 1))):
        here = number == current
        x, y = cell.centre
        width = text_width(name, size, 700) + 2.0 * size
        ink = theme.BACKGROUND if here else theme.MUTED
        if here:
            chip = Box(x - width / 2, y - size, width, 2 * size)
            canvas.panel(chip, theme.ACCENT, radius=size)
        canvas.text(name, x, y, size, ink, weight=700, align='centre', level='middle')


def _draw_listening(
    canvas: Canvas, scene: Scene, state: Snapshot, locked: np.ndarray | None
) -> None:
    unit = canvas.unit
    draw_picture(canvas, canvas.box, scene.picture, fit='cover')
    canvas.dim(0.78)
    x = canvas.width / 2

    chip = Box(32 * unit, 32 * unit, 440 * unit, 136 * unit)
    canvas.panel(chip, alpha=0.9, radius=22 * unit)
    left = chip.x + 18 * unit
    if locked is not None:
        canvas.picture(
            locked,
            Box(left, chip.y + 16 * unit, 104 * unit, 104 * unit),
            fit='cover',
            radius=14 * unit,
        )
        left += 104 * unit + 20 * unit
    canvas.text(
        'LOCKED', left, chip.y + 28 * unit, 20 * unit, theme.MUTED, weight=700, level='top'
    )
    if state.face is not None:
        room = chip.right - 20 * unit - left
        line = chip.y + 100 * unit
        draw_verdict(canvas, state.face, Box(left, line, room, 0), 44 * unit, 34 * unit)

    heard = state.speaking
    waiting = state.prompt == 'SPEAK NOW' and not heard
    if waiting:
        canvas.countdown(
            canvas.width - 104 * unit, 100 * unit, 66 * unit, state.remaining, state.duration
        )
    canvas.text(
        state.prompt,
        x,
        300 * unit,
        132 * unit,
        weight=700,
        align='centre',
        level='middle',
        room=0.92 * canvas.width,
    )
    canvas.levels(
        Box(0.12 * canvas.width, 400 * unit, 0.76 * canvas.width, 170 * unit),
        scene.levels,
        theme.ACCENT if heard else theme.MUTED,
        count=64,
    )
    if not scene.levels:
        hint, ink = 'No sound comes in: is the microphone on?', theme.WARNING
    elif waiting:
        hint, ink = 'Say a sentence in the way you feel', theme.TEXT
    elif heard:
        hint, ink = 'I hear you', theme.ACCENT
    else:
        hint, ink = 'Listening to how it sounded', theme.TEXT
    canvas.text(
        hint,
        x,
        640 * unit,
        36 * unit,
        ink,
        align='centre',
        level='middle',
        room=0.92 * canvas.width,
    )


def _draw_result(
    canvas: Canvas, state: Snapshot, locked: np.ndarray | None, spoken: Sequence[float]
) -> None:
    unit = canvas.unit
    inner = canvas.box.inset(28 * unit, 26 * unit)
    upper, lower = inner.rows(442, 190, gap=20 * unit)
    left, right = upper.columns(1, 1, gap=20 * unit)
    inset = _draw_half(canvas, left, 'FACE', state.face, 'no face')
    if locked is not None:
        canvas.picture(locked, inset, fit='cover', radius=16 * unit)
    inset = _draw_half(canvas, right, 'VOICE', state.voice, 'No speech heard')
    canvas.panel(inset, theme.BACKGROUND, radius=16 * unit)
    heard = state.voice is not None
    canvas.levels(
        inset.inset(14 * unit, 16 * unit),
        _thinned(spoken, 16) if heard else (),
        theme.ACCENT if heard else theme.MUTED,
        count=16,
    )
    _draw_fused(canvas, lower, state)
    if not math.isnan(state.remaining) and state.duration > 0:
        canvas.bar(
            Box(inner.x, canvas.height - 15 * unit, inner.w, 6 * unit),
            state.remaining / state.duration,
            theme.MUTED,
        )


def _thinned(levels: Sequence[float], count: int) -> list[float]:
    """Return at most ``count`` levels that stand for all: the largest of each stretch."""
    if not len(levels):
        return []
    parts = np.array_split(np.asarray(levels, np.float32), min(count, len(levels)))
    return [float(part.max()) for part in parts]


def _draw_half(canvas: Canvas, box: Box, caption: str, reading: Reading | None, empty: str) -> Box:
    """Draw one half of the result; return the square at its upper left for a picture."""
    unit = canvas.unit
    canvas.panel(box, radius=22 * unit)
    inside = box.inset(26 * unit, 24 * unit)
    inset = Box(inside.x, inside.y, 136 * unit, 136 * unit)
    left = inset.right + 26 * unit
    room = inside.right - left
    canvas.text(
        caption, left, inside.y + 6 * unit, 24 * unit, theme.MUTED, weight=700, level='top'
    )
    if reading is not None and not reading.known:
        reading = None
    if reading is not None:
        draw_verdict(
            canvas, reading, Box(left, inside.y + 106 * unit, room, 0), 54 * unit, 50 * unit
        )
    else:
        canvas.text(
            empty, left, inside.y + 100 * unit, 44 * unit, theme.MUTED, weight=700, room=room
        )
    top = inset.bottom + 22 * unit
    canvas.probabilities(
        Box(inside.x, top, inside.w, inside.bottom - top),
        [math.nan] * 6 if reading is None else reading.probabilities,
        -1 if reading is None else reading.emotion,
    )
    return inset


def _draw_fused(canvas: Canvas, box: Box, state: Snapshot) -> None:
    unit = canvas.unit
    reading = state.fused
    colour = theme.emotion_colour(reading.emotion) if reading else theme.TRACK
    canvas.panel(box, radius=22 * unit, outline=colour, line=3 * unit)
    inside = box.inset(28 * unit, 24 * unit)
    words, bars = inside.columns(10, 14, gap=30 * unit)
    canvas.text(
        'FACE + VOICE',
        words.x,
        words.y + 4 * unit,
        24 * unit,
        theme.MUTED,
        weight=700,
        level='top',
    )
    if reading is None:
        text = (
            'The face alone: nothing was heard.'
            if state.voice is None
            else 'No joint result came in.'
        )
        canvas.text(
            text, words.x, words.y + 104 * unit, 44 * unit, theme.MUTED, weight=700, room=inside.w
        )
        return
    draw_verdict(
        canvas, reading, Box(words.x, words.y + 112 * unit, words.w, 0), 72 * unit, 60 * unit
    )
    canvas.probabilities(bars, reading.probabilities, reading.emotion, columns=2)
