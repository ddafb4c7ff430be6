"""Train an :class:`Enhancer` on made mixtures of clips; no label is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from emotion_training.ser import frontend, nonspeech, spectral
from emotion_training.ser.draw import draw, placed, steps
from emotion_training.ser.enhancer import Enhancer
from emotion_training.ser.spectra import Spectra

AUDIBLE_DB = -50.0
"""What lies lower, below the mixture's maximum, is all the same to the loss."""


@dataclass(frozen=True)
class EnhancerRecipe:
    """One training schedule."""

    epochs: int = 4
    samples: int = 8000          # clips drawn per epoch
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.01
    frames: int = 80
    untouched: float = 0.2       # share of clips without anything to take out
    babble: float = 0.65         # share of babble in what is added
    quietest: float = 25.0       # dB; the loudest interference is as loud as the voice


def mixtures(level: torch.Tensor, recipe: EnhancerRecipe, generator: torch.Generator
             ) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mixtures and what the clips alone are in them, in dB below the mixture's maximum.

    :param level: clips (n, 128, frames) in dB.
    """
    count = len(level)
    clean = torch.pow(10.0, spectral.vary(level, generator, 0.6) * 0.1)
    ratio = torch.rand(count, generator=generator) * recipe.quietest
    mixed = spectral.interfere(clean, clean, ratio, recipe.babble, generator)
    untouched = torch.rand(count, 1, 1, generator=generator) < recipe.untouched
    mixed = 10.0 * torch.log10(torch.where(untouched, clean, mixed).clamp(min=1e-12))
    top = mixed.amax(dim=(1, 2), keepdim=True)
    clean = 10.0 * torch.log10(clean.clamp(min=1e-12))
    return ((mixed - top).clamp(min=frontend.FLOOR_DB), (clean - top).clamp(
        min=frontend.FLOOR_DB))


def distance(level: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Return the mean distance of audible cells in dB."""
    return (level.clamp(min=AUDIBLE_DB) - clean.clamp(min=AUDIBLE_DB)).abs().mean()


def fit_enhancer(data: Spectra, chosen: np.ndarray, recipe: EnhancerRecipe, seed: int,
                 watch: Callable[[int, float], None] | None = None) -> dict:
    """Train on the speech among the chosen clips; return the state of the :class:`Enhancer`.

    :param watch: called after each epoch with epoch and mean distance in dB.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    speech = chosen[data.corpora[chosen] != nonspeech.CORPUS]
    enhancer = Enhancer().to(memory_format=torch.channels_last)
    per_epoch = steps(recipe.samples, speech, recipe.batch)
    optimiser = torch.optim.AdamW(enhancer.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=per_epoch * recipe.epochs + 1, pct_start=0.15)
    for epoch in range(recipe.epochs):
        order = draw(data, speech, (per_epoch + 1) * recipe.batch, rng)
        distances = []
        for number in range(per_epoch):
            index = order[number * recipe.batch:(number + 1) * recipe.batch]
            mixed, clean = mixtures(placed(data, index, recipe.frames, rng), recipe, generator)
            with torch.autocast('cpu', torch.bfloat16):
                cleaned = enhancer(mixed)
            loss = distance(cleaned, clean)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(enhancer.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            distances.append(float(loss.detach()))
        if watch is not None:
            watch(epoch, float(np.mean(distances)))
    return {name: value.detach().clone() for name, value in enhancer.state_dict().items()}
