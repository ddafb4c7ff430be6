# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the graph tells of the candidate, checked and with its time, for the interview."""

from __future__ import annotations

from functools import partial

import numpy as np
from rclpy.node import Node

from emotion_apps.interview.log import SOURCES
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.speaker import Overheard, Speaker
from emotion_msgs.msg import EmotionPrediction, FaceArray, Utterance, VoiceActivity
from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import UNKNOWN
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.inputs import Input
from emotion_perception.ros.limits import MessageError, checked, first, samples_of
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.timing import AHEAD

# Seconds: a stamp that lies further behind is another clock's. What models say may come late.
_BEHIND = 5.0
_LATE = 55.0


class InterviewFeed:
    """Subscribes to faces, voice and emotions, and hands to the session what is of use.

    :param node: that subscribes.
    :param session: the interview.
    :param speaker: whose own voice is no answer.
    :param diagnostics: of the node, which are told what comes.
    """

    def __init__(
        self, node: Node, session: InterviewSession, speaker: Speaker, diagnostics: Diagnostics
    ) -> None:
        self._node = node
        self._session = session
        self._speaker = speaker
        self._diagnostics = diagnostics
        self._report = Reporter(node)
        self._overheard = Overheard()
        self._subject = ''
        self.newest: EmotionPrediction | None = None
        """The last emotion that was told."""
        self._stamps: dict[str, Stamps] = {}
        self._inputs: dict[str, Input] = {}
        for kind, topic, what in (
            (FaceArray, 'detections', 'frames'),
            (EmotionPrediction, 'face', ''),
            (EmotionPrediction, 'voice', ''),
            (EmotionPrediction, 'fused', ''),
            (VoiceActivity, 'voice_activity', 'blocks of sound'),
            (Utterance, 'utterance', ''),
        ):
            self._inputs[topic] = diagnostics.watch(kind, f'emotion/{topic}', what)
            self._stamps[topic] = Stamps(node, f'emotion/{topic}', ahead=AHEAD, behind=_BEHIND)
        self._detections = BusSubscription(node, FaceArray, 'emotion/detections', self._on_faces)
        for source in SOURCES:
            node.create_subscription(
                EmotionPrediction,
                f'emotion/{source}',
                partial(self._on_emotion, source=source),
                qos.RESULT,
            )
        node.create_subscription(
            VoiceActivity, 'emotion/voice_activity', self._on_activity, qos.RESULT
        )
        node.create_subscription(Utterance, 'emotion/utterance', self._on_utterance, qos.UTTERANCE)

    def _on_faces(self, message: FaceArray) -> None:
        self._inputs['detections'].came()
        faces = {face.id: face for face in first(message.faces)}
        # Others in the picture are not the candidate.
        face = faces.get(self._subject) or (message.faces[0] if message.faces else None)
        landmarks = None if face is None else np.asarray(face.landmarks).reshape(4, 2)
        time = self._stamps['detections'].time(message.header.stamp)
        self._session.face(time, landmarks)
        self._diagnostics.tick(now(self._node) - time)

    def _on_emotion(self, message: EmotionPrediction, source: str) -> None:
        if message.emotion == UNKNOWN:
            return
        try:
            message = checked(message)
        except MessageError as error:
            self._inputs[source].refused(str(error))
            self._report.warn('reading', f'{error}; it is left out')
            return
        self._inputs[source].taken()
        if source == 'face':
            self._subject = message.subject_id
        self.newest = message
        self._session.emotion(
            self._stamps[source].time(message.header.stamp, late=_LATE),
            source,
            message.probabilities,
        )

    def _on_activity(self, message: VoiceActivity) -> None:
        self._inputs['voice_activity'].came()
        # The synthesiser's own voice is no answer.
        synthesised = self._speaker.speaking
        self._overheard.note(now(self._node), synthesised)
        speaking = message.speaking and not synthesised
        time = self._stamps['voice_activity'].time(message.header.stamp)
        self._session.activity(time, speaking)

    def _on_utterance(self, message: Utterance) -> None:
        try:
            samples = samples_of(message)
        except MessageError as error:
            self._inputs['utterance'].refused(str(error))
            self._report.warn('utterance', f'{error}; it is left out')
            return
        self._inputs['utterance'].taken()
        end = self._stamps['utterance'].time(message.end, late=_LATE)
        goes_on = message.ended_by == Utterance.END_MAXIMUM
        samples = self._overheard.rest(end - samples.size / RATE, samples)
        if samples.size:
            self._session.utterance(end - samples.size / RATE, end, samples, goes_on)
