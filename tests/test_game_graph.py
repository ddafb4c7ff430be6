# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Whole games of real people, played by the real graph in real processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from std_srvs.srv import Trigger

from emotion_msgs.action import PlayGame
from emotion_msgs.msg import EmotionPrediction, GameState
from emotion_perception.emotions import EMOTIONS
from support.client import LATCHED, RELIABLE
from support.faces import write_video
from support.films import frames_of
from support.models import face_model

FPS = 25.0
# Loading the models on a busy machine included.
START = 60.0


@pytest.fixture(scope='session')
def people(media: Callable[[str], Path], tmp_path_factory) -> Callable[[str], Path]:
    """Return a function from speakers ('ac') to a film of them side by side.

    The film runs forth and back, so that nobody jumps where it begins again.
    """
    names = {
        'a': 'grid_speaker_a_bbaf2n.mpg',
        'b': 'grid_speaker_b_lbbc2a.mpg',
        'c': 'grid_speaker_c_pwij3p.mpg',
    }
    folder = tmp_path_factory.mktemp('people')

    def make(speakers: str) -> Path:
        path = folder / f'{speakers}.avi'
        if not path.exists():
            people = (frames_of(media(names[speaker])) for speaker in speakers)
            together = [np.hstack(row) for row in zip(*people)]
            write_video(path, together + together[::-1], FPS)
        return path

    return make


@pytest.fixture(scope='session')
def fer_model(tmp_path_factory) -> str:
    """Return a small model: what the game does must not hang on what a training brought."""
    return str(face_model(tmp_path_factory.mktemp('models')))


def play(processes, film: Path, fer_model: str, *arguments: str):
    """Start the graph as `./emotion run game` does."""
    return processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.runner',
        'game',
        f'camera:={film}',
        'loop:=true',
        f'fer_model:={fer_model}',
        'window:=off',
        *arguments,
        name='game',
    )


def test_a_whole_game_is_played_in_one_process_without_anybody_touching_it(
    processes, client, people, fer_model
):
    states = client.watch('emotion/game/state', GameState, RELIABLE)
    play(
        processes,
        people('ac'),
        fer_model,
        'rounds:=2',
        'seconds:=3',
        'targets:=Happy,Sad',
        'seed:=4',
        'game:={countdown: 1, result_seconds: 1, final_seconds: 0, '
        'minimum_frames: 2, grace_seconds: 5}',
    )
    final = states.wait(lambda state: state.phase == GameState.FINAL, START)
    assert final.outcome == 'finished'
    assert {result.target_label for result in final.results} == {'Happy', 'Sad'}
    first, second = final.players
    assert first.region.x_offset < 360 <= second.region.x_offset
    for result in final.results:
        # A busy machine may leave frames out, but none counts twice.
        assert 2 <= result.frames <= 3.3 * FPS
        assert all(0 <= mean <= 1 for mean in result.means)
    assert first.score == sum(result.winner == 1 for result in final.results)
    assert second.score == sum(result.winner == 2 for result in final.results)
    seen = [state.phase for state in states.messages]
    order = [phase for index, phase in enumerate(seen) if index == 0 or seen[index - 1] != phase]
    whole = [
        GameState.WAITING_PLAYERS,
        GameState.COUNTDOWN,
        GameState.ROUND,
        GameState.ROUND_RESULT,
        GameState.COUNTDOWN,
        GameState.ROUND,
        GameState.ROUND_RESULT,
        GameState.FINAL,
    ]
    # The game waits for nobody: whoever is found late on the network misses its beginning.
    assert len(order) >= 4
    assert order == whole[-len(order) :]


def test_a_game_between_processes_is_played_through_the_action(
    processes, client, people, fer_model
):
    processes.node('camera_node', source=str(people('ac')), loop=True)
    processes.node('face_detector_node')
    processes.node('fer_node', model=fer_model, **{'smoother.method': 'none'})
    processes.node(
        'game_node',
        autostart=False,
        countdown=1.0,
        result_seconds=0.5,
        minimum_frames=1,
        grace_seconds=5.0,
    )
    client.wait_for('emotion/face', EmotionPrediction, timeout=START)
    states = client.watch('emotion/game/state', GameState, LATCHED)
    goal = client.send_goal(
        PlayGame,
        'emotion/game/play',
        PlayGame.Goal(rounds=1, seconds=2.0, targets=['Neutral'], seed=0),
    )
    status, result = goal.result(60.0)
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert result.outcome == PlayGame.Result.FINISHED
    assert result.rounds[0].target == EmotionPrediction.NEUTRAL
    assert sum(result.scores) == (1 if result.winner else 0)
    phases = [feedback.state.phase_name for feedback in goal.feedback]
    assert phases[0] == 'WAITING_PLAYERS'
    assert {'COUNTDOWN', 'ROUND', 'ROUND_RESULT'} <= set(phases)
    states.wait(lambda state: state.phase == GameState.FINAL)


def test_of_three_people_the_outer_two_play_and_the_one_between_them_is_ignored(
    processes, client, people, fer_model
):
    states = client.watch('emotion/game/state', GameState)
    play(processes, people('abc'), fer_model, 'seconds:=30')
    state = states.wait(
        lambda state: state.phase == GameState.ROUND and len(state.ignored) == 1, START
    )
    assert state.players[0].region.x_offset < 360
    assert state.players[1].region.x_offset >= 720
    assert state.ignored[0] not in [player.track_id for player in state.players]


def test_a_game_pauses_when_the_camera_is_lost_and_goes_on_when_it_is_back(
    processes, client, people, fer_model
):
    film = str(people('ac'))
    camera = processes.node('camera_node', source=film, loop=True)
    processes.node('face_detector_node')
    processes.node('fer_node', model=fer_model, **{'smoother.method': 'none'})
    processes.node('game_node', seconds=30.0, countdown=1.0)
    states = client.watch('emotion/game/state', GameState)
    before = states.wait(
        lambda state: state.phase == GameState.ROUND and state.players[0].frames > 20, START
    )
    camera.kill()
    paused = states.wait(lambda state: state.phase == GameState.PAUSED)
    assert paused.prompt == 'BOTH PLAYERS, COME BACK'
    states.clear()
    processes.node('camera_node', name='camera_again', source=film, loop=True)
    after = states.wait(lambda state: state.phase == GameState.ROUND, START)
    assert after.players[0].frames >= before.players[0].frames
    assert after.round == before.round
    assert after.remaining < before.remaining
    assert client.call(Trigger, 'game_node/stop').success
    assert states.wait(lambda state: state.phase == GameState.IDLE).outcome == 'stopped'


def test_a_rule_that_does_not_exist_ends_the_runner_with_a_clear_line(processes):
    runner = processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.runner',
        'game',
        'targets:=Hungry',
        'window:=off',
        'camera:=nowhere.avi',
        may_end=True,
    )
    assert runner.wait(60.0) == 2
    assert "'Hungry' is not a target" in runner.output()
    assert 'Traceback' not in runner.output()


@pytest.mark.timeout(270)
def test_the_demonstration_plays_a_game_and_draws_every_phase(processes, tmp_path):
    pytest.importorskip('skimage', reason='the first player is in scikit-image')
    pytest.importorskip('matplotlib', reason='the second player is in matplotlib')
    out = tmp_path / 'out'
    demo = processes.start(
        sys.executable,
        '-m',
        'emotion_bringup.demo_game',
        '--out',
        out,
        '--headless',
        name='demo',
        may_end=True,
    )
    assert demo.wait(260.0) == 0, demo.output()
    result = json.loads((out / 'result.json').read_text())
    assert result['outcome'] == 'finished'
    assert [item['round'] for item in result['rounds']] == [1, 2, 3]
    assert {item['target'] for item in result['rounds']} <= set(EMOTIONS)
    assert result['scores'] == [
        sum(item['winner'] == number for item in result['rounds']) for number in (1, 2)
    ]
    assert set(result['pictures']) == {
        'WAITING_PLAYERS',
        'COUNTDOWN',
        'ROUND',
        'PAUSED',
        'ROUND_RESULT',
        'FINAL',
    }
    pictures = [cv2.imread(str(out / name)) for name in result['pictures'].values()]
    assert all(picture.shape == (720, 1280, 3) for picture in pictures)
    for index, one in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert cv2.absdiff(one, other).mean() > 1
