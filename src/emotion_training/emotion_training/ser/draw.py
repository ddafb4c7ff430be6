"""Draw training clips, the corpora balanced, and make batches of one length of them."""

from __future__ import annotations

import numpy as np
import torch

from emotion_training.ser import spectral
from emotion_training.ser.spectra import Spectra

REPEATS = 4
"""How often an epoch draws a clip at most, on average."""


STRETCH = 0.18
"""Clips are played faster or slower by up to this exponent."""


def steps(samples: int, chosen: np.ndarray, batch: int) -> int:
    """Return the batches of an epoch of so many clips drawn from the chosen."""
    return max(1, min(samples, REPEATS * len(chosen)) // batch)


def draw(data: Spectra, chosen: np.ndarray, count: int, rng: np.random.Generator,
         weights: dict[str, float] | None = None) -> np.ndarray:
    """Draw clip indices, the corpora weighted (by default by the root of their size)."""
    corpora = data.corpora[chosen]
    names, sizes = np.unique(corpora, return_counts=True)
    share = np.array([(weights or {}).get(str(n), float(np.sqrt(s)))
                      for n, s in zip(names, sizes)])
    share = share / share.sum()
    picks = []
    for name, part in zip(names, share):
        pool = chosen[corpora == name]
        want = int(round(count * part))
        rounds = [rng.permutation(pool) for _ in range(-(-want // len(pool)))]
        picks.append(np.concatenate(rounds)[:want])
    return rng.permutation(np.concatenate(picks))


def placed(data: Spectra, rows: np.ndarray, frames: int, rng: np.random.Generator,
           stretch: float = STRETCH) -> torch.Tensor:
    """Return clips at random speeds and places, float32 (n, 128, frames) in dB."""
    return torch.from_numpy(np.stack([
        spectral.place(data.level(row), frames, rng,
                       float(np.exp(rng.uniform(-stretch, stretch)))) for row in rows]))
