# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The view node on real topics: when it draws, what it draws, and what it does with rubbish."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from emotion_apps.view import theme
from emotion_apps.viewer.node import ViewNode
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    GameState,
    MultimodalState,
    VoiceActivity,
)
from emotion_perception.ros import qos
from emotion_perception.ros.convert import (
    array_to_image,
    image_to_array,
    to_prediction,
    to_region,
    to_stamp,
)

WAITING, LISTENING = MultimodalState.WAITING_FACE, MultimodalState.LISTENING


class Studio:
    """Plays camera and orchestrator for one view, and watches it."""

    def __init__(self, *arguments: str) -> None:
        self.context = rclpy.context.Context()
        rclpy.init(context=self.context)
        self.view = ViewNode(
            context=self.context,
            cli_args=[
                '--ros-args',
                '-p',
                'window:=off',
                '-p',
                'width:=640',
                '-p',
                'height:=360',
                *arguments,
            ],
        )
        self.node = rclpy.create_node('studio', context=self.context)
        self.out = {
            'image': self.node.create_publisher(Image, 'camera/image_raw', qos.IMAGE),
            'faces': self.node.create_publisher(
                EmotionPredictionArray, 'emotion/faces', qos.RESULT
            ),
            'level': self.node.create_publisher(
                VoiceActivity, 'emotion/voice_activity', qos.RESULT
            ),
            'state': self.node.create_publisher(
                MultimodalState, 'emotion/multimodal/state', qos.LATCHED
            ),
            'game': self.node.create_publisher(GameState, 'emotion/game/state', qos.LATCHED),
        }
        self.screens: list[Image] = []
        self._watch = None
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.view)
        self.executor.add_node(self.node)

    def close(self) -> None:
        self.executor.shutdown()
        self.view.destroy_node()
        self.node.destroy_node()
        self.context.try_shutdown()

    def until(self, done, timeout: float = 60.0) -> bool:
        end = time.monotonic() + timeout
        while not done() and time.monotonic() < end:
            self.executor.spin_once(0.02)
        return bool(done())

    def watch(self) -> None:
        self._watch = self.node.create_subscription(
            Image, 'emotion/view', self.screens.append, qos.IMAGE
        )
        # The faces come last of what it listens to.
        assert self.until(
            lambda: (
                self.screens
                and all(
                    self.out[name].get_subscription_count() for name in ('image', 'faces', 'level')
                )
            )
        )

    def leave(self) -> None:
        self.node.destroy_subscription(self._watch)

    def picture(self, stamp: float = 100.0, grey: int = 120) -> None:
        picture = np.full((240, 320, 3), grey, np.uint8)
        self.out['image'].publish(array_to_image(picture, Header(stamp=to_stamp(stamp))))

    def face(self, emotion: int = EmotionPrediction.HAPPY) -> EmotionPrediction:
        vector = np.full(6, 0.04, np.float32)
        vector[emotion] = 0.8
        return to_prediction(
            Header(stamp=to_stamp(100.0)),
            EmotionPrediction.FACE,
            'face_1',
            vector,
            region=to_region((100, 60, 80, 100), 320, 240),
        )

    def state(self, phase: int, **fields) -> None:
        self.out['state'].publish(
            MultimodalState(
                phase=phase,
                phase_name=('WAITING_FACE', 'LISTENING', 'SHOW_RESULT')[phase],
                prompt='HOLD',
                cycle=1,
                remaining=float('nan'),
                duration=float('nan'),
                **fields,
            )
        )

    def shown(self, name: str, timeout: float = 60.0) -> Image:
        assert self.until(
            lambda: self.screens and self.screens[-1].header.frame_id == name, timeout
        ), self.screens[-1].header.frame_id if self.screens else None
        return self.screens[-1]


@pytest.fixture
def studio(ros_domain) -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.close()


def amount(message: Image, colour: tuple[int, int, int]) -> int:
    return int((image_to_array(message) == np.array(colour, np.uint8)).all(axis=2).sum())


def test_nobody_watches_so_nothing_is_taken_from_the_camera_or_drawn(studio):
    studio.until(lambda: False, 0.8)
    assert studio.out['image'].get_subscription_count() == 0
    assert studio.view._drawn is None


def test_it_draws_while_somebody_watches_and_rests_afterwards(studio):
    studio.watch()
    studio.picture()
    assert studio.until(lambda: studio.screens[-1].header.stamp.sec == 100)
    studio.leave()
    assert studio.until(lambda: studio.out['image'].get_subscription_count() == 0)


def test_the_screen_has_the_size_that_was_asked_for_and_the_stamp_of_its_frame(studio):
    studio.watch()
    studio.picture(123.5)
    assert studio.until(lambda: studio.screens[-1].header.stamp.sec == 123)
    screen = studio.screens[-1]
    assert (screen.width, screen.height, screen.encoding) == (640, 360, 'bgr8')
    assert screen.header.stamp.nanosec == 500_000_000


def test_a_compressed_screen_is_a_jpeg_of_the_same(studio):
    coded: list[CompressedImage] = []
    studio.node.create_subscription(
        CompressedImage, 'emotion/view/compressed', coded.append, qos.IMAGE
    )
    assert studio.until(lambda: coded)
    picture = cv2.imdecode(np.frombuffer(coded[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (360, 640, 3)
    assert 'jpeg' in coded[0].format


def test_auto_shows_what_is_under_way(studio):
    studio.watch()
    studio.shown('perception/LIVE')
    studio.state(WAITING)
    studio.shown('multimodal/WAITING_FACE')
    studio.out['game'].publish(GameState(phase=GameState.WAITING_PLAYERS))
    studio.shown('game/WAITING_PLAYERS')
    studio.out['game'].publish(GameState(phase=GameState.IDLE))
    studio.shown('multimodal/WAITING_FACE')


def test_the_screen_can_be_chosen_while_it_runs(studio):
    studio.state(WAITING)
    studio.watch()
    studio.shown('multimodal/WAITING_FACE')
    studio.view.set_parameters([Parameter('screen', value='perception')])
    studio.shown('perception/LIVE')
    assert not studio.view.set_parameters([Parameter('screen', value='nonsense')])[0].successful


def test_a_face_is_marked_with_its_emotion_until_it_is_gone(studio):
    studio.watch()
    studio.picture()
    happy = theme.emotion_colour(EmotionPrediction.HAPPY)
    assert amount(studio.screens[-1], happy) == 0
    studio.out['faces'].publish(
        EmotionPredictionArray(predictions=[studio.face()], primary_id='face_1')
    )
    assert studio.until(lambda: amount(studio.screens[-1], happy) > 100)
    studio.out['faces'].publish(EmotionPredictionArray())
    assert studio.until(lambda: amount(studio.screens[-1], happy) == 0)


def test_a_camera_that_falls_silent_leaves_no_old_picture_behind(studio):
    studio.watch()
    studio.picture(grey=77)
    grey = (77, 77, 77)
    assert studio.until(lambda: amount(studio.screens[-1], grey) > 1000)
    assert studio.until(lambda: amount(studio.screens[-1], grey) == 0)


def test_the_locked_face_is_shown_while_listening(studio):
    studio.state(WAITING)
    studio.watch()
    studio.picture(stamp=100.0, grey=99)
    assert studio.until(lambda: amount(studio.screens[-1], (99, 99, 99)) > 1000)
    studio.state(LISTENING, has_face=True, face=studio.face())
    screen = studio.shown('multimodal/LISTENING')
    # The picture behind is dimmed; only the cut-out keeps its grey.
    assert 500 < amount(screen, (99, 99, 99)) < 10_000


def test_a_countdown_moves_between_two_states(studio):
    studio.out['state'].publish(
        MultimodalState(
            phase=LISTENING,
            phase_name='LISTENING',
            prompt='SPEAK NOW',
            remaining=6.0,
            duration=6.0,
            cycle=1,
        )
    )
    studio.watch()
    first = image_to_array(studio.shown('multimodal/LISTENING'))
    assert studio.until(lambda: not np.array_equal(image_to_array(studio.screens[-1]), first))


def test_rubbish_is_left_out_with_a_warning_and_the_view_goes_on(studio):
    studio.watch()
    studio.out['image'].publish(Image(width=10, height=10, encoding='bgr8', step=3))
    assert studio.until(lambda: studio.view._report.warnings >= 1)
    studio.out['state'].publish(MultimodalState(phase=77))
    assert studio.until(lambda: studio.view._report.warnings >= 2)
    bad = studio.face()
    bad.probabilities = np.full(6, np.nan, np.float32)
    studio.out['faces'].publish(EmotionPredictionArray(predictions=[bad], primary_id='face_1'))
    studio.picture(150.0)
    assert studio.until(lambda: studio.screens[-1].header.stamp.sec == 150)


def test_without_a_display_it_says_so_once_and_goes_on(ros_domain, monkeypatch, capfd):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    studio = Studio('-p', 'window:=on')
    try:
        studio.watch()
    finally:
        studio.close()
    assert capfd.readouterr().err.count('no display') == 1
