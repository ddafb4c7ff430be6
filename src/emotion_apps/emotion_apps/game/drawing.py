# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the game: picture in the middle, a player on either side.

Everything comes from :class:`~emotion_apps.game.states.GameState`; the screen keeps
nothing of its own. All lengths are those of a canvas 720 rows high and scale with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_apps.game.emoticon import draw_emoticon
from emotion_apps.game.states import (
    GameState,
    Outcome,
    Phase,
    PlayerState,
    Sighting,
)
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas, Placement, unit_interval
from emotion_apps.view.masks import text_width
from emotion_apps.view.theme import Colour
from emotion_perception.emotions import EMOTIONS, Emotion

TITLE = 'Facial Emotion Battle'
"""Name of the window."""

Portraits = tuple['np.ndarray | None', 'np.ndarray | None']


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
    page = _Page(canvas)
    _header(page, state)
    if state.phase == Phase.FINAL and state.outcome is Outcome.FINISHED:
        _final(page, state, portraits)
    else:
        place = _picture(page, frame)
        _mark_faces(page, place, faces, state)
        _players(page, state)
        _PHASES[state.phase](page, state)
    _footer(page, state)
    return canvas.image


@dataclass(frozen=True)
class _Page:
    """The canvas with the places of things on it."""

    canvas: Canvas

    @property
    def u(self) -> float:
        """Return the length unit; narrow canvases shrink with their width."""
        return min(self.canvas.height / 720, self.canvas.width / 1180)

    @property
    def header(self) -> Box:
        return Box(24 * self.u, 18 * self.u, self.canvas.width - 48 * self.u, 62 * self.u)

    @property
    def footer(self) -> Box:
        high = 26 * self.u
        return Box(
            24 * self.u,
            self.canvas.height - high - 12 * self.u,
            self.canvas.width - 48 * self.u,
            high,
        )

    @property
    def body(self) -> Box:
        top = self.header.bottom + 14 * self.u
        return Box(
            24 * self.u, top, self.canvas.width - 48 * self.u, self.footer.y - 12 * self.u - top
        )

    @property
    def sides(self) -> tuple[Box, Box]:
        wide, body = 190 * self.u, self.body
        return (Box(body.x, body.y, wide, body.h), Box(body.right - wide, body.y, wide, body.h))

    @property
    def banner(self) -> Box:
        left, right = self.sides
        gap = 14 * self.u
        return Box(left.right + gap, self.body.y, right.x - left.right - 2 * gap, 116 * self.u)

    @property
    def stage(self) -> Box:
        """Return the place of the picture: nothing but what belongs to faces covers it."""
        banner = self.banner
        top = banner.bottom + 14 * self.u
        return Box(banner.x, top, banner.w, self.body.bottom - top)


def _header(page: _Page, state: GameState) -> None:
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


def _footer(page: _Page, state: GameState) -> None:
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


def _picture(page: _Page, frame: np.ndarray | None) -> Placement | None:
    canvas, u, stage = page.canvas, page.u, page.stage
    if frame is None:
        canvas.panel(stage, radius=18 * u)
        canvas.text(
            'NO PICTURE YET', *stage.centre, 24 * u, theme.MUTED, align='centre', level='middle'
        )
        return None
    return canvas.picture(frame, stage, radius=18 * u)


def _mark_faces(
    page: _Page, place: Placement | None, faces: Sequence[Sighting], state: GameState
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


def _players(page: _Page, state: GameState) -> None:
    for index, (box, player) in enumerate(zip(page.sides, state.players)):
        _player(page, box, player, theme.PLAYERS[index], state)


def _player(page: _Page, box: Box, player: PlayerState, colour: Colour, state: GameState) -> None:
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


def _column(page: _Page, box: Box, value: float, colour: Colour) -> None:
    """Draw an upright bar; with a figure beside it, colour alone says nothing here."""
    radius = 14 * page.u
    page.canvas.panel(box, theme.TRACK, radius=radius)
    high = unit_interval(value) * box.h
    if high >= 2:
        page.canvas.panel(Box(box.x, box.bottom - high, box.w, high), colour, radius=radius)


def _mean_mark(page: _Page, track: Box, player: PlayerState) -> None:
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


def _banner(
    page: _Page,
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


def _small(page: _Page, text: str, y: float, size: float = 20.0) -> None:
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


def _idle(page: _Page, state: GameState) -> None:
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


def _waiting(page: _Page, state: GameState) -> None:
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


def _countdown(page: _Page, state: GameState) -> None:
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


def _round(page: _Page, state: GameState) -> None:
    _banner(
        page,
        state,
        '' if state.target is None else EMOTIONS[state.target].upper(),
        state.prompt,
        _target_colour(state),
        clock=theme.TEXT,
    )
    _balance(page, state)


def _balance(page: _Page, state: GameState) -> None:
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


def _paused(page: _Page, state: GameState) -> None:
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


def _round_result(page: _Page, state: GameState) -> None:
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


def _given_up(page: _Page, state: GameState) -> None:
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


def _final(page: _Page, state: GameState, portraits: Portraits) -> None:
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
    page: _Page, box: Box, player: PlayerState, portrait: np.ndarray | None, state: GameState
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


def _rounds(page: _Page, box: Box, state: GameState) -> None:
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
