# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the game: picture in the middle, a player on either side.

Everything comes from :class:`~emotion_apps.game.states.GameState`; the screen keeps
nothing of its own. All lengths are those of a canvas 720 rows high and scale with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emotion_apps.game.columns import draw_players
from emotion_apps.game.emoticon import draw_emoticon
from emotion_apps.game.final import Portraits, draw_final
from emotion_apps.game.page import Page
from emotion_apps.game.states import (
    GameState,
    Outcome,
    Phase,
    Sighting,
)
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas, Placement
from emotion_apps.view.masks import text_width
from emotion_apps.view.theme import Colour
from emotion_perception.emotions import EMOTIONS, Emotion

TITLE = 'Facial Emotion Battle'
"""Name of the window."""


def draw(
    size: tuple[int, int],
    frame: np.ndarray | None,
    faces: Sequence[Sighting],
    state: GameState,
    portraits: Portraits = (None, None),
) -> np.ndarray:
    """Draw the whole screen.

    :param size: width and height, pixels; at least 640 x 360.
    :param frame: the camera's picture (h, w, 3) BGR uint8, or ``None`` before the first.
    :param faces: every face of that frame.
    :param state: of the game.
    :param portraits: best moment of player 1 and of player 2, for the final screen.
    :return: (height, width, 3) BGR uint8.
    """
    canvas = Canvas(*size)
    page = Page(canvas)
    _header(page, state)
    if state.phase == Phase.FINAL and state.outcome is Outcome.FINISHED:
        draw_final(page, state, portraits)
    else:
        place = _picture(page, frame)
        _mark_faces(page, place, faces, state)
        draw_players(page, state)
        _PHASES[state.phase](page, state)
    _footer(page, state)
    return canvas.image


def _header(page: Page, state: GameState) -> None:
    """Draw the title and the rounds: one dot each, in the colour of who won it."""
    canvas, u, box = page.canvas, page.u, page.header
    middle = box.centre[1]
    canvas.text('FACIAL EMOTION', box.x, middle, 30 * u, theme.TEXT, weight=700, level='middle')
    wide = text_width('FACIAL EMOTION ', 30 * u, 700)
    canvas.text('BATTLE', box.x + wide, middle, 30 * u, theme.ACCENT, weight=700, level='middle')
    if not state.round:
        return
    step = min(30 * u, 0.35 * box.w / state.rounds)
    left = box.right - step * state.rounds
    for index in range(state.rounds):
        x = left + (index + 0.5) * step
        if index < len(state.results):
            winner = state.results[index].winner
            colour = theme.PLAYERS[winner - 1] if winner else theme.MUTED
            canvas.dot(x, middle, 0.32 * step, colour)
            canvas.text(
                str(winner) if winner else '=',
                x,
                middle,
                0.46 * step,
                theme.SHADOW,
                weight=700,
                align='centre',
                level='middle',
            )
        else:
            now = index == state.round - 1
            canvas.ring(
                x,
                middle,
                0.32 * step,
                0.0,
                theme.TEXT,
                thickness=2 * u,
                track=theme.TEXT if now else theme.TRACK,
            )
    canvas.text(
        f'ROUND {state.round} OF {state.rounds}',
        left - 14 * u,
        middle,
        20 * u,
        theme.MUTED,
        weight=700,
        align='right',
        level='middle',
    )


def _footer(page: Page, state: GameState) -> None:
    canvas, u, box = page.canvas, page.u, page.footer
    canvas.text(
        state.explanation,
        box.x + box.w / 2,
        box.centre[1],
        17 * u,
        theme.MUTED,
        align='centre',
        level='middle',
        room=box.w,
    )


def _picture(page: Page, frame: np.ndarray | None) -> Placement | None:
    canvas, u, stage = page.canvas, page.u, page.stage
    if frame is None:
        canvas.panel(stage, radius=18 * u)
        canvas.text(
            'NO PICTURE YET', *stage.centre, 24 * u, theme.MUTED, align='centre', level='middle'
        )
        return None
    return canvas.picture(frame, stage, radius=18 * u)


def _mark_faces(
    page: Page, place: Placement | None, faces: Sequence[Sighting], state: GameState
) -> None:
    """Mark the players in their colours, and say of everybody else that he does not play."""
    if place is None:
        return
    canvas, u = page.canvas, page.u
    numbers = {player.track: player.number for player in state.players if player.track}
    for face in faces:
        box = place.box(Box(*face.box))
        number = numbers.get(face.track)
        if number is not None:
            colour, name = theme.PLAYERS[number - 1], f'PLAYER {number}'
        elif numbers:
            colour, name = theme.MUTED, 'not playing'
        else:
            colour, name = theme.ACCENT, ''
        canvas.face(box, colour, line=(4 if number or not numbers else 2) * u)
        if name:
            canvas.tag(name, box.centre[0], box.y - 8 * u, 17 * u, colour, align='centre')


def _banner(
    page: Page,
    state: GameState,
    first: str,
    second: str,
    colour: Colour,
    *,
    clock: Colour | None = None,
    large_first: bool = True,
) -> None:
    """Draw the strip above the picture: the target's face, two lines, and the clock.

    :param colour: of the large line.
    :param clock: colour of the ring of the time that is left, or ``None`` for no ring.
    """
    canvas, u, box = page.canvas, page.u, page.banner
    canvas.panel(box, radius=18 * u)
    middle, ring = box.centre[1], 44 * u
    left = box.x + 24 * u
    if state.target is not None:
        draw_emoticon(canvas, box.x + 66 * u, middle, 44 * u, state.target)
        left = box.x + 130 * u
    right = box.right - 20 * u
    if clock is not None and not math.isnan(state.remaining):
        canvas.countdown(
            box.right - ring - 18 * u, middle, ring, state.remaining, state.duration, clock
        )
        right = box.right - 2 * ring - 34 * u
    upper, lower = middle - 19 * u, middle + 31 * u
    large, small = (upper, lower) if large_first else (middle + 17 * u, middle - 33 * u)
    canvas.text(first, left, large, 52 * u, colour, weight=700, level='middle', room=right - left)
    canvas.text(
        second, left, small, 21 * u, theme.TEXT, weight=700, level='middle', room=right - left
    )


def _target_colour(state: GameState) -> Colour:
    return theme.ACCENT if state.target is None else theme.emotion_colour(state.target)


def _small(page: Page, text: str, y: float, size: float = 20.0) -> None:
    stage, u = page.stage, page.u
    page.canvas.text(
        text,
        stage.centre[0],
        y,
        size * u,
        theme.TEXT,
        align='centre',
        level='middle',
        room=stage.w - 40 * u,
    )


def _idle(page: Page, state: GameState) -> None:
    canvas, u, stage = page.canvas, page.u, page.stage
    _banner(
        page,
        replace(state, target=None),
        state.prompt,
        'Two players, one camera, one emotion a round',
        theme.ACCENT,
    )
    canvas.dim(0.72, stage)
    x, y = stage.centre
    for index, emotion in enumerate(Emotion):
        draw_emoticon(canvas, x + (index - 2.5) * 100 * u, y - 20 * u, 40 * u, emotion)
        canvas.text(
            emotion.label,
            x + (index - 2.5) * 100 * u,
            y + 44 * u,
            19 * u,
            weight=700,
            align='centre',
            level='middle',
        )


def _waiting(page: Page, state: GameState) -> None:
    # Two minutes of patience need no clock; their end does.
    soon = state.remaining < 20
    _banner(
        page,
        state,
        state.prompt,
        'Player 1 stands on the left, player 2 on the right',
        theme.ACCENT,
        clock=theme.WARNING if soon else None,
    )


def _countdown(page: Page, state: GameState) -> None:
    canvas, u, stage = page.canvas, page.u, page.stage
    if state.target is None:
        _banner(page, state, state.prompt, 'The target comes with the round', theme.ACCENT)
    else:
        _banner(
            page,
            state,
            '' if state.target is None else EMOTIONS[state.target].upper(),
            state.prompt,
            _target_colour(state),
            large_first=False,
        )
    radius = 66 * u
    x, y = stage.centre[0], stage.bottom - radius - 20 * u
    canvas.dot(x, y, radius + 10 * u, theme.BACKGROUND)
    canvas.countdown(x, y, radius, state.remaining, state.duration)


def _round(page: Page, state: GameState) -> None:
    _banner(
        page,
        state,
        '' if state.target is None else EMOTIONS[state.target].upper(),
        state.prompt,
        _target_colour(state),
        clock=theme.TEXT,
    )
    _balance(page, state)


def _balance(page: Page, state: GameState) -> None:
    """Draw who leads: one bar shared by the two means."""
    canvas, u, stage = page.canvas, page.u, page.stage
    first, second = (player.mean for player in state.players)
    if math.isnan(first) or math.isnan(second):
        return
    box = Box(stage.x + 0.14 * stage.w, stage.bottom - 36 * u, 0.72 * stage.w, 16 * u)
    canvas.panel(
        Box(box.x - 16 * u, box.y - 32 * u, box.w + 32 * u, 60 * u),
        theme.BACKGROUND,
        alpha=0.86,
        radius=14 * u,
    )
    total = first + second
    canvas.bar(box, first / total if total > 0 else 0.5, theme.PLAYERS[0], theme.PLAYERS[1])
    x = box.centre[0]
    canvas.path(np.array([(x, box.y - 4 * u), (x, box.bottom + 4 * u)]), theme.TEXT, 3 * u)
    lead = (
        'level'
        if round(100 * first) == round(100 * second)
        else (f'player {1 if first > second else 2} leads')
    )
    for text, at, align in (
        (f'{round(100 * first)}%', box.x, 'left'),
        (lead, x, 'centre'),
        (f'{round(100 * second)}%', box.right, 'right'),
    ):
        canvas.text(text, at, box.y - 15 * u, 18 * u, weight=700, align=align, level='middle')


def _paused(page: Page, state: GameState) -> None:
    stage, u = page.stage, page.u
    _banner(page, state, 'PAUSED', state.prompt, theme.WARNING, clock=theme.WARNING)
    # The picture stays readable: it shows the players the way back.
    page.canvas.dim(0.35, stage)
    box = Box(stage.x + 0.1 * stage.w, stage.bottom - 54 * u, 0.8 * stage.w, 38 * u)
    page.canvas.panel(box, theme.BACKGROUND, alpha=0.86, radius=14 * u)
    _small(
        page,
        'The clock of the round stands still. At zero the game is given up.',
        box.centre[1],
        19,
    )


def _round_result(page: Page, state: GameState) -> None:
    canvas, u, stage = page.canvas, page.u, page.stage
    result = state.results[-1]
    colour = theme.PLAYERS[result.winner - 1] if result.winner else theme.TEXT
    _banner(page, state, state.prompt, EMOTIONS[result.target].upper(), colour, large_first=False)
    canvas.dim(0.74, stage)
    x, y = stage.centre
    for index, mean in enumerate(result.means):
        row = y + (-62 + 74 * index) * u
        canvas.text(
            f'PLAYER {index + 1}', x - 0.42 * stage.w, row, 24 * u, weight=700, level='middle'
        )
        canvas.bar(
            Box(x - 0.42 * stage.w + 136 * u, row - 18 * u, 0.84 * stage.w - 282 * u, 36 * u),
            mean,
            theme.PLAYERS[index],
        )
        canvas.text(
            f'{100 * mean:.1f}%',
            x + 0.42 * stage.w,
            row,
            32 * u,
            weight=700,
            align='right',
            level='middle',
        )
    _small(page, f'Both were scored on the same {result.frames} frames', y + 94 * u)


def _given_up(page: Page, state: GameState) -> None:
    _banner(
        page,
        state,
        'GAME GIVEN UP',
        state.prompt.partition(': ')[2] or state.prompt,
        theme.WARNING,
        clock=None,
    )
    page.canvas.dim(0.6, page.stage)
    page.canvas.text(
        'There is no winner.',
        *page.stage.centre,
        30 * page.u,
        weight=700,
        align='centre',
        level='middle',
    )


_PHASES = {
    Phase.IDLE: _idle,
    Phase.WAITING_PLAYERS: _waiting,
    Phase.COUNTDOWN: _countdown,
    Phase.ROUND: _round,
    Phase.PAUSED: _paused,
    Phase.ROUND_RESULT: _round_result,
    Phase.FINAL: _given_up,
}
