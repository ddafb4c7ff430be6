# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Weights in eight bits: what checkpoints keep, and what the exported file holds.

Symmetric, one scale for each output of a matrix, so that storing them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

LEAST = 4096
"""Matrices of fewer values stay as they are."""


def quantise(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 values of the same shape and float32 scales (outputs,), along the first axis."""
    flat = weight.float().flatten(1)
    scale = (flat.abs().amax(dim=1) / 127.0).clamp(min=1e-12)
    steps = (flat / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return steps.view(weight.shape), scale


def widen(steps: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return float32 weights."""
    return steps.float() * scale.view(-1, *[1] * (steps.dim() - 1))


def large(tensor: torch.Tensor) -> bool:
    """Return whether a tensor of a state dict is a matrix that is worth packing."""
    return tensor.dim() >= 2 and tensor.numel() >= LEAST and tensor.is_floating_point()


def pack(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a state dict with the large matrices as ``NAME`` (int8) and ``NAME:scale``."""
    packed = {}
    for name, tensor in state.items():
        if large(tensor):
            packed[name], packed[f'{name}:scale'] = quantise(tensor)
        else:
            packed[name] = tensor.clone()
    return packed


def unpack(packed: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the state dict that :func:`pack` was given, its matrices rounded."""
    return {
        name: widen(tensor, packed[f'{name}:scale']) if f'{name}:scale' in packed else tensor
        for name, tensor in packed.items()
        if not name.endswith(':scale')
    }
