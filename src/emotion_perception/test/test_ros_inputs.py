# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a node says of its inputs, and how it follows a driver's transport."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import array_to_image, array_to_jpeg, to_stamp
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.inputs import Input
from emotion_perception.ros.sources import AnySubscription, picture_ways

OK, WARN = DiagnosticStatus.OK, DiagnosticStatus.WARN
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class Listener(Node):
    """Takes pictures as the face detector does; refuses those of one pixel."""

    def __init__(self, **arguments: object) -> None:
        super().__init__('listener', **arguments)
        self.diagnostics = Diagnostics(self)
        self.pictures = self.diagnostics.watch(Image, 'camera/image_raw', 'pictures')
        self.count = 0
        self.input = BusSubscription(self, Image, 'camera/image_raw', self._on_image)

    def _on_image(self, message: Image) -> None:
        self.count += 1
        self.pictures.came()
        if message.width > 1:
            self.pictures.taken()
        else:
            self.pictures.refused('1x1 pixels')


class Room:
    """A listener, and somebody who publishes and reads its diagnostics."""

    def __init__(self, domain: int, *arguments: str) -> None:
        self.context, self.outside = rclpy.context.Context(), rclpy.context.Context()
        for context in (self.context, self.outside):
            rclpy.init(context=context, domain_id=domain)
        self.listener = Listener(
            context=self.context, cli_args=['--ros-args', *arguments] if arguments else None
        )
        self.node = rclpy.create_node('driver', context=self.outside)
        self.said: list[tuple[bytes, str, float]] = []
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._hear, 10)
        self.executors = []
        for context, node in ((self.context, self.listener), (self.outside, self.node)):
            self.executors.append(SingleThreadedExecutor(context=context))
            self.executors[-1].add_node(node)
        self.publisher = None
        self.size = 4

    def _hear(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        self.said.append((status.level, status.message, time.monotonic()))

    def close(self) -> None:
        for executor in self.executors:
            executor.shutdown()
        self.listener.input.destroy()
        self.listener.destroy_node()
        self.node.destroy_node()
        self.context.try_shutdown()
        self.outside.try_shutdown()

    def drive(self, profile: QoSProfile | None, topic: str = 'camera/image_raw') -> None:
        """Publish with another driver from now on; ``None`` unplugs it."""
        if self.publisher is not None:
            self.node.destroy_publisher(self.publisher)
            self.publisher = None
        if profile is not None:
            self.publisher = self.node.create_publisher(Image, topic, profile)

    def until(self, done, timeout: float = 30.0) -> bool:
        end = time.monotonic() + timeout
        due = 0.0
        while not done() and time.monotonic() < end:
            if self.publisher is not None and time.monotonic() >= due:
                due = time.monotonic() + 0.04
                picture = np.zeros((self.size, self.size, 3), np.uint8)
                self.publisher.publish(
                    array_to_image(picture, Header(stamp=to_stamp(time.time())))
                )
            for executor in self.executors:
                executor.spin_once(0.01)
        return bool(done())

    def hears(self, level: bytes, text: str) -> float:
        """Wait for a status; return the seconds until it came."""
        begin = time.monotonic()
        self.said.clear()

        def said() -> bool:
            return any(found == level and text in words for found, words, _ in self.said)

        assert self.until(said), self.said[-3:]
        return next(when for found, words, when in self.said if text in words) - begin


@pytest.fixture
def room(ros_domain: int) -> Iterator[Room]:
    room = Room(ros_domain)
    yield room
    room.close()


def test_a_topic_that_nobody_publishes_is_named_with_those_that_would_do(room: Room) -> None:
    assert room.hears(WARN, 'nobody publishes /camera/image_raw (sensor_msgs/msg/Image)') < 2.0
    assert 'no topic of that type is published' in room.said[-1][1]
    room.drive(RELIABLE, '/usb_cam/image_raw')
    room.hears(WARN, 'topics of that type: /usb_cam/image_raw')
    room.drive(RELIABLE)
    room.hears(OK, 'running')


def test_pictures_that_stop_are_said_within_two_seconds_and_taken_back(room: Room) -> None:
    room.drive(RELIABLE)
    room.hears(OK, 'running')
    driver, room.publisher = room.publisher, None
    assert room.hears(WARN, 'no pictures come on /camera/image_raw') < 2.0
    room.publisher = driver
    assert room.hears(OK, 'running') < 2.0


def test_a_slow_camera_is_no_camera_that_stopped(room: Room) -> None:
    watched = room.listener.pictures
    room.drive(RELIABLE)
    room.hears(OK, 'running')
    # As if a frame had come every 1.5 s.
    watched._pause = 1.5
    driver, room.publisher = room.publisher, None
    begin = time.monotonic()
    room.hears(WARN, 'no pictures come')
    assert time.monotonic() - begin > 3.0
    room.publisher = driver


def test_pictures_that_are_all_refused_are_said_with_the_reason(room: Room) -> None:
    room.drive(RELIABLE)
    room.hears(OK, 'running')
    room.size = 1
    assert room.hears(WARN, 'all pictures on /camera/image_raw are refused: 1x1 pixels') < 2.0
    room.size = 4
    assert room.hears(OK, 'running') < 2.0


def test_a_compressed_topic_is_named_as_the_cause(ros_domain: int) -> None:
    room = Room(ros_domain, '-r', 'camera/image_raw:=/cam/image_raw/compressed')
    try:
        topic = '/cam/image_raw/compressed'
        compressed = room.node.create_publisher(CompressedImage, topic, RELIABLE)
        room.drive(RELIABLE, '/cam/image_raw')
        room.hears(
            WARN,
            f'{topic} carries sensor_msgs/msg/CompressedImage, but sensor_msgs/msg/Image is '
            'needed; topics of that type: /cam/image_raw',
        )
        room.node.destroy_publisher(compressed)
    finally:
        room.close()


def test_the_pictures_of_a_camera_come_in_whichever_way_they_are_published(room: Room) -> None:
    came: list[object] = []
    ways = picture_ways(room.listener, 'front/image_raw')
    subscription = AnySubscription(room.listener, ways, came.append)
    watched = Input(room.listener, ways, 'pictures')
    picture = array_to_image(np.zeros((4, 4, 3), np.uint8), Header())
    jpeg = array_to_jpeg(np.zeros((4, 4, 3), np.uint8), Header(), 90)
    assert watched.trouble().startswith(
        'nobody publishes /front/image_raw (sensor_msgs/msg/Image)'
    )
    for topic, message, profile in (
        ('/front/image_raw/compressed', jpeg, BEST_EFFORT),
        ('/front/image_raw', picture, RELIABLE),
        ('/front/image_raw', jpeg, BEST_EFFORT),
    ):
        publisher = room.node.create_publisher(type(message), topic, profile)
        came.clear()

        def received(publisher=publisher, message=message) -> bool:
            publisher.publish(message)
            watched.came()
            return len(came) > 1 and type(came[-1]) is type(message)

        assert room.until(received), topic
        assert watched.trouble() == ''
        room.node.destroy_publisher(publisher)
    subscription.destroy()


def test_a_description_that_is_not_kept_for_those_who_come_late_is_received(room: Room) -> None:
    came: list[object] = []
    subscription = BusSubscription(room.listener, Image, 'info', came.append, qos.LATCHED)
    publisher = room.node.create_publisher(Image, '/info', BEST_EFFORT)

    def received() -> bool:
        publisher.publish(Image())
        return bool(came)

    assert room.until(received)
    subscription.destroy()


def test_who_rests_misses_nothing(room: Room) -> None:
    room.hears(WARN, 'nobody publishes')
    room.listener.diagnostics.rest(True)
    room.hears(OK, 'running')
    room.listener.diagnostics.rest(False)
    room.hears(WARN, 'nobody publishes')


def test_a_driver_that_comes_back_reliable_is_received_reliably_again(room: Room) -> None:
    def reliability() -> set[ReliabilityPolicy]:
        return {
            info.qos_profile.reliability
            for info in room.node.get_subscriptions_info_by_topic('/camera/image_raw')
        }

    def received() -> bool:
        room.listener.count = 0
        return room.until(lambda: room.listener.count > 3)

    room.drive(BEST_EFFORT)
    assert received()
    assert room.until(lambda: reliability() == {ReliabilityPolicy.BEST_EFFORT})
    room.drive(RELIABLE)
    assert room.until(lambda: reliability() == {ReliabilityPolicy.RELIABLE})
    assert received()
    room.drive(BEST_EFFORT)
    assert room.until(lambda: reliability() == {ReliabilityPolicy.BEST_EFFORT})
    assert received()
