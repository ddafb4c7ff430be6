# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fuse the primary face and the voice: ``/emotion/fused``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from emotion_msgs.msg import EmotionPrediction
from emotion_perception.emotions import UNKNOWN
from emotion_perception.fusion.live import Fused, LiveFusion, Reading
from emotion_perception.nodes.settings import FusionNodeSettings
from emotion_perception.ros import qos
from emotion_perception.ros.convert import mixture_of, to_prediction
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.limits import header_of, probabilities_of, span_of
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.timing import AHEAD, SetBack


class FusionNode(ModelNode[FusionNodeSettings, LiveFusion]):
    """Subscribe ``emotion/face`` and ``emotion/voice``, publish ``emotion/fused``.

    An utterance is answered with one message that has the utterance's own stamp.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('fusion_node', FusionNodeSettings, **arguments)

    def load(self, settings: FusionNodeSettings) -> LiveFusion:
        """Start with an empty memory."""
        return LiveFusion(settings.fusion)

    def start(self, loaded: LiveFusion) -> Work:
        """Listen to both modalities."""
        return _Fusing(self, loaded)

    def apply(self, loaded: LiveFusion, settings: FusionNodeSettings) -> None:
        """Fuse by other settings from now on."""
        loaded.settings = settings.fusion

    def facts(self, loaded: LiveFusion | None) -> dict[str, object]:
        """Return the method for the diagnostics."""
        return {'method': self.settings.fusion.method}


class _Fusing(Work):
    """Fuses while the node is active."""

    def __init__(self, node: FusionNode, fusion: LiveFusion) -> None:
        self._node = node
        self._fusion = fusion
        self._models: dict[str, str] = {}
        self._last = self._last_wall = 0.0
        clock = SetBack()
        self._stamps = {
            name: Stamps(node, f'emotion/{name}', ahead=AHEAD, clock=clock)
            for name in ('face', 'voice')
        }
        self._watched = {
            name: node.diagnostics.watch(EmotionPrediction, f'emotion/{name}')
            for name in ('face', 'voice')
        }
        self._publisher = node.create_publisher(EmotionPrediction, 'emotion/fused', qos.RESULT)
        self._inputs = [
            node.create_subscription(EmotionPrediction, 'emotion/face', self._on_face, qos.RESULT),
            node.create_subscription(
                EmotionPrediction, 'emotion/voice', self._on_voice, qos.RESULT
            ),
        ]

    def stop(self) -> None:
        """Stop listening."""
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(self._publisher)
        for item in self._watched.values():
            self._node.diagnostics.leave(item)

    def _on_face(self, message: EmotionPrediction) -> None:
        fused = self._take(message, self._fusion.add_face)
        if fused is None:
            return
        # By the stamps, so that a recording may be played at any speed; only where they stand
        # still by the time that really passes.
        wall = time.monotonic()
        step = fused.time - self._last or wall - self._last_wall
        if 0.0 <= step < 0.999 / self._node.settings.rate:
            return
        self._last, self._last_wall = fused.time, wall
        self._publish(fused, message)

    def _on_voice(self, message: EmotionPrediction) -> None:
        fused = self._take(message, self._fusion.add_voice)
        if fused is not None:
            self._publish(fused, message)

    def _take(
        self, message: EmotionPrediction, add: Callable[[Reading], Fused | None]
    ) -> Fused | None:
        if not self._node.enabled or message.emotion == UNKNOWN:
            return None
        source = ('face', 'voice')[message.modality != EmotionPrediction.FACE]
        try:
            fused = add(
                Reading(
                    self._stamps[source].time(message.header.stamp),
                    message.subject_id,
                    probabilities_of(message),
                    message.quality,
                    span_of(message),
                    message.model,
                    np.asarray(message.embedding, np.float32),
                    mixture_of(message),
                )
            )
        except ValueError as error:
            self._watched[source].refused(str(error))
            self._node.report.warn('reading', f'{error}; it is left out')
            return None
        self._models[source] = message.model
        self._watched[source].taken()
        return fused

    def _publish(self, fused: Fused, trigger: EmotionPrediction) -> None:
        if fused.problem:
            self._node.report.warn(
                'method', f'the network cannot be used, the product answers: {fused.problem}'
            )
        header = header_of(trigger.header)
        models = '+'.join(self._models.get(source, '') for source in fused.sources)
        self._publisher.publish(
            to_prediction(
                header,
                EmotionPrediction.FUSED,
                fused.subject,
                fused.probabilities,
                mixture=fused.mixture,
                model=f'{fused.method}({models})',
                quality=fused.quality,
                span=fused.span,
                region=trigger.region,
                sources=fused.sources,
            )
        )
        self._node.diagnostics.tick(now(self._node) - fused.time)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(FusionNode, args)
