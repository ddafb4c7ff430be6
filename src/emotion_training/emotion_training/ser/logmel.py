# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Whisper's log-mel spectrum as a module, equal in training and inside the exported file."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_perception.audio.pcm import RATE

N_FFT = 400
HOP = 160
AMIN = 1e-10


@functools.lru_cache(maxsize=2)
def mel_filters(mels: int = 80, rate: int = RATE, n_fft: int = N_FFT) -> np.ndarray:
    """Return Slaney's triangular mel filters, area normalised, float32 (mels, n_fft // 2 + 1).

    The same as ``librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels)`` (Slaney, Auditory
    Toolbox, 1998): linear below 1 kHz, logarithmic above.
    """

    def to_mel(hertz: float) -> float:
        if hertz < 1000.0:
            return hertz * 3.0 / 200.0
        return 15.0 + 27.0 * np.log(hertz / 1000.0) / np.log(6.4)

    points = np.linspace(0.0, to_mel(rate / 2.0), mels + 2)
    hertz = np.where(
        points < 15.0, points * 200.0 / 3.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (points - 15.0))
    )
    bins = np.fft.rfftfreq(n_fft, 1.0 / rate)
    ramps = hertz[:, None] - bins[None, :]
    widths = np.diff(hertz)[:, None]
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return (filters * (2.0 / (hertz[2:] - hertz[:-2]))[:, None]).astype(np.float32)


class LogMel(nn.Module):
    """Waveforms (n, samples) at 16 kHz to spectra (n, bands, samples // 160).

    Windows of 25 ms every 10 ms; the decadic logarithm of the power, cut off 8 below the clip's
    maximum, then ``(x + 4) / 4``. The Fourier transform of a frame is two matrix products: of
    its even part with cosines and of its odd part with sines, a quarter of the weights of a
    plain one, and the same operations in PyTorch and in ONNX.
    """

    window: torch.Tensor
    cosines: torch.Tensor
    sines: torch.Tensor
    mel: torch.Tensor

    def __init__(self, bands: int = 80) -> None:
        super().__init__()
        half = N_FFT // 2
        angle = np.pi / half * np.outer(np.arange(half + 1), np.arange(half + 1))
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT)
        for name, value in (
            ('window', window),
            ('cosines', np.cos(angle)),
            ('sines', np.sin(angle[1:-1, 1:-1])),
            ('mel', mel_filters(bands).T.copy()),
        ):
            self.register_buffer(
                name, torch.from_numpy(value.astype(np.float32)), persistent=False
            )

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the spectra of sound of more than 200 samples."""
        with torch.autocast('cuda', enabled=False):
            return self._spectra(waveform)

    def _spectra(self, waveform: torch.Tensor) -> torch.Tensor:
        half, block = N_FFT // 2, N_FFT // 5
        padded = functional.pad(waveform.float().unsqueeze(1), (half, half), 'reflect')[:, 0]
        blocks = padded[:, : padded.shape[1] // block * block].unflatten(1, (-1, block))
        # A frame is five blocks, and the next frame begins two blocks later.
        count = waveform.shape[1] // HOP
        frames = (
            torch.cat(
                [blocks[:, place : place + 2 * count : 2][:, :count] for place in range(5)], dim=2
            )
            * self.window
        )
        head, tail = frames[:, :, 1:half], frames[:, :, half + 1 :].flip(2)
        even = torch.cat((frames[:, :, :1], head + tail, frames[:, :, half : half + 1]), dim=2)
        real, imaginary = even @ self.cosines, (head - tail) @ self.sines
        # No imaginary part at either end of the spectrum.
        power = real.square() + functional.pad(imaginary, (1, 1)).square()
        level = torch.log10((power @ self.mel).clamp(min=AMIN)).transpose(1, 2)
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (level + 4.0) / 4.0
