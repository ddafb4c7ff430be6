# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The orchestrator on real topics, services and its action, with scripted faces and voices."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.multimodal.node import OrchestratorNode
from emotion_msgs.action import DetectEmotion
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    MultimodalState,
    VoiceActivity,
)
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_prediction, to_stamp

HAPPY, SAD = EmotionPrediction.HAPPY, EmotionPrediction.SAD
# Nothing times out because the machine is busy; what is shown goes quickly.
PATIENT = (
    '-p',
    'speech_timeout:=60.0',
    '-p',
    'voice_wait:=60.0',
    '-p',
    'fused_wait:=60.0',
    '-p',
    'result_hold:=0.4',
    '-p',
    'rest:=0.0',
)


class Robot:
    """Plays camera, microphone and user of one orchestrator."""

    def __init__(self, *arguments: str) -> None:
        self.context = rclpy.context.Context()
        rclpy.init(context=self.context)
        self.orchestrator = OrchestratorNode(
            context=self.context, cli_args=['--ros-args', *PATIENT, *arguments]
        )
        self.node = rclpy.create_node('robot', context=self.context)
        self.states: list[MultimodalState] = []
        self.node.create_subscription(
            MultimodalState, 'emotion/multimodal/state', self.states.append, qos.LATCHED
        )
        kinds = {
            'face': EmotionPrediction,
            'faces': EmotionPredictionArray,
            'voice_activity': VoiceActivity,
            'voice': EmotionPrediction,
            'fused': EmotionPrediction,
        }
        self.out = {
            name: self.node.create_publisher(kind, f'emotion/{name}', qos.RESULT)
            for name, kind in kinds.items()
        }
        self.action = ActionClient(self.node, DetectEmotion, 'emotion/detect')
        self.services = {
            name: self.node.create_client(Trigger, f'/orchestrator_node/{name}')
            for name in ('start', 'stop', 'reset', 'cancel')
        }
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.orchestrator)
        self.executor.add_node(self.node)
        assert self.until(
            lambda: (
                self.states
                and all(publisher.get_subscription_count() for publisher in self.out.values())
            )
        )

    def close(self) -> None:
        self.action.destroy()
        self.executor.shutdown()
        self.orchestrator.destroy_node()
        self.node.destroy_node()
        self.context.try_shutdown()

    def until(self, done, timeout: float = 60.0) -> bool:
        end = time.monotonic() + timeout
        while not done() and time.monotonic() < end:
            self.executor.spin_once(0.02)
        return bool(done())

    @property
    def state(self) -> MultimodalState:
        return self.states[-1]

    def now(self) -> float:
        return self.node.get_clock().now().nanoseconds * 1e-9

    def reach(self, phase: str) -> MultimodalState:
        assert self.until(lambda: self.state.phase_name == phase), (
            f'not {phase}: {[state.phase_name for state in self.states[-5:]]}'
        )
        return self.state

    def prediction(self, modality: int, emotion: int, stamp: float, **fields) -> EmotionPrediction:
        vector = np.full(6, 0.08, np.float32)
        vector[emotion] = 0.6
        subject = 'face_1' if modality == EmotionPrediction.FACE else 'voice'
        return to_prediction(
            Header(stamp=to_stamp(stamp), frame_id='camera'),
            modality,
            subject,
            vector,
            model='scripted',
            **fields,
        )

    def show(self, frames: int = 10, emotion: int = HAPPY) -> None:
        for _ in range(frames):
            count = len(self.states)
            self.out['face'].publish(self.prediction(EmotionPrediction.FACE, emotion, self.now()))
            assert self.until(lambda count=count: len(self.states) > count)

    def lock(self) -> None:
        self.show()
        self.reach('LISTENING')

    def speak(self, value: bool) -> None:
        self.out['voice_activity'].publish(
            VoiceActivity(
                header=Header(stamp=to_stamp(self.now())),
                speaking=value,
                probability=0.9,
                level=-20.0,
                duration=0.032,
            )
        )
        assert self.until(lambda: self.state.speaking == value)

    def answer(self, *, fused: bool = True) -> None:
        """Publish the voice, and both as one, of what was said since the lock."""
        end = self.now()
        self.out['voice'].publish(self.prediction(EmotionPrediction.VOICE, SAD, end, span=0.3))
        if fused:
            self.out['fused'].publish(
                self.prediction(EmotionPrediction.FUSED, SAD, end, sources=('face', 'voice'))
            )

    def call(self, name: str) -> Trigger.Response:
        client = self.services[name]
        assert self.until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        assert self.until(future.done)
        return future.result()

    def send(self, **goal) -> tuple:
        assert self.until(self.action.server_is_ready)
        feedback: list[MultimodalState] = []
        future = self.action.send_goal_async(
            DetectEmotion.Goal(**goal), lambda message: feedback.append(message.feedback.state)
        )
        assert self.until(future.done)
        return future.result(), feedback

    def result(self, handle) -> tuple[int, DetectEmotion.Result]:
        future = handle.get_result_async()
        assert self.until(future.done)
        return future.result().status, future.result().result


@pytest.fixture
def robot(ros_domain) -> Iterator[Robot]:
    robot = Robot()
    yield robot
    robot.close()


@pytest.fixture
def waiting_robot(ros_domain) -> Iterator[Robot]:
    """Give an orchestrator that runs cycles only when asked to."""
    robot = Robot('-p', 'autostart:=false')
    yield robot
    robot.close()


def test_a_whole_cycle_shows_face_voice_and_both_and_begins_anew(robot):
    assert robot.state.prompt == 'HOLD AN EXPRESSION TO LOCK IN'
    robot.lock()
    locked = robot.state.face
    assert (robot.state.prompt, locked.label, locked.model) == ('SPEAK NOW', 'Happy', 'scripted')
    robot.speak(True)
    robot.speak(False)
    robot.answer()
    shown = robot.reach('SHOW_RESULT')
    assert (shown.face.label, shown.voice.label, shown.fused.label) == ('Happy', 'Sad', 'Sad')
    assert shown.face.header.stamp == locked.header.stamp
    assert (shown.outcome, shown.cycle) == ('success', 1)
    again = robot.reach('WAITING_FACE')
    assert (again.cycle, again.has_voice, again.outcome) == (2, False, 'success')


def test_a_late_subscriber_gets_the_state(robot):
    robot.lock()
    late: list[MultimodalState] = []
    robot.node.create_subscription(
        MultimodalState, 'emotion/multimodal/state', late.append, qos.LATCHED
    )
    assert robot.until(lambda: late)
    assert late[0].phase_name == 'LISTENING'


def test_an_empty_frame_ends_the_hold(robot):
    robot.show(5)
    for _ in range(2):
        robot.out['faces'].publish(
            EmotionPredictionArray(header=Header(stamp=to_stamp(robot.now())))
        )
        robot.until(lambda: False, 0.6)
    assert not robot.state.has_face
    assert robot.state.progress == 0.0


def test_a_reading_of_nan_is_left_out_and_the_node_goes_on(robot):
    bad = robot.prediction(EmotionPrediction.FACE, HAPPY, robot.now())
    bad.probabilities = np.full(6, np.nan, np.float32)
    robot.out['face'].publish(bad)
    assert robot.until(lambda: robot.orchestrator._report.warnings == 1)
    robot.lock()


def test_a_goal_runs_one_cycle_and_reports_every_change(waiting_robot):
    robot = waiting_robot
    assert robot.state.prompt == 'STOPPED'
    handle, feedback = robot.send()
    assert handle.accepted
    robot.lock()
    robot.speak(True)
    robot.speak(False)
    robot.answer()
    status, result = robot.result(handle)
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert result.outcome == DetectEmotion.Result.SUCCESS
    assert (result.face.label, result.voice.label, result.fused.label) == ('Happy', 'Sad', 'Sad')
    assert {state.phase_name for state in feedback} >= {'WAITING_FACE', 'LISTENING'}
    robot.reach('SHOW_RESULT')
    robot.reach('WAITING_FACE')
    robot.show(20)
    assert robot.state.phase_name == 'WAITING_FACE'


def test_a_goal_without_a_face_ends_with_no_face(waiting_robot):
    handle, _ = waiting_robot.send(face_timeout=0.4)
    status, result = waiting_robot.result(handle)
    assert status == GoalStatus.STATUS_ABORTED
    assert result.outcome == DetectEmotion.Result.NO_FACE
    assert not result.has_face


def test_a_goal_without_speech_ends_with_the_face_only(waiting_robot):
    handle, _ = waiting_robot.send(speech_timeout=0.3)
    waiting_robot.lock()
    status, result = waiting_robot.result(handle)
    assert status == GoalStatus.STATUS_ABORTED
    assert result.outcome == DetectEmotion.Result.NO_SPEECH
    assert result.face.label == 'Happy'
    assert not result.has_voice


def test_a_second_goal_is_rejected_while_one_runs_and_taken_afterwards(waiting_robot):
    first, _ = waiting_robot.send()
    second, _ = waiting_robot.send()
    assert first.accepted
    assert not second.accepted
    waiting_robot.call('cancel')
    status, result = waiting_robot.result(first)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, DetectEmotion.Result.CANCELLED)
    third, _ = waiting_robot.send()
    assert third.accepted


def test_a_goal_with_senseless_time_outs_is_rejected(waiting_robot):
    handle, _ = waiting_robot.send(face_timeout=-1.0)
    assert not handle.accepted
    handle, _ = waiting_robot.send(speech_timeout=float('nan'))
    assert not handle.accepted


@pytest.mark.parametrize('phase', ['WAITING_FACE', 'LISTENING'])
def test_a_goal_can_be_cancelled_in(waiting_robot, phase):
    handle, _ = waiting_robot.send()
    if phase == 'LISTENING':
        waiting_robot.lock()
    future = handle.cancel_goal_async()
    assert waiting_robot.until(future.done)
    assert future.result().goals_canceling
    status, result = waiting_robot.result(handle)
    assert status == GoalStatus.STATUS_CANCELED
    assert result.outcome == DetectEmotion.Result.CANCELLED
    waiting_robot.reach('WAITING_FACE')


def test_a_goal_breaks_off_the_continuous_cycle_and_hands_back_to_it(robot):
    robot.lock()
    handle, _ = robot.send(speech_timeout=0.3)
    robot.reach('WAITING_FACE')
    robot.lock()
    _, result = robot.result(handle)
    assert result.outcome == DetectEmotion.Result.NO_SPEECH
    robot.reach('SHOW_RESULT')
    robot.reach('WAITING_FACE')
    robot.lock()


def test_the_services_answer_in_words_whether_they_did_anything(robot):
    assert not robot.call('start').success
    robot.lock()
    assert robot.call('cancel').success
    assert robot.until(lambda: robot.state.outcome == 'cancelled')
    assert robot.call('stop').success
    assert robot.call('cancel').message == 'no cycle runs'
    assert robot.until(lambda: robot.state.prompt == 'STOPPED')
    robot.show(20)
    assert robot.state.phase_name == 'WAITING_FACE'
    assert robot.call('start').success
    robot.lock()
    assert robot.call('reset').success
    assert robot.until(
        lambda: (
            (robot.state.phase_name, robot.state.cycle, robot.state.outcome)
            == ('WAITING_FACE', 1, '')
        )
    )


def test_a_live_parameter_takes_effect_at_once(robot):
    assert robot.orchestrator.set_parameters([Parameter('lock_frames', value=3)])[0].successful
    robot.show(3)
    robot.reach('LISTENING')
    refused = robot.orchestrator.set_parameters([Parameter('lock_frames', value=0)])[0]
    assert not refused.successful


def test_no_ticks_run_while_nothing_can_time_out(robot):
    assert robot.until(lambda: robot.orchestrator._timer.is_canceled())
    robot.show(1)
    assert not robot.orchestrator._timer.is_canceled()


@pytest.mark.parametrize('camera', [None, 30.0, -3600.0], ids=['unstamped', 'ahead', 'behind'])
def test_a_camera_with_another_clock_or_none_completes_a_cycle(robot, camera):
    for _ in range(10):
        count = len(robot.states)
        stamp = 0.0 if camera is None else robot.now() + camera
        robot.out['face'].publish(robot.prediction(EmotionPrediction.FACE, HAPPY, stamp))
        assert robot.until(lambda count=count: len(robot.states) > count)
    robot.reach('LISTENING')
    robot.speak(True)
    robot.speak(False)
    robot.answer()
    state = robot.reach('SHOW_RESULT')
    assert state.outcome == 'success'
    assert state.has_fused


def test_nothing_is_stamped_and_a_cycle_is_completed_all_the_same(robot):
    for _ in range(10):
        count = len(robot.states)
        robot.out['face'].publish(robot.prediction(EmotionPrediction.FACE, HAPPY, 0.0))
        assert robot.until(lambda count=count: len(robot.states) > count)
    robot.reach('LISTENING')
    robot.speak(True)
    robot.speak(False)
    for modality, name, sources in (
        (EmotionPrediction.VOICE, 'voice', ()),
        (EmotionPrediction.FUSED, 'fused', ('face', 'voice')),
    ):
        robot.out[name].publish(robot.prediction(modality, SAD, 0.0, sources=sources))
    state = robot.reach('SHOW_RESULT')
    assert state.has_voice
    assert state.has_fused


def test_the_state_says_whether_cycles_run(waiting_robot):
    assert not waiting_robot.state.running
    assert waiting_robot.call('start').success
    assert waiting_robot.until(lambda: waiting_robot.state.running)
    assert waiting_robot.call('stop').success
    assert waiting_robot.until(lambda: not waiting_robot.state.running)
