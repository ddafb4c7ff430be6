# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The game's node: real rclpy nodes, topics, services and the action, in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.game.events import FrameSeen
from emotion_apps.game.game import Game
from emotion_apps.game.messages import (
    from_predictions,
    from_state_message,
    to_state_message,
)
from emotion_apps.game.node import GameNode
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import Sighting
from emotion_msgs.action import PlayGame
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, GameState
from emotion_perception.emotions import EMOTIONS, UNKNOWN
from emotion_perception.models import FaceEmotionRecognizer, load_model
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_prediction, to_seconds, to_stamp
from support.models import face_model

QUICK = {
    'rounds': 1,
    'seconds': 1.0,
    'countdown': 0.5,
    'result_seconds': 0.3,
    'final_seconds': 0.0,
    'stable_seconds': 0.2,
    'grace_seconds': 0.5,
    'abandon_seconds': 1.0,
    'minimum_frames': 3,
    'seed': 1,
}


def prediction(track: str, x: int, value: float) -> EmotionPrediction:
    """Return a face that shows the target, once there is one, as strongly as ``value`` says."""
    return EmotionPrediction(
        subject_id=track,
        label='Happy',
        emotion=EmotionPrediction.HAPPY,
        confidence=value,
        region=RegionOfInterest(x_offset=x, y_offset=50, width=60, height=80),
    )


class Bench:
    """The node under test, and a node that feeds it and listens."""

    def __init__(self, domain: int, **parameters) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        overrides = [
            Parameter(name, value=value) for name, value in {**QUICK, **parameters}.items()
        ]
        self.game = GameNode(context=self.context, parameter_overrides=overrides)
        self.node = rclpy.create_node('game_tester', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.game)
        self.executor.add_node(self.node)
        self.states: list[GameState] = []
        self.faces = self.node.create_publisher(
            EmotionPredictionArray, 'emotion/faces', qos.RESULT
        )
        self.node.create_subscription(
            GameState, 'emotion/game/state', self.states.append, qos.LATCHED
        )
        self.client = ActionClient(self.node, PlayGame, 'emotion/game/play')
        self.shown: tuple[EmotionPrediction, ...] = ()
        # What the driver makes of the time.
        self.stamp: Callable[[float], float] = lambda now: now
        self.timer = self.node.create_timer(1 / 30, self.publish)
        self.until(lambda: self.states and self.faces.get_subscription_count())

    def publish(self) -> None:
        message = self.message()
        message.header.stamp = to_stamp(self.stamp(time.time()))
        message.header.frame_id = 'camera'
        self.faces.publish(message)

    def message(self) -> EmotionPredictionArray:
        """Return what is shown now."""
        message = EmotionPredictionArray(predictions=list(self.shown))
        target = self.states[-1].target if self.states else EmotionPrediction.UNKNOWN
        for shown in message.predictions:
            shown.probabilities = np.full(6, (1 - shown.confidence) / 5, np.float32)
            if target != EmotionPrediction.UNKNOWN:
                shown.probabilities[target] = shown.confidence
        return message

    def until(self, condition: Callable[[], object], limit: float = 20.0):
        """Spin until the condition holds; return what it gave."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.executor.spin_once(timeout_sec=0.05)
        raise AssertionError(f'not within {limit} s; last state: {self.states[-1:]}')

    def phase(self, phase: int) -> GameState:
        """Spin until the newest state has the phase; return that state."""
        return self.until(lambda: self.states[-1].phase == phase and self.states[-1])

    def call(self, name: str) -> Trigger.Response:
        client = self.node.create_client(Trigger, f'game_node/{name}')
        self.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.until(future.done)
        return future.result()

    def send(self, goal: PlayGame.Goal, feedback=None):
        self.until(self.client.server_is_ready)
        future = self.client.send_goal_async(goal, feedback_callback=feedback)
        self.until(future.done)
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        self.until(future.done)
        return future.result()

    def close(self) -> None:
        self.executor.shutdown()
        self.game.destroy_node()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


BOTH = prediction('face_1', 50, 0.7), prediction('face_2', 400, 0.2)


@pytest.fixture
def bench(ros_domain: int) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**parameters) -> Bench:
        made.append(Bench(ros_domain, **parameters))
        return made[-1]

    yield make
    for item in made:
        item.close()


SHARES = {
    'few afraid': (0.09, 0.03, 0.28, 0.34, 0.14, 0.12),
    'many afraid': (0.1, 0.5, 0.1, 0.1, 0.1, 0.1),
    'all equal': (1 / 6,) * 6,
}


@pytest.mark.parametrize('balance', [0.0, 0.4, 1.0])
def test_a_player_scores_the_same_with_any_model_however_rare_fear_was_in_its_training(
    tmp_path, balance
):
    crop = np.full((128, 128, 3), 130, np.uint8)
    scored = {}
    for name, shares in SHARES.items():
        path = face_model(tmp_path, shares=shares, name=f'{name.replace(" ", "_")}.onnx')
        found = FaceEmotionRecognizer(load_model(str(path), 'fer'), balance).predict([crop])
        message = to_prediction(
            Header(),
            EmotionPrediction.FACE,
            'face_1',
            found.probabilities[0],
            mixture=found.mixture,
        )
        (sighting,) = from_predictions(EmotionPredictionArray(predictions=[message]), print)
        scored[name] = sighting.probabilities
    np.testing.assert_allclose(scored['few afraid'], scored['all equal'], atol=1e-5)
    np.testing.assert_allclose(scored['many afraid'], scored['all equal'], atol=1e-5)


def test_faces_that_cannot_be_judged_fairly_are_said_once(bench, capfd):
    table = bench()
    table.shown = BOTH
    table.phase(GameState.ROUND)
    assert capfd.readouterr().err.count('hard to win by') == 1


def test_a_game_is_played_from_faces_alone(bench):
    table = bench()
    table.phase(GameState.WAITING_PLAYERS)
    table.shown = BOTH
    state = table.phase(GameState.FINAL)
    assert (state.outcome, state.winner) == ('finished', 1)
    assert [player.track_id for player in state.players] == ['face_1', 'face_2']
    assert state.header.frame_id == 'camera'
    assert list(state.results[0].means) == pytest.approx([0.7, 0.2])
    seen = [state.phase for state in table.states]
    order = [phase for index, phase in enumerate(seen) if index == 0 or seen[index - 1] != phase]
    assert order == [
        GameState.WAITING_PLAYERS,
        GameState.COUNTDOWN,
        GameState.ROUND,
        GameState.ROUND_RESULT,
        GameState.FINAL,
    ]


def test_every_frame_is_answered_by_a_state_with_its_stamp(bench):
    table = bench(seconds=10.0)
    table.shown = BOTH
    table.phase(GameState.ROUND)
    table.timer.cancel()
    table.shown = prediction('face_1', 50, 0.9), BOTH[1]
    stamp = table.node.get_clock().now().to_msg()
    message = table.message()
    message.header.stamp = stamp
    table.faces.publish(message)
    state = table.until(
        lambda: next((state for state in table.states if state.header.stamp == stamp), None)
    )
    assert state.players[0].live == pytest.approx(0.9)
    assert state.players[0].best_stamp == stamp


def test_the_state_is_latched_for_who_comes_late(bench):
    table = bench()
    late: list[GameState] = []
    table.node.create_subscription(GameState, 'emotion/game/state', late.append, qos.LATCHED)
    table.until(lambda: late)
    assert late[0].phase_name == 'WAITING_PLAYERS'


def test_services_start_stop_and_reset(bench):
    table = bench(autostart=False, seconds=30.0)
    assert table.states[-1].phase == GameState.IDLE
    assert not table.call('stop').success
    assert table.call('start').success
    table.shown = BOTH
    table.phase(GameState.ROUND)
    refused = table.call('start')
    assert not refused.success
    assert 'under way' in refused.message
    assert table.call('stop').success
    assert table.phase(GameState.IDLE).outcome == 'stopped'
    assert table.call('reset').success
    assert table.until(lambda: table.states[-1].outcome == '' and table.states[-1]).round == 0


def test_the_action_plays_a_game_with_feedback_and_all_rounds_in_the_result(bench):
    table = bench(autostart=False)
    feedback: list[GameState] = []
    goal = PlayGame.Goal(rounds=2, seconds=1.0, targets=['Sad', 'Fear'], seed=4)
    handle = table.send(goal, lambda message: feedback.append(message.feedback.state))
    assert handle.accepted
    table.shown = BOTH
    answer = table.result(handle)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    result = answer.result
    assert (result.outcome, result.message) == (PlayGame.Result.FINISHED, 'finished')
    assert (result.winner, list(result.scores)) == (1, [2, 0])
    assert {item.target_label for item in result.rounds} == {'Sad', 'Fear'}
    phases = {state.phase_name for state in feedback}
    assert {'WAITING_PLAYERS', 'COUNTDOWN', 'ROUND', 'ROUND_RESULT'} <= phases


def test_a_cancelled_goal_stops_the_game(bench):
    table = bench(seconds=30.0)
    handle = table.send(PlayGame.Goal())
    table.shown = BOTH
    table.phase(GameState.ROUND)
    cancel = handle.cancel_goal_async()
    table.until(cancel.done)
    answer = table.result(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.outcome == PlayGame.Result.CANCELLED
    assert table.phase(GameState.IDLE).outcome == 'stopped'
    # The next goal is welcome.
    assert table.send(PlayGame.Goal()).accepted


def test_a_goal_is_abandoned_when_a_player_does_not_come_back(bench):
    table = bench(seconds=30.0)
    handle = table.send(PlayGame.Goal())
    table.shown = BOTH
    table.phase(GameState.ROUND)
    table.shown = BOTH[:1]
    answer = table.result(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.outcome == PlayGame.Result.ABANDONED
    assert answer.result.message == 'player 2 did not come back'


@pytest.mark.parametrize('service', ['stop', 'reset'])
def test_stop_and_reset_end_a_goal(bench, service):
    table = bench(seconds=30.0)
    handle = table.send(PlayGame.Goal())
    table.shown = BOTH
    table.phase(GameState.ROUND)
    assert table.call(service).success
    answer = table.result(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.outcome == PlayGame.Result.CANCELLED


def test_a_goal_is_rejected_during_a_game_and_for_a_target_that_does_not_exist(bench):
    table = bench(seconds=30.0)
    assert not table.send(PlayGame.Goal(targets=['Hungry'])).accepted
    table.shown = BOTH
    table.phase(GameState.ROUND)
    assert not table.send(PlayGame.Goal()).accepted
    assert table.states[-1].phase == GameState.ROUND


def test_a_bad_prediction_is_a_face_that_is_not_scored(bench):
    table = bench(seconds=2.0)
    broken = prediction('face_2', 400, float('nan'))
    unknown = prediction('face_1', 50, 1 / 6)
    unknown.emotion, unknown.label = UNKNOWN, 'Unknown'
    table.shown = BOTH
    table.until(lambda: table.states[-1].players[0].frames >= 3)
    table.shown = unknown, broken
    state = table.until(lambda: math.isnan(table.states[-1].players[1].live) and table.states[-1])
    assert state.phase == GameState.ROUND
    assert all(player.present for player in state.players)
    state = table.phase(GameState.FINAL)
    assert state.outcome == 'finished'
    assert list(state.results[0].means) == pytest.approx([0.7, 0.2])


def test_a_rule_is_changed_while_the_node_runs(bench):
    table = bench(seconds=30.0)
    table.game.set_parameters([Parameter('rounds', value=3)])
    table.call('reset')
    assert table.until(lambda: table.states[-1].rounds == 3)
    refused = table.game.set_parameters([Parameter('targets', value=['Hungry'])])[0]
    assert not refused.successful
    assert 'Hungry' in refused.reason


def test_the_state_survives_the_way_through_a_message():
    game = Game(GameSettings(seed=1, stable_seconds=0.0, countdown=0.5, minimum_frames=1))
    for index in range(400):
        game.handle(
            FrameSeen(
                [
                    Sighting('face_1', (10.0, 20.0, 30.0, 40.0), np.full(6, 0.5, np.float32)),
                    Sighting('face_2', (90.0, 20.0, 30.0, 40.0), np.full(6, 0.25, np.float32)),
                    Sighting('face_3', (50.0, 20.0, 30.0, 40.0), None),
                ],
                index + 1,
            ),
            index / 30,
        )
    state = game.state()
    back = from_state_message(to_state_message(state))
    assert back.results == state.results
    assert len(state.results) == 1
    assert (back.phase, back.target, back.ignored) == (state.phase, state.target, state.ignored)
    assert back.players[1].box == state.players[1].box
    assert back.players[0].best_stamp == state.players[0].best_stamp
    assert to_state_message(state).target_label in EMOTIONS


def test_a_camera_without_stamps_is_played_with_the_times_of_arrival(bench):
    table = bench()
    table.stamp = lambda now: 0.0
    table.shown = BOTH
    begin = time.time()
    best = table.phase(GameState.FINAL).players[0].best_stamp
    assert begin <= to_seconds(best) <= time.time()


def test_a_recording_that_starts_over_is_played_to_the_end(bench):
    table = bench(rounds=2)
    table.shown = BOTH
    begin = time.time()
    table.stamp = lambda now: 5e8 + (now - begin) % 0.8
    assert table.phase(GameState.FINAL).outcome == 'finished'
