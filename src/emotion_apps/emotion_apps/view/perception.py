# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of bare perception: every face with its emotion, the voice, and both as one."""

from __future__ import annotations

from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas
from emotion_apps.view.scene import Scene, draw_faces, draw_picture, draw_reading

LEVELS = 42
"""How many sound levels fit the side panel."""


def split(canvas: Canvas) -> tuple[Box, Box]:
    """Return the area of the picture, and the side panel at its right less its margins."""
    side = 380 * canvas.unit
    picture, panel = canvas.box.columns(canvas.width - side, side)
    return picture, panel.inset(18 * canvas.unit, 18 * canvas.unit)


def draw_sound(canvas: Canvas, box: Box, scene: Scene) -> None:
    """Draw the sound level of the last seconds in a panel."""
    unit = canvas.unit
    canvas.panel(box, radius=18 * unit)
    inside = box.inset(22 * unit, 14 * unit)
    canvas.text('MICROPHONE', inside.x, inside.y, 19 * unit, theme.MUTED, weight=700, level='top')
    if not scene.levels:
        word, colour = 'no sound', theme.WARNING
    elif scene.speaking:
        word, colour = 'speech', theme.ACCENT
    else:
        word, colour = 'quiet', theme.MUTED
    canvas.text(
        word, inside.right, inside.y, 19 * unit, colour, weight=700, align='right', level='top'
    )
    bars = Box(inside.x, inside.y + 20 * unit, inside.w, inside.h - 20 * unit)
    canvas.levels(
        bars, scene.levels, theme.ACCENT if scene.speaking else theme.MUTED, count=LEVELS
    )


def draw_perception(canvas: Canvas, scene: Scene) -> None:
    """Draw what is perceived now."""
    canvas.clear()
    area, side = split(canvas)
    place = draw_picture(canvas, area, scene.picture)
    if place is not None:
        draw_faces(canvas, place, scene.faces)
    unit = canvas.unit
    face, sound, voice, fused = side.rows(340, 94, 100, 100, gap=14 * unit)
    draw_reading(canvas, face, 'FACE', scene.face, 'no face')
    draw_sound(canvas, sound, scene)
    draw_reading(canvas, voice, 'VOICE', scene.voice, 'nothing heard yet', bars=False)
    draw_reading(canvas, fused, 'FACE + VOICE', scene.fused, '–', bars=False)
