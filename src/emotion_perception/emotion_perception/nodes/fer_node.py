# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Say what emotion each tracked face shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Face, FaceArray
from emotion_perception.face_emotions import FaceReader, FaceReading
from emotion_perception.models import FaceEmotionRecognizer
from emotion_perception.models.balance import NATURAL, unknown_shares
from emotion_perception.models.shared import share_model
from emotion_perception.nodes.settings import FerSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import (
    from_region,
    to_prediction,
)
from emotion_perception.ros.frame_work import FrameWork
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.limits import (
    LONGEST_TEXT,
    MOST_FACES,
    MessageError,
    crop_of,
    first,
    quality_of,
)
from emotion_perception.ros.main import run
from emotion_perception.ros.sources import Way
from emotion_perception.vision.encodings import ImageError


@dataclass(frozen=True)
class _Subject:
    """A face of a message, as :class:`FaceReader` wants it, with its crop."""

    id: str
    box: np.ndarray
    message: Face
    crop: np.ndarray


class FerNode(ModelNode[FerSettings, FaceReader]):
    """Subscribe ``emotion/detections``; publish ``emotion/faces`` and ``emotion/face``.

    All faces of a frame are one batch. Readings are smoothed per track.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('fer_node', FerSettings, **arguments)

    def load(self, settings: FerSettings) -> FaceReader:
        """Load the model."""
        recognizer = FaceEmotionRecognizer(share_model(settings.model, 'fer', settings.runtime))
        reader = FaceReader(recognizer, settings.smoother)
        reader.warm_up()
        return reader

    def start(self, loaded: FaceReader) -> Work:
        """Take detections."""
        return _Reading(self, loaded)

    def apply(self, loaded: FaceReader, settings: FerSettings) -> None:
        """Smooth, choose and balance by other settings from now on."""
        loaded.history.smoother.settings = settings.smoother
        recognizer = loaded.recognizer
        recognizer.class_balance = settings.balance.class_balance
        if settings.balance.class_balance != NATURAL and recognizer.model.shares is None:
            self.report.warn('balance', unknown_shares(recognizer.model.name))

    def facts(self, loaded: FaceReader | None) -> dict[str, object]:
        """Return what the diagnostics say besides rate and latency."""
        if loaded is None:
            return {'model': self.settings.model}
        model = loaded.recognizer.model
        return {'model': model.name, 'device': model.device}


class _Reading(FrameWork[FaceArray]):
    """Reads faces while the node is active."""

    def __init__(self, node: FerNode, reader: FaceReader) -> None:
        self._reader = reader
        self._reader.reset()
        self._faces = BusPublisher(node, EmotionPredictionArray, 'emotion/faces', qos.RESULT)
        self._face = BusPublisher(node, EmotionPrediction, 'emotion/face', qos.RESULT)
        ways = [Way(node.resolve_topic_name('emotion/detections'), FaceArray)]
        super().__init__(node, ways, 'detections')

    def stop(self) -> None:
        """Take no more detections."""
        super().stop()
        self._faces.destroy()
        self._face.destroy()

    def begin_anew(self) -> None:
        """Forget what was smoothed."""
        self._reader.reset()

    def answer(self, message: FaceArray, header: Header, time: float) -> None:
        """Publish the emotions of a frame's faces."""
        subjects = self._subjects(message)
        if subjects or not message.faces:
            self.input.taken()
        result = EmotionPredictionArray(header=header)
        readings, primary = self._reader.read(subjects, time)
        result.predictions = [
            self._prediction(header, subject, reading)
            for subject, reading in zip(subjects, readings)
        ]
        result.primary_id = primary or ''
        # First what a robot waits for.
        for prediction in result.predictions:
            if prediction.subject_id == primary:
                self._face.publish(prediction)
        self._faces.publish(result)

    def _subjects(self, message: FaceArray) -> list[_Subject]:
        """Read the crops; a face whose crop cannot be read is left out."""
        subjects = []
        more = len(message.faces) - MOST_FACES
        if more > 0:
            self.node.report.warn(
                'faces', f'{len(message.faces)} faces came at once: {more} of them are left out'
            )
        for face in first(message.faces):
            try:
                crop = crop_of(face)
            except (ImageError, MessageError) as error:
                self._leave_face_out(face, str(error))
                continue
            subjects.append(_Subject(face.id, from_region(face.region), face, crop))
        return subjects

    def _leave_face_out(self, face: Face, why: str) -> None:
        self.input.refused(why)
        self.node.report.warn('crop', f'{face.id[:LONGEST_TEXT] or "a face"} was left out: {why}')

    def _prediction(
        self, header: Header, subject: _Subject, reading: FaceReading
    ) -> EmotionPrediction:
        return to_prediction(
            header,
            EmotionPrediction.FACE,
            subject.id,
            reading.probabilities,
            mixture=reading.mixture,
            model=self._reader.recognizer.model.name,
            emotion=reading.emotion,
            stable=reading.stable,
            valence=reading.valence,
            arousal=reading.arousal,
            quality=quality_of(subject.message),
            span=reading.span,
            region=subject.message.region,
            embedding=reading.embedding if self.node.settings.embedding else None,
        )

    def leave_out(self, error: Exception) -> None:
        """Say that a frame could not be used."""
        self.node.report.warn(type(error).__name__, f'a frame was left out: {error}')


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FerNode, args)
