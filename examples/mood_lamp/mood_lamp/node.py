# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``mood_lamp_node``: the colour of what the primary face shows, for any lamp of the robot."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.node import Node
from std_msgs.msg import ColorRGBA

from emotion_msgs.msg import EmotionPrediction
from emotion_perception.ros import main as ros_main
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_seconds
from emotion_perception.ros.parameters import Parameters
from mood_lamp.lamp import Lamp, LampSettings


class MoodLampNode(Node):
    """Subscribe ``emotion/face``, publish ``emotion/mood_lamp/colour`` (latched)."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('mood_lamp_node', **arguments)
        parameters = Parameters(self, LampSettings)
        self._lamp = Lamp(parameters.value)
        parameters.on_change(self._apply)
        self._publisher = self.create_publisher(ColorRGBA, 'emotion/mood_lamp/colour', qos.LATCHED)
        self.create_subscription(EmotionPrediction, 'emotion/face', self._on_face, qos.RESULT)

    def _apply(self, settings: LampSettings) -> None:
        self._lamp.settings = settings

    def _on_face(self, face: EmotionPrediction) -> None:
        probabilities = np.asarray(face.probabilities)
        red, green, blue = self._lamp.shine(probabilities, to_seconds(face.header.stamp))
        self._publisher.publish(ColorRGBA(r=red, g=green, b=blue, a=1.0))


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(MoodLampNode, args)
