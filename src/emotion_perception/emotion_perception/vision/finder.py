# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From a picture to tracked, aligned faces: detector, crops and tracker in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotion_perception.settings import Settings, part, setting
from emotion_perception.vision.align import align, align_box
from emotion_perception.vision.detect import Detection, DetectorSettings
from emotion_perception.vision.detectors import make_detector
from emotion_perception.vision.quality import face_quality
from emotion_perception.vision.track import Tracker, TrackSettings, appearance


@dataclass(frozen=True)
class FinderSettings(Settings):
    """How faces are found, followed and cut out."""

    detector: DetectorSettings = part(DetectorSettings, prefix='')
    tracker: TrackSettings = part(TrackSettings)
    crop_size: int = setting(128, 'Side of the aligned crops, pixels.', low=32, high=512)


@dataclass(frozen=True)
class FoundFace:
    """A tracked face of one picture.

    :param id: of its track.
    :param box: float32 (4,): x, y, width, height, pixels.
    :param score: of the detector, 0 to 1.
    :param landmarks: float32 (4, 2): left eye, right eye, mouth's centre, nose tip, pixels.
    :param quality: 0 to 1.
    :param crop: (crop_size, crop_size, 3) aligned, BGR uint8.
    """

    id: str
    box: np.ndarray
    score: float
    landmarks: np.ndarray
    quality: float
    crop: np.ndarray


class FaceFinder:
    """Find the faces of one picture after the other.

    :raises DetectorError: if the detector cannot be made.
    """

    def __init__(self, settings: FinderSettings = FinderSettings()) -> None:
        self._settings = settings
        self._detector = make_detector(settings.detector)
        self._tracker = Tracker(settings.tracker)

    @property
    def name(self) -> str:
        """Return the detector's name."""
        return self._detector.name

    def warm_up(self) -> None:
        """Run once: the first inference allocates, and a picture should not wait for that."""
        self._detector.detect(np.zeros((480, 640, 3), np.uint8))

    def find(self, picture: np.ndarray, time: float) -> list[FoundFace] | None:
        """Return the faces of a picture, largest first; ``None`` if it comes out of order.

        :param picture: (height, width, 3), BGR uint8.
        :param time: of its acquisition, seconds.
        """
        found = self._detector.detect(picture)
        crops = [self._crop(picture, item) for item in found]
        tracks = self._tracker.update(
            found, time, (picture.shape[1], picture.shape[0]), [appearance(crop) for crop in crops]
        )
        if tracks is None:
            return None
        return [
            FoundFace(
                track.id,
                track.box,
                track.score,
                track.landmarks,
                face_quality(crops[track.index], track.box, track.landmarks),
                crops[track.index],
            )
            for track in tracks
        ]

    def look(self, picture: np.ndarray) -> list[FoundFace]:
        """Return the faces of a picture that stands by itself, largest first.

        Nothing is followed: the ids ``face1``, ``face2``, ... only number the faces.

        :param picture: (height, width, 3), BGR uint8.
        """
        found = sorted(
            self._detector.detect(picture), key=lambda item: -float(item.box[2] * item.box[3])
        )
        faces = []
        for number, item in enumerate(found, 1):
            crop = self._crop(picture, item)
            quality = face_quality(crop, item.box, item.landmarks)
            faces.append(
                FoundFace(f'face{number}', item.box, item.score, item.landmarks, quality, crop)
            )
        return faces

    def reset(self) -> None:
        """Forget the faces of before: the next picture belongs to another film."""
        self._tracker.reset()

    def _crop(self, picture: np.ndarray, detection: Detection) -> np.ndarray:
        size = self._settings.crop_size
        if np.isfinite(detection.landmarks[:3]).all():
            return align(picture, detection.landmarks, size)
        return align_box(picture, detection.box, size)
