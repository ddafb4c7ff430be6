# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What comes in on the topics, as the scene that a screen draws."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from emotion_apps.reading import Reading
from emotion_apps.readings import to_reading
from emotion_apps.view.draw import Box
from emotion_apps.view.scene import FaceMark, Scene
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    VoiceActivity,
)
from emotion_perception.ros.convert import image_to_array, to_seconds
from emotion_perception.ros.limits import first
from emotion_perception.vision.encodings import ImageError

# What is older than this (seconds since it came) is not shown any more.
_STALE = 2.0
# So many pictures are kept, to find the one that a state speaks of.
_PICTURES = 8
# So many bytes at most, but always the newest.
_PICTURE_BYTES = 1 << 28
# So many sound levels are shown, about two and a half seconds of them.
_LEVELS = 80


class SceneFeed:
    """Take messages in any thread, give scenes in any other.

    :param warn: called with a kind and a text when a message cannot be read.
    """

    def __init__(self, warn: Callable[[str, str], None]) -> None:
        self._warn = warn
        self._lock = threading.Lock()
        self._pictures: deque[tuple[float, Image | CompressedImage]] = deque(maxlen=_PICTURES)
        self._levels: deque[float] = deque(maxlen=_LEVELS)
        self._speaking = False
        self._predictions: EmotionPredictionArray | None = None
        self._detections: FaceArray | None = None
        self._readings: dict[str, Reading] = {}
        self._came: dict[str, float] = {}
        self.changes = 0
        """Counts what came in."""

    def on_picture(self, message: Image | CompressedImage, moment: float | None = None) -> None:
        """Take a frame.

        :param moment: what its stamp stands for, seconds; ``None`` for the stamp itself.
        """
        if moment is None:
            moment = to_seconds(message.header.stamp)
        with self._lock:
            self._pictures.append((moment, message))
            while len(self._pictures) > 1 and self._size() > _PICTURE_BYTES:
                self._pictures.popleft()
            self._note('picture')

    def on_detections(self, message: FaceArray) -> None:
        """Take the faces of a frame, as they were detected."""
        with self._lock:
            self._detections = message
            self._note('detections')

    def on_faces(self, message: EmotionPredictionArray) -> None:
        """Take the faces of a frame, with their emotions."""
        with self._lock:
            self._predictions = message
            self._note('faces')

    def on_voice_activity(self, message: VoiceActivity) -> None:
        """Take the level of the sound."""
        with self._lock:
            self._levels.append(message.level)
            self._speaking = message.speaking
            self._note('level')

    def on_reading(self, message: EmotionPrediction) -> None:
        """Take a voice, or face and voice as one."""
        try:
            reading = to_reading(message)
        except ValueError as error:
            self.refuse(str(error))
            return
        name = {EmotionPrediction.VOICE: 'voice', EmotionPrediction.FUSED: 'fused'}.get(
            message.modality
        )
        if name is not None:
            with self._lock:
                self._readings[name] = reading
                self._note(name)

    def refuse(self, why: str) -> None:
        """Say that a prediction cannot be shown."""
        self._warn('reading', f'{why}; it is left out')

    def forget_pictures(self) -> None:
        """Let go of all pictures: nobody looks."""
        with self._lock:
            self._pictures.clear()

    def newest(self) -> Image | CompressedImage | None:
        """Return the newest frame, or ``None`` if none came lately."""
        with self._lock:
            return self._pictures[-1][1] if self._pictures and self._fresh('picture') else None

    def faces(self) -> EmotionPredictionArray:
        """Return the newest faces with their emotions; empty if none came lately."""
        with self._lock:
            if self._predictions is None or not self._fresh('faces'):
                return EmotionPredictionArray()
            return self._predictions

    def picture_at(self, stamp: float) -> np.ndarray | None:
        """Return the kept frame that is nearest to a time (seconds), BGR; ``None`` without any."""
        with self._lock:
            pictures = list(self._pictures)
        if not pictures:
            return None
        return self.read(min(pictures, key=lambda item: abs(item[0] - stamp))[1])

    def read(self, message: Image | CompressedImage | None) -> np.ndarray | None:
        """Return a frame as BGR; ``None`` (and a warning) if it cannot be read."""
        if message is None:
            return None
        try:
            return image_to_array(message)
        except ImageError as error:
            self._warn('image', f'a picture was left out: {error}')
            return None

    def scene(self, picture: np.ndarray | None) -> Scene:
        """Return what is seen and heard now.

        :param picture: the frame to show.
        """
        with self._lock:
            heard = self._fresh('level')
            predictions = self._predictions if self._fresh('faces') else None
            detections = self._detections if self._fresh('detections') else None
            marks = _marks(predictions, detections, self.refuse)
            # A voice stays on the screen until the next one, unlike a face.
            return Scene(
                picture=picture,
                faces=marks,
                levels=tuple(self._levels) if heard else (),
                speaking=heard and self._speaking,
                face=next((mark.reading for mark in marks if mark.primary), None),
                voice=self._readings.get('voice'),
                fused=self._readings.get('fused') if self._fresh('fused') else None,
            )

    def _size(self) -> int:
        return sum(len(message.data) for _, message in self._pictures)

    def _note(self, what: str) -> None:
        self._came[what] = time.monotonic()
        self.changes += 1

    def _fresh(self, what: str) -> bool:
        return time.monotonic() - self._came.get(what, -1e9) < _STALE


def _marks(
    predictions: EmotionPredictionArray | None,
    detections: FaceArray | None,
    refuse: Callable[[str], None],
) -> list[FaceMark]:
    """Return the faces to draw: with emotions where they are known, else as detected."""
    marks = []
    if predictions is not None:
        for prediction in first(predictions.predictions):
            try:
                reading = to_reading(prediction)
            except ValueError as error:
                refuse(str(error))
                continue
            marks.append(
                FaceMark(
                    prediction.subject_id,
                    Box(*reading.region),
                    reading,
                    prediction.subject_id == predictions.primary_id,
                )
            )
    elif detections is not None:
        for number, face in enumerate(first(detections.faces)):
            region = face.region
            marks.append(
                FaceMark(
                    face.id,
                    Box(region.x_offset, region.y_offset, region.width, region.height),
                    None,
                    number == 0,
                )
            )
    return marks
