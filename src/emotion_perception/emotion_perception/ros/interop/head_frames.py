# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Heads as TF frames ``face_<id>``, where the camera's calibration is known.

REP 155 (draft): the frame of a face lies at the root of the nose, its x axis points out of the
face and its z axis up; its parent is the camera's (optical) frame.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from emotion_perception.ros import qos
from emotion_perception.ros.interop.frame import SeenFrame
from emotion_perception.ros.interop.output import Output
from emotion_perception.vision.headpose import head_transform

# Metres between the pupils of an adult: the mean of N. A. Dodgson, "Variation and extrema of human
# interpupillary distance", 2004.
EYE_DISTANCE = 0.063


class HeadFrames(Output):
    """Publishes a transform a face on ``/tf``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(TFMessage, '/tf', qos.AUDIO)
        self._info: Subscription | None = None
        self._k: np.ndarray | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to ``/tf``."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, frame: SeenFrame) -> None:
        """Publish where the heads are; nothing before the camera has said how it sees."""
        if self._info is None:
            self._info = self._node.create_subscription(
                CameraInfo, 'camera/camera_info', self._on_info, qos.SENSOR
            )
        if self._k is None:
            return
        transforms = []
        for item in frame.faces:
            found = head_transform(
                np.asarray(item.face.landmarks).reshape(4, 2), self._k, EYE_DISTANCE
            )
            if found is not None:
                place, turn = found
                transforms.append(
                    TransformStamped(
                        header=frame.header,
                        child_frame_id=f'face_{item.face.id}',
                        transform=Transform(
                            translation=Vector3(x=place[0], y=place[1], z=place[2]),
                            rotation=Quaternion(x=turn[0], y=turn[1], z=turn[2], w=turn[3]),
                        ),
                    )
                )
        if transforms:
            self._publisher.publish(TFMessage(transforms=transforms))

    def rest(self) -> None:
        """Stop listening to the camera."""
        if self._info is not None:
            self._node.destroy_subscription(self._info)
            self._info = None

    def _on_info(self, message: CameraInfo) -> None:
        k = np.asarray(message.k, np.float64).reshape(3, 3)
        # All zero is how a driver says that it is not calibrated (sensor_msgs/CameraInfo).
        self._k = k if k[0, 0] > 0 else None
