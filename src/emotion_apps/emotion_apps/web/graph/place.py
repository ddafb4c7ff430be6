# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a place of the graph (a namespace: a robot, a camera) publishes, for the pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from emotion_apps.web.graph import messages
from emotion_apps.web.graph.applications import APPLICATIONS
from emotion_apps.web.hub import Hub
from emotion_apps.web.protocol import encode as encode_text
from emotion_apps.web.settings import WebSettings
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    Utterance,
    VoiceActivity,
)
from emotion_perception.audio.pcm import RATE
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import image_to_array
from emotion_perception.ros.limits import MessageError, samples_of
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.sources import AnySubscription, picture_ways
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.vision.encodings import ImageError


class Place:
    """Subscribes to a place's topics while a page watches it.

    Its methods belong to the executor of the node.

    :param number: by which the pages know it.
    :param prefix: of its topics, ending in a slash; empty for the node's own, remappings
        included.
    :param settings: called for the present settings.
    """

    def __init__(
        self,
        node: Node,
        hub: Hub,
        number: int,
        prefix: str,
        report: Reporter,
        settings: Callable[[], WebSettings],
    ) -> None:
        self._node = node
        self._hub = hub
        self._number = number
        self._prefix = prefix
        self._report = report
        self._settings = settings
        self._subscriptions: list[Any] = []
        self._image: AnySubscription | None = None
        self._detections: BusSubscription | None = None
        self._worker: LatestWorker[Image | CompressedImage] | None = None
        self._next_picture = 0.0

    @property
    def listening(self) -> bool:
        """Whether it subscribes."""
        return self._image is not None

    def listen(self) -> None:
        """Subscribe."""
        if self.listening:
            return
        self._worker = LatestWorker(self._code, self._on_failure, f'picture {self._number}')
        topics: list[tuple[type, str, Any, Any]] = [
            (EmotionPredictionArray, 'emotion/faces', self._on_faces, qos.RESULT),
            (VoiceActivity, 'emotion/voice_activity', self._on_activity, qos.RESULT),
            (EmotionPrediction, 'emotion/voice', self._reading('voice'), qos.RESULT),
            (EmotionPrediction, 'emotion/fused', self._reading('fused'), qos.RESULT),
            (Utterance, 'emotion/utterance', self._on_utterance, qos.UTTERANCE),
        ]
        topics += [
            (application.kind, application.topic, self._state(name), qos.LATCHED)
            for name, application in APPLICATIONS.items()
        ]
        self._subscriptions = [
            self._node.create_subscription(kind, self._prefix + topic, callback, profile)
            for kind, topic, callback, profile in topics
        ]
        camera = picture_ways(self._node, self._prefix + 'camera/image_raw')
        self._image = AnySubscription(self._node, camera, self._on_picture)
        self.look()

    def rest(self) -> None:
        """Unsubscribe: nobody watches."""
        if not self.listening:
            return
        if self._image is not None:
            self._image.destroy()
            self._image = None
        if self._detections is not None:
            self._detections.destroy()
            self._detections = None
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def look(self) -> None:
        """Take bare detections, which bring their crops along, only where no emotions come."""
        if not self.listening:
            return
        bare = self._node.count_publishers(self._prefix + 'emotion/faces') == 0
        if bare and self._detections is None:
            self._detections = BusSubscription(
                self._node, FaceArray, self._prefix + 'emotion/detections', self._on_detections
            )
        elif not bare and self._detections is not None:
            self._detections.destroy()
            self._detections = None

    # In the publisher's thread: only hand on.

    def _on_picture(self, message: Image | CompressedImage) -> None:
        now = time.monotonic()
        if now < self._next_picture or not self._hub.wants_picture(self._number):
            return
        # A tenth early is not too early: cameras are never on time to the millisecond.
        self._next_picture = now + 0.9 / self._settings().picture_rate
        worker = self._worker
        if worker is not None:
            worker.put(message)

    def _code(self, message: Image | CompressedImage) -> None:
        """Make a JPEG of a picture and send it; called in the worker's thread."""
        settings = self._settings()
        try:
            picture = image_to_array(message)
        except ImageError as error:
            self._report.warn('image', f'a picture was left out: {error}')
            return
        height, width = picture.shape[:2]
        if width > settings.picture_width:
            size = (settings.picture_width, round(height * settings.picture_width / width))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        quality = [cv2.IMWRITE_JPEG_QUALITY, settings.picture_quality]
        jpeg = cv2.imencode('.jpg', picture, quality)[1].tobytes()
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        self._hub.later(
            lambda: self._hub.spread_picture(self._number, stamp, (width, height), jpeg)
        )

    def _on_failure(self, error: Exception) -> None:
        self._report.warn('image', f'a picture was left out: {type(error).__name__}: {error}')

    def _on_detections(self, message: FaceArray) -> None:
        self._post('faces', messages.detections(message))

    # In the executor's thread.

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        self._post('faces', messages.faces(message, self._refuse))

    def _refuse(self, why: str) -> None:
        self._report.warn('reading', f'{why}; it is left out')

    def _on_activity(self, message: VoiceActivity) -> None:
        self._post(
            'activity',
            {
                'level': message.level,
                'speaking': message.speaking,
                'probability': message.probability,
            },
        )

    def _on_utterance(self, message: Utterance) -> None:
        if self._hub.wants_sound(self._number):
            try:
                samples = samples_of(message).tobytes()
            except MessageError as error:
                self._report.warn('utterance', f'{error}; it is left out')
                return
            self._hub.later(lambda: self._hub.spread_utterance(self._number, RATE, samples))

    def _reading(self, key: str) -> Callable[[EmotionPrediction], None]:
        def take(message: EmotionPrediction) -> None:
            try:
                fields = messages.reading(message)
            except MessageError as error:
                self._refuse(str(error))
            else:
                self._post(key, fields, keep=True)

        return take

    def _state(self, name: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            self._post(f'state/{name}', {'state': messages.plain(message)}, keep=True, name=name)

        return take

    def _post(
        self, key: str, fields: dict[str, Any], *, keep: bool = False, name: str = ''
    ) -> None:
        kind = 'state' if name else key
        more = {'name': name} if name else {}
        self._hub.post(
            self._number,
            key,
            encode_text(kind, place=self._number, **more, **fields),
            keep=keep,
        )
