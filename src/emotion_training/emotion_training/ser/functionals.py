"""Statistics of an utterance's spectrum, and a small network on them, beside the CNN.

Hand-made functionals of low-level descriptors, as in openSMILE's sets (Schuller et al.,
Interspeech 2013), but computed from the same log-mel spectrum with plain tensor operations, so
that they export into the same ONNX graph.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_training.common.files import write_atomically
from emotion_training.ser import fit, frontend, spectral
from emotion_training.ser.fit import OUTPUTS, priors
from emotion_training.ser.network import SpeechNetwork, standardise
from emotion_training.ser.spectra import Spectra

BANDS, CEPSTRA = 32, 20
LOW = 44
"""Bands below 1 kHz, where the mel scale is linear and harmonics stand at equal distances."""

LAGS = range(3, 20)
WIDTH = 6 * (BANDS + CEPSTRA + 3 + len(LAGS)) + 4
COPIES = 1
"""Altered copies of each clip beside the clip itself."""

ALTERED = 0.3
"""Share of altered clips in training: more made clean speech worse than noisy speech better."""


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


class StatisticsNetwork(nn.Module):
    """Functionals (n, width) to logits (n, outputs); what it subtracts and divides is fixed."""

    def __init__(self, width: int = WIDTH, hidden: int = 256, dropout: float = 0.5) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('scale', torch.ones(width))
        layers: list[nn.Module] = []
        for narrow in (width, hidden):
            layers += [nn.Linear(narrow, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
                       nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(hidden, OUTPUTS)

    def embed(self, values: torch.Tensor) -> torch.Tensor:
        """Return what the last layer sees, (n, hidden)."""
        unit = ((values - self.mean) / self.scale).clamp(-5.0, 5.0)
        if self.training:
            unit = unit + NOISE * torch.randn_like(unit)
        return self.body(unit)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(values))


NOISE = 0.3
"""Deviation of what is added to each standardised functional in training."""


def features(level: torch.Tensor, broad: SpeechNetwork | None = None) -> torch.Tensor:
    """Return the functionals, and behind them the embedding of a trained network if given."""
    values = functionals(level)
    return values if broad is None else torch.cat((values, broad.embed(level).float()), dim=1)


def tables(data: Spectra, cache: Path, broad: SpeechNetwork | None = None, seed: int = 0,
           batch: int = 32) -> np.ndarray:
    """Return the features of all clips, float32 (1 + COPIES, n, width).

    The first table is of the clips as they are, the others of altered copies.

    :param cache: NPY file to keep them in.
    :param broad: network whose embeddings are added; it must not have been trained on the data.
    """
    width = WIDTH + (0 if broad is None else 2 * broad.shape.features)
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
                placed = [spectral.place(level, fit.Recipe.frames, rng,
                                         float(np.exp(rng.uniform(-0.15, 0.15))))
                          for level in levels]
                made = spectral.augment(torch.from_numpy(np.stack(placed)), generator, 0.3)
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
                   epochs: int = 30, samples: int = 8000, batch: int = 128,
                   weights: dict[str, float] | None = None) -> StatisticsNetwork:
    """Train on the functionals of the chosen clips; loss and balance as in ``fit.fit``.

    :param table: of :func:`tables`.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = StatisticsNetwork(table.shape[2])
    network.mean.copy_(torch.from_numpy(table[0, chosen].mean(axis=0)))
    network.scale.copy_(torch.from_numpy(table[0, chosen].std(axis=0) + 1e-3))
    shifts = {name: np.log(value) for name, value in priors(data, chosen, OUTPUTS).items()}
    shift = np.zeros((len(data), OUTPUTS), np.float32)
    for name, value in shifts.items():
        shift[data.corpora == name] = value
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.1)
    steps = max(1, min(samples, 4 * len(chosen)) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3,
                                                   total_steps=epochs * steps + 1)
    for _ in range(epochs):
        order = fit.draw(data, chosen, (steps + 1) * batch, rng, weights)
        for number in range(steps):
            rows = order[number * batch:(number + 1) * batch]
            copy = (rng.random(len(rows)) < ALTERED) * rng.integers(1, len(table), len(rows))
            values = torch.from_numpy(table[copy, rows])
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


def statistics_logits(networks: Sequence[StatisticsNetwork], table: np.ndarray,
                      chosen: np.ndarray) -> np.ndarray:
    """Return the mean logits (n, OUTPUTS) of the chosen clips as they are."""
    with torch.no_grad():
        values = torch.from_numpy(table[0, chosen])
        return torch.stack([network(values) for network in networks]).mean(dim=0).numpy()


class Ensemble(nn.Module):
    """The CNN and the statistics networks as one: half the logits of the first, half the mean
    of the others, written as one linear layer on all their embeddings.
    """

    def __init__(self, cnn: SpeechNetwork, others: Sequence[StatisticsNetwork]) -> None:
        super().__init__()
        self.cnn, self.others = cnn, nn.ModuleList(others)
        heads = [(0.5, cnn.head), *((0.5 / len(others), other.head) for other in others)]
        width = sum(head.in_features for _, head in heads)
        self.head = nn.Linear(width, OUTPUTS)
        with torch.no_grad():
            self.head.weight.copy_(torch.cat([share * head.weight for share, head in heads],
                                             dim=1))
            self.head.bias.copy_(sum(share * head.bias for share, head in heads))
        # The heads inside are merged into one and no longer used.
        cnn.head = nn.Identity()
        for other in others:
            other.head = nn.Identity()

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        values = functionals(level)
        return self.head(torch.cat([self.cnn.embed(level),
                                    *(other.embed(values) for other in self.others)], dim=1))
