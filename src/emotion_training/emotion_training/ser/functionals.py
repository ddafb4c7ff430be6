"""Statistics of an utterance's spectrum, beside what the CNN makes of it.

Hand-made functionals of low-level descriptors, as in openSMILE's sets (Schuller et al.,
Interspeech 2013), but computed from the same log-mel spectrum with plain tensor operations, so
that they export into the same ONNX graph.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from emotion_training.ser import frontend
from emotion_training.ser.network import standardise

BANDS, CEPSTRA = 32, 20
LOW = 44
"""Bands below 1 kHz, where the mel scale is linear and harmonics stand at equal distances."""

LAGS = range(3, 20)
WIDTH = 6 * (BANDS + CEPSTRA + 3 + len(LAGS)) + 4
"""Number of statistics."""


def descriptors(image: torch.Tensor) -> torch.Tensor:
    """Return what is followed over time: (n, 72, frames).

    Bands, cepstra, loudness, and the autocorrelation over frequency of the bands below 1 kHz,
    which tells the distance of the harmonics (the pitch) and how clear they are.

    :param image: (n, 128, frames), the clip standardised as a whole.
    """
    order = torch.arange(1, CEPSTRA + 1, dtype=torch.float32)[:, None]
    place = torch.arange(frontend.MELS, dtype=torch.float32)[None, :] + 0.5
    cosines = torch.cos(math.pi / frontend.MELS * order * place) * math.sqrt(2 / frontend.MELS)
    bands = image.unflatten(1, (BANDS, frontend.MELS // BANDS)).mean(dim=2)
    low = image[:, :LOW].transpose(1, 2)
    low = (low - functional.avg_pool1d(low, 9, 1, padding=4)).transpose(1, 2)
    power = low.square().mean(dim=1, keepdim=True) + 1e-3
    lags = torch.cat([(low[:, lag:] * low[:, :LOW - lag]).mean(dim=1, keepdim=True)
                      for lag in LAGS], dim=1) / power
    share = torch.softmax(12.0 * lags, dim=1)
    distance = (share * torch.arange(len(LAGS), dtype=torch.float32).view(1, -1, 1)).sum(
        dim=1, keepdim=True)
    return torch.cat((bands, cosines @ image, image.mean(dim=1, keepdim=True), distance,
                      (share * lags).sum(dim=1, keepdim=True), lags), dim=1)


def functionals(level: torch.Tensor) -> torch.Tensor:
    """Return the statistics (n, WIDTH) of spectra in dB (n, 128, frames).

    Of each descriptor, over the frames that carry sound: mean, deviation, soft maximum and
    minimum, mean absolute change and deviation of the change.
    """
    image, weight = standardise(level)
    track = descriptors(image[:, 0])
    share = (weight / weight.sum(dim=1, keepdim=True)).unsqueeze(1)
    mean = (track * share).sum(dim=2)
    centred = track - mean.unsqueeze(2)
    spread = ((centred.square() * share).sum(dim=2) + 1e-4).sqrt()
    unit = (centred / spread.unsqueeze(2)).clamp(-4.0, 4.0)
    top = mean + spread * torch.log((torch.exp(2 * unit) * share).sum(dim=2)) / 2
    bottom = mean - spread * torch.log((torch.exp(-2 * unit) * share).sum(dim=2)) / 2
    change = track[:, :, 1:] - track[:, :, :-1]
    both = weight[:, 1:] * weight[:, :-1]
    both = (both / (both.sum(dim=1, keepdim=True) + 1e-3)).unsqueeze(1)
    moved = (change.abs() * both).sum(dim=2)
    jitter = ((change.square() * both).sum(dim=2) + 1e-4).sqrt()
    sound = weight.sum(dim=1, keepdim=True)
    crossings = (weight[:, 1:] - weight[:, :-1]).abs().sum(dim=1, keepdim=True) / sound
    # Pauses count between the first and the last frame of speech only.
    heard = (weight > 0.5).float()
    extent = ((heard.cumsum(dim=1) > 0) & (heard.flip(1).cumsum(dim=1).flip(1) > 0)).float()
    fill = heard.sum(dim=1, keepdim=True) / extent.sum(dim=1, keepdim=True).clamp(min=1.0)
    range_db = ((level - level.mean(dim=1, keepdim=True)).square().mean(dim=1) * share[:, 0]
                ).sum(dim=1, keepdim=True)
    return torch.cat((mean, spread, top, bottom, moved, jitter, torch.log(sound), crossings,
                      fill, torch.log(range_db + 1.0)), dim=1)
