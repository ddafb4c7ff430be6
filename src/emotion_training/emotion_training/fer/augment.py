# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Make a training face look like what a camera and a detector deliver.

:class:`BatchAugment` works on a whole batch of small pictures at once, on a CPU or a GPU;
:class:`PhotoAugment` is the report's Albumentations pipeline, picture by picture. Both take uint8
pictures and give normalised float tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional

from emotion_training.fer import degrade, geometry


@dataclass(frozen=True)
class Look:
    """Describe what a network sees of a picture.

    :param size: side in pixels.
    :param colour: ``'grey'`` or ``'rgb'``.
    :param mean: of each channel, after division by 255.
    :param std: of each channel, after division by 255.
    """

    size: int
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.colour not in ('grey', 'rgb'):
            raise ValueError(f'colour is {self.colour!r}; allowed: grey, rgb')
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(
                f'{self.colour} has {self.channels} channels, but mean and std '
                f'have {len(self.mean)} and {len(self.std)} values'
            )

    @property
    def channels(self) -> int:
        return 1 if self.colour == 'grey' else 3

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return a BGR or grey picture in this size and colour: (size, size, channels) uint8."""
        if self.colour == 'grey' and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        elif self.colour == 'rgb':
            code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
            image = cv2.cvtColor(image, code)
        if image.shape[:2] != (self.size, self.size):
            shrinks = image.shape[0] > self.size
            image = cv2.resize(
                image,
                (self.size, self.size),
                interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
            )
        return image.reshape(self.size, self.size, self.channels)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, s, s) in 0..255 to the network's input."""
        mean = images.new_tensor(self.mean).view(1, -1, 1, 1)
        std = images.new_tensor(self.std).view(1, -1, 1, 1)
        return (images / 255 - mean) / std

    def batch(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Return pictures as they are, normalised: (n, channels, size, size) float32."""
        stack = np.stack([self.picture(image) for image in images])
        return self.normalise(torch.from_numpy(stack).permute(0, 3, 1, 2).float())


class BatchAugment:
    """Distort a batch of faces: framing, light, sharpness, distance, compression, occlusion.

    Everything happens on the pictures' own device, in a few milliseconds for hundreds of faces on
    a GPU. A face is framed as FER2013 frames it or as a detector found it, then moved around that
    by what detectors err, and sometimes by what none would: a head tilted as a detector without
    landmarks leaves it.

    :param look: the network's input.
    :param strength: 1 as designed; scales shares and ranges.
    """

    def __init__(self, look: Look, strength: float = 1.0) -> None:
        self.look = look
        self.strength = strength

    def __call__(
        self, pictures: torch.Tensor, places: torch.Tensor, chance: Chance
    ) -> torch.Tensor:
        """Return (n, channels, size, size) float32, normalised.

        :param pictures: uint8 (n, channels, h, w).
        :param places: (n, candidates, 2, 3), see :mod:`emotion_training.fer.geometry`; NaN where
            a detector found nothing. One candidate of each face is taken at random.
        :param chance: every random choice comes from it.
        """
        draw = _Draw(len(pictures), chance, self.strength)
        seen = pictures.float()
        # One way of sampling, distance and block grid a batch: what differs is all else.
        if draw.coin(0.2):
            seen = degrade.far(seen, int(seen.shape[-1] * draw.number(0.3, 0.8)))
        seen, moved = self._move(seen, self._choose(places, draw), draw)
        calm = seen
        if draw.coin(0.12):
            seen = degrade.far(seen, int(self.look.size * draw.number(0.3, 0.7)))
        seen = self._cover(seen, moved, draw)
        seen = self._light(seen, draw)
        seen = self._soften(seen, draw)
        seen = degrade.jpeg(
            seen, torch.where(draw.some(0.3), draw.uniform(6, 85), 100.0), int(draw.number(0, 8))
        )
        level = draw.some(0.2) * draw.uniform(2, 14)
        seen = seen + draw.normal(*seen.shape[1:]) * level.view(-1, 1, 1, 1)
        # A good camera close by is the most usual case.
        seen = torch.where(draw.some(0.3, always=True).view(-1, 1, 1, 1), calm, seen)
        return self.look.normalise(seen.clamp(0, 255))

    @staticmethod
    def _choose(places: torch.Tensor, draw: _Draw) -> torch.Tensor:
        """Take one of each face's places at random."""
        known = torch.isfinite(places[:, :, 0, 0]).float()
        chosen = torch.multinomial(known, 1, generator=draw.chance.generator)
        return places[torch.arange(len(places), device=places.device), chosen[:, 0]]

    def _move(
        self, pictures: torch.Tensor, places: torch.Tensor, draw: _Draw
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn, scale, stretch, shift, mirror, and turn the head aside."""
        turn = draw.normal().clamp_(-2.5, 2.5) * math.radians(7)
        turn = torch.where(draw.some(0.15), draw.uniform(-0.6, 0.6), turn)
        scale = torch.exp(draw.uniform(-0.18, 0.18))
        stretch = torch.exp(draw.uniform(-0.08, 0.08))
        shift = draw.normal(2).clamp_(-2.2, 2.2) * (0.08 * draw.strength)
        mirror = torch.where(draw.some(0.5, always=True), -1.0, 1.0)
        moved = geometry.jitter(turn * draw.strength, scale, stretch, shift, mirror)
        yaw = draw.some(0.25) * draw.uniform(-0.75, 0.75)
        return geometry.views(pictures, places, moved, self.look.size, yaw, draw.coin(0.5)), moved

    def _cover(self, seen: torch.Tensor, moved: torch.Tensor, draw: _Draw) -> torch.Tensor:
        """Cover the mouth, the eyes, or anything of some faces."""
        size, mean = seen.shape[-1], seen.mean((1, 2, 3))
        eyes = (np.array(geometry.LEFT_EYE) + geometry.RIGHT_EYE) / 2
        where = draw.uniform(0, 1)
        # Mouths in 7 faces of a hundred, eyes in 6, anything in 17.
        mouth, glasses, other = where < 0.07, (where >= 0.07) & (where < 0.13), where >= 0.83
        centre = torch.where(
            mouth.view(-1, 1), geometry.point(geometry.MOUTH, moved), geometry.point(eyes, moved)
        )
        centre = torch.where(
            other.view(-1, 1), draw.uniform(-1, 1, 2), centre + draw.normal(2) * 0.06
        )
        low = torch.where(mouth, 0.2, torch.where(glasses, 0.12, 0.08))
        high = torch.where(mouth, 0.4, torch.where(glasses, 0.25, 0.40))
        tall = low + (high - low) * draw.uniform(0, 1)
        wide = torch.where(
            glasses, 0.55 + 0.25 * draw.uniform(0, 1), tall * torch.exp(draw.uniform(-0.3, 0.7))
        )
        hidden = (mouth | glasses | other) & draw.some(1.0)
        half = torch.stack([wide, tall], 1) * hidden.view(-1, 1)
        # A hand is as bright as the face, glasses are dark, other things are anything.
        tone = torch.where(
            draw.some(0.5, always=True),
            mean * torch.exp(draw.normal() * 0.25),
            draw.uniform(0, 255),
        )
        tone = torch.where(glasses & draw.some(0.7, always=True), draw.uniform(0, 60), tone)
        coarse = functional.interpolate(draw.normal(1, 6, 6), size=(size, size), mode='bilinear')
        tones = tone.view(-1, 1, 1, 1) + coarse * draw.uniform(0, 40).view(-1, 1, 1, 1)
        return degrade.cover(
            seen,
            centre,
            half,
            tones.clamp(0, 255),
            draw.uniform(2, 9),
            draw.normal() * 0.4 * (~glasses),
        )

    def _light(self, seen: torch.Tensor, draw: _Draw) -> torch.Tensor:
        """Change contrast, brightness and gamma; light from one side; too little light."""
        seen = degrade.light(
            seen,
            torch.exp(draw.uniform(-0.5, 0.5)),
            torch.exp(draw.uniform(-0.6, 0.4)),
            draw.uniform(-35, 35),
        )
        seen = degrade.side_light(
            seen, draw.uniform(0, 2 * math.pi), draw.some(0.3) * draw.uniform(0.15, 0.8)
        ).clamp(0, 255)
        share = torch.where(draw.some(0.12), torch.exp(draw.uniform(-2.5, -0.5)), 1.0)
        return degrade.dark(seen, share, draw.normal(*seen.shape[1:]))

    def _soften(self, seen: torch.Tensor, draw: _Draw) -> torch.Tensor:
        """Blur some pictures as a bad lens or a motion does; sharpen a few."""
        lens = draw.some(0.2) * draw.uniform(0.4, 1.8)
        motion = draw.some(0.12) * draw.uniform(0.8, 2.5)
        lying = draw.some(0.6, always=True)
        pixel = self.look.size / 48
        blurred = degrade.blur(
            seen, (lens + motion * lying) * pixel, (lens + motion * ~lying) * pixel
        )
        sharper = draw.some(0.15) * draw.uniform(0.3, 1.2)
        soft = functional.avg_pool2d(functional.pad(seen, (1, 1, 1, 1), mode='replicate'), 3, 1)
        sharp = seen + sharper.view(-1, 1, 1, 1) * (seen - soft)
        return torch.where((lens + motion > 0).view(-1, 1, 1, 1), blurred, sharp).clamp(0, 255)


class Chance:
    """Where the random choices of an epoch come from.

    :param seed: the same seed makes the same choices on the same kind of device.
    :param device: of the pictures.
    """

    def __init__(self, seed: int, device: torch.device | str = 'cpu') -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        # What is decided for a whole batch never waits for the device.
        self.host = np.random.default_rng(seed)


class _Draw:
    """Random numbers for a batch, on the pictures' device."""

    def __init__(self, count: int, chance: Chance, strength: float) -> None:
        self.count, self.chance, self.strength = count, chance, strength

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        values = torch.rand(
            (self.count, *shape), generator=self.chance.generator, device=self.chance.device
        )
        return values * (high - low) + low

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(
            (self.count, *shape), generator=self.chance.generator, device=self.chance.device
        )

    def some(self, share: float, always: bool = False) -> torch.Tensor:
        """Return bool (n,), true for a share of the pictures, scaled by the strength."""
        return self.uniform(0, 1) < share * (1 if always else min(self.strength, 1.0))

    def number(self, low: float, high: float) -> float:
        """Return one number for the whole batch."""
        return float(self.chance.host.uniform(low, high))

    def coin(self, share: float) -> bool:
        return self.number(0, 1) < share * min(self.strength, 1.0)


class PhotoAugment:
    """Augment pictures one by one with Albumentations, as the course report's recipe does.

    :param look: the network's input.
    """

    def __init__(self, look: Look) -> None:
        import albumentations as A

        self.look = look
        self.pipeline = A.Compose(
            [
                A.HorizontalFlip(p=0.5),
                A.Rotate(limit=15, border_mode=cv2.BORDER_REPLICATE, p=0.5),
                A.RandomBrightnessContrast(p=0.3),
                A.GaussianBlur(blur_limit=(3, 5), p=0.1),
                A.CoarseDropout(
                    num_holes_range=(1, 4),
                    hole_height_range=(0.05, 0.15),
                    hole_width_range=(0.05, 0.15),
                    p=0.2,
                ),
            ]
        )

    def __call__(self, images: Sequence[np.ndarray], chance: Chance) -> torch.Tensor:
        """Return (n, channels, size, size) float32 from n uint8 pictures, on the CPU."""
        self.pipeline.set_random_seed(int(chance.host.integers(2**31)))
        pictures = [self.pipeline(image=self.look.picture(image))['image'] for image in images]
        stack = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
        return self.look.normalise(stack)
