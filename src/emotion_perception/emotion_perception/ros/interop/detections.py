# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Faces as ``vision_msgs/Detection2DArray``, with the six emotions as hypotheses.

https://github.com/ros-perception/vision_msgs: a class is a text, a hypothesis has a score from 0
to 1, and ``id`` follows an object from frame to frame.
"""

from __future__ import annotations

from rclpy.node import Node
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)

from emotion_perception.emotions import EMOTIONS
from emotion_perception.ros import qos
from emotion_perception.ros.interop.frame import SeenFace, SeenFrame
from emotion_perception.ros.interop.output import Output


class Detections(Output):
    """Publishes ``emotion/faces/detections_2d``."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(
            Detection2DArray, 'emotion/faces/detections_2d', qos.RESULT
        )

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, frame: SeenFrame) -> None:
        """Publish all faces of a frame, none included."""
        self._publisher.publish(to_detections(frame))


def to_detections(frame: SeenFrame) -> Detection2DArray:
    """Return the faces of a frame, the most probable emotion of each first."""
    return Detection2DArray(
        header=frame.header,
        detections=[
            Detection2D(
                header=frame.header,
                id=item.face.id,
                bbox=_box(item),
                results=_hypotheses(item),
            )
            for item in frame.faces
        ],
    )


def _box(item: SeenFace) -> BoundingBox2D:
    region = item.face.region
    centre = Point2D(x=region.x_offset + region.width / 2, y=region.y_offset + region.height / 2)
    return BoundingBox2D(
        center=Pose2D(position=centre),
        size_x=float(region.width),
        size_y=float(region.height),
    )


def _hypotheses(item: SeenFace) -> list[ObjectHypothesisWithPose]:
    """Return all six; nothing where the model abstained or is not there."""
    if not item.label or item.prediction is None:
        return []
    scores = sorted(zip(item.prediction.probabilities, EMOTIONS), reverse=True)
    return [
        ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id=name, score=float(score)))
        for score, name in scores
    ]
