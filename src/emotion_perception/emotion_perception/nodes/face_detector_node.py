# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Find and track the faces of each picture."""

from __future__ import annotations

from typing import Any

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_msgs.msg import Face, FaceArray
from emotion_perception.nodes.settings import FaceDetectorSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher, BusSubscription
from emotion_perception.ros.convert import (
    ImageError,
    array_to_image,
    image_to_array,
    to_region,
    to_seconds,
)
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import StampedLine, Stamps, now
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.timing import Order
from emotion_perception.vision.finder import FaceFinder, FoundFace


class FaceDetectorNode(ModelNode[FaceDetectorSettings, FaceFinder]):
    """Subscribe ``camera/image_raw``; publish ``emotion/detections`` for each processed frame."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('face_detector_node', FaceDetectorSettings, **arguments)

    def load(self, settings: FaceDetectorSettings) -> FaceFinder:
        """Make detector and tracker."""
        finder = FaceFinder(settings.finder)
        finder.warm_up()
        return finder

    def start(self, loaded: FaceFinder) -> Work:
        """Take pictures."""
        return _Detecting(self, loaded)

    def facts(self, loaded: FaceFinder | None) -> dict[str, object]:
        """Return what the diagnostics say besides rate and latency."""
        model = loaded.name if loaded else self.settings.finder.detector.detector
        return {'model': model, 'device': 'cpu'}


class _Detecting(Work):
    """Finds faces while the node is active."""

    def __init__(self, node: FaceDetectorNode, finder: FaceFinder) -> None:
        self._node = node
        self._finder = finder
        self._finder.reset()
        self._stamps = Stamps(node, 'camera/image_raw')
        self._line = StampedLine(node, 'camera/image_raw')
        self._pictures = node.diagnostics.watch(Image, 'camera/image_raw', 'pictures')
        self._publisher = BusPublisher(node, FaceArray, 'emotion/detections', qos.IMAGE)
        self._worker = LatestWorker(self._work, self._on_failure, 'face_detector')
        self._subscription = BusSubscription(node, Image, 'camera/image_raw', self._on_image)

    def stop(self) -> None:
        """Take no more pictures."""
        self._subscription.destroy()
        self._worker.stop()
        self._publisher.destroy()
        self._node.diagnostics.leave(self._pictures)

    def facts(self) -> dict[str, object]:
        """Return what was left out."""
        return {'dropped': self._worker.dropped, 'out_of_order': self._line.late}

    def _on_image(self, message: Image) -> None:
        if self._node.enabled:
            self._pictures.came()
            self._worker.put((message, self._stamps.header(message.header)))

    def _work(self, item: tuple[Image, Header]) -> None:
        message, header = item
        time = to_seconds(header.stamp)
        order = self._line.take(time)
        if order is Order.LATE:
            return
        if order is Order.ANEW:
            self._finder.reset()
        picture = image_to_array(message)
        self._pictures.taken()
        faces = [
            self._face(message, header, face) for face in self._finder.find(picture, time) or ()
        ]
        result = FaceArray(header=header, image_width=message.width, image_height=message.height)
        result.faces = [face for face in faces if face.region.width and face.region.height]
        self._publisher.publish(result)
        self._node.diagnostics.tick(now(self._node) - time)

    def _face(self, message: Image, header: Header, face: FoundFace) -> Face:
        return Face(
            id=face.id,
            region=to_region(face.box, message.width, message.height),
            score=face.score,
            landmarks=face.landmarks.ravel(),
            quality=face.quality,
            crop=array_to_image(face.crop, header),
        )

    def _on_failure(self, error: Exception) -> None:
        if not self._node.context.ok():
            # Ctrl-C: nothing can be published any more.
            return
        self._pictures.refused(str(error))
        kind = 'image' if isinstance(error, ImageError) else type(error).__name__
        self._node.report.warn(kind, f'a picture was left out: {error}')


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FaceDetectorNode, args)
