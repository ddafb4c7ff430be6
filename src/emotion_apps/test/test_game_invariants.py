# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What must hold in the game whatever people do before the camera."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_apps.game.events import FrameSeen
from emotion_apps.game.game import Game
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import Phase, Sighting
from emotion_apps.machine import Tick

NEXT = {
    Phase.IDLE: {Phase.WAITING_PLAYERS},
    Phase.WAITING_PLAYERS: {Phase.COUNTDOWN},
    Phase.COUNTDOWN: {Phase.ROUND, Phase.PAUSED, Phase.WAITING_PLAYERS},
    Phase.ROUND: {Phase.ROUND_RESULT, Phase.PAUSED, Phase.COUNTDOWN, Phase.FINAL},
    Phase.PAUSED: {Phase.ROUND, Phase.COUNTDOWN, Phase.FINAL},
    Phase.ROUND_RESULT: {Phase.COUNTDOWN, Phase.FINAL},
    Phase.FINAL: {Phase.WAITING_PLAYERS},
}


def face(number: int, x: float, value: float | None) -> Sighting:
    return Sighting(
        f'face_{number}',
        (x, 0.0, 50.0, 60.0),
        None if value is None else np.full(6, value, np.float32),
    )


anybody = st.lists(
    st.builds(
        face, st.integers(1, 4), st.floats(0, 600), st.one_of(st.none(), st.floats(0, 1, width=32))
    ),
    max_size=4,
    unique_by=lambda face: face.track,
)
# Mostly the same two: else no game would ever get far.
players = st.builds(
    lambda one, two: [face(1, 100.0, one), face(2, 400.0, two)],
    st.floats(0, 1, width=32),
    st.floats(0, 1, width=32),
)
faces = st.one_of(players, players, anybody)

# A scene is held for some frames, as people do; sometimes no frames come, or the clock jumps.
scenes = st.lists(
    st.tuples(
        faces,
        st.integers(5, 60),
        st.sampled_from([0.05, 0.05, 0.05, 0.4, -3.0]),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(scenes, st.booleans())
def test_whatever_happens_the_game_stays_a_game(played, baseline):
    game = Game(
        GameSettings(
            rounds=2,
            seconds=2.0,
            countdown=0.5,
            result_seconds=0.3,
            final_seconds=0.5,
            seed=1,
            stable_seconds=0.3,
            grace_seconds=0.4,
            abandon_seconds=2.0,
            minimum_frames=5,
            baseline=baseline,
        )
    )
    now, before = 0.0, game.state()
    for shown, frames, step, comes in played:
        for _ in range(frames):
            now += step
            if comes:
                game.handle(FrameSeen(shown, round(abs(now) * 1e9) + 1), now)
            else:
                game.handle(Tick(), now)
            state = game.state()
            if state.phase != before.phase:
                assert state.phase in NEXT[before.phase]
            _check(state)
            before = state


def _check(state):
    first, second = state.players
    assert first.frames == second.frames
    assert first.number == 1
    assert second.number == 2
    if first.track:
        assert first.track != second.track
        assert not {first.track, second.track} & set(state.ignored)
    for player in state.players:
        for value in (player.live, player.mean, player.baseline, player.best):
            assert math.isnan(value) or 0 <= value <= 1
        if not player.present:
            assert math.isnan(player.live)
    assert len(state.results) <= state.rounds
    assert state.round <= state.rounds
    assert [first.score, second.score] == [
        sum(result.winner == number for result in state.results) for number in (1, 2)
    ]
    assert all(result.frames >= 5 for result in state.results)
    targets = [result.target for result in state.results]
    assert all(one != two for one, two in itertools.pairwise(targets))
    assert math.isnan(state.remaining) == math.isnan(state.duration)
    if not math.isnan(state.duration):
        assert 0 <= state.remaining <= state.duration
    if state.phase == Phase.FINAL:
        assert state.outcome in ('finished', 'abandoned')
    if state.winner:
        assert state.outcome == 'finished'
    assert state.prompt
    if state.phase == Phase.ROUND:
        assert state.target is not None
        assert first.track
