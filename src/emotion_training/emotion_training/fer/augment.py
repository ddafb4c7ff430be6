"""Make a training face look like what a camera and a detector deliver.

:class:`BatchAugment` works on a whole batch of small pictures at once (a few milliseconds for
128 faces of 48 pixels); :class:`PhotoAugment` is the report's Albumentations pipeline, picture by
picture. Both take uint8 pictures and give normalised float tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional


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
            raise ValueError(f'{self.colour} has {self.channels} channels, but mean and std '
                             f'have {len(self.mean)} and {len(self.std)} values')

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
            image = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA
                               if shrinks else cv2.INTER_LINEAR)
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
    """Distort a batch of faces: geometry, light, sharpness, compression, occlusion.

    The ranges cover a detector's jitter around the framing of the training pictures: a canonical
    crop is upright, but eyes and mouth are found only to within some pixels.

    :param look: the network's input.
    :param strength: 1 as designed; scales every range.
    """

    def __init__(self, look: Look, strength: float = 1.0) -> None:
        self.look = look
        self.strength = strength

    def __call__(self, images: Sequence[np.ndarray], generator: torch.Generator) -> torch.Tensor:
        """Return (n, channels, size, size) float32 from n uint8 pictures.

        :param generator: every random choice comes from it.
        """
        pictures = self._compress([self.look.picture(image) for image in images], generator)
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
        batch = self._warp(batch, generator)
        batch = self._soften(batch, generator)
        batch = self._light(batch, generator)
        batch = self._occlude(batch, generator)
        batch = self._noise(batch, generator)
        return self.look.normalise(batch.clamp_(0, 255))

    def _uniform(self, count: int, low: float, high: float,
                 generator: torch.Generator) -> torch.Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    def _chosen(self, count: int, share: float, generator: torch.Generator) -> torch.Tensor:
        """Return the indices of a random share of the batch."""
        return torch.nonzero(torch.rand(count, generator=generator) < share).flatten()

    def _compress(self, pictures: list[np.ndarray],
                  generator: torch.Generator) -> list[np.ndarray]:
        """Pass some pictures through JPEG at a low quality."""
        for index in self._chosen(len(pictures), 0.15 * self.strength, generator).tolist():
            quality = int(self._uniform(1, 20, 85, generator))
            done, data = cv2.imencode('.jpg', pictures[index], [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done:
                decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
                pictures[index] = decoded.reshape(pictures[index].shape)
        return pictures

    def _warp(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Turn, scale, stretch, shift and mirror."""
        count, amount = len(batch), self.strength
        turn = torch.randn(count, generator=generator).clamp_(-2.5, 2.5) * (amount * 8
                                                                            * math.pi / 180)
        scale = torch.exp(self._uniform(count, -0.20, 0.16, generator) * amount)
        stretch = torch.exp(self._uniform(count, -0.07, 0.07, generator) * amount)
        mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        shift = torch.randn(count, 2, generator=generator).clamp_(-2, 2) * (0.09 * amount)
        cosine, sine = torch.cos(turn), torch.sin(turn)
        matrix = torch.stack([
            torch.stack([cosine * scale * stretch * mirror, -sine * scale, shift[:, 0]], 1),
            torch.stack([sine * scale * stretch * mirror, cosine * scale, shift[:, 1]], 1)], 1)
        grid = functional.affine_grid(matrix, list(batch.shape), align_corners=False)
        return functional.grid_sample(batch, grid, padding_mode='border', align_corners=False)

    def _soften(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Blur some pictures as a far face, a bad lens or a motion does; sharpen a few."""
        count, size = len(batch), batch.shape[-1]
        for factor in (0.4, 0.55, 0.75):
            some = self._chosen(count, 0.06 * self.strength, generator)
            if len(some):
                small = functional.interpolate(batch[some], scale_factor=factor, mode='bilinear',
                                               antialias=True)
                batch[some] = functional.interpolate(small, size=(size, size), mode='bilinear')
        for axis in (2, 3):
            some = self._chosen(count, 0.05 * self.strength, generator)
            if len(some):
                shape = (5, 1) if axis == 2 else (1, 5)
                padding = (0, 0, 2, 2) if axis == 2 else (2, 2, 0, 0)
                padded = functional.pad(batch[some], padding, mode='replicate')
                batch[some] = functional.avg_pool2d(padded, shape, stride=1)
        some = self._chosen(count, 0.10 * self.strength, generator)
        if len(some):
            padded = functional.pad(batch[some], (1, 1, 1, 1), mode='replicate')
            blurred = functional.avg_pool2d(padded, 3, stride=1)
            batch[some] = (batch[some] + 0.8 * (batch[some] - blurred)).clamp_(0, 255)
        return batch

    def _light(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change contrast, brightness and gamma; light some faces from one side."""
        count, size = len(batch), batch.shape[-1]
        amount = self.strength
        gamma = torch.exp(self._uniform(count, -0.45, 0.45, generator) * amount)
        contrast = torch.exp(self._uniform(count, -0.45, 0.30, generator) * amount)
        offset = self._uniform(count, -28, 28, generator) * amount
        batch = 255 * (batch.clamp(0, 255) / 255) ** gamma.view(-1, 1, 1, 1)
        mean = batch.mean((1, 2, 3), keepdim=True)
        batch = (batch - mean) * contrast.view(-1, 1, 1, 1) + mean + offset.view(-1, 1, 1, 1)
        some = self._chosen(count, 0.25 * amount, generator)
        if len(some):
            angle = self._uniform(len(some), 0, 2 * math.pi, generator).view(-1, 1, 1)
            depth = self._uniform(len(some), 0.15, 0.6, generator).view(-1, 1, 1, 1)
            line = torch.linspace(-1, 1, size)
            ramp = (torch.cos(angle) * line.view(1, 1, -1)
                    + torch.sin(angle) * line.view(1, -1, 1)).unsqueeze(1)
            batch[some] = batch[some] * (1 + depth * ramp)
        return batch

    def _occlude(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Cover a rectangle of some faces: a hand, hair, a microphone, a picture's edge."""
        count, size = len(batch), batch.shape[-1]
        for index in self._chosen(count, 0.25 * self.strength, generator).tolist():
            height, width = (self._uniform(2, 0.1, 0.4, generator) * size).int().tolist()
            top, left = (self._uniform(2, 0, 1, generator)
                         * torch.tensor([size - height, size - width])).int().tolist()
            patch = batch[index, :, top:top + height, left:left + width]
            if torch.rand(1, generator=generator) < 0.5:
                patch.copy_(torch.rand(patch.shape, generator=generator) * 255)
            else:
                patch.fill_(float(self._uniform(1, 0, 255, generator)))
        return batch

    def _noise(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        some = self._chosen(len(batch), 0.25 * self.strength, generator)
        if len(some):
            level = self._uniform(len(some), 2, 12, generator).view(-1, 1, 1, 1)
            batch[some] += torch.randn(batch[some].shape, generator=generator) * level
        return batch


class PhotoAugment:
    """Augment pictures one by one with Albumentations, as the course report's recipe does.

    :param look: the network's input.
    """

    def __init__(self, look: Look) -> None:
        import albumentations as A
        self.look = look
        self.pipeline = A.Compose([
            A.HorizontalFlip(p=0.5),
            A.Rotate(limit=15, border_mode=cv2.BORDER_REPLICATE, p=0.5),
            A.RandomBrightnessContrast(p=0.3),
            A.GaussianBlur(blur_limit=(3, 5), p=0.1),
            A.CoarseDropout(num_holes_range=(1, 4), hole_height_range=(0.05, 0.15),
                            hole_width_range=(0.05, 0.15), p=0.2)])

    def __call__(self, images: Sequence[np.ndarray], generator: torch.Generator) -> torch.Tensor:
        """Return (n, channels, size, size) float32 from n uint8 pictures."""
        self.pipeline.set_random_seed(int(torch.randint(2 ** 31, (1,), generator=generator)))
        pictures = [self.pipeline(image=self.look.picture(image))['image'] for image in images]
        stack = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
        return self.look.normalise(stack)
