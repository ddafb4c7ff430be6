# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is sent to a graph, and how often each topic is chosen."""

from __future__ import annotations

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from sensor_msgs.msg import Image

from campaign.strange import STATES
from emotion_bringup.endpoints import endpoints
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    GameState,
    InterviewState,
    MultimodalState,
    Utterance,
    VoiceActivity,
)

# Devices take nothing from topics; the page and the outward formats have tests of their own.
LEFT_OUT = {'camera_node', 'microphone_node', 'web_node', 'interop_node'}

INPUTS: dict[str, type] = {
    'camera/image_raw': Image,
    'audio/audio_stamped': AudioDataStamped,
    'audio/audio_info': AudioInfo,
    'emotion/detections': FaceArray,
    'emotion/face': EmotionPrediction,
    'emotion/faces': EmotionPredictionArray,
    'emotion/voice_activity': VoiceActivity,
    'emotion/utterance': Utterance,
    'emotion/voice': EmotionPrediction,
    'emotion/fused': EmotionPrediction,
    'emotion/multimodal/state': MultimodalState,
    'emotion/game/state': GameState,
    'emotion/interview/state': InterviewState,
}
"""Every topic that is sent."""

SHARES = {
    'camera/image_raw': 1.5,
    'audio/audio_stamped': 12.0,
    'audio/audio_info': 3.0,
    'emotion/detections': 2.5,
    'emotion/face': 15.0,
    'emotion/faces': 12.0,
    'emotion/voice_activity': 11.0,
    'emotion/utterance': 1.0,
    'emotion/voice': 15.0,
    'emotion/fused': 15.0,
    'emotion/multimodal/state': 4.0,
    'emotion/game/state': 4.0,
    'emotion/interview/state': 4.0,
}
"""Of a hundred messages, those of each topic (in a graph that takes all of them).

What costs a node an inference or the drawing of a screen is seldom: an utterance costs as much
as fifty of the small ones. Where only the newest may wait (pictures, states), a message is sent
when the one before it was worked on, and too many would hold up all others.
"""

STANDARD = {'/parameter_events', '/clock', '/rosout'}
LATCHED_IN = (AudioInfo, *STATES)
"""Those of which who comes late gets the last one."""


def takes(name: str) -> frozenset[str]:
    """Return what a node subscribes to of all that is sent.

    :param name: of its executable.
    """
    return endpoints(name).subscribes & INPUTS.keys()
