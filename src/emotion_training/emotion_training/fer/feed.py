# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Bring training pictures to the network, distorted anew each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from emotion_training.fer.augment import BatchAugment, Chance, PhotoAugment
from emotion_training.fer.faceset import FaceSet
from emotion_training.fer.geometry import framed_whole
from emotion_training.fer.places import find_places
from emotion_training.fer.recipes import Recipe

_AHEAD = 4  # batches decoded before they are needed
_ALIKE = 1024  # pictures that are distorted at one strength, in one go
_MIXED = 6 * _ALIKE  # pictures that are shuffled before they become batches
_GENTLE = 0.5  # what the strength of a gentle distortion is multiplied by


class Feed:
    """Yields augmented batches of a data set.

    Small pictures that are in memory anyway live on the device from the start; picture files are
    decoded ahead in threads.

    :param faces: the training pictures.
    :param recipe: how they are looked at and distorted.
    :param device: where batches go.
    :param workers: threads that decode.
    """

    def __init__(
        self, faces: FaceSet, recipe: Recipe, device: torch.device, workers: int = 2
    ) -> None:
        self.faces, self.recipe, self.device, self.workers = faces, recipe, device, workers
        self._held: torch.Tensor | None = None
        if recipe.augment == 'batch' and isinstance(faces.pictures, np.ndarray):
            look = recipe.look
            fits = faces.pictures.ndim == (3 if look.channels == 1 else 4)
            pictures = (
                faces.pictures
                if fits
                else np.stack([look.picture(picture) for picture in faces.pictures])
            )
            pictures = pictures.reshape(*pictures.shape[:3], look.channels)
            if look.colour == 'rgb' and fits:
                pictures = pictures[..., ::-1].copy()
            self._held = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device)
            self._places = torch.from_numpy(
                find_places(faces.pictures, recipe.detectors)
                if fits
                else framed_whole(len(pictures), look.size)[:, None]
            ).to(device)

    def batches(
        self, indices: Sequence[Sequence[int]], ease: Sequence[float], chance: Chance
    ) -> Iterator[tuple[Sequence[int], torch.Tensor]]:
        """Yield each batch's indices and its pictures, (n, channels, size, size) float32.

        :param indices: of each batch.
        :param ease: of each batch; multiplies the strength of the augmentation.
        """
        if self._held is not None:
            for together, amount in _alike(indices, ease):
                yield from self._mixed(together, amount, chance)
            return
        for batch, amount, images in zip(indices, ease, self._decoded(indices)):
            yield batch, self._augmented(images, amount, chance).to(self.device)

    def _mixed(
        self, together: list[Sequence[int]], ease: float, chance: Chance
    ) -> Iterator[tuple[Sequence[int], torch.Tensor]]:
        """Distort many pictures at once, some of them gently, and yield them in batches.

        Steps on a thousand pictures keep a GPU busy, and a batch sees more than one draw of what
        is decided for all pictures that are distorted together.
        """
        assert self._held is not None
        order = np.concatenate([np.asarray(batch) for batch in together])
        seen = []
        for start in range(0, len(order), _ALIKE):
            rows = torch.as_tensor(order[start : start + _ALIKE], device=self.device)
            gentle = chance.host.random() < self.recipe.gentle
            strength = self.recipe.strength * ease * (_GENTLE if gentle else 1)
            augment = BatchAugment(self.recipe.look, strength)
            seen.append(augment(self._held[rows], self._places[rows], chance))
        shuffled = chance.host.permutation(len(order))
        images = torch.cat(seen)[torch.from_numpy(shuffled).to(self.device)]
        order, start = order[shuffled], 0
        for batch in together:
            end = start + len(batch)
            yield order[start:end].tolist(), images[start:end]
            start = end

    def _augmented(
        self, images: Sequence[np.ndarray], ease: float, chance: Chance
    ) -> torch.Tensor:
        look = self.recipe.look
        if self.recipe.augment == 'none':
            return look.batch(images)
        if self.recipe.augment == 'photo':
            return PhotoAugment(look)(images, chance)
        stack = np.stack([look.picture(image) for image in images])
        pictures = torch.from_numpy(stack).permute(0, 3, 1, 2).to(self.device)
        places = torch.from_numpy(framed_whole(len(images), look.size))[:, None].to(self.device)
        return BatchAugment(look, self.recipe.strength * ease)(pictures, places, chance)

    def _decoded(self, indices: Sequence[Sequence[int]]) -> Iterator[list[np.ndarray]]:
        if isinstance(self.faces.pictures, np.ndarray):
            for batch in indices:
                yield [self.faces.picture(index) for index in batch]
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting = [
                [pool.submit(self.faces.picture, index) for index in batch]
                for batch in indices[:_AHEAD]
            ]
            for number in range(len(indices)):
                images = [future.result() for future in waiting.pop(0)]
                if number + _AHEAD < len(indices):
                    waiting.append(
                        [
                            pool.submit(self.faces.picture, index)
                            for index in indices[number + _AHEAD]
                        ]
                    )
                yield images


def _alike(
    indices: Sequence[Sequence[int]], ease: Sequence[float]
) -> Iterator[tuple[list[Sequence[int]], float]]:
    """Yield batches of one ease that follow each other, up to as many as are shuffled at once."""
    together: list[Sequence[int]] = []
    for place, (batch, amount) in enumerate(zip(indices, ease)):
        if together and (
            amount != ease[place - 1] or sum(map(len, together)) + len(batch) > _MIXED
        ):
            yield together, ease[place - 1]
            together = []
        together.append(batch)
    if together:
        yield together, ease[len(indices) - 1]
