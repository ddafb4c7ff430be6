# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Settings of the multimodal cycle."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.settings import Settings, setting


@dataclass(frozen=True)
class MultimodalSettings(Settings):
    """Settings of the multimodal cycle."""

    lock_frames: int = setting(
        10,
        'Processed frames for which one face must show one label to lock it.',
        low=1,
        high=1000,
        live=True,
    )
    face_timeout: float = setting(
        30.0,
        'Seconds that a goal of emotion/detect waits for a held expression; 0 waits for '
        'ever. The continuous mode always waits.',
        low=0.0,
        high=3600.0,
        live=True,
    )
    speech_timeout: float = setting(
        6.0,
        'Seconds to wait in LISTENING for speech to begin; then the cycle goes on with the '
        'face only.',
        low=0.1,
        high=3600.0,
        live=True,
    )
    speech_limit: float = setting(
        20.0,
        'Seconds of one stretch of speech after which its result is no longer waited for '
        '(longer than the maximum of vad_node).',
        low=0.5,
        high=3600.0,
        live=True,
    )
    voice_wait: float = setting(
        4.0,
        'Seconds to wait for the voice result after the speech ended.',
        low=0.0,
        high=600.0,
        live=True,
    )
    fused_wait: float = setting(
        1.0,
        'Seconds to wait for the fused result after the voice result.',
        low=0.0,
        high=60.0,
        live=True,
    )
    result_hold: float = setting(
        6.0, 'Seconds for which the result is shown.', low=0.1, high=3600.0, live=True
    )
    rest: float = setting(
        1.0,
        'Seconds after a shown result before a hold counts again.',
        low=0.0,
        high=60.0,
        live=True,
    )


@dataclass(frozen=True)
class OrchestratorSettings(MultimodalSettings):
    """Settings of the node."""

    autostart: bool = setting(
        True,
        'Run one cycle after the other from the start; false waits for ~/start or for a '
        'goal of emotion/detect.',
    )
