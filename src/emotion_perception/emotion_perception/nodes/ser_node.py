# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Say what emotion an utterance shows."""

from __future__ import annotations

import math
from collections import deque
from threading import Lock
from typing import Any, cast

import numpy as np
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_msgs.msg import EmotionPrediction, Utterance
from emotion_perception.audio import snr
from emotion_perception.audio.pcm import RATE
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
from emotion_perception.ros.limits import LONGEST_UTTERANCE, MessageError, samples_of
from emotion_perception.ros.losses import Losses
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.voice_emotions import VoiceReader

# Utterances that may wait for a slow model, and their samples; the oldest of more is given up.
_WAITING = 100
_WAITING_SAMPLES = int(LONGEST_UTTERANCE * RATE)


class SerNode(ModelNode[SerSettings, VoiceReader]):
    """Subscribe ``emotion/utterance``; publish one ``emotion/voice`` for each.

    One that comes when too many wait for the model is answered with Unknown and the reason.

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
        self._losses = Losses(node, 'emotion/utterance')
        self._lock = Lock()
        self._waiting: deque[Utterance] = deque()
        self._samples = self._given_up = 0
        self._worker = LatestWorker(self._work, self._on_failure, 'ser')
        self._publisher = node.create_publisher(EmotionPrediction, 'emotion/voice', qos.RESULT)
        self._subscription = node.create_subscription(
            Utterance, 'emotion/utterance', cast(Any, self._on_utterance), qos.UTTERANCE
        )

    def stop(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)
        with self._lock:
            self._waiting.clear()
        self._worker.stop()
        self._node.destroy_publisher(self._publisher)
        self._node.diagnostics.leave(self._utterances)

    def facts(self) -> dict[str, object]:
        """Return how many utterances wait, were given up, and never arrived."""
        return {
            'waiting': len(self._waiting),
            'given_up': self._given_up,
            'lost': self._losses.count,
        }

    def _on_utterance(self, message: Utterance, info: Any) -> None:
        lost = self._losses.note(info)
        if not self._node.enabled:
            return
        if lost:
            self._node.report.warn(
                'lost',
                f'{lost} utterances never arrived ({self._losses.count} so far): more came at '
                'once than the middleware keeps',
            )
        message.header = self._stamps.header(message.header)
        with self._lock:
            self._waiting.append(message)
            self._samples += len(message.samples)
        while (oldest := self._too_many()) is not None:
            self._give_up(oldest)
        self._worker.put(True)

    def _too_many(self) -> Utterance | None:
        """Take the oldest utterance from those that wait if they are too many."""
        with self._lock:
            if len(self._waiting) > _WAITING or (
                self._samples > _WAITING_SAMPLES and len(self._waiting) > 1
            ):
                return self._take()
        return None

    def _take(self) -> Utterance:
        """Take the oldest utterance from those that wait; the lock is held."""
        message = self._waiting.popleft()
        self._samples -= len(message.samples)
        return message

    def _give_up(self, message: Utterance) -> None:
        self._given_up += 1
        count = len(self._waiting)
        self._node.report.warn(
            'slow',
            f'the model is too slow for so many utterances: {count} wait, {self._given_up} were '
            'given up so far',
        )
        self._publish(message, unknown=f'the model is too slow: {count} newer utterances wait')

    def _work(self, _: bool) -> None:
        """Answer all utterances that wait, oldest first."""
        while self._waiting:
            with self._lock:
                if not self._waiting:
                    return
                self._current = self._take()
            self._answer(self._current)

    def _answer(self, message: Utterance) -> None:
        try:
            samples = samples_of(message)
        except MessageError as error:
            self._utterances.refused(str(error))
            self._publish(message, unknown=str(error))
            return
        self._utterances.taken()
        emotion = self._reader.read(samples, RATE, to_seconds(message.header.stamp))
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
                span=len(message.samples) / RATE,
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
