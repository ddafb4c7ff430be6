# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The voice activity detectors by name, imported only when chosen."""

from __future__ import annotations

from emotion_perception.audio.vad import Vad, VadSettings


def make_vad(settings: VadSettings) -> Vad:
    """Return the detector that the settings name.

    :raises VadError: if what it needs is not installed or its model cannot be read.
    """
    if settings.vad == 'silero':
        from emotion_perception.audio.silero import SileroVad

        return SileroVad(settings.silero_model)
    if settings.vad == 'webrtc':
        from emotion_perception.audio.webrtc import WebRtcVad

        return WebRtcVad()
    from emotion_perception.audio.rms import RmsVad

    return RmsVad()
