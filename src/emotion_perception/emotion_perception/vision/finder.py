# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From a picture to tracked, aligned faces: detector or flow, crops and tracker in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotion_perception.settings import Settings, part
from emotion_perception.vision.align import align, align_box
from emotion_perception.vision.detect import Detection, DetectorSettings
from emotion_perception.vision.detectors import make_detector
from emotion_perception.vision.follow import LOOK_AGAIN, Follower
from emotion_perception.vision.quality import face_quality
from emotion_perception.vision.track import Tracker, TrackSettings, appearance

CROP = 128
"""Side of the aligned crops, pixels."""

# Somebody in the middle of a picture of 640 x 480: box; left eye, right eye, mouth, nose tip.
_ANYBODY = Detection(
    np.array([220, 140, 200, 200], np.float32),
    1.0,
    np.array([[270, 220], [370, 220], [320, 310], [320, 260]], np.float32),
)


@dataclass(frozen=True)
class FinderSettings(Settings):
    """How faces are found, followed and cut out."""

    detector: DetectorSettings = part(DetectorSettings, prefix='')
    tracker: TrackSettings = part(TrackSettings)


@dataclass(frozen=True)
class FoundFace:
    """A tracked face of one picture.

    :param id: of its track.
    :param box: float32 (4,): x, y, width, height, pixels.
    :param score: of the detector, 0 to 1.
    :param landmarks: float32 (4, 2): left eye, right eye, mouth's centre, nose tip, pixels.
    :param quality: 0 to 1.
    :param crop: (:data:`CROP`, :data:`CROP`, 3) aligned, BGR uint8.
    """

    id: str
    box: np.ndarray
    score: float
    landmarks: np.ndarray
    quality: float
    crop: np.ndarray


@dataclass(frozen=True)
class Sight:
    """A face as a single picture shows it; whose it is takes the pictures before.

    :param detection: where it is.
    :param crop: (crop_size, crop_size, 3) aligned, BGR uint8.
    :param quality: 0 to 1.
    """

    detection: Detection
    crop: np.ndarray
    quality: float


class FaceFinder:
    """Find the faces of one picture after the other.

    :raises DetectorError: if the detector cannot be made.
    """

    def __init__(self, settings: FinderSettings = FinderSettings()) -> None:
        self._settings = settings
        self._detector = make_detector(settings.detector)
        self._follower = Follower()
        self._tracker = Tracker(settings.tracker)
        self.seeing = False
        """Whether the last picture had a face in it, followed already or not."""

    @property
    def name(self) -> str:
        """Return the detector's name."""
        return self._detector.name

    def warm_up(self) -> None:
        """Run all of it once: what allocates when it is done first must not wait for a face."""
        picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
        self._detector.detect(picture)
        appearance(self._sight(picture, _ANYBODY).crop)
        follower = Follower()
        follower.looked(picture, 0.0, [_ANYBODY])
        follower.follow(picture, LOOK_AGAIN / 2)

    def find(self, picture: np.ndarray, time: float) -> list[FoundFace] | None:
        """Return the faces of a picture, largest first; ``None`` if it comes out of order.

        :param picture: (height, width, 3), BGR uint8.
        :param time: of its acquisition, seconds.
        """
        followed = self._follower.follow(picture, time)
        faces = self._detector.detect(picture) if followed is None else followed
        sights = [self._sight(picture, face) for face in faces]
        self.seeing = bool(sights)
        tracks = self._tracker.update(
            [sight.detection for sight in sights],
            time,
            (picture.shape[1], picture.shape[0]),
            [appearance(sight.crop) for sight in sights],
        )
        if tracks is None:
            return None
        if followed is None:
            # Who is not sure to be somebody is looked at again.
            self._follower.looked(picture, time, faces if len(tracks) == len(faces) else ())
        return [
            FoundFace(
                track.id,
                track.box,
                track.score,
                track.landmarks,
                sights[track.index].quality,
                sights[track.index].crop,
            )
            for track in tracks
        ]

    def see(self, picture: np.ndarray) -> list[Sight]:
        """Return the faces of a picture, best score first, without following anybody.

        :param picture: (height, width, 3), BGR uint8.
        """
        return [self._sight(picture, face) for face in self._detector.detect(picture)]

    def look(self, picture: np.ndarray) -> list[FoundFace]:
        """Return the faces of a picture that stands by itself, largest first.

        Nothing is followed: the ids ``face1``, ``face2``, ... only number the faces.

        :param picture: (height, width, 3), BGR uint8.
        """
        found = sorted(
            self.see(picture),
            key=lambda sight: -float(sight.detection.box[2] * sight.detection.box[3]),
        )
        return [
            FoundFace(
                f'face{number}',
                sight.detection.box,
                sight.detection.score,
                sight.detection.landmarks,
                sight.quality,
                sight.crop,
            )
            for number, sight in enumerate(found, 1)
        ]

    def reset(self) -> None:
        """Forget the faces of before: the next picture belongs to another film."""
        self._tracker.reset()
        self._follower.reset()

    def _sight(self, picture: np.ndarray, face: Detection) -> Sight:
        crop = self._crop(picture, face)
        return Sight(face, crop, face_quality(crop, face.box, face.landmarks))

    def _crop(self, picture: np.ndarray, detection: Detection) -> np.ndarray:
        if np.isfinite(detection.landmarks[:3]).all():
            return align(picture, detection.landmarks, CROP)
        return align_box(picture, detection.box, CROP)
