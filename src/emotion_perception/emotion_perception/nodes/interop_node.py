# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Say what is perceived in the messages of others: Foxglove, RViz, vision_msgs, ROS4HRI, TF."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from emotion_msgs.msg import EmotionPredictionArray, FaceArray, VoiceActivity
from emotion_perception.nodes.settings import InteropSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import to_seconds
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.interop.frame import FrameJoiner, SeenFrame
from emotion_perception.ros.interop.output import Output
from emotion_perception.ros.interop.outputs import installed, make_outputs
from emotion_perception.ros.main import run
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.stamps import now
from emotion_perception.ros.timer import steady_timer

# Seconds between two looks at whether anybody listens.
_LOOK = 0.25


class InteropNode(Node):
    """Subscribe ``emotion/detections``, ``emotion/faces`` and ``emotion/voice_activity``.

    It publishes each output whose messages are installed, and listens only while somebody
    listens to one: ``emotion/annotations``, ``emotion/markers``,
    ``emotion/faces/detections_2d``, ``/humans/...``, ``/tf``.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('interop_node', **arguments)
        Parameters(self, InteropSettings)
        self._report = Reporter(self)
        found = make_outputs(self)
        self._outputs: dict[str, Output] = found.outputs
        self._resting: set[str] = set(found.outputs)
        # Imported where hri_msgs is there; it has no part in frames.
        self._voice: Any = None
        if installed('hri_msgs'):
            humans = importlib.import_module('emotion_perception.ros.interop.humans')
            self._voice = humans.HumanVoice(self)
        self._diagnostics = Diagnostics(self, self._facts)
        self._joiner = FrameJoiner()
        self._bare = False
        self._faces: BusSubscription | None = None
        self._emotions: Subscription | None = None
        self._activity: Subscription | None = None
        if found.missing:
            self.get_logger().info(
                f'not installed, and so not published: {", ".join(found.missing)}'
            )
        steady_timer(self, _LOOK, self._look)

    def destroy_node(self) -> None:
        """Leave the bus."""
        if self._faces is not None:
            self._faces.destroy()
        super().destroy_node()

    def _facts(self) -> dict[str, object]:
        awake = [name for name in self._outputs if name not in self._resting]
        return {'outputs': ', '.join(awake) or 'none', 'warnings': self._report.warnings}

    def _look(self) -> None:
        """Begin or end to listen."""
        for name, output in self._outputs.items():
            if output.wanted:
                self._resting.discard(name)
            elif name not in self._resting:
                self._resting.add(name)
                output.rest()
        wanted = len(self._resting) < len(self._outputs)
        if wanted and self._faces is None:
            self._faces = BusSubscription(self, FaceArray, 'emotion/detections', self._on_faces)
            self._emotions = self.create_subscription(
                EmotionPredictionArray, 'emotion/faces', self._on_emotions, qos.RESULT
            )
        elif not wanted and self._faces is not None:
            self._faces.destroy()
            self._faces = None
            if self._emotions is not None:
                self.destroy_subscription(self._emotions)
                self._emotions = None
        self._bare = wanted and self.count_publishers('emotion/faces') == 0
        voice = self._voice is not None and self._voice.wanted
        if voice and self._activity is None:
            self._activity = self.create_subscription(
                VoiceActivity, 'emotion/voice_activity', self._voice.take, qos.RESULT
            )
        elif not voice and self._activity is not None:
            self.destroy_subscription(self._activity)
            self._activity = None

    def _on_faces(self, message: FaceArray) -> None:
        self._publish(self._joiner.take_faces(message, alone=self._bare))

    def _on_emotions(self, message: EmotionPredictionArray) -> None:
        self._publish(self._joiner.take_emotions(message))

    def _publish(self, frame: SeenFrame | None) -> None:
        if frame is None:
            return
        for name, output in self._outputs.items():
            if name in self._resting:
                continue
            try:
                output.publish(frame)
            except Exception as error:
                if not self.context.ok():
                    return  # Ctrl-C: nothing can be published any more.
                self._report.warn(name, f'a frame was left out for {name}: {error!r}')
        self._diagnostics.tick(now(self) - to_seconds(frame.header.stamp))


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(InteropNode, args)
