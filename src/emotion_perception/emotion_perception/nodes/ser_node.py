# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Say what emotion an utterance shows."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_msgs.msg import EmotionPrediction, Utterance
from emotion_perception.audio import snr
from emotion_perception.models.balance import (
    NATURAL,
    UNKNOWN_MIXTURE,
    Mixture,
    unknown_shares,
)
from emotion_perception.nodes.settings import SerSettings
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_prediction, to_seconds
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.voice_emotions import VoiceReader

# Utterances that may wait for a slow model; an older one is given up.
_WAITING = 8


class SerNode(ModelNode[SerSettings, VoiceReader]):
    """Subscribe ``emotion/utterance``; publish one ``emotion/voice`` for each.

    ``~/forget`` (Trigger) makes it forget the voice it has adapted to.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('ser_node', SerSettings, **arguments)
        self.create_service(Trigger, '~/forget', self._on_forget)

    def load(self, settings: SerSettings) -> VoiceReader:
        """Load the model, and make sure that the noise suppression is there if it is on."""
        return VoiceReader(
            settings.model, settings.runtime, settings.memory, settings.noise_suppression
        )

    def start(self, loaded: VoiceReader) -> Work:
        """Listen for utterances."""
        return _Reading(self, loaded)

    def apply(self, loaded: VoiceReader, settings: SerSettings) -> None:
        """Balance the classes otherwise from now on."""
        recognizer = loaded.recognizer
        recognizer.class_balance = settings.balance.class_balance
        if settings.balance.class_balance != NATURAL and recognizer.model.shares is None:
            self.report.warn('balance', unknown_shares(recognizer.model.name))

    def facts(self, loaded: VoiceReader | None) -> dict[str, object]:
        """Return model and device for the diagnostics."""
        if loaded is None:
            return {'model': self.settings.model}
        model, memory = loaded.recognizer.model, loaded.recognizer.memory
        found: dict[str, object] = {'model': model.name, 'device': model.device}
        if memory is not None:
            found['utterances remembered'] = len(memory)
        return found

    def _on_forget(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        memory = None if self.loaded is None else self.loaded.recognizer.memory
        response.success = memory is not None
        if memory is None:
            response.message = (
                'nothing is remembered: parameter memory.utterances is 0, or the model '
                'cannot adapt to a voice'
            )
        else:
            response.message = f'{len(memory)} utterances forgotten'
            memory.clear()
        return response


class _Reading(Work):
    """Reads utterances while the node is active."""

    def __init__(self, node: SerNode, reader: VoiceReader) -> None:
        self._node = node
        self._reader = reader
        self._stamps = Stamps(node, 'emotion/utterance')
        self._utterances = node.diagnostics.watch(Utterance, 'emotion/utterance')
        self._waiting: deque[Utterance] = deque()
        self._worker = LatestWorker(self._work, self._on_failure, 'ser')
        self._publisher = node.create_publisher(EmotionPrediction, 'emotion/voice', qos.RESULT)
        self._subscription = node.create_subscription(
            Utterance, 'emotion/utterance', self._on_utterance, qos.RESULT
        )

    def stop(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)
        self._waiting.clear()
        self._worker.stop()
        self._node.destroy_publisher(self._publisher)
        self._node.diagnostics.leave(self._utterances)

    def _on_utterance(self, message: Utterance) -> None:
        if not self._node.enabled:
            return
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft()
            self._node.report.warn(
                'slow',
                'the model is too slow for so many utterances: the oldest that waits is left out',
            )
        message.header = self._stamps.header(message.header)
        self._waiting.append(message)
        self._worker.put(True)

    def _work(self, _: bool) -> None:
        """Answer all utterances that wait, oldest first."""
        while self._waiting:
            self._current = self._waiting.popleft()
            self._answer(self._current)

    def _answer(self, message: Utterance) -> None:
        samples = np.array(message.samples, np.int16)
        emotion = self._reader.read(samples, message.sample_rate, to_seconds(message.header.stamp))
        self._publish(
            message,
            emotion.probabilities,
            mixture=emotion.mixture,
            valence=emotion.valence,
            arousal=emotion.arousal,
            unknown=emotion.reason if emotion.abstained else '',
            embedding=emotion.embedding if self._node.settings.embedding else None,
        )

    def _publish(
        self,
        message: Utterance,
        probabilities: np.ndarray | None = None,
        *,
        mixture: Mixture = UNKNOWN_MIXTURE,
        valence: float = math.nan,
        arousal: float = math.nan,
        unknown: str = '',
        embedding: np.ndarray | None = None,
    ) -> None:
        if unknown:
            self._node.report.warn('abstained', f'no emotion for an utterance: {unknown}')
        span = len(message.samples) / message.sample_rate if message.sample_rate else 0.0
        self._publisher.publish(
            to_prediction(
                Header(stamp=message.header.stamp, frame_id=message.header.frame_id),
                EmotionPrediction.VOICE,
                'voice',
                probabilities,
                mixture=mixture,
                model=self._reader.recognizer.model.name,
                valence=valence,
                arousal=arousal,
                quality=snr.quality(message.snr),
                span=span,
                unknown=unknown,
                embedding=embedding,
            )
        )
        self._node.diagnostics.tick(now(self._node) - to_seconds(message.header.stamp))

    def _on_failure(self, error: Exception) -> None:
        """Answer an utterance that the model could not take, and go on with the next one."""
        if not self._node.context.ok():
            return  # The process is ending, and nothing can be published any more.
        self._publish(self._current, unknown=f'it cannot be judged: {error}')
        if self._waiting:
            self._worker.put(True)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(SerNode, args)
