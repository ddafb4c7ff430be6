#!/usr/bin/env python3
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A node that greets who smiles: what a robot does with ``/emotion/face``.

::

    ./emotion run face &
    ./emotion exec python examples/react_to_a_face.py

With ROS 2 installed: ``ros2 launch emotion_bringup perception.launch.py``, then this file.
"""

from __future__ import annotations

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from emotion_msgs.msg import EmotionPrediction


class Greeter(Node):
    """Say one greeting to each person, once his smile has held."""

    def __init__(self) -> None:
        super().__init__('greeter')
        self._greeted: set[str] = set()
        self._publisher = self.create_publisher(String, 'greeting', 10)
        self.create_subscription(EmotionPrediction, 'emotion/face', self._on_face, 10)

    def _on_face(self, face: EmotionPrediction) -> None:
        # Stable: the label has held, so that one odd frame makes nobody wave.
        smiles = face.stable and face.emotion == EmotionPrediction.HAPPY and face.confidence > 0.6
        if smiles and face.subject_id not in self._greeted:
            self._greeted.add(face.subject_id)
            self._publisher.publish(String(data=f'Hello, {face.subject_id}!'))
            self.get_logger().info(f'{face.subject_id} smiles ({face.confidence:.0%}): hello!')


def main() -> None:
    """Run the node until Ctrl-C."""
    rclpy.init()
    try:
        rclpy.spin(Greeter())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
