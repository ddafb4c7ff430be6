# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every voice activity detector is; :mod:`emotion_perception.audio.vads` chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotion_perception.settings import Settings, setting


class VadError(RuntimeError):
    """A detector that cannot be made: the message says what is missing and how to get it."""


class Vad(Protocol):
    """Says for each frame of a 16 kHz mono stream how likely it holds speech."""

    name: str
    frame_samples: int

    def probability(self, frame: np.ndarray) -> float:
        """Return the probability of speech, 0 to 1, in the next frame: int16 (frame_samples,)."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


@dataclass(frozen=True)
class VadSettings(Settings):
    """Which detector, and its parameters."""

    vad: str = setting(
        'silero',
        'Speech detector: silero (neural network, default), webrtc (the Gaussian '
        'mixture detector of WebRTC) or rms (level above an adaptive noise floor).',
        choices=('silero', 'webrtc', 'rms'),
    )
    silero_model: str = setting(
        '',
        'ONNX file of the Silero detector; empty for the one that the package silero-vad carries.',
    )
