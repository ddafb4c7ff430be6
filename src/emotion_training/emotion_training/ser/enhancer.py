"""Take other voices and noise out of a log-mel spectrum, inside the speech network.

A mask estimator: an encoder over the bands, dilated convolutions over time and a decoder with
skip connections (after Ronneberger et al., "U-Net", MICCAI 2015, and Luo and Mesgarani,
"Conv-TasNet", TASLP 2019). It keeps the voice in front, whatever else is heard.
"""

from __future__ import annotations

import torch
from torch import nn

from emotion_training.ser import frontend
from emotion_training.ser.activity import activity

DEEPEST_DB = 30.0
"""A cell falls by less than this."""

WIDTHS = (32, 64)
"""Channels at a quarter and at an eighth of the bands."""

WITHIN = 96
"""Channels of the part that looks along time."""

DILATIONS = (1, 2, 4, 8, 1, 4)
"""Of its layers: together they see two seconds around a frame."""

BANDS = frontend.MELS // 8


def _flat(narrow: int, wide: int, size: int = 3, rows: int = 1, tall: int = 0) -> nn.Sequential:
    tall = tall or size
    return nn.Sequential(
        nn.Conv2d(narrow, wide, (tall, size), (rows, 1), (tall // 2, size // 2), bias=False),
        nn.BatchNorm2d(wide), nn.ReLU(inplace=True))


def _along(narrow: int, wide: int, size: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(narrow, wide, size, padding=dilation * (size // 2), dilation=dilation,
                  bias=False),
        nn.BatchNorm1d(wide), nn.ReLU(inplace=True))


class Enhancer(nn.Module):
    """Spectra in dB (n, 128, frames) to the same with what is not the voice in front lowered."""

    def __init__(self) -> None:
        super().__init__()
        quarter, eighth = WIDTHS
        self.first = _flat(2, quarter, 3, rows=4, tall=7)
        self.second = _flat(quarter, eighth, 3, rows=2)
        self.enter = _along(eighth * BANDS, WITHIN)
        self.within = nn.ModuleList(_along(WITHIN, WITHIN, 3, step) for step in DILATIONS)
        self.leave = _along(WITHIN, eighth * BANDS)
        self.third = _flat(2 * eighth, 48)
        self.fourth = _flat(48 + quarter, quarter)
        # Four gains for each place at a quarter of the bands.
        self.gain = nn.Conv2d(quarter, 4, 1)

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        weight = activity(level)
        share = (weight / weight.sum(dim=1, keepdim=True)).unsqueeze(1)
        band = (level * share).sum(dim=2, keepdim=True)
        image = torch.stack(((level + 40.0) / 20.0, (level - band) / 15.0), dim=1)
        quarter = self.first(image.contiguous(memory_format=torch.channels_last))
        eighth = self.second(quarter)
        along = self.enter(eighth.flatten(1, 2))
        for layer in self.within:
            along = along + layer(along)
        deep = self.leave(along).unflatten(1, (eighth.shape[1], BANDS))
        deep = self.third(torch.cat((deep, eighth), dim=1)).repeat_interleave(2, dim=2)
        gain = self.gain(self.fourth(torch.cat((deep, quarter), dim=1))).float()
        gain = gain.transpose(1, 2).flatten(1, 2)
        return level - DEEPEST_DB * torch.sigmoid(gain)
