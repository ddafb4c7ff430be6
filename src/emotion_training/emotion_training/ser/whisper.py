# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The encoder of Whisper as a part of a speech model: every level, at the length of the sound.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", ICML 2023. The
original pads all sound to 30 s; here a clip keeps its own length and the positions are cut to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_training.ser.encoder import Encoder
from emotion_training.ser.logmel import LogMel

LONGEST = 512
"""Positions, of 20 ms, that are kept: the ten seconds that a speech model takes at once."""


@dataclass(frozen=True)
class WhisperShape:
    """Size of an encoder.

    :param bands: of the log-mel spectrum.
    :param width: of a frame's representation.
    :param heads: of the attention.
    :param layers: transformer blocks.
    :param inner: width of the feed-forward parts.
    """

    bands: int = 80
    width: int = 384
    heads: int = 6
    layers: int = 4
    inner: int = 1536


class WhisperBlock(nn.Module):
    """A pre-norm transformer block; queries, keys and values come from one product."""

    def __init__(self, shape: WhisperShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.project = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm = nn.LayerNorm(shape.width)
        self.widen = nn.Linear(shape.width, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, frames, width) to the same shape."""
        parts = self.project(self.attention_norm(x)).unflatten(2, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if torch.onnx.is_in_onnx_export():
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)
            mixed = torch.softmax(scores, dim=3) @ value
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.widen(self.norm(x))))


class WhisperEncoder(Encoder):
    """Waveforms (n, samples) at 16 kHz to ``layers + 1`` levels, each (n, frames, width).

    The first level is what the convolutions give, with the positions; the last has gone through
    the closing norm. A frame is 20 ms; at most :data:`LONGEST` frames.
    """

    kind = 'whisper'
    positions: torch.Tensor

    def __init__(self, shape: WhisperShape) -> None:
        super().__init__()
        self.shape = shape
        self.front = LogMel(shape.bands)
        self.first = nn.Conv1d(shape.bands, shape.width, 3, padding=1)
        self.second = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.register_buffer('positions', torch.zeros(LONGEST, shape.width))
        self.blocks = nn.ModuleList(WhisperBlock(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)

    @property
    def levels(self) -> int:
        """Return how many levels :meth:`forward` gives."""
        return self.shape.layers + 1

    @property
    def width(self) -> int:
        """Return the width of a level."""
        return self.shape.width

    def depths(self) -> list[list[nn.Parameter]]:
        """Return the weights by depth, those next to the sound first."""
        first = [*self.first.parameters(), *self.second.parameters()]
        return [
            first,
            *(list(block.parameters()) for block in self.blocks[:-1]),
            [*self.blocks[-1].parameters(), *self.norm.parameters()],
        ]

    def forward(self, waveform: torch.Tensor) -> list[torch.Tensor]:
        """Return the levels of sound of at least 0.05 s."""
        spectrum = self.front(waveform)
        return self.encode(masked(spectrum) if self.training else spectrum)

    def encode(self, spectrum: torch.Tensor) -> list[torch.Tensor]:
        """Return the levels of log-mel spectra (n, bands, frames of 10 ms)."""
        x = functional.gelu(self.second(functional.gelu(self.first(spectrum)))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        found = [x]
        for block in self.blocks:
            x = block(x)
            found.append(x)
        found[-1] = self.norm(x)
        return found


def masked(spectrum: torch.Tensor) -> torch.Tensor:
    """Hide a stretch of bands and one of frames (SpecAugment; Park et al., Interspeech 2019).

    :param spectrum: (n, bands, frames); what is hidden takes the mean of its clip.
    """
    count, bands, frames = spectrum.shape
    hidden = torch.zeros_like(spectrum, dtype=torch.bool)
    for size, widest, shape in ((bands, bands // 6, (1, -1, 1)), (frames, 30, (1, 1, -1))):
        width = torch.rand(count, 1, 1, device=spectrum.device) * widest
        start = torch.rand(count, 1, 1, device=spectrum.device) * (size - width)
        place = torch.arange(size, device=spectrum.device).view(shape)
        hidden = hidden | ((place >= start) & (place < start + width))
    return torch.where(hidden, spectrum.mean(dim=(1, 2), keepdim=True), spectrum)


def from_ctranslate2(variables: Mapping[str, np.ndarray]) -> WhisperEncoder:
    """Build the encoder from the variables ``encoder/...`` of a CTranslate2 Whisper model."""

    def value(name: str) -> torch.Tensor:
        return torch.from_numpy(variables[f'encoder/{name}'].astype(np.float32))

    layers = sum(name.endswith('/ffn/linear_0/weight') for name in variables)
    width, bands, _ = variables['encoder/conv1/weight'].shape
    inner = variables['encoder/layer_0/ffn/linear_0/weight'].shape[0]
    names = {'first': 'conv1', 'second': 'conv2'}
    state = {
        f'{ours}.{part}': value(f'{theirs}/{part}')
        for ours, theirs in names.items()
        for part in ('weight', 'bias')
    }
    state['positions'] = value('position_encodings/encodings')
    norms = {'norm': 'layer_norm'}
    linears = {}
    for layer in range(layers):
        place = f'layer_{layer}'
        norms[f'blocks.{layer}.attention_norm'] = f'{place}/self_attention/layer_norm'
        norms[f'blocks.{layer}.norm'] = f'{place}/ffn/layer_norm'
        linears[f'blocks.{layer}.project'] = f'{place}/self_attention/linear_0'
        linears[f'blocks.{layer}.out'] = f'{place}/self_attention/linear_1'
        linears[f'blocks.{layer}.widen'] = f'{place}/ffn/linear_0'
        linears[f'blocks.{layer}.narrow'] = f'{place}/ffn/linear_1'
    for ours, theirs in norms.items():
        state[f'{ours}.weight'] = value(f'{theirs}/gamma')
        state[f'{ours}.bias'] = value(f'{theirs}/beta')
    for ours, theirs in linears.items():
        state[f'{ours}.weight'] = value(f'{theirs}/weight')
        state[f'{ours}.bias'] = value(f'{theirs}/bias')
    heads = int(variables['encoder/num_heads'])
    return _filled(WhisperShape(bands, width, heads, layers, inner), state)


def from_transformers(config: Any, states: Mapping[str, torch.Tensor]) -> WhisperEncoder:
    """Build the encoder from a Transformers Whisper's configuration and encoder state dict."""
    shape = WhisperShape(
        config.num_mel_bins,
        config.d_model,
        config.encoder_attention_heads,
        config.encoder_layers,
        config.encoder_ffn_dim,
    )
    states = {name: tensor.float() for name, tensor in states.items()}
    state = {'positions': states['embed_positions.weight']}
    for ours, theirs in (('first', 'conv1'), ('second', 'conv2'), ('norm', 'layer_norm')):
        for part in ('weight', 'bias'):
            state[f'{ours}.{part}'] = states[f'{theirs}.{part}']
    for layer in range(shape.layers):
        ours, theirs = f'blocks.{layer}', f'layers.{layer}'
        for own, other in (
            ('attention_norm', 'self_attn_layer_norm'),
            ('out', 'self_attn.out_proj'),
            ('norm', 'final_layer_norm'),
            ('widen', 'fc1'),
            ('narrow', 'fc2'),
        ):
            for part in ('weight', 'bias'):
                state[f'{ours}.{own}.{part}'] = states[f'{theirs}.{other}.{part}']
        query, key, value = (f'{theirs}.self_attn.{name}_proj' for name in 'qkv')
        state[f'{ours}.project.weight'] = torch.cat(
            [states[f'{name}.weight'] for name in (query, key, value)]
        )
        bias = states[f'{query}.bias']
        # Whisper's keys have no bias.
        state[f'{ours}.project.bias'] = torch.cat(
            [bias, torch.zeros_like(bias), states[f'{value}.bias']]
        )
    return _filled(shape, state)


def _filled(shape: WhisperShape, state: dict[str, torch.Tensor]) -> WhisperEncoder:
    encoder = WhisperEncoder(shape)
    positions = state['positions'][:LONGEST]
    encoder.positions = positions.new_zeros(len(positions), shape.width)
    state['positions'] = positions
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    if unexpected or any(not name.startswith('front.') for name in missing):
        raise ValueError(f'weights do not fit: missing {missing}, unexpected {unexpected}')
    return encoder.eval()
