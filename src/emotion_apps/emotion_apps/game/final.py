# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The end of a game on its screen: the winner, both players at their best, every round."""

from __future__ import annotations

import numpy as np

from emotion_apps.game.emoticon import draw_emoticon
from emotion_apps.game.page import Page
from emotion_apps.game.states import GameState, PlayerState
from emotion_apps.view import theme
from emotion_apps.view.draw import Box
from emotion_perception.emotions import EMOTIONS

Portraits = tuple['np.ndarray | None', 'np.ndarray | None']


def draw_final(page: Page, state: GameState, portraits: Portraits) -> None:
    """Draw the end: the winner, both players at their best, and every round."""
    canvas, u, body = page.canvas, page.u, page.body
    colour = theme.PLAYERS[state.winner - 1] if state.winner else theme.TEXT
    canvas.text(
        state.prompt,
        body.centre[0],
        body.y + 34 * u,
        62 * u,
        colour,
        weight=700,
        align='centre',
        level='middle',
        room=body.w,
    )
    low = Box(body.x, body.y + 84 * u, body.w, body.h - 84 * u)
    left, table, right = low.columns(1.0, 0.9, 1.0, gap=20 * u)
    for index, box in enumerate((left, right)):
        _card(page, box, state.players[index], portraits[index], state)
    _rounds(page, table, state)


def _card(
    page: Page, box: Box, player: PlayerState, portrait: np.ndarray | None, state: GameState
) -> None:
    canvas, u = page.canvas, page.u
    colour = theme.PLAYERS[player.number - 1]
    won = state.winner == player.number
    canvas.panel(box, radius=18 * u, outline=colour if won else None, line=6 * u)
    inner = box.inset(18 * u)
    picture = Box(inner.x, inner.y + 52 * u, inner.w, inner.h - 52 * u - 66 * u)
    canvas.dot(inner.x + 12 * u, inner.y + 20 * u, 11 * u, colour)
    canvas.text(
        f'PLAYER {player.number}',
        inner.x + 34 * u,
        inner.y + 20 * u,
        27 * u,
        weight=700,
        level='middle',
    )
    word = 'round' if player.score == 1 else 'rounds'
    canvas.text(
        f'{player.score} {word}',
        inner.right,
        inner.y + 20 * u,
        27 * u,
        weight=700,
        align='right',
        level='middle',
    )
    if portrait is not None:
        canvas.picture(portrait, picture, fit='cover', radius=12 * u, upside=0.45)
    else:
        canvas.panel(picture, theme.TRACK, radius=12 * u)
        canvas.text(
            'no picture kept', *picture.centre, 20 * u, theme.MUTED, align='centre', level='middle'
        )
    if player.best_target is not None:
        y = inner.bottom - 24 * u
        draw_emoticon(canvas, inner.x + 24 * u, y, 22 * u, player.best_target)
        canvas.text(
            f'Best: {EMOTIONS[player.best_target]} {round(100 * player.best)}%',
            inner.x + 60 * u,
            y,
            26 * u,
            weight=700,
            level='middle',
            room=inner.w - 60 * u,
        )


def _rounds(page: Page, box: Box, state: GameState) -> None:
    """Draw the table of the rounds; the winner's figure of each is the bright one."""
    canvas, u = page.canvas, page.u
    canvas.panel(box, radius=18 * u)
    inner = box.inset(18 * u)
    scores = f'{state.players[0].score} : {state.players[1].score}'
    canvas.text(
        scores,
        inner.centre[0],
        inner.y + 34 * u,
        62 * u,
        weight=700,
        align='centre',
        level='middle',
    )
    top = inner.y + 84 * u
    note = 22 * u
    row = min(52 * u, (inner.bottom - note - top) / max(1, len(state.results)))
    size = min(22 * u, 0.6 * row)
    for index, result in enumerate(state.results):
        y = top + (index + 0.5) * row
        name = EMOTIONS[result.target]
        canvas.text(
            name,
            inner.centre[0],
            y,
            size,
            theme.emotion_colour(result.target),
            weight=700,
            align='centre',
            level='middle',
        )
        for side, (x, align) in enumerate(((inner.x, 'left'), (inner.right, 'right'))):
            best = result.winner == side + 1
            text = f'{100 * result.means[side]:.1f}%'
            canvas.text(
                text,
                x,
                y,
                size,
                theme.PLAYERS[side] if best else theme.MUTED,
                weight=700 if best else 400,
                align=align,
                level='middle',
            )
    canvas.text(
        'pictures are not stored',
        inner.centre[0],
        inner.bottom - 6 * u,
        15 * u,
        theme.MUTED,
        align='centre',
        level='middle',
        room=inner.w,
    )
