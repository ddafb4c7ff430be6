# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The steady front end of :mod:`emotion_perception.audio.steady` for batches in PyTorch.

A test holds the two together.
"""

from __future__ import annotations

import torch

from emotion_perception.audio import steady as runtime
from emotion_perception.audio.pcm import RATE

SIZE = round(RATE * runtime.FRAME)


def frame_powers(sound: torch.Tensor) -> torch.Tensor:
    """Return the mean square of each 20 ms, (n, samples // 320), of sound (n, samples)."""
    count = sound.shape[1] // SIZE
    return sound[:, : count * SIZE].unflatten(1, (count, SIZE)).square().mean(dim=2)


def speech_power(sound: torch.Tensor) -> torch.Tensor:
    """Return the mean square of the speech in sound (n, samples), (n, 1)."""
    powers = frame_powers(sound)
    loud = powers.topk(min(runtime.LOUD, max(1, powers.shape[1] // 2)), dim=1).values
    return loud[:, loud.shape[1] // 2, None]


def steady(sound: torch.Tensor) -> torch.Tensor:
    """Return sound (n, samples) at 16 kHz without what is below the voice, levelled."""
    sound = sound - sound.mean(dim=1, keepdim=True)
    size = runtime.fast_length(sound.shape[1] + RATE // 10)
    fade = torch.from_numpy(runtime.fade(size, RATE)).to(sound.device)
    sound = torch.fft.irfft(torch.fft.rfft(sound, size) * fade, size)[:, : sound.shape[1]]
    power = speech_power(sound)
    gain = 10 ** (runtime.LEVEL_DB / 20) / power.clamp(min=1e-12).sqrt()
    return sound * torch.where(power < 1e-12, 1.0, gain)
