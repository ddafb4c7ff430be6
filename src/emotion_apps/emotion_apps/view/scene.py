# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the screens show: pictures, faces and sound, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_apps.reading import Reading
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas, Placement
from emotion_apps.view.masks import text_width


@dataclass(frozen=True)
class FaceMark:
    """A face in the picture.

    :param subject: its track.
    :param box: where it is, pixels of the picture.
    :param reading: its newest emotion, if there is one.
    :param primary: whether it is the face that counts.
    """

    subject: str
    box: Box
    reading: Reading | None = None
    primary: bool = False


@dataclass(frozen=True)
class Scene:
    """What is seen and heard now.

    :param picture: newest frame (h, w, 3) uint8 BGR, or ``None`` before the first.
    :param faces: of that frame.
    :param levels: sound level of the last seconds, dB relative to full scale, oldest first;
        empty if no sound comes in.
    :param speaking: whether somebody speaks.
    :param face: newest emotion of the primary face.
    :param voice: newest emotion of the voice.
    :param fused: newest of both.
    """

    picture: np.ndarray | None = None
    faces: Sequence[FaceMark] = ()
    levels: Sequence[float] = ()
    speaking: bool = False
    face: Reading | None = None
    voice: Reading | None = None
    fused: Reading | None = None


def draw_picture(
    canvas: Canvas, area: Box, picture: np.ndarray | None, *, fit: str = 'contain'
) -> Placement | None:
    """Draw the picture, or say that there is none yet.

    :return: where it lies; ``None`` without a picture.
    """
    if picture is not None:
        return canvas.picture(picture, area, fit=fit)
    x, y = area.centre
    canvas.text(
        'No picture',
        x,
        y,
        44 * canvas.unit,
        theme.MUTED,
        weight=700,
        align='centre',
        level='middle',
        room=0.9 * area.w,
    )
    canvas.text(
        'waiting for the camera',
        x,
        y + 50 * canvas.unit,
        24 * canvas.unit,
        theme.MUTED,
        align='centre',
        level='middle',
        room=0.9 * area.w,
    )
    return None


def draw_faces(canvas: Canvas, place: Placement, faces: Sequence[FaceMark]) -> None:
    """Draw the faces of a picture: the one that counts stronger, and last, so on top."""
    unit = canvas.unit
    for face in sorted(faces, key=lambda face: face.primary):
        box = place.box(face.box)
        reading = face.reading if face.reading is not None and face.reading.known else None
        colour = theme.MUTED if reading is None else theme.emotion_colour(reading.emotion)
        canvas.face(box, colour, line=(5 if face.primary else 3) * unit)
        text = face.subject
        if reading is not None:
            text = f'{reading.label} {round(100 * reading.confidence)}%'
        size = (28 if face.primary else 20) * unit
        # Above the face, or below where the picture ends.
        above = box.y - 10 * unit
        if above - 1.6 * size < place.area.y:
            above = box.bottom + 10 * unit + 1.6 * size
        canvas.tag(
            text,
            box.centre[0],
            above,
            size,
            colour,
            align='centre',
            weight=700 if face.primary else 400,
        )
        if reading is not None:
            under = min(box.bottom + 10 * unit, place.area.bottom - 24 * unit)
            canvas.text(
                face.subject,
                box.centre[0],
                under,
                20 * unit,
                align='centre',
                level='top',
                shadow=True,
            )


def draw_verdict(canvas: Canvas, reading: Reading, line: Box, size: float, figure: float) -> None:
    """Write a class and its percentage on one line.

    Room is kept for the widest percentage, so that the type does not change its size with it.

    :param line: its top is the baseline; only its left, right and top count.
    :param size: of the class, pixels.
    :param figure: of the percentage, pixels.
    """
    canvas.text(
        f'{round(100 * reading.confidence)}%',
        line.right,
        line.y,
        figure,
        weight=700,
        align='right',
    )
    room = line.w - text_width('100%', figure, 700) - 0.3 * figure
    canvas.text(
        reading.label,
        line.x,
        line.y,
        size,
        theme.emotion_colour(reading.emotion),
        weight=700,
        room=room,
    )


def draw_reading(
    canvas: Canvas,
    box: Box,
    caption: str,
    reading: Reading | None,
    empty: str,
    *,
    bars: bool = True,
) -> None:
    """Draw a reading in a panel: caption, class, percentage, and the six bars.

    :param empty: what to say without a reading.
    """
    unit = canvas.unit
    canvas.panel(box, radius=18 * unit)
    inside = box.inset(22 * unit, 18 * unit)
    canvas.text(caption, inside.x, inside.y, 19 * unit, theme.MUTED, weight=700, level='top')
    head = inside.y + 30 * unit
    if reading is None or not reading.known:
        canvas.text(
            empty if reading is None else reading.label,
            inside.x,
            head + 4 * unit,
            30 * unit,
            theme.MUTED,
            level='top',
            room=inside.w,
        )
        values: Sequence[float] = [float('nan')] * 6
        strong = -1
    else:
        draw_verdict(
            canvas, reading, Box(inside.x, head + 34 * unit, inside.w, 0), 42 * unit, 42 * unit
        )
        values, strong = reading.probabilities, reading.emotion
    if bars:
        top = head + 58 * unit
        canvas.probabilities(Box(inside.x, top, inside.w, inside.bottom - top), values, strong)
