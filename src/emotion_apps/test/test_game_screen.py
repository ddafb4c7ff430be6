# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the game, drawn from states that the engine made."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from emotion_apps.game.best_frames import BestFrames
from emotion_apps.game.drawing import draw
from emotion_apps.game.emoticon import draw_emoticon
from emotion_apps.game.events import FrameSeen
from emotion_apps.game.game import Game
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import GameState, Phase, Sighting
from emotion_apps.machine import Stop
from emotion_apps.view import theme
from emotion_apps.view.draw import Canvas
from emotion_perception.emotions import Emotion

FRAME = np.full((288, 720, 3), 60, np.uint8)
SIZES = [(1280, 720), (1920, 1080), (640, 480), (960, 1080)]


def faces(live: tuple[float, float] = (0.8, 0.3), others: bool = False) -> list[Sighting]:
    """Return the two players, and somebody between them if asked for."""
    seen = [
        Sighting('face_1', (125.0, 70.0, 100.0, 130.0), np.full(6, live[0])),
        Sighting('face_2', (495.0, 70.0, 100.0, 130.0), np.full(6, live[1])),
    ]
    if others:
        seen.append(Sighting('face_3', (330.0, 90.0, 60.0, 80.0), np.full(6, 0.5)))
    return seen


def states(**rules) -> dict[Phase, GameState]:
    """Return a state of every phase of one game."""
    game = Game(
        GameSettings(**{'rounds': 1, 'seconds': 3.0, 'seed': 2, 'final_seconds': 0.0, **rules})
    )
    found = {}
    for index in range(1000):
        shown = faces(others=True)
        if 150 < index < 200:
            shown = shown[:1]
        game.handle(FrameSeen(shown, index + 1), index / 30)
        found[game.phase] = game.state()
    game.handle(Stop(), 0.0)
    found[Phase.IDLE] = game.state()
    return found


STATES = states()


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Return how many pixels have this colour (blending may be off by a step or two)."""
    return int((np.abs(picture.astype(int) - colour) <= 3).all(axis=2).sum())


def test_a_game_passes_through_every_phase():
    assert set(states(rounds=2, seconds=6.0)) == set(Phase)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('phase', STATES)
def test_every_phase_is_drawn_at_every_size(phase, size):
    picture = draw(size, FRAME, faces(others=True), STATES[phase])
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert has(picture, theme.PLAYERS[0]) > 50
    assert has(picture, theme.PLAYERS[1]) > 50


def test_the_screen_is_drawn_before_the_first_picture():
    assert draw((1280, 720), None, [], Game().state()).std() > 5


@pytest.mark.parametrize('index', [0, 1])
def test_the_live_bar_grows_with_the_live_value(index):
    def area(value: float) -> int:
        state = STATES[Phase.COUNTDOWN]
        players = list(state.players)
        players[index] = replace(players[index], live=value)
        state = replace(state, players=tuple(players))
        return has(draw((1280, 720), None, [], state), theme.PLAYERS[index])

    areas = [area(value) for value in (0.0, 0.25, 0.5, 1.0)]
    assert areas == sorted(areas)
    assert areas[3] - areas[0] == pytest.approx(4 * (areas[1] - areas[0]), rel=0.1)


def test_a_value_that_is_unknown_draws_an_empty_bar():
    state = STATES[Phase.ROUND]
    players = tuple(replace(player, live=math.nan, mean=math.nan) for player in state.players)
    full = has(draw((1280, 720), None, [], state), theme.PLAYERS[0])
    empty = has(draw((1280, 720), None, [], replace(state, players=players)), theme.PLAYERS[0])
    assert empty < full


def test_the_target_is_shown_in_its_colour_and_hidden_while_neutral_is_measured():
    colour = theme.emotion_colour(STATES[Phase.COUNTDOWN].target)
    assert has(draw((1280, 720), None, [], STATES[Phase.COUNTDOWN]), colour) > 1000
    hidden = states(baseline=True)[Phase.COUNTDOWN]
    assert has(draw((1280, 720), None, [], hidden), colour) == 0


def test_who_does_not_play_is_marked_otherwise_than_the_players():
    state = STATES[Phase.ROUND]
    alone = draw((1280, 720), FRAME, faces(), state)
    crowd = draw((1280, 720), FRAME, faces(others=True), state)
    changed = np.argwhere((alone != crowd).any(axis=2))
    # Only round the third face, in the middle of the picture.
    assert changed[:, 1].min() > 1280 * 0.4
    assert changed[:, 1].max() < 1280 * 0.6
    assert has(crowd, theme.PLAYERS[0]) == has(alone, theme.PLAYERS[0])


def test_the_final_screen_shows_the_portraits():
    red, green = (
        np.full((300, 280, 3), (0, 0, 255), np.uint8),
        np.full((300, 280, 3), (0, 255, 0), np.uint8),
    )
    picture = draw((1280, 720), FRAME, [], STATES[Phase.FINAL], (red, green))
    left, right = picture[:, :640], picture[:, 640:]
    assert has(left, (0, 0, 255)) > 20_000
    assert has(right, (0, 255, 0)) > 20_000


def test_drawing_changes_neither_frame_nor_state():
    frame = FRAME.copy()
    frame.flags.writeable = False
    first = draw((1280, 720), frame, faces(), STATES[Phase.PAUSED])
    assert np.array_equal(first, draw((1280, 720), frame, faces(), STATES[Phase.PAUSED]))


def test_every_emotion_has_a_face_of_its_own():
    drawn = []
    for emotion in Emotion:
        canvas = Canvas(120, 120)
        draw_emoticon(canvas, 60, 60, 50, emotion)
        drawn.append(canvas.image.sum(axis=2) < 60)
        assert has(canvas.image, theme.emotion_colour(emotion)) > 3000
    for index, one in enumerate(drawn):
        for other in drawn[index + 1 :]:
            assert (one != other).sum() > 100


def play(frames: BestFrames, values: list[tuple[float, float]]) -> GameState:
    """Play a round; frame i is filled with the grey value i."""
    game = Game(GameSettings(rounds=1, seconds=2.0, stable_seconds=0.0, countdown=0.5, seed=0))
    film: dict[int, np.ndarray] = {}
    for index in range(17 + len(values)):
        live = values[index - 17] if index >= 17 else (0.5, 0.5)
        stamp = 1_000_000_000 + round(index / 30 * 1e9)
        film[stamp] = np.full((288, 720, 3), index, np.uint8)
        game.handle(FrameSeen(faces(live), stamp), index / 30)
        frames.add_state(game.state(), film.get)
    return game.state()


def nothing(stamp: int) -> None:
    """Know no frame."""


def test_the_best_frame_of_each_player_is_the_one_of_the_best_moment():
    frames = BestFrames()
    values = [(0.1, 0.1)] * 40
    values[12], values[25] = (0.9, 0.1), (0.1, 0.8)
    state = play(frames, values)
    portraits = frames.portraits(state)
    assert [int(portrait.mean()) for portrait in portraits] == [17 + 12, 17 + 25]


def test_a_portrait_goes_with_the_person_who_changes_place_or_track():
    frames = BestFrames()
    state = play(frames, [(0.9, 0.1), (0.1, 0.8), (0.1, 0.1)])
    first, second = frames.portraits(state)
    swapped = replace(
        state, players=(replace(state.players[1], number=1), replace(state.players[0], number=2))
    )
    frames.add_state(swapped, nothing)
    assert np.array_equal(frames.portraits(swapped)[1], first)
    renamed = replace(
        swapped, players=(replace(swapped.players[0], track='face_9'), swapped.players[1])
    )
    frames.add_state(renamed, nothing)
    assert np.array_equal(frames.portraits(renamed)[0], second)


def test_portraits_are_forgotten_with_the_game():
    frames = BestFrames()
    state = play(frames, [(0.9, 0.8)])
    assert all(portrait is not None for portrait in frames.portraits(state))
    frames.add_state(Game().state(), nothing)
    assert frames.portraits(state) == (None, None)


def test_a_moment_whose_frame_is_not_known_has_no_portrait():
    frames = BestFrames()
    frames.add_state(STATES[Phase.FINAL], nothing)
    assert frames.portraits(STATES[Phase.FINAL]) == (None, None)
