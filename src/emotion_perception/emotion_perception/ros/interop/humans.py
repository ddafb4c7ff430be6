# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Faces and voices as ROS4HRI has them: ``hri_msgs`` under ``/humans``.

REP 155 (draft, https://www.ros.org/reps/rep-0155.html): ``tracked`` lists the identifiers that
are seen now; each has topics of its own, which are there as long as it is tracked. Identifiers of
faces and voices are transient, letters, digits and underscores, a letter first: those of our
tracks are. Emotions stand on the scale of ``hri_msgs/Expression``: Fear is ``scared``, Surprise
``surprised``; valence and arousal are NaN where the model gives none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hri_msgs.msg import (
    Expression,
    FacialLandmarks,
    IdsList,
    NormalizedPointOfInterest2D,
    NormalizedRegionOfInterest2D,
)
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Bool

from emotion_msgs.msg import VoiceActivity
from emotion_perception.ros import qos
from emotion_perception.ros.interop.frame import SeenFace, SeenFrame
from emotion_perception.ros.interop.output import Output

# In the order of our classes.
EXPRESSIONS = (
    Expression.ANGRY,
    Expression.SCARED,
    Expression.HAPPY,
    Expression.NEUTRAL,
    Expression.SAD,
    Expression.SURPRISED,
)
# Our landmarks in their order, as places of hri_msgs; the mouth's centre has none there. The eye
# on the picture's left is the person's right one.
_PLACES = (FacialLandmarks.RIGHT_PUPIL, FacialLandmarks.LEFT_PUPIL, None, FacialLandmarks.NOSE)
_COUNT = 70
_FACES, _VOICES, VOICE = '/humans/faces', '/humans/voices', 'voice'


class _FaceTopics:
    """The topics of one face, as long as it is tracked."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        base = f'{_FACES}/{name}'
        self._roi = self._make(NormalizedRegionOfInterest2D, f'{base}/roi')
        self._crops = [self._make(Image, f'{base}/{kind}') for kind in ('cropped', 'aligned')]
        self._landmarks = self._make(FacialLandmarks, f'{base}/landmarks')
        self._expression = self._make(Expression, f'{base}/expression')

    def _make(self, kind: type, topic: str) -> Publisher:
        return self._node.create_publisher(kind, topic, qos.RESULT)

    def destroy(self) -> None:
        """Take the topics away."""
        for publisher in (self._roi, *self._crops, self._landmarks, self._expression):
            self._node.destroy_publisher(publisher)

    def publish(self, frame: SeenFrame, item: SeenFace) -> None:
        """Publish what anybody listens to."""
        if self._roi.get_subscription_count():
            self._roi.publish(to_region(frame, item))
        for publisher in self._crops:
            if publisher.get_subscription_count():
                publisher.publish(item.face.crop)
        if self._landmarks.get_subscription_count():
            self._landmarks.publish(to_landmarks(frame, item))
        expression = to_expression(item)
        if expression is not None and self._expression.get_subscription_count():
            self._expression.publish(expression)


class Humans(Output):
    """Publishes ``/humans/faces/tracked``, the topics of each face, and those of the voice."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tracked = node.create_publisher(IdsList, f'{_FACES}/tracked', qos.RESULT)
        self._faces: dict[str, _FaceTopics] = {}

    @property
    def wanted(self) -> bool:
        """Whether anybody asks which faces are there: who wants a face learns its name so."""
        return self._tracked.get_subscription_count() > 0

    def publish(self, frame: SeenFrame) -> None:
        """Publish who is there, and each of them."""
        self._keep([item.face.id for item in frame.faces])
        self._tracked.publish(IdsList(header=frame.header, ids=list(self._faces)))
        for item in frame.faces:
            self._faces[item.face.id].publish(frame, item)

    def rest(self) -> None:
        """Take the topics of all faces away."""
        self._keep([])

    def _keep(self, names: Sequence[str]) -> None:
        for gone in set(self._faces) - set(names):
            self._faces.pop(gone).destroy()
        for name in names:
            if name not in self._faces:
                self._faces[name] = _FaceTopics(self._node, name)


class HumanVoice:
    """Publishes ``/humans/voices/tracked`` and whether the voice speaks."""

    def __init__(self, node: Node) -> None:
        self._tracked = node.create_publisher(IdsList, f'{_VOICES}/tracked', qos.RESULT)
        self._speaking = node.create_publisher(Bool, f'{_VOICES}/{VOICE}/is_speaking', qos.RESULT)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return any(
            publisher.get_subscription_count() for publisher in (self._tracked, self._speaking)
        )

    def take(self, message: VoiceActivity) -> None:
        """Publish who is heard: nobody in silence."""
        ids = [VOICE] if message.speaking else []
        self._tracked.publish(IdsList(header=message.header, ids=ids))
        self._speaking.publish(Bool(data=message.speaking))


def to_region(frame: SeenFrame, item: SeenFace) -> NormalizedRegionOfInterest2D:
    """Return the box of a face, 0 to 1."""
    region = item.face.region
    return NormalizedRegionOfInterest2D(
        header=frame.header,
        xmin=region.x_offset / frame.width,
        ymin=region.y_offset / frame.height,
        xmax=(region.x_offset + region.width) / frame.width,
        ymax=(region.y_offset + region.height) / frame.height,
        c=item.face.score,
    )


def to_landmarks(frame: SeenFrame, item: SeenFace) -> FacialLandmarks:
    """Return the landmarks of a face, 0 to 1; those that are not known have no confidence."""
    points = [NormalizedPointOfInterest2D() for _ in range(_COUNT)]
    values = [float(value) for value in item.face.landmarks]
    for place, x, y in zip(_PLACES, values[::2], values[1::2]):
        if place is not None and math.isfinite(x) and math.isfinite(y):
            points[place] = NormalizedPointOfInterest2D(
                x=min(max(x / frame.width, 0.0), 1.0),
                y=min(max(y / frame.height, 0.0), 1.0),
                c=item.face.score,
            )
    return FacialLandmarks(
        header=frame.header, landmarks=points, height=frame.height, width=frame.width
    )


def to_expression(item: SeenFace) -> Expression | None:
    """Return the expression of a face; ``None`` where the model abstained."""
    found = item.prediction
    if found is None or not item.label:
        return None
    return Expression(
        header=found.header,
        expression=EXPRESSIONS[found.emotion],
        valence=found.valence,
        arousal=found.arousal,
        confidence=found.confidence,
    )
