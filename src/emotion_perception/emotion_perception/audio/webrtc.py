# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The voice activity detector of WebRTC: Gaussian mixtures on the energies of six bands."""

from __future__ import annotations

from functools import partial

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.vad import VadError


class WebRtcVad:
    """WebRTC's detector on frames of 30 ms; the probability is the share of 10 ms parts it takes.

    :param aggressiveness: 0 (hears speech readily) to 3 (hears noise readily).
    :raises VadError: if the package webrtcvad-wheels is not installed.
    """

    name = 'webrtc'
    frame_samples = 480
    _PART = 160

    def __init__(self, aggressiveness: int = 2) -> None:
        try:
            import webrtcvad
        except ImportError as error:
            raise VadError(
                'the package webrtcvad-wheels is missing; install it with `pip '
                'install webrtcvad-wheels`, or choose vad:=silero or rms'
            ) from error
        self._make = partial(webrtcvad.Vad, aggressiveness)
        self._detector = self._make()

    def probability(self, frame: np.ndarray) -> float:
        """Return the share, 0 to 1, of the frame's three parts with speech: int16 (480,)."""
        parts = range(0, self.frame_samples, self._PART)
        votes = sum(
            self._detector.is_speech(frame[i : i + self._PART].tobytes(), RATE) for i in parts
        )
        return votes / len(parts)

    def reset(self) -> None:
        """Forget the stream so far."""
        self._detector = self._make()
