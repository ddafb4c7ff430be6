# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Publish pictures: from a camera, a video file, a stream, an image or a folder of images."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from emotion_perception.media.backoff import Backoff
from emotion_perception.nodes.settings import CameraSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import array_to_image, to_stamp
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.main import run
from emotion_perception.ros.parameters import ConfigurationError, Parameters
from emotion_perception.vision.calibration import (
    Calibration,
    CalibrationError,
    load_calibration,
)
from emotion_perception.vision.source import Frame
from emotion_perception.vision.sources import Source


class CameraNode(Node):
    """Publish ``camera/image_raw`` (bgr8) and, if calibrated, ``camera/camera_info``.

    The stamp is the time at which a picture was taken (of a file: at which it was due). A camera
    or stream that is missing or lost is tried again with growing pauses.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('camera_node', **arguments)
        self._settings = Parameters(self, CameraSettings).value
        self._calibration = self._load_calibration()
        self._size = ''
        self._diagnostics = Diagnostics(self, self._facts)
        self._images = BusPublisher(self, Image, 'camera/image_raw', qos.CAMERA)
        self._infos = (
            self.create_publisher(CameraInfo, 'camera/camera_info', qos.CAMERA)
            if self._calibration
            else None
        )
        self._stop = threading.Event()
        self._source: Source | None = None
        self._thread = threading.Thread(target=self._run, name='camera', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Let go of the camera before the publishers go."""
        self._stop.set()
        source = self._source
        if source is not None:
            source.close()
        self._thread.join()
        self._images.destroy()
        super().destroy_node()

    def _load_calibration(self) -> Calibration | None:
        if not self._settings.calibration:
            return None
        try:
            return load_calibration(self._settings.calibration)
        except CalibrationError as error:
            raise ConfigurationError(f'{self.get_name()}: calibration: {error}') from error

    def _facts(self) -> dict[str, object]:
        return {'device': self._settings.source, 'size': self._size}

    def _run(self) -> None:
        """Play the source to its end; one that cannot be played is tried again."""
        pauses = Backoff()
        while not self._stop.is_set():
            self._source = Source(self._settings, self._on_notice, self._images.rest)
            if self._stop.is_set():
                # destroy_node may have come between the two.
                self._source.close()
            try:
                if self._play(self._source):
                    return
            except Exception as error:
                if not self.context.ok():
                    # Ctrl-C: nothing can be published any more.
                    return
                # A MediaError, or what a library makes of a strange file: the node goes on.
                pause = pauses.next()
                self.get_logger().error(f'{error}; next try in {pause:g} s')
                self._diagnostics.error(str(error))
                self._stop.wait(pause)
            finally:
                self._source.close()

    def _play(self, source: Source) -> bool:
        """Publish what the source gives; return ``True`` at its end."""
        if self._settings.wait and source.kind in ('video', 'folder'):
            self._await_listener()
        while not self._stop.is_set():
            frame = source.read()
            if frame is None:
                break
            self._diagnostics.ok()
            self._publish(frame)
        if not self._stop.is_set():
            self.get_logger().info(f'{self._settings.source} is at its end')
            self._diagnostics.ok('the source is at its end')
        return True

    def _await_listener(self) -> None:
        self._diagnostics.ok('waiting for a subscriber')
        while not self._stop.is_set() and not self._images.wanted:
            self._stop.wait(0.05)

    def _publish(self, frame: Frame) -> None:
        # The clock is ROS's own (it may be simulated); the age of the frame is real.
        age = time.monotonic() - frame.time
        now = self.get_clock().now().nanoseconds * 1e-9
        header = Header(stamp=to_stamp(max(0.0, now - age)), frame_id=self._settings.frame_id)
        height, width = frame.image.shape[:2]
        if f'{width}x{height}' != self._size:
            self._size = f'{width}x{height}'
            self.get_logger().info(f'{self._settings.source}: {self._size} pixels')
            self._compare_shape(width, height)
        self._images.publish(array_to_image(frame.image, header))
        if self._infos is not None and self._calibration is not None:
            self._infos.publish(_info(header, self._calibration.scaled(width, height)))
        self._diagnostics.tick(time.monotonic() - frame.time)

    def _compare_shape(self, width: int, height: int) -> None:
        calibration = self._calibration
        if calibration and abs(width * calibration.height - height * calibration.width) > max(
            width, height
        ):
            self.get_logger().warning(
                f'{self._settings.calibration} is for {calibration.width}x{calibration.height} '
                f'pixels, but the pictures have another shape: {width}x{height}'
            )

    def _on_notice(self, text: str) -> None:
        if self._source is not None and self._source.lost:
            self.get_logger().warning(text)
            self._diagnostics.warn(text)
        else:
            self.get_logger().info(text)


def _info(header: Header, calibration: Calibration) -> CameraInfo:
    return CameraInfo(
        header=header,
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.model,
        d=list(calibration.d),
        k=list(calibration.k),
        r=list(calibration.r),
        p=list(calibration.p),
    )


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    # What OpenCV has to say about a missing camera the node says itself, once and clearly.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    run(CameraNode, args)
