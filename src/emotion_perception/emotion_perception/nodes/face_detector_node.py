# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Find and track the faces of each picture."""

from __future__ import annotations

from typing import Any

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from emotion_msgs.msg import Face, FaceArray
from emotion_perception.nodes.settings import FaceDetectorSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import (
    array_to_image,
    image_to_array,
    to_region,
)
from emotion_perception.ros.frame_work import FrameWork
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.main import run
from emotion_perception.ros.sources import picture_ways
from emotion_perception.vision.attention import Attention
from emotion_perception.vision.encodings import ImageError
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


class _Detecting(FrameWork[Image | CompressedImage]):
    """Finds faces while the node is active."""

    def __init__(self, node: FaceDetectorNode, finder: FaceFinder) -> None:
        self._finder = finder
        self._finder.reset()
        self._attention = Attention()
        self._publisher = BusPublisher(node, FaceArray, 'emotion/detections', qos.IMAGE)
        super().__init__(node, picture_ways(node, 'camera/image_raw'), 'pictures')

    def stop(self) -> None:
        """Take no more pictures."""
        super().stop()
        self._publisher.destroy()

    def begin_anew(self) -> None:
        """Forget all tracks."""
        self._finder.reset()
        self._attention.reset()

    def rest(self, time: float) -> float:
        """Take every picture while there is a face, and now and then one while not."""
        return self._attention.rest(time)

    def answer(self, message: Image | CompressedImage, header: Header, time: float) -> None:
        """Publish the faces of a picture."""
        picture = image_to_array(message)
        self.input.taken()
        height, width = picture.shape[:2]
        faces: list[Face] = []
        if self._attention.changed(picture, time):
            found = self._finder.find(picture, time) or ()
            faces = [self._face(face, header, width, height) for face in found]
            self._attention.looked(time, self._finder.seeing)
        result = FaceArray(header=header, image_width=width, image_height=height)
        result.faces = [face for face in faces if face.region.width and face.region.height]
        self._publisher.publish(result)

    def _face(self, face: FoundFace, header: Header, width: int, height: int) -> Face:
        return Face(
            id=face.id,
            region=to_region(face.box, width, height),
            score=face.score,
            landmarks=face.landmarks.ravel(),
            quality=face.quality,
            crop=array_to_image(face.crop, header),
        )

    def leave_out(self, error: Exception) -> None:
        """Say that a picture could not be used."""
        kind = 'image' if isinstance(error, ImageError) else type(error).__name__
        self.node.report.warn(kind, f'a picture was left out: {error}')


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FaceDetectorNode, args)
