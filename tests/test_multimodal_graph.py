# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The multimodal graph in real processes: a real face, a real voice, and what can go wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_bringup import demo_media
from emotion_msgs.action import DetectEmotion
from emotion_msgs.msg import (
    EmotionPrediction,
    FaceArray,
    MultimodalState,
    VoiceActivity,
)
from emotion_perception.ros.convert import array_to_image
from support import Client, ProcessGroup
from support.client import LATCHED, RELIABLE
from support.faces import astronaut, background
from support.models import face_model, voice_model

# Much more than it takes: a busy machine is no failure.
START, WAIT = 90.0, 90.0
pytestmark = pytest.mark.timeout(300)
MODELS = ('face_detector_node', 'fer_node', 'vad_node', 'ser_node', 'fusion_node')


class Stage:
    """A camera that shows a face or not, and a microphone that is silent or plays a voice.

    The other nodes are real processes; only the devices are played here.
    """

    def __init__(self, processes: ProcessGroup, client: Client, voice: Path) -> None:
        self.processes = processes
        self.client = client
        self.face = True
        self._voice = voice
        self._film = [
            array_to_image(picture, Header(frame_id='camera'))
            for picture in (
                np.ascontiguousarray(background()),
                np.ascontiguousarray(astronaut()[:480, :]),
            )
        ]
        self.states = client.watch('emotion/multimodal/state', MultimodalState, LATCHED)
        self.voices = client.watch('emotion/voice', EmotionPrediction, RELIABLE)
        self.activity = client.watch('emotion/voice_activity', VoiceActivity, RELIABLE)
        self._camera = client.publisher('camera/image_raw', Image)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _play(self) -> None:
        while not self._stop.wait(1 / 15):
            frame = self._film[self.face]
            frame.header.stamp = self.client.node.get_clock().now().to_msg()
            self._camera.publish(frame)

    def anew(self, **rules: object) -> None:
        """Begin with an empty stage, a fresh cycle, and the rules of one test."""
        usual = {
            'speech_timeout': WAIT,
            'voice_wait': WAIT,
            'fused_wait': 30.0,
            'result_hold': 1.0,
            'rest': 0.0,
        }
        for name, value in {**usual, **rules}.items():
            answer = self.client.set_parameter('/orchestrator_node', name, value)
            assert answer.successful, answer.reason
        self.face = False
        self.call('start')
        self.call('reset')
        self.client.until(
            lambda: (
                self.state.phase_name == 'WAITING_FACE'
                and not self.state.has_face
                and self.state.cycle == 1
            ),
            what='an empty stage',
        )
        for watch in (self.states, self.voices, self.activity):
            watch.clear()

    @property
    def state(self) -> MultimodalState:
        """The newest state."""
        return self.states.messages[-1]

    def call(self, name: str) -> Trigger.Response:
        return self.client.call(Trigger, f'/orchestrator_node/{name}')

    def reach(self, phase: str, timeout: float = WAIT) -> MultimodalState:
        """Wait for a phase in what came since :meth:`anew`, or since the last clear."""
        return self.states.wait(lambda state: state.phase_name == phase, timeout, phase)

    def lock(self) -> MultimodalState:
        self.face = True
        return self.reach('LISTENING')

    def speak(self) -> object:
        """Play the voice once; return the process that plays it."""
        return self.processes.node(
            'microphone_node', source=str(self._voice), pause=1.5, may_end=True
        )

    def hush(self, microphone) -> None:
        microphone.stop()


@pytest.fixture(scope='module')
def graph(ros_domain, tmp_path_factory) -> Iterator[Stage]:
    """The real nodes, each in a process of its own, for all tests of this module."""
    folder = tmp_path_factory.mktemp('multimodal')
    processes = ProcessGroup(folder / 'processes', ros_domain)
    demo_media.make_sound(folder / 'voice.wav', demo_media.find_voice())
    processes.node('face_detector_node')
    processes.node('fer_node', model=str(face_model(folder)))
    processes.node('vad_node')
    processes.node('ser_node', model=str(voice_model(folder)))
    processes.node('fusion_node')
    processes.node('orchestrator_node')
    client = Client(ros_domain, check=processes.check)
    stage = None
    try:
        for name in MODELS:
            client.wait_for_state(f'/{name}', 'active', START)
        stage = Stage(processes, client, folder / 'voice.wav')
        yield stage
    except BaseException:
        print(processes.logs())
        raise
    finally:
        if stage is not None:
            stage.close()
        client.close()
        stubborn = processes.stop()
    assert not stubborn, processes.logs()


def test_a_face_and_a_voice_go_through_the_whole_cycle(graph):
    graph.anew()
    locked = graph.lock()
    assert locked.prompt == 'SPEAK NOW'
    assert locked.face.label == 'Happy'
    assert locked.face.modality == EmotionPrediction.FACE
    microphone = graph.speak()
    graph.states.wait(lambda state: state.speaking, WAIT, 'speech')
    shown = graph.reach('SHOW_RESULT')
    assert shown.outcome == 'success'
    assert (shown.face.label, shown.voice.label) == ('Happy', 'Sad')
    assert sum(shown.voice.probabilities) == pytest.approx(1.0, abs=1e-4)
    assert list(shown.fused.sources) == ['face', 'voice']
    assert shown.fused.header.stamp == shown.voice.header.stamp
    # The voice was spoken after the lock.
    assert shown.voice.header.stamp.sec >= shown.face.header.stamp.sec
    again = graph.states.wait(
        lambda state: state.phase_name == 'WAITING_FACE' and state.cycle == 2, WAIT
    )
    assert not again.has_voice
    graph.hush(microphone)


def test_a_face_that_leaves_while_waiting_loses_its_hold(graph):
    graph.anew(lock_frames=1000)
    graph.face = True
    graph.states.wait(lambda state: state.progress > 0.01, WAIT)
    graph.face = False
    gone = graph.states.wait(lambda state: state.progress == 0 and not state.has_face, WAIT)
    assert gone.phase_name == 'WAITING_FACE'
    graph.anew(lock_frames=10)


def test_a_face_that_leaves_while_listening_and_in_the_result_stays_on_record(graph):
    graph.anew(result_hold=4.0)
    graph.lock()
    graph.face = False
    detections = graph.client.watch('emotion/detections', FaceArray, RELIABLE)
    detections.wait(lambda frame: not frame.faces, WAIT, 'a frame without a face')
    microphone = graph.speak()
    shown = graph.reach('SHOW_RESULT')
    assert (shown.outcome, shown.face.label, shown.voice.label) == ('success', 'Happy', 'Sad')
    graph.hush(microphone)
    graph.states.clear()
    later = graph.states.wait(lambda state: state.remaining < 2.0, WAIT)
    assert later.phase_name == 'SHOW_RESULT'
    assert later.face.label == 'Happy'


def test_silence_while_listening_leads_on_with_the_face_only(graph):
    graph.anew(speech_timeout=1.5)
    graph.lock()
    shown = graph.reach('SHOW_RESULT')
    assert shown.outcome == 'no_speech'
    assert shown.has_face
    assert not shown.has_voice
    assert not shown.has_fused


def test_a_late_voice_result_is_published_but_not_taken_into_the_cycle(graph):
    graph.anew(voice_wait=0.0, result_hold=WAIT)
    graph.lock()
    microphone = graph.speak()
    shown = graph.reach('SHOW_RESULT')
    assert shown.outcome == 'no_speech'
    late = graph.voices.wait(timeout=WAIT)
    assert late.label == 'Sad'
    graph.states.clear()
    later = graph.states.wait(lambda state: True, WAIT)
    assert later.phase_name == 'SHOW_RESULT'
    assert not later.has_voice
    graph.hush(microphone)


def test_after_a_result_the_next_cycle_begins_with_nothing_of_the_last(graph):
    graph.anew(speech_timeout=1.0, result_hold=0.5)
    graph.lock()
    for cycle in (2, 3):
        again = graph.states.wait(
            lambda state, cycle=cycle: state.cycle == cycle and state.phase_name == 'LISTENING',
            WAIT,
        )
        assert again.progress < 0.5
        assert not again.has_voice


@pytest.mark.parametrize('phase', ['WAITING_FACE', 'LISTENING', 'SHOW_RESULT'])
def test_cancel_in_each_phase_leads_back_to_waiting(graph, phase):
    graph.anew(speech_timeout=1.0 if phase == 'SHOW_RESULT' else 60.0, result_hold=60.0)
    if phase == 'WAITING_FACE':
        graph.client.set_parameter('/orchestrator_node', 'lock_frames', 1000)
        graph.face = True
        graph.states.wait(lambda state: state.progress > 0, WAIT)
    else:
        graph.lock()
        graph.reach(phase)
    graph.face = False
    assert graph.call('cancel').success
    back = graph.states.wait(lambda state: state.cycle == 2, WAIT)
    assert back.phase_name == 'WAITING_FACE'
    assert back.progress == 0.0
    # A result that was shown keeps the outcome it had.
    assert back.outcome == ('no_speech' if phase == 'SHOW_RESULT' else 'cancelled')
    graph.anew(lock_frames=10)


@pytest.mark.parametrize('phase', ['WAITING_FACE', 'LISTENING'])
def test_a_goal_that_is_cancelled_ends_as_cancelled(graph, phase):
    graph.anew()
    graph.call('stop')
    goal = graph.client.send_goal(DetectEmotion, 'emotion/detect', DetectEmotion.Goal())
    if phase == 'LISTENING':
        graph.lock()
    goal.cancel()
    status, result = goal.result()
    assert status == GoalStatus.STATUS_CANCELED
    assert result.outcome == DetectEmotion.Result.CANCELLED


def test_a_goal_answers_with_face_voice_and_both(graph):
    graph.anew()
    graph.call('stop')
    goal = graph.client.send_goal(DetectEmotion, 'emotion/detect', DetectEmotion.Goal())
    graph.lock()
    microphone = graph.speak()
    status, result = goal.result()
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (result.has_face, result.has_voice, result.has_fused) == (True, True, True)
    assert goal.feedback[0].state.phase_name == 'WAITING_FACE'
    assert 'LISTENING' in {state.state.phase_name for state in goal.feedback}
    graph.hush(microphone)
