# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What cameras, distance, codecs and things before a face do to its picture, on whole batches.

Every function takes grey or colour pictures (n, channels, size, size), float32 in 0..255, on any
device, and an amount for each picture, (n,). Training draws the amounts at random
(:mod:`emotion_training.fer.augment`); ``eval fer --robustness`` sets them.
"""

from __future__ import annotations

import functools
import math

import torch
from torch.nn import functional

_QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Luminance table of the JPEG standard, ITU-T T.81, annex K.1."""


@functools.cache
def _table(device: torch.device) -> torch.Tensor:
    return torch.tensor(_QUANTISATION, device=device, dtype=torch.float32)


def _each(amount: torch.Tensor) -> torch.Tensor:
    return amount.view(-1, 1, 1, 1)


def jpeg(images: torch.Tensor, quality: torch.Tensor, offset: int = 0) -> torch.Tensor:
    """Quantise 8 x 8 blocks of cosine coefficients as a JPEG encoder does with luminance.

    :param quality: libjpeg's scale, 1 to 100; 100 and above leaves the picture as it is.
    :param offset: pixels by which the block grid is shifted: a crop rarely starts on a block.
    """
    count, channels, size, _ = images.shape
    padding = -(size + offset) % 8
    padded = functional.pad(images, (offset, padding, offset, padding), mode='replicate') - 128
    side = padded.shape[-1]
    places = torch.arange(8, device=images.device, dtype=images.dtype)
    basis = torch.cos((2 * places[None] + 1) * places[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    blocks = padded.view(count, channels, side // 8, 8, side // 8, 8).transpose(3, 4)
    waves = basis @ blocks @ basis.T
    scale = torch.where(quality < 50, 5000 / quality.clamp(min=1), 200 - 2 * quality) / 100
    steps = (_table(images.device) * scale.view(-1, 1, 1)).clamp(1, 255).view(count, 1, 1, 1, 8, 8)
    waves = (waves / steps).round() * steps
    decoded = (basis.T @ waves @ basis).transpose(3, 4).reshape(count, channels, side, side) + 128
    decoded = decoded[:, :, offset : offset + size, offset : offset + size].clamp(0, 255)
    return torch.where(_each(quality) < 100, decoded, images)


def blur(images: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Blur with a Gaussian of its own along each axis: a bad lens, or a motion.

    :param across: standard deviation in pixels, horizontally; ``down`` likewise, vertically.
    """
    count, channels, size, _ = images.shape
    reach = 7
    places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    flat = images.reshape(1, count * channels, size, size)
    for deviation, shape, padding in (
        (across, (1, -1), (reach, reach, 0, 0)),
        (down, (-1, 1), (0, 0, reach, reach)),
    ):
        kernel = torch.exp(-0.5 * (places / deviation.clamp(min=0.05).view(-1, 1)) ** 2)
        kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
        flat = functional.conv2d(
            functional.pad(flat, padding, mode='replicate'),
            kernel.view(count * channels, 1, *shape),
            groups=count * channels,
        )
    return flat.view(images.shape)


def far(images: torch.Tensor, pixels: int) -> torch.Tensor:
    """Show faces as a camera does that has only so many pixels for each: down and up again."""
    size = images.shape[-1]
    if pixels >= size:
        return images
    small = functional.interpolate(images, size=(pixels, pixels), mode='bilinear', antialias=True)
    return functional.interpolate(small, size=(size, size), mode='bilinear')


def light(
    images: torch.Tensor, gamma: torch.Tensor, contrast: torch.Tensor, offset: torch.Tensor
) -> torch.Tensor:
    """Change gamma, contrast around the mean, and brightness (grey levels)."""
    curved = 255 * (images.clamp(0, 255) / 255) ** _each(gamma)
    mean = curved.mean((1, 2, 3), keepdim=True)
    return (curved - mean) * _each(contrast) + mean + _each(offset)


def dark(images: torch.Tensor, share: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Take light away as an underexposed sensor does: few levels, and noise among them.

    :param share: of the light that is left, 0 to 1; 1 leaves the picture as it is.
    :param noise: standard normal numbers of the pictures' shape.
    """
    seen = images * _each(share)
    seen = (seen + noise * (0.8 + 0.12 * seen.clamp(min=0).sqrt())).round().clamp(0, 255)
    return torch.where(_each(share) < 1, seen, images)


def side_light(images: torch.Tensor, angle: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Light faces from one side.

    :param angle: of the light, radians.
    :param depth: how much brighter one edge is than the middle, 0 to 1.
    """
    line = torch.linspace(-1, 1, images.shape[-1], device=images.device, dtype=images.dtype)
    ramp = (
        torch.cos(angle).view(-1, 1, 1) * line.view(1, 1, -1)
        + torch.sin(angle).view(-1, 1, 1) * line.view(1, -1, 1)
    ).unsqueeze(1)
    return images * (1 + _each(depth) * ramp)


def cover(
    images: torch.Tensor,
    centre: torch.Tensor,
    half: torch.Tensor,
    tone: torch.Tensor,
    roundness: torch.Tensor,
    turn: torch.Tensor,
) -> torch.Tensor:
    """Lay an opaque shape over each face: a hand, dark glasses, a mask, a microphone.

    :param centre: (n, 2), x and y, -1 to 1 across the picture.
    :param half: (n, 2), half its width and height in the same unit; 0 covers nothing.
    :param tone: (n, 1, size, size) or what broadcasts to it: grey levels of the shape.
    :param roundness: exponent of the outline: 2 an ellipse, 8 nearly a rectangle.
    :param turn: radians.
    """
    line = torch.linspace(-1, 1, images.shape[-1], device=images.device, dtype=images.dtype)
    x = line.view(1, 1, -1) - centre[:, 0].view(-1, 1, 1)
    y = line.view(1, -1, 1) - centre[:, 1].view(-1, 1, 1)
    cosine, sine = torch.cos(turn).view(-1, 1, 1), torch.sin(turn).view(-1, 1, 1)
    wide = half.clamp(min=1e-4)
    power = roundness.view(-1, 1, 1)
    distance = ((x * cosine + y * sine) / wide[:, 0].view(-1, 1, 1)).abs() ** power + (
        (y * cosine - x * sine) / wide[:, 1].view(-1, 1, 1)
    ).abs() ** power
    hidden = (distance < 1) & (half.amin(1) > 0).view(-1, 1, 1)
    return torch.where(hidden.unsqueeze(1), tone.expand_as(images), images)
