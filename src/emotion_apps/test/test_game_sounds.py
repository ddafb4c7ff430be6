# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The sounds of the game."""

from __future__ import annotations

import math
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotion_apps.game.events import FrameSeen
from emotion_apps.game.game import Game
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.sounds import CUES, RATE, SoundPlayer, cue, synthesize
from emotion_apps.game.states import Phase, Sighting


def cues_of_a_game() -> list[str]:
    """Return the cues of a game of one round, in order."""
    game = Game(GameSettings(rounds=1, seconds=1.0, stable_seconds=0.0, final_seconds=0.0))
    previous, heard = game.state(), []
    for index in range(400):
        game.handle(
            FrameSeen(
                [
                    Sighting('face_1', (0.0, 0.0, 9.0, 9.0), np.full(6, 0.5)),
                    Sighting('face_2', (50.0, 0.0, 9.0, 9.0), np.full(6, 0.2)),
                ],
                index,
            ),
            index / 30,
        )
        state = game.state()
        name = cue(previous, state)
        previous = state
        if name:
            heard.append(name)
    return heard


def test_a_game_sounds_as_three_ticks_go_result_and_end():
    assert cues_of_a_game() == ['tick', 'tick', 'tick', 'go', 'round_won', 'game_won']


def test_the_first_state_is_silent_and_so_is_one_without_change():
    state = Game().state()
    assert cue(None, state) is None
    assert cue(state, state) is None
    assert cue(state, replace(state, phase=Phase.PAUSED)) == 'pause'


@pytest.mark.parametrize('name', CUES)
def test_every_cue_is_audible_short_and_does_not_clip(name):
    samples = synthesize(name)
    assert 0.05 < len(samples) / RATE < 1.5
    assert 3000 < np.abs(samples).max() < 32767
    assert abs(int(samples[0])) < 300
    assert abs(int(samples[-1])) < 300


def test_the_player_gets_a_wave_file_that_is_gone_after_close(tmp_path: Path):
    copy = tmp_path / 'copy.wav'
    script = f'import shutil, sys; shutil.copy(sys.argv[1], {str(copy)!r})'
    player = SoundPlayer((sys.executable, '-c', script))
    player.play('tick')
    folder = Path(player._folder.name)
    player.close()
    with wave.open(str(copy)) as file:
        assert file.getframerate() == RATE
        assert file.getnframes() == math.ceil(0.08 * RATE)
    assert not folder.exists()


def test_without_a_player_nothing_sounds_and_nothing_fails():
    player = SoundPlayer()
    player.command = None
    player.play('go')
    player.close()
