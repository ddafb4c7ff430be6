# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What an output says of one frame: the faces that were found, and the emotions they show."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Face, FaceArray

# Frames that wait for their emotions.
_KEPT = 8


@dataclass(frozen=True)
class SeenFace:
    """A face; ``prediction`` is ``None`` where no emotion came with it."""

    face: Face
    prediction: EmotionPrediction | None

    @property
    def label(self) -> str:
        """Return the emotion and its probability in words; empty where there is none."""
        found = self.prediction
        if found is None or found.emotion == EmotionPrediction.UNKNOWN:
            return ''
        return f'{found.label} {found.confidence:.0%}'


@dataclass(frozen=True)
class SeenFrame:
    """The faces of a picture of a width and a height, pixels."""

    header: Header
    width: int
    height: int
    faces: tuple[SeenFace, ...]


class FrameJoiner:
    """Brings the faces of a frame and their emotions together, by their stamp.

    Either may come first: faces carry their crops along, which takes longer on the way. To be
    called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faces: deque[FaceArray] = deque(maxlen=_KEPT)
        self._emotions: deque[EmotionPredictionArray] = deque(maxlen=_KEPT)

    def take_faces(self, message: FaceArray, *, alone: bool) -> SeenFrame | None:
        """Take the faces of a frame.

        :param alone: whether no emotions come: then they are the frame.
        """
        if alone:
            return _frame(message, None)
        with self._lock:
            for emotions in self._emotions:
                if emotions.header.stamp == message.header.stamp:
                    return _frame(message, emotions)
            self._faces.append(message)
        return None

    def take_emotions(self, message: EmotionPredictionArray) -> SeenFrame | None:
        """Take the emotions of a frame; ``None`` if its faces have not come (yet)."""
        with self._lock:
            for faces in self._faces:
                if faces.header.stamp == message.header.stamp:
                    return _frame(faces, message)
            self._emotions.append(message)
        return None


def _frame(message: FaceArray, emotions: EmotionPredictionArray | None) -> SeenFrame:
    found = {item.subject_id: item for item in emotions.predictions} if emotions else {}
    return SeenFrame(
        message.header,
        message.image_width,
        message.image_height,
        tuple(SeenFace(face, found.get(face.id)) for face in message.faces),
    )
