"""The embedded speech network: a small convolutional net with attentive statistics pooling.

Pooling after Okabe et al., "Attentive statistics pooling for deep speaker embedding", Interspeech
2018; residual blocks after He et al., 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

from emotion_training.ser import frontend
from emotion_training.ser.activity import activity
from emotion_training.ser.enhancer import Enhancer


@dataclass(frozen=True)
class Shape:
    """Size of a :class:`SpeechNetwork`: channels of the stem and of the three blocks."""

    widths: tuple[int, int, int, int] = (32, 64, 128, 192)
    features: int = 192
    dropout: float = 0.3


def standardise(level: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the network's input from spectra in dB below the maximum.

    Means and deviation are taken over the frames that carry sound, so that silence around an
    utterance changes nothing.

    :param level: float (n, mels, frames) in -80..0 dB.
    :return: (n, 2, mels, frames): the clip standardised as a whole, and the same with each
        band's own mean taken out; and the weight of each frame, (n, frames) in 0..1.
    """
    weight = activity(level)
    share = (weight / weight.sum(dim=1, keepdim=True)).unsqueeze(1)
    band = (level * share).sum(dim=2, keepdim=True)
    mean = band.mean(dim=1, keepdim=True)
    centred = level - mean
    deviation = ((centred * centred * share).sum(dim=2, keepdim=True)
                 .mean(dim=1, keepdim=True) + 1.0).sqrt()
    return torch.stack((centred / deviation, (level - band) / deviation), dim=1), weight


def views(level: torch.Tensor, cleaned: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the network sees of spectra and of the same without interference.

    :return: both standardised, (n, 4, mels, frames), and the weight of each frame, (n, frames),
        by the cleaned ones.
    """
    seen, weight = standardise(cleaned)
    return torch.cat((standardise(level)[0], seen), dim=1), weight


class Block(nn.Module):
    """Two 3x3 convolutions, the first with a stride, the second with a residual path."""

    def __init__(self, narrow: int, wide: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(narrow, wide, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(wide)
        self.second = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        image = self.relu(self.first_norm(self.first(image)))
        return self.relu(self.second_norm(self.second(image)) + image)


class SpeechNetwork(nn.Module):
    """Spectra in dB (n, 128, frames) to logits (n, classes); at least 4 frames.

    It sees spectra through an enhancer that was trained before and stays as it is.
    """

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.enhancer = Enhancer().requires_grad_(False)
        stem, *widths = shape.widths
        # A stride of 4 bands and 2 frames at once: what comes early costs most on a CPU.
        self.stem = nn.Sequential(
            nn.Conv2d(4, stem, (7, 5), stride=(4, 2), padding=(3, 2), bias=False),
            nn.BatchNorm2d(stem), nn.ReLU(inplace=True))
        strides = ((2, 1), (2, 2), (2, 1))
        self.blocks = nn.Sequential(*(
            Block(narrow, wide, stride)
            for narrow, wide, stride in zip([stem, *widths], widths, strides)))
        bands = frontend.MELS // 4 // 8
        self.squeeze = nn.Sequential(
            nn.Conv1d(widths[-1] * bands, shape.features, 1, bias=False),
            nn.BatchNorm1d(shape.features), nn.ReLU())
        self.attention = nn.Sequential(
            nn.Conv1d(shape.features, 64, 1), nn.Tanh(), nn.Conv1d(64, shape.features, 1))
        self.norm = nn.BatchNorm1d(2 * shape.features)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(2 * shape.features, classes)

    def train(self, mode: bool = True) -> SpeechNetwork:
        super().train(mode)
        self.enhancer.eval()
        return self

    def clean(self, level: torch.Tensor) -> torch.Tensor:
        """Return the spectra (n, 128, frames) without other voices and noise, in dB below the
        new maximum.
        """
        level = self.enhancer(level)
        return (level - level.amax(dim=(1, 2), keepdim=True)).clamp(min=frontend.FLOOR_DB)

    def embed_input(self, image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the pooled embedding (n, 2 * features) of what :func:`views` made."""
        image = self.blocks(self.stem(image))
        sequence = self.squeeze(image.flatten(1, 2)).float()
        weight = weight.unsqueeze(1)
        for _ in range(2):
            # Replicating the last value and rounding down is rounding up, in any exporter.
            weight = functional.avg_pool1d(functional.pad(weight, (0, 1), 'replicate'), 2)
        scores = self.attention(sequence).float() + torch.log(weight + 1e-4)
        attention = torch.softmax(scores, dim=2)
        mean = (attention * sequence).sum(dim=2)
        spread = ((attention * sequence * sequence).sum(dim=2) - mean * mean).clamp(min=1e-4)
        return self.norm(torch.cat((mean, spread.sqrt()), dim=1))

    def embed(self, level: torch.Tensor, cleaned: torch.Tensor) -> torch.Tensor:
        """Return the pooled embedding (n, 2 * features) of spectra and cleaned spectra."""
        return self.embed_input(*views(level, cleaned))

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.embed(level, self.clean(level))))

    def describe(self) -> dict:
        """Return what rebuilds the module, for a checkpoint."""
        return {'shape': asdict(self.shape), 'classes': self.head.out_features}


def rebuild(description: dict) -> SpeechNetwork:
    """Return an untrained network of the shape that :meth:`SpeechNetwork.describe` gave."""
    shape = dict(description['shape'])
    shape['widths'] = tuple(shape['widths'])
    return SpeechNetwork(Shape(**shape), description['classes'])


def to_six(logits: torch.Tensor) -> torch.Tensor:
    """Bring logits over ``corpora.CLASSES`` (n, 8 or more) to the six.

    Calm joins Neutral, Disgust is dropped; so is what follows (no speech).
    """
    neutral = torch.logsumexp(logits[..., [3, 7]], dim=-1, keepdim=True)
    return torch.cat((logits[..., :3], neutral, logits[..., 4:6]), dim=-1)


def count_parameters(modules: Sequence[nn.Module]) -> int:
    """Return the number of trainable values in the modules."""
    return sum(value.numel() for module in modules for value in module.parameters())
