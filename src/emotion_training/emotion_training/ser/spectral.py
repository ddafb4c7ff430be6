"""Augmentation of log-mel spectra, for whole batches, in the power domain.

Every corpus passes through the same steps, also those known only as spectra: speed, voice
scaling, babble and coloured noise, reverberation, equalisation, telephone band, a raised floor (as
low-rate codecs leave it) and SpecAugment (Park et al., Interspeech 2019).
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from emotion_training.ser import frontend

TRIM_DB = -45.0

FEWEST, MOST = 3, 6
"""Voices in babble."""


def trim(level: np.ndarray, keep: int = 2) -> np.ndarray:
    """Cut quiet frames (all bands under -45 dB) off both ends, keeping ``keep`` around speech."""
    loud = np.flatnonzero(level.max(axis=0) > TRIM_DB)
    if loud.size == 0:
        return level
    return level[:, max(0, loud[0] - keep):loud[-1] + 1 + keep]


def place(level: np.ndarray, frames: int, rng: np.random.Generator | None = None,
          speed: float = 1.0) -> np.ndarray:
    """Cut or pad a spectrum to a length.

    :param level: float (mels, t) in dB.
    :param rng: chooses the place of the cut or of the clip within the padding; centred if None.
    :param speed: more than 1 shortens the clip, by linear interpolation between frames.
    :return: float32 (mels, frames), padded with the floor.
    """
    if speed != 1.0:
        length = max(4, round(level.shape[1] / speed))
        position = np.linspace(0, level.shape[1] - 1, length)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, level.shape[1] - 1)
        part = (position - low).astype(np.float32)
        level = level[:, low] * (1 - part) + level[:, high] * part
    spare = frames - level.shape[1]
    shift = abs(spare) // 2 if rng is None else int(rng.integers(abs(spare) + 1))
    if spare <= 0:
        return np.ascontiguousarray(level[:, shift:shift + frames], np.float32)
    out = np.full((level.shape[0], frames), frontend.FLOOR_DB, np.float32)
    out[:, shift:shift + level.shape[1]] = level
    return out


def _mel_position(hertz: torch.Tensor) -> torch.Tensor:
    """Return the band index (fractional) that a frequency in Hz falls on."""
    step = (15.0 + 27.0 * np.log(8.0) / np.log(6.4)) / (frontend.MELS + 1)
    mel = torch.where(hertz < 1000.0, hertz * 3.0 / 200.0,
                      15.0 + 27.0 / np.log(6.4) * torch.log(hertz.clamp(min=1.0) / 1000.0))
    return mel / step - 1.0


def _band_hertz() -> torch.Tensor:
    step = (15.0 + 27.0 * np.log(8.0) / np.log(6.4)) / (frontend.MELS + 1)
    mel = torch.arange(1, frontend.MELS + 1) * step
    return torch.where(mel < 15.0, mel * 200.0 / 3.0,
                       1000.0 * torch.exp(np.log(6.4) / 27.0 * (mel - 15.0)))


def scale_voice(level: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Move pitch and formants by a factor (n,), as playing the clip faster would."""
    source = _mel_position(_band_hertz()[None, :] / factor[:, None])
    source = source.clamp(0, frontend.MELS - 1)
    low = source.floor().long().clamp(max=frontend.MELS - 2)
    part = (source - low).unsqueeze(2)
    index = low.unsqueeze(2).expand(-1, -1, level.shape[2])
    return torch.gather(level, 1, index) * (1 - part) + torch.gather(level, 1, index + 1) * part


def _curve(count: int, depth: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return smooth random curves over the bands, (count, mels, 1), in dB."""
    knots = torch.randn(count, 1, 7, generator=generator)
    curve = functional.interpolate(knots, size=frontend.MELS, mode='linear', align_corners=True)
    return curve.transpose(1, 2) * depth.view(-1, 1, 1)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _chosen(count: int, chance: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) < chance


def vary(level: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    """Return other voices and other microphones: scaled and equalised spectra (n, 128, frames).

    :param strength: scales how often each step is taken.
    """
    count = len(level)
    factor = torch.exp(_uniform(count, -0.16, 0.16, generator))
    factor[~_chosen(count, 0.7 * strength, generator)] = 1.0
    level = scale_voice(level, factor)
    depth = _uniform(count, 0.0, 5.0, generator) * _chosen(count, 0.6 * strength, generator)
    return level + _curve(count, depth, generator)


def interfere(power: torch.Tensor, others: torch.Tensor, ratio: torch.Tensor, babble: float,
              generator: torch.Generator) -> torch.Tensor:
    """Add babble or coloured noise to every clip.

    :param power: (n, 128, frames).
    :param others: (m, 128, frames), clips that babble is made of, :data:`FEWEST` to
        :data:`MOST` at once.
    :param ratio: (n,) signal-to-noise ratio in dB; the power of the speech is that of the louder
        half of its frames, so that pauses do not make the noise weaker.
    :param babble: share of the clips that get babble.
    """
    count, _, frames = power.shape
    voices = torch.randint(FEWEST, MOST + 1, (count, 1, 1), generator=generator)
    talk = torch.zeros_like(power)
    for number in range(MOST):
        other = others[torch.randint(len(others), (count,), generator=generator)]
        other = other / other.mean(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        shift = int(torch.randint(frames, (1,), generator=generator))
        loudness = torch.exp(0.4 * torch.randn(count, 1, 1, generator=generator))
        talk = talk + other.roll(shift, dims=2) * loudness * (voices > number)
    tilt = _curve(count, torch.full((count,), 8.0), generator)
    flutter = -torch.log(torch.rand(power.shape, generator=generator).clamp(min=1e-6))
    hiss = torch.pow(10.0, tilt * 0.1) * (0.5 + 0.5 * flutter)
    added = torch.where(_chosen(count, babble, generator).view(-1, 1, 1), talk, hiss)
    loud = power.mean(dim=1).sort(dim=1).values[:, frames // 2:].mean(dim=1)
    scale = loud * torch.pow(10.0, -ratio * 0.1)
    return power + added / added.mean(dim=(1, 2), keepdim=True) * scale.view(-1, 1, 1)


def augment(level: torch.Tensor, generator: torch.Generator, strength: float = 1.0,
            noise: float | None = None) -> torch.Tensor:
    """Return an altered copy of a batch of spectra.

    :param level: float32 (n, 128, frames) in -80..0 dB.
    :param strength: scales how often each step is taken.
    :param noise: share of clips with noise or babble, whatever the strength; by default 0.55
        times the strength.
    :return: the same shape, again relative to each clip's maximum.
    """
    count, mels, frames = level.shape
    level = vary(level, generator, strength)
    power = torch.pow(10.0, level * 0.1)

    wet = _chosen(count, 0.35 * strength, generator)
    if wet.any():
        dry = power[wet]
        seconds = _uniform(len(dry), 0.15, 0.8, generator)
        decay = torch.pow(10.0, -6.0 * frontend.HOP / frontend.RATE / seconds).unsqueeze(1)
        gain = torch.pow(10.0, _uniform(len(dry), -1.5, -0.2, generator)).unsqueeze(1)
        tail, tails = torch.zeros_like(dry[:, :, 0]), []
        for frame in range(frames):
            tails.append(tail)
            tail = decay * (tail + dry[:, :, frame])
        power[wet] = dry + gain.unsqueeze(2) * torch.stack(tails, dim=2)

    noisy = _chosen(count, 0.55 * strength if noise is None else noise, generator)
    if noisy.any():
        ratio = _uniform(int(noisy.sum()), 5.0, 30.0, generator)
        power[noisy] = interfere(power[noisy], power, ratio, 0.5, generator)

    band = torch.arange(mels)[None, :]
    low = _uniform(count, 0.0, 14.0, generator)[:, None]
    high = _uniform(count, 84.0, 127.0, generator)[:, None]
    narrow = _chosen(count, 0.2 * strength, generator)[:, None]
    outside = narrow & ((band < low) | (band > high))
    power = torch.where(outside.unsqueeze(2), power * 1e-6, power)

    level = 10.0 * torch.log10(power.clamp(min=1e-12))
    level = level - level.amax(dim=(1, 2), keepdim=True)
    floor = _uniform(count, -80.0, -45.0, generator)
    floor[~_chosen(count, 0.4 * strength, generator)] = frontend.FLOOR_DB
    return torch.maximum(level, floor.view(-1, 1, 1))


def mask(image: torch.Tensor, generator: torch.Generator, bands: int = 16, frames: int = 14
         ) -> torch.Tensor:
    """Blank two stripes of bands and two of frames of each standardised clip (SpecAugment)."""
    count, _, mels, length = image.shape
    keep = torch.ones(count, 1, mels, length)
    for size, axis, widest in ((mels, 2, bands), (length, 3, frames)):
        for _ in range(2):
            width = torch.randint(widest + 1, (count, 1), generator=generator)
            start = (torch.rand(count, 1, generator=generator) * (size - width)).long()
            place_ = torch.arange(size)[None, :]
            blank = (place_ >= start) & (place_ < start + width)
            keep = keep * (~blank).view((count, 1, size, 1) if axis == 2 else
                                        (count, 1, 1, size))
    return image * keep
