# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What each node of a graph subscribes to."""

from __future__ import annotations

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from sensor_msgs.msg import Image

from campaign.strange import STATES
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
"""Every topic that a node subscribes to."""

TAKES = {
    'face_detector_node': ('camera/image_raw',),
    'fer_node': ('emotion/detections',),
    'vad_node': ('audio/audio_stamped', 'audio/audio_info'),
    'ser_node': ('emotion/utterance',),
    'fusion_node': ('emotion/face', 'emotion/voice'),
    'orchestrator_node': tuple(
        f'emotion/{name}'
        for name in ('face', 'faces', 'voice_activity', 'utterance', 'voice', 'fused')
    ),
    'game_node': ('emotion/faces',),
    'interview_node': tuple(
        f'emotion/{name}'
        for name in ('detections', 'face', 'voice', 'fused', 'voice_activity', 'utterance')
    ),
    'view_node': tuple(
        name for name in INPUTS if name not in ('emotion/utterance', 'emotion/face')
    ),
}
"""What each node subscribes to; the run checks that there is nothing else."""

STANDARD = {'/parameter_events', '/clock', '/rosout'}
LATCHED_IN = (AudioInfo, *STATES)
"""Those of which who comes late gets the last one."""
