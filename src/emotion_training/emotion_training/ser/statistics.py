"""Small networks on tables of embeddings: functionals, and what a trained CNN makes of a clip."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_training.common.files import write_atomically
from emotion_training.ser import fit, spectral
from emotion_training.ser.draw import draw, placed, steps
from emotion_training.ser.fit import OUTPUTS, priors
from emotion_training.ser.functionals import WIDTH, functionals
from emotion_training.ser.network import SpeechNetwork
from emotion_training.ser.spectra import Spectra
from emotion_training.ser.voices import LIMIT, Profile, Voices, relative

COPIES = 1
"""Altered copies of each clip beside the clip itself."""

ALTERED = 0.3
"""Share of altered clips in training: more made clean speech worse than noisy speech better."""

NOISY = 0.5
"""Share of the altered copies with noise or babble."""

NOISE = 0.3
"""Deviation of what is added to each standardised value in training."""


class StatisticsNetwork(nn.Module):
    """The first ``width`` of standardised values (n, d) to logits (n, outputs)."""

    def __init__(self, width: int = WIDTH, hidden: int = 256, dropout: float = 0.5) -> None:
        super().__init__()
        self.width = width
        layers: list[nn.Module] = []
        for narrow in (width, hidden):
            layers += [nn.Linear(narrow, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
                       nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(hidden, OUTPUTS)

    def embed(self, values: torch.Tensor) -> torch.Tensor:
        """Return what the last layer sees, (n, hidden)."""
        values = values[:, :self.width]
        if self.training:
            values = values + NOISE * torch.randn_like(values)
        return self.body(values)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(values))


class Scale(nn.Module):
    """Standardise embeddings (n, d) by what the training clips are like."""

    def __init__(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        super().__init__()
        self.register_buffer('mean', torch.from_numpy(mean))
        self.register_buffer('deviation', torch.from_numpy(deviation))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return ((values - self.mean) / self.deviation).clamp(-LIMIT, LIMIT)


def scale_of(table: np.ndarray, chosen: np.ndarray) -> Scale:
    """Return the scale of the chosen clips of a table of :func:`tables`."""
    return Scale(table[0, chosen].mean(axis=0), table[0, chosen].std(axis=0) + np.float32(1e-3))


def features(level: torch.Tensor, broad: SpeechNetwork) -> torch.Tensor:
    """Return the functionals of cleaned spectra, and behind them the embedding of the network."""
    cleaned = broad.clean(level)
    return torch.cat((functionals(cleaned), broad.embed(level, cleaned).float()), dim=1)


def tables(data: Spectra, cache: Path, broad: SpeechNetwork, seed: int = 0, batch: int = 32
           ) -> np.ndarray:
    """Return the features of all clips, float32 (1 + COPIES, n, width).

    The first table is of the clips as they are, the others of altered copies.

    :param cache: NPY file to keep them in.
    :param broad: network that cleans the spectra, and whose embeddings are added.
    """
    width = WIDTH + 2 * broad.shape.features
    if cache.is_file():
        found = np.load(cache)
        if found.shape == (1 + COPIES, len(data), width):
            return found
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    found = np.zeros((1 + COPIES, len(data), width), np.float32)
    order = np.argsort(np.diff(data.offsets))
    for begin in range(0, len(order), batch):
        rows = order[begin:begin + batch]
        levels = [data.level(row) for row in rows]
        for copy in range(1 + COPIES):
            if copy:
                made = spectral.augment(placed(data, rows, fit.Recipe.frames, rng), generator,
                                        0.3, NOISY)
            else:
                longest = max(32, *(level.shape[1] for level in levels))
                made = torch.from_numpy(np.stack([spectral.place(level, longest)
                                                  for level in levels]))
            with torch.no_grad():
                found[copy, rows] = features(made, broad).numpy()
    buffer = io.BytesIO()
    np.save(buffer, found)
    write_atomically(cache, buffer.getvalue())
    return found


def fit_statistics(table: np.ndarray, data: Spectra, chosen: np.ndarray, seed: int,
                   voices: Voices | None = None, width: int = 0, epochs: int = 30,
                   samples: int = 8000, batch: int = 128,
                   weights: dict[str, float] | None = None) -> StatisticsNetwork:
    """Train on standardised values of the chosen clips; loss and balance as in ``fit.fit``.

    :param table: float32 (copies, n, d), standardised.
    :param voices: where given, the network sees the values relative to the speaker's voice.
    :param width: of the values that the network sees; 0 for all.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = StatisticsNetwork(width or table.shape[2])
    shifts = {name: np.log(value) for name, value in priors(data, chosen, OUTPUTS).items()}
    shift = np.zeros((len(data), OUTPUTS), np.float32)
    for name, value in shifts.items():
        shift[data.corpora == name] = value
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.1)
    per_epoch = steps(samples, chosen, batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3,
                                                   total_steps=epochs * per_epoch + 1)
    for _ in range(epochs):
        order = draw(data, chosen, (per_epoch + 1) * batch, rng, weights)
        for number in range(per_epoch):
            rows = order[number * batch:(number + 1) * batch]
            copy = (rng.random(len(rows)) < ALTERED) * rng.integers(1, len(table), len(rows))
            values = torch.from_numpy(table[copy, rows])
            if voices is not None:
                values = relative(values, *voices.draw(rows, rng))
            target = functional.one_hot(torch.from_numpy(data.labels[rows]), OUTPUTS).float()
            prior = torch.from_numpy(shift[rows])
            part, other = float(rng.beta(0.4, 0.4)), torch.randperm(len(rows))
            mix = [part * value + (1 - part) * value[other] for value in (values, target, prior)]
            loss = functional.cross_entropy(network(mix[0]) + mix[2], mix[1],
                                            label_smoothing=0.1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def statistics_logits(networks: Sequence[StatisticsNetwork], values: np.ndarray,
                      profile: Profile | None = None) -> np.ndarray:
    """Return the mean logits (n, OUTPUTS) of standardised values (n, d).

    :param profile: of each clip's voice, for networks that see values relative to it.
    """
    with torch.no_grad():
        seen = torch.from_numpy(values)
        if profile is not None:
            seen = relative(seen, *profile)
        return torch.stack([network(seen) for network in networks]).mean(dim=0).numpy()
