# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Change sound as microphones, rooms, lines and other sound change it, a batch at a time.

Everything runs where the batch is, on a CPU or a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from emotion_perception.audio.pcm import RATE
from emotion_training.ser import rooms
from emotion_training.ser.levelling import speech_power


@dataclass(frozen=True)
class Strength:
    """How often each change is made, as shares of the clips.

    :param clean: clips that nothing is done to.
    :param room: reverberation.
    :param noise: background noise, babble, or made noise.
    :param band: telephone band, or a lower upper edge.
    :param tilt: a smooth random frequency response.
    :param codec: what low-rate codecs take away and add.
    :param hum: mains hum with harmonics.
    :param clip: too high a gain.
    :param lowest: least signal-to-noise ratio, dB.
    :param highest: largest, dB.
    """

    clean: float = 0.2
    room: float = 0.3
    noise: float = 0.65
    band: float = 0.5
    tilt: float = 0.4
    codec: float = 0.25
    hum: float = 0.1
    clip: float = 0.05
    lowest: float = 2.0
    highest: float = 25.0


class Augmenter:
    """Holds what the changes need on one device.

    :param noise: recorded noise, float32 (n,); empty for made noise alone.
    :param device: where batches are.
    :param seed: of the rooms.
    """

    ROOMS = 200

    def __init__(
        self,
        noise: np.ndarray,
        device: str = 'cpu',
        seed: int = 0,
        strength: Strength = Strength(),
    ) -> None:
        self.strength = strength
        self._noise = torch.from_numpy(np.asarray(noise, np.float32)).to(device)
        self._rooms = torch.from_numpy(rooms.bank(self.ROOMS, seed)).to(device)

    def __call__(self, sound: torch.Tensor, channel: torch.Tensor | None = None) -> torch.Tensor:
        """Return a changed batch.

        :param sound: (n, samples) float at 16 kHz.
        :param channel: int (n,): clips of one number share room, response, band and codec, as
            in a session; by default each has its own.
        """
        count, device = len(sound), sound.device
        if channel is None:
            channel = torch.arange(count, device=device)
        groups = int(channel.max()) + 1
        s = self.strength

        def some(share: float) -> torch.Tensor:
            """Draw for each group, (n, 1) bool."""
            return (torch.rand(groups, 1, device=device) < share)[channel]

        def between(low: float, high: float, each: bool = False) -> torch.Tensor:
            value = torch.rand(count if each else groups, 1, device=device) * (high - low) + low
            return value if each else value[channel]

        original, active = sound, ~some(s.clean)
        size = 1 << (sound.shape[1] + self._rooms.shape[1] - 1).bit_length()
        hertz = torch.fft.rfftfreq(size, 1.0 / RATE, device=device)[None]
        # Linear changes of the voice in one transform: a room, then later line and microphone.
        rooms_of = torch.randint(self.ROOMS, (groups,), device=device)[channel]
        response = torch.fft.rfft(self._rooms[rooms_of], size)
        echoing = some(s.room)
        voice = torch.fft.rfft(sound, size)
        voice = torch.where(echoing, voice * response, voice)
        sound = torch.fft.irfft(voice, size)[:, : sound.shape[1]]

        power = speech_power(sound)
        noise = self._noises(sound, channel)
        ratio = between(s.lowest, s.highest, each=True)
        gain = (
            power / noise.square().mean(dim=1, keepdim=True).clamp(min=1e-10) * 10 ** (-ratio / 10)
        ).sqrt()
        noisy = torch.rand(count, 1, device=device) < s.noise
        sound = sound + torch.where(noisy, gain, 0.0) * noise
        sound = sound + torch.where(some(s.hum), 1.0, 0.0) * self._hum(
            sound, power, groups, channel
        )

        line = torch.ones_like(hertz).expand(groups, -1)
        octave = torch.log2(hertz.clamp(min=50.0) / 1000.0)
        curve = (
            torch.randn(groups, 1, device=device) * 2.0 * octave
            + torch.randn(groups, 1, device=device) * 0.7 * (octave.square() - 4.0)
            + torch.randn(groups, 1, device=device)
            * 3.0
            * torch.sin(octave * 1.7 + torch.rand(groups, 1, device=device) * 6.3)
        )
        tilted = torch.rand(groups, 1, device=device) < s.tilt
        line = torch.where(tilted, line * 10 ** (curve.clamp(-24, 24) / 20), line)
        line = line * self._bands(hertz, groups, device)
        sound = torch.fft.irfft(torch.fft.rfft(sound, size) * line[channel], size)
        sound = sound[:, : original.shape[1]]

        sound = torch.where(some(s.codec), self._coded(sound, groups, channel), sound)
        limit = sound.abs().amax(dim=1, keepdim=True) * between(0.15, 0.8, each=True)
        clipped = torch.rand(count, 1, device=device) < s.clip
        sound = torch.where(clipped, sound.clamp(-limit, limit), sound)
        return torch.where(active, sound, original)

    def _noises(self, sound: torch.Tensor, channel: torch.Tensor) -> torch.Tensor:
        """Return a background for each clip: recorded, other voices, or made."""
        count, length, device = len(sound), sound.shape[1], sound.device
        kind = torch.rand(count, 1, device=device)
        # Babble: three to six other clips at once.
        voices = torch.zeros_like(sound)
        normal = sound / speech_power(sound).clamp(min=1e-10).sqrt()
        talkers = torch.randint(3, 7, (count, 1), device=device)
        for talker in range(6):
            other = torch.roll(
                normal[torch.randperm(count, device=device)],
                int(torch.randint(length, (1,))),
                dims=1,
            )
            voices = voices + torch.where(talkers > talker, other, 0.0)
        # Made: white to brown.
        size = 1 << (length - 1).bit_length()
        spectrum = torch.fft.rfft(torch.randn(count, size, device=device))
        hertz = torch.fft.rfftfreq(size, 1.0 / RATE, device=device).clamp(min=20.0)[None]
        slope = torch.rand(count, 1, device=device) * 1.3 - 0.2
        slope = torch.where(torch.rand(count, 1, device=device) < 0.4, 0.0, slope)
        made = torch.fft.irfft(spectrum * (hertz / 1000.0) ** -slope, size)[:, :length]
        made = made / made.square().mean(dim=1, keepdim=True).sqrt()
        if self._noise.numel() <= length:
            return torch.where(kind < 0.5, voices, made)
        start = torch.randint(self._noise.numel() - length, (count, 1), device=device)
        recorded = self._noise[start + torch.arange(length, device=device)]
        return torch.where(kind < 0.3, voices, torch.where(kind < 0.55, made, recorded))

    def _hum(
        self, sound: torch.Tensor, power: torch.Tensor, groups: int, channel: torch.Tensor
    ) -> torch.Tensor:
        device = sound.device
        time = torch.arange(sound.shape[1], device=device)[None] / RATE
        base = torch.where(torch.rand(groups, 1, device=device) < 0.5, 50.0, 60.0)
        hum = torch.zeros(groups, sound.shape[1], device=device)
        for order in (1, 2, 3, 4, 5, 7):
            phase = torch.rand(groups, 1, device=device) * 6.3
            hum = hum + torch.rand(groups, 1, device=device) / order * torch.sin(
                6.28318 * base * order * time + phase
            )
        loud = 10 ** (torch.rand(groups, 1, device=device) * -1.5)
        return (hum * loud)[channel] * power.sqrt()

    def _bands(self, hertz: torch.Tensor, groups: int, device: torch.device) -> torch.Tensor:
        """Return the gain of a telephone (half of the lines that have edges) or an upper edge."""
        banded = torch.rand(groups, 1, device=device) < self.strength.band
        phone = torch.rand(groups, 1, device=device) < 0.6
        low = torch.where(phone, 200.0 + 200.0 * torch.rand(groups, 1, device=device), 0.0)
        high = torch.where(
            phone,
            3000.0 + 800.0 * torch.rand(groups, 1, device=device),
            3400.0 + 4000.0 * torch.rand(groups, 1, device=device),
        )
        # Slopes of some twenty to a hundred hertz, as steep as telephone filters.
        sharp = 20.0 + 80.0 * torch.rand(groups, 1, device=device)
        gain = torch.sigmoid((high - hertz) / sharp) * torch.where(
            phone, torch.sigmoid((hertz - low) / sharp), 1.0
        )
        return torch.where(banded, gain, 1.0)

    def _coded(self, sound: torch.Tensor, groups: int, channel: torch.Tensor) -> torch.Tensor:
        """Return sound as a low-rate codec leaves it.

        Bins below a threshold under the loudest of their frame are gone, the others carry noise
        in proportion.
        """
        device, window = sound.device, torch.hann_window(320, device=sound.device)
        spectrum = torch.stft(sound, 320, 160, window=window, return_complex=True)
        size = spectrum.abs()
        depth = 10 ** (-(18.0 + 27.0 * torch.rand(groups, 1, 1, device=device)) / 20)
        grain = 10 ** (-(4.0 + 16.0 * torch.rand(groups, 1, 1, device=device)) / 20)
        spectrum = spectrum + size * grain[channel] * torch.randn_like(spectrum)
        kept = size > size.amax(dim=1, keepdim=True) * depth[channel]
        return torch.istft(spectrum * kept, 320, 160, window=window, length=sound.shape[1])
