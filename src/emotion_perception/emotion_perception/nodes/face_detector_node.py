"""Find and track the faces of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from emotion_msgs.msg import Face, FaceArray
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher, BusSubscription
from emotion_perception.ros.convert import (
    ImageError,
    array_to_image,
    image_to_array,
    to_region,
    to_seconds,
)
from emotion_perception.ros.lifecycle import ModelNode
from emotion_perception.ros.main import run
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.settings import setting
from emotion_perception.vision.align import align, align_box
from emotion_perception.vision.detect import Detection, Detector, DetectorSettings, make_detector
from emotion_perception.vision.quality import face_quality
from emotion_perception.vision.track import Track, Tracker, TrackSettings, appearance


@dataclass(frozen=True)
class FaceDetectorSettings(DetectorSettings, TrackSettings):
    """Settings of the node."""

    crop_size: int = setting(128, 'Side of the aligned crops, pixels.', low=32, high=512)


class FaceDetectorNode(ModelNode):
    """Subscribe ``camera/image_raw``; publish ``emotion/detections`` for each processed frame."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('face_detector_node', FaceDetectorSettings, **arguments)
        self._detector: Detector | None = None
        self._worker: LatestWorker[Image] | None = None

    def load(self) -> None:
        """Make detector and tracker."""
        self._detector = make_detector(self.settings)
        self._tracker = Tracker(self.settings)
        # The first inference allocates; a picture that waits should not pay for it.
        self._detector.detect(np.zeros((480, 640, 3), np.uint8))

    def start(self) -> None:
        """Take pictures."""
        self._publisher = BusPublisher(self, FaceArray, 'emotion/detections', qos.IMAGE)
        self._worker = LatestWorker(self._work, self._on_failure, 'face_detector')
        self._subscription = BusSubscription(self, Image, 'camera/image_raw', self._on_image)

    def stop(self) -> None:
        """Take no more pictures."""
        self._subscription.destroy()
        self._worker.stop()
        self._publisher.destroy()

    def unload(self) -> None:
        """Free the detector."""
        self._detector = None

    def switched(self, enabled: bool) -> None:
        """Say on the diagnostics that the node rests."""
        if self._worker is not None:
            self.diagnostics.ok('running' if enabled else 'disabled')

    def facts(self) -> dict[str, object]:
        """Return what the diagnostics say besides rate and latency."""
        return {'model': self._detector.name if self._detector else self.settings.detector,
                'device': 'cpu', 'dropped': self._worker.dropped if self._worker else 0,
                'warnings': self.report.warnings}

    def _on_image(self, message: Image) -> None:
        if self.enabled:
            self._worker.put(message)

    def _work(self, message: Image) -> None:
        picture = image_to_array(message)
        found = self._detector.detect(picture)
        crops = [self._crop(picture, item) for item in found]
        now = self.get_clock().now().nanoseconds * 1e-9
        # A driver that does not stamp its pictures leaves zero.
        time = to_seconds(message.header.stamp) or now
        tracks = self._tracker.update(found, time, (message.width, message.height),
                                      [appearance(crop) for crop in crops])
        faces = [self._face(message, track, crops[track.index]) for track in tracks]
        result = FaceArray(header=message.header, image_width=message.width,
                           image_height=message.height)
        result.faces = [face for face in faces if face.region.width and face.region.height]
        self._publisher.publish(result)
        self.diagnostics.tick(now - time)

    def _crop(self, picture: np.ndarray, detection: Detection) -> np.ndarray:
        size = self.settings.crop_size
        if np.isfinite(detection.landmarks[:3]).all():
            return align(picture, detection.landmarks, size)
        return align_box(picture, detection.box, size)

    def _face(self, message: Image, track: Track, crop: np.ndarray) -> Face:
        return Face(id=track.id, region=to_region(track.box, message.width, message.height),
                    score=track.score, landmarks=track.landmarks.ravel(),
                    quality=face_quality(crop, track.box, track.landmarks),
                    crop=array_to_image(crop, message.header))

    def _on_failure(self, error: Exception) -> None:
        kind = 'image' if isinstance(error, ImageError) else type(error).__name__
        self.report.warn(kind, f'a picture was left out: {error}')


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FaceDetectorNode, args)
