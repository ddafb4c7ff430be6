# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The players on the screen of the game: a column on either side of the picture."""

from __future__ import annotations

import math

import numpy as np

from emotion_apps.game.page import Page
from emotion_apps.game.states import GameState, Phase, PlayerState
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, unit_interval
from emotion_apps.view.theme import Colour


def draw_players(page: Page, state: GameState) -> None:
    """Draw both players, whatever the phase."""
    for index, (box, player) in enumerate(zip(page.sides, state.players)):
        _player(page, box, player, theme.PLAYERS[index], state)


def _player(page: Page, box: Box, player: PlayerState, colour: Colour, state: GameState) -> None:
    """Draw the column of one player: name, rounds won, live bar with the mean beside it."""
    canvas, u = page.canvas, page.u
    won = (
        state.phase == Phase.ROUND_RESULT
        and state.results
        and state.results[-1].winner == player.number
    )
    canvas.panel(box, radius=18 * u, outline=colour if won else None, line=5 * u)
    canvas.panel(
        Box(box.x + 16 * u, box.y + 16 * u, box.w - 32 * u, 36 * u), colour, radius=10 * u
    )
    canvas.text(
        f'PLAYER {player.number}',
        box.centre[0],
        box.y + 34 * u,
        22 * u,
        theme.SHADOW,
        weight=700,
        align='centre',
        level='middle',
    )
    canvas.text(
        str(player.score),
        box.centre[0],
        box.y + 72 * u,
        92 * u,
        theme.TEXT,
        weight=700,
        align='centre',
        level='top',
    )
    canvas.text(
        'round won' if player.score == 1 else 'rounds won',
        box.centre[0],
        box.y + 160 * u,
        17 * u,
        theme.MUTED,
        align='centre',
        level='middle',
    )
    track = Box(
        box.centre[0] - 38 * u, box.y + 188 * u, 76 * u, box.bottom - 92 * u - (box.y + 188 * u)
    )
    _column(page, track, player.live, colour)
    _mean_mark(page, track, player)
    live = '–' if math.isnan(player.live) else f'{round(100 * player.live)}%'
    canvas.text(
        live,
        box.centre[0],
        track.bottom + 34 * u,
        40 * u,
        theme.TEXT,
        weight=700,
        align='centre',
        level='middle',
    )
    mean = 'mean –' if math.isnan(player.mean) else f'mean {round(100 * player.mean)}%'
    canvas.text(
        _status(player, state) or mean,
        box.centre[0],
        track.bottom + 68 * u,
        19 * u,
        theme.MUTED,
        align='centre',
        level='middle',
        room=box.w - 20 * u,
    )


def _status(player: PlayerState, state: GameState) -> str:
    """Return what is to be said about a player instead of the mean, if anything."""
    if not player.track:
        return 'free place'
    if not player.present and state.phase not in (Phase.IDLE, Phase.FINAL):
        return 'not in sight'
    return ''


def _column(page: Page, box: Box, value: float, colour: Colour) -> None:
    """Draw an upright bar; with a figure beside it, colour alone says nothing here."""
    radius = 14 * page.u
    page.canvas.panel(box, theme.TRACK, radius=radius)
    high = unit_interval(value) * box.h
    if high >= 2:
        page.canvas.panel(Box(box.x, box.bottom - high, box.w, high), colour, radius=radius)


def _mean_mark(page: Page, track: Box, player: PlayerState) -> None:
    """Mark the running mean, and the neutral face that is subtracted, on the live bar."""
    canvas, u = page.canvas, page.u
    baseline = 0.0 if math.isnan(player.baseline) else player.baseline
    if not math.isnan(player.mean):
        y = track.bottom - unit_interval(player.mean + baseline) * track.h
        canvas.path(
            np.array([(track.x - 8 * u, y), (track.right + 8 * u, y)]), theme.SHADOW, 7 * u
        )
        canvas.path(np.array([(track.x - 8 * u, y), (track.right + 8 * u, y)]), theme.TEXT, 4 * u)
    if baseline:
        y = track.bottom - unit_interval(baseline) * track.h
        canvas.path(np.array([(track.x, y), (track.right, y)]), theme.MUTED, 2 * u)
        canvas.text('neutral', track.right + 6 * u, y, 13 * u, theme.MUTED, level='middle')
