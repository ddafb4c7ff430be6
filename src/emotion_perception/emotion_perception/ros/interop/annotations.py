# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Boxes, landmarks and labels as ``foxglove_msgs/ImageAnnotations``.

https://docs.foxglove.dev/docs/sdk/schemas/image-annotations: all of one message replace those
of the last one, and stand at the picture of their stamp.
"""

from __future__ import annotations

from foxglove_msgs.msg import Color, ImageAnnotations, Point2, PointsAnnotation, TextAnnotation
from rclpy.node import Node

from emotion_perception.ros import qos
from emotion_perception.ros.interop.colours import colour
from emotion_perception.ros.interop.frame import SeenFrame
from emotion_perception.ros.interop.markers import landmarks
from emotion_perception.ros.interop.output import Output

# Share of the picture's height.
_FONT = 1 / 24
_LINE = 2.0


class Annotations(Output):
    """Publishes ``emotion/annotations``."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(
            ImageAnnotations, 'emotion/annotations', qos.RESULT
        )

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, frame: SeenFrame) -> None:
        """Publish all faces of a frame."""
        self._publisher.publish(to_annotations(frame))


def to_annotations(frame: SeenFrame) -> ImageAnnotations:
    """Return a box, landmarks and a label for each face; without faces, none."""
    stamp = frame.header.stamp
    size = max(10.0, frame.height * _FONT)
    message = ImageAnnotations()
    for item in frame.faces:
        red, green, blue = colour(item)
        ink = Color(r=red, g=green, b=blue, a=1.0)
        region = item.face.region
        left, top = float(region.x_offset), float(region.y_offset)
        right, bottom = left + region.width, top + region.height
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        for kind, places in (
            (PointsAnnotation.LINE_LOOP, corners),
            (PointsAnnotation.POINTS, landmarks(item)),
        ):
            if places:
                message.points.append(
                    PointsAnnotation(
                        timestamp=stamp,
                        type=kind,
                        points=[Point2(x=x, y=y) for x, y in places],
                        outline_color=ink,
                        fill_color=ink if kind == PointsAnnotation.POINTS else Color(),
                        thickness=_LINE if kind == PointsAnnotation.LINE_LOOP else 2 * _LINE,
                    )
                )
        message.texts.append(
            TextAnnotation(
                timestamp=stamp,
                position=Point2(x=left, y=max(size, top)),
                text=f'{item.face.id} {item.label}'.strip(),
                font_size=size,
                text_color=ink,
                background_color=Color(r=0.0, g=0.0, b=0.0, a=0.6),
            )
        )
    return message
