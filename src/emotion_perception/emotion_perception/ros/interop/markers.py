# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Boxes and landmarks as ``visualization_msgs/ImageMarker``, over the camera's own picture.

A message holds one marker. Its name space is the track, so that tools replace the markers of a
face by the newer ones; they live for half a second, and those of a face that left are removed.
``emotion/annotations`` is theirs, unless ``foxglove_msgs`` is installed: a topic has one type, and
that one shows labels, too.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import ImageMarker

from emotion_perception.ros import qos
from emotion_perception.ros.interop.colours import colour
from emotion_perception.ros.interop.frame import SeenFace, SeenFrame
from emotion_perception.ros.interop.output import Output

_BOX, _LANDMARKS = 0, 1
_LIFE = Duration(nanosec=500_000_000)


def topic() -> str:
    """Return where markers are published."""
    other = importlib.util.find_spec('foxglove_msgs') is not None
    return 'emotion/markers' if other else 'emotion/annotations'


class Markers(Output):
    """Publishes ``emotion/annotations``, or ``emotion/markers`` beside Foxglove's."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(ImageMarker, topic(), qos.RESULT)
        self._shown: set[str] = set()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, frame: SeenFrame) -> None:
        """Publish two markers a face, and take those of faces that left away."""
        present = {item.face.id for item in frame.faces}
        for gone in self._shown - present:
            for number in (_BOX, _LANDMARKS):
                marker = ImageMarker(header=frame.header, ns=gone, id=number)
                marker.action = ImageMarker.REMOVE
                self._publisher.publish(marker)
        self._shown = present
        for item in frame.faces:
            for marker in to_markers(frame, item):
                self._publisher.publish(marker)

    def rest(self) -> None:
        """Forget what was shown: who comes later has none of it."""
        self._shown.clear()


def to_markers(frame: SeenFrame, item: SeenFace) -> Iterator[ImageMarker]:
    """Yield the markers of a face: its box, and its landmarks if there are any."""
    red, green, blue = colour(item)
    region = item.face.region
    left, top = float(region.x_offset), float(region.y_offset)
    right, bottom = left + region.width, top + region.height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    points = landmarks(item)
    for number, kind, places in (
        (_BOX, ImageMarker.LINE_STRIP, corners),
        (_LANDMARKS, ImageMarker.POINTS, points),
    ):
        if places:
            yield ImageMarker(
                header=frame.header,
                ns=item.face.id,
                id=number,
                type=kind,
                action=ImageMarker.ADD,
                scale=2.0,
                outline_color=ColorRGBA(r=red, g=green, b=blue, a=1.0),
                lifetime=_LIFE,
                points=[Point(x=x, y=y) for x, y in places],
            )


def landmarks(item: SeenFace) -> Sequence[tuple[float, float]]:
    """Return the landmarks that the detector gave, pixels."""
    values = [float(value) for value in item.face.landmarks]
    pairs = zip(values[::2], values[1::2])
    return [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
