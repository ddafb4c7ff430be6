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
from emotion_perception.models import FaceEmotionRecognizer, load_model
from emotion_perception.models.balance import NATURAL, unknown_shares
from emotion_perception.nodes.settings import FerSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher, BusSubscription
from emotion_perception.ros.convert import (
    ImageError,
    from_region,
    image_to_array,
    to_prediction,
    to_seconds,
)
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import StampedLine, Stamps, now
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.timing import Order


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
        recognizer = FaceEmotionRecognizer(load_model(settings.model, 'fer', settings.runtime))
        reader = FaceReader(recognizer, settings.smoother, settings.primary)
        reader.warm_up()
        return reader

    def start(self, loaded: FaceReader) -> Work:
        """Take detections."""
        return _Reading(self, loaded)

    def apply(self, loaded: FaceReader, settings: FerSettings) -> None:
        """Smooth, choose and balance by other settings from now on."""
        loaded.smoother.settings = settings.smoother
        loaded.primary.settings = settings.primary
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


class _Reading(Work):
    """Reads faces while the node is active."""

    def __init__(self, node: FerNode, reader: FaceReader) -> None:
        self._node = node
        self._reader = reader
        self._reader.reset()
        self._stamps = Stamps(node, 'emotion/detections')
        self._line = StampedLine(node, 'emotion/detections')
        self._detections = node.diagnostics.watch(FaceArray, 'emotion/detections', 'detections')
        self._faces = BusPublisher(node, EmotionPredictionArray, 'emotion/faces', qos.RESULT)
        self._face = BusPublisher(node, EmotionPrediction, 'emotion/face', qos.RESULT)
        self._worker = LatestWorker(self._work, self._on_failure, 'fer')
        self._subscription = BusSubscription(
            node, FaceArray, 'emotion/detections', self._on_detections
        )

    def stop(self) -> None:
        """Take no more detections."""
        self._subscription.destroy()
        self._worker.stop()
        self._faces.destroy()
        self._face.destroy()
        self._node.diagnostics.leave(self._detections)

    def facts(self) -> dict[str, object]:
        """Return what was left out."""
        return {'dropped': self._worker.dropped, 'out_of_order': self._line.late}

    def _on_detections(self, message: FaceArray) -> None:
        if self._node.enabled:
            self._detections.came()
            self._worker.put((message, self._stamps.header(message.header)))

    def _work(self, item: tuple[FaceArray, Header]) -> None:
        message, header = item
        time = to_seconds(header.stamp)
        order = self._line.take(time)
        if order is Order.LATE:
            return
        if order is Order.ANEW:
            self._reader.reset()
        subjects = self._subjects(message)
        if subjects or not message.faces:
            self._detections.taken()
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
        self._node.diagnostics.tick(now(self._node) - time)

    def _subjects(self, message: FaceArray) -> list[_Subject]:
        """Read the crops; a face whose crop cannot be read is left out."""
        subjects = []
        for face in message.faces:
            try:
                crop = image_to_array(face.crop)
            except ImageError as error:
                self._leave_out(face, str(error))
                continue
            if crop.shape[0] != crop.shape[1]:
                size = f'{crop.shape[1]}x{crop.shape[0]}'
                self._leave_out(face, f'its crop is {size} pixels, not square')
                continue
            subjects.append(_Subject(face.id, from_region(face.region), face, crop))
        return subjects

    def _leave_out(self, face: Face, why: str) -> None:
        self._detections.refused(why)
        self._node.report.warn('crop', f'{face.id or "a face"} was left out: {why}')

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
            quality=subject.message.quality,
            span=reading.span,
            region=subject.message.region,
            embedding=reading.embedding if self._node.settings.embedding else None,
        )

    def _on_failure(self, error: Exception) -> None:
        if not self._node.context.ok():
            # Ctrl-C: nothing can be published any more.
            return
        self._detections.refused(str(error))
        self._node.report.warn(type(error).__name__, f'a frame was left out: {error}')


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FerNode, args)
