# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A browser's camera and microphone on the topics that a driver's would be on."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_apps.web.graph.messages import stamp_key
from emotion_apps.web.publisher import CodedPicture
from emotion_apps.web.settings import WebSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import array_to_image, to_stamp
from emotion_perception.ros.sound_publisher import SoundPublisher
from emotion_perception.ros.worker import LatestWorker

# A picture that took longer to come, seconds, is stamped as if it had not: its clock is wrong.
_OLDEST = 5.0


class Devices:
    """The :class:`~emotion_apps.web.publisher.Publisher` of the graph.

    :param settings: which of the two a browser stands in for.
    :param warn: told of what cannot be read.
    """

    def __init__(
        self, node: Node, settings: WebSettings, warn: Callable[[str, str], None]
    ) -> None:
        self._node = node
        self._settings = settings
        self._warn = warn
        self._images: BusPublisher | None = None
        self._worker: LatestWorker[CodedPicture] | None = None
        self._sound: SoundPublisher | None = None
        self.size = ''
        """Of the newest picture, for instance ``640x480``."""
        self.pictures = 0
        """Published so far."""
        self.blocks = 0
        """Blocks of sound published so far."""
        self.last_picture = self.last_sound = -1e9
        """Steady time of the newest."""
        if settings.camera:
            self._images = BusPublisher(node, Image, 'camera/image_raw', qos.CAMERA)
            self._worker = LatestWorker(self._decode, self._on_failure, 'browser camera')
        if settings.microphone:
            self._sound = SoundPublisher(node)

    @property
    def camera(self) -> bool:
        """Whether a browser may be the camera."""
        return self._images is not None

    @property
    def microphone(self) -> bool:
        """Whether a browser may be the microphone."""
        return self._settings.microphone

    @property
    def replaced(self) -> int:
        """Pictures that a newer one replaced before they were unpacked."""
        return 0 if self._worker is None else self._worker.dropped

    def destroy(self) -> None:
        """End the worker and its publisher; the node ends the rest."""
        if self._worker is not None:
            self._worker.stop()
        if self._images is not None:
            self._images.destroy()

    def take_picture(self, picture: CodedPicture) -> None:
        """Publish a picture soon, unless a newer one comes first."""
        if self._worker is not None:
            self._worker.put(picture)

    def publish_picture(self, picture: np.ndarray, taken: float) -> Time:
        """Publish a picture (BGR) and return its stamp.

        :param taken: when it was taken, steady seconds.
        """
        stamp = self._stamp(taken)
        header = Header(stamp=stamp, frame_id=self._settings.camera_frame_id)
        self.size = f'{picture.shape[1]}x{picture.shape[0]}'
        self.pictures += 1
        self.last_picture = time.monotonic()
        if self._images is not None:
            self._images.publish(array_to_image(picture, header))
        return stamp

    def publish_sound(
        self, data: bytes | memoryview, rate: int, channels: int, taken: float
    ) -> None:
        """Publish a block of sound, S16LE.

        :param taken: when its first sample was taken, steady seconds.
        """
        header = Header(stamp=self._stamp(taken), frame_id=self._settings.microphone_frame_id)
        self.blocks += 1
        self.last_sound = time.monotonic()
        if self._sound is not None:
            self._sound.publish(data, rate, channels, header)

    def _stamp(self, taken: float) -> Time:
        """Return ROS time of a steady time; the clock may be simulated, the age is real."""
        age = min(max(0.0, time.monotonic() - taken), _OLDEST)
        return to_stamp(max(0.0, self._node.get_clock().now().nanoseconds * 1e-9 - age))

    def _decode(self, coded: CodedPicture) -> None:
        picture = cv2.imdecode(np.frombuffer(coded.data, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            self._warn('picture', "a browser's picture cannot be read; it is left out")
            coded.done('')
            return
        coded.done(stamp_key(self.publish_picture(picture, coded.time)))

    def _on_failure(self, error: Exception) -> None:
        if self._node.context.ok():
            self._warn('picture', f'a picture was left out: {type(error).__name__}: {error}')
