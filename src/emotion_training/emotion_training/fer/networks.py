# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Networks that the recipes train: the small default and torchvision's ResNets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

FLAT = 1e-3
"""Added to a picture's variance before it is standardised: what is flat stays flat."""


class SqueezeExcite(nn.Module):
    """Weigh channels by what the whole map holds (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, channels // reduction, 1)
        self.widen = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        pooled = maps.mean((2, 3), keepdim=True)
        return maps * torch.sigmoid(self.widen(functional.relu(self.narrow(pooled))))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al., CVPR 2016), with squeeze-excite.

    A shortcut that shrinks the map averages first, so that no input pixel is skipped.

    :param excite: weigh channels before the shortcut is added.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, excite: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.excite = SqueezeExcite(outputs) if excite else nn.Identity()
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.first_norm(self.first(maps)))
        inner = self.excite(self.second_norm(self.second(inner)))
        return functional.relu(inner + self.shortcut(maps))


class StatedPriors(nn.Module):
    """A network that is told how common the classes are, and learns what tells them apart.

    :param classes: outputs of each head.
    :param heads: label sets learnt side by side.
    """

    drawn: torch.Tensor
    natural: torch.Tensor

    def __init__(self, classes: int, heads: int) -> None:
        super().__init__()
        # Log shares of the classes, added to the logits: of what is drawn while training, of
        # the data as they are afterwards.
        self.register_buffer('drawn', torch.zeros(classes * heads))
        self.register_buffer('natural', torch.zeros(classes * heads))

    @torch.no_grad()
    def state_priors(self, drawn: torch.Tensor, natural: torch.Tensor) -> None:
        """Let the layers learn what tells classes apart, and not how common they are.

        The log shares of the classes are added to the logits rather than learnt (A. Menon et
        al., "Long-tail learning via logit adjustment", ICLR 2021).

        :param drawn: (heads, classes) shares of what training draws; ``natural`` of the data.
        """
        self.drawn.copy_(drawn.clamp(min=1e-6).log().flatten())
        self.natural.copy_(natural.clamp(min=1e-6).log().flatten())

    def with_priors(self, logits: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes * heads) for classes as common as they are now."""
        return logits + (self.drawn if self.training else self.natural)


class FaceNet(StatedPriors):
    """A small residual network for faces of 32 to 112 pixels.

    :param channels: 1 (grey) or 3.
    :param classes: outputs of each head.
    :param heads: label sets learnt side by side over shared features; see :meth:`blend_heads`.
    :param stem: channels at full resolution.
    :param widths: channels of each stage; each halves the resolution.
    :param depths: residual blocks of each stage.
    :param dropout: share of features dropped before the heads while training.
    :param excited: how many stages, from the last on, weigh their channels: in the early ones
        that costs time, in eight bits above all.
    :param enlarge: how often the picture is enlarged before the first layer: more steps see
        it, at a price.
    :param standardise: bring each picture to mean 0 and deviation 1 first, so that what a dim or
        flat picture shows is as large as what a bright one shows.
    :ivar mirror: look at every face and its mirror image, and decide by the mean of what is
        seen: twice the work. Set after training, which sees both anyway.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 6,
        heads: int = 1,
        stem: int = 32,
        widths: tuple[int, ...] = (64, 128, 256),
        depths: tuple[int, ...] = (1, 2, 1),
        dropout: float = 0.0,
        excited: int = 8,
        standardise: bool = False,
        enlarge: int = 1,
    ) -> None:
        super().__init__(classes, heads)
        if len(widths) != len(depths):
            raise ValueError(f'{len(widths)} widths but {len(depths)} depths')
        self.classes, self.heads, self.mirror = classes, heads, False
        self.standardise, self.enlarge = standardise, enlarge
        self.stem = nn.Conv2d(channels, stem, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(stem)
        blocks: list[ResidualBlock] = []
        inputs = stem
        for stage, (width, depth) in enumerate(zip(widths, depths)):
            excite = stage >= len(widths) - excited
            for index in range(depth):
                blocks.append(ResidualBlock(inputs, width, 2 if index == 0 else 1, excite))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, classes * heads)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
        # A block starts as its shortcut: deep stacks then train at a high rate from step one.
        for block in blocks:
            nn.init.zeros_(block.second_norm.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map normalised images (n, channels, s, s) to logits (n, classes * heads)."""
        return self.with_priors(self.head(self.dropout(self.features(images))))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Map normalised images to what the heads decide by, (n, the last width)."""
        if self.standardise:
            images = images - images.mean((1, 2, 3), keepdim=True)
            power = (images * images).mean((1, 2, 3), keepdim=True)
            images = images * torch.rsqrt(power + FLAT)
        if self.enlarge > 1:
            images = functional.interpolate(
                images, scale_factor=self.enlarge, mode='bilinear', align_corners=False
            )
        if self.mirror:
            images = torch.cat((images, images.flip(3)))
        maps = functional.relu(self.stem_norm(self.stem(images)))
        seen = self.blocks(maps).mean((2, 3))
        return seen.unflatten(0, (2, -1)).mean(0) if self.mirror else seen

    @torch.no_grad()
    def blend_heads(self, shares: list[float], bias: list[float] | None = None) -> nn.Linear:
        """Return one layer that answers as the weighted sum of the heads' logits plus a bias.

        A weighted sum of logits is the geometric mean of the heads' distributions, and since
        the heads are linear it costs nothing at run time. The natural priors are inside.

        :param shares: weight of each head.
        :param bias: added to each class' logit.
        :raises ValueError: if the number of shares is not the number of heads.
        """
        if len(shares) != self.heads:
            raise ValueError(f'{len(shares)} shares for {self.heads} heads')
        weights = self.head.weight.view(self.heads, self.classes, -1)
        biases = (self.head.bias + self.natural).view(self.heads, self.classes)
        scale = torch.tensor(shares, dtype=weights.dtype, device=weights.device)
        folded = nn.Linear(weights.shape[2], self.classes).to(weights.device)
        folded.weight.copy_((weights * scale[:, None, None]).sum(0))
        folded.bias.copy_((biases * scale[:, None]).sum(0))
        if bias is not None:
            folded.bias.add_(torch.tensor(bias, dtype=weights.dtype, device=weights.device))
        return folded


class Answers(nn.Module):
    """A trained network as it is exported: its answers, and what they are decided by.

    :param network: a :class:`FaceNet` or a ResNet of torchvision.
    :param heads: linear layers over the features, by the name of the output; the network's own
        as ``logits`` if none is given.
    """

    def __init__(self, network: nn.Module, heads: dict[str, nn.Linear] | None = None) -> None:
        super().__init__()
        answers: Mapping[str, nn.Module]
        if isinstance(network, FaceNet):
            self.network, self.features = network, network.features
            answers = heads or {'logits': network.blend_heads([1.0])}
        else:
            self.features = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
            answers = heads or {'logits': network.get_submodule('fc')}
        self.answers = nn.ModuleDict(answers)

    @property
    def names(self) -> list[str]:
        """Return the outputs' names."""
        return [*self.answers, 'embedding']

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Map normalised images to each answer's logits (n, k) and the embeddings (n, d)."""
        embedding = self.features(images)
        return *(answer(embedding) for answer in self.answers.values()), embedding


def torchvision_network(name: str, classes: int, weights: str) -> nn.Module:
    """Build a torchvision ResNet whose fully-connected layer gives ``classes`` outputs.

    :param name: ``'resnet18'``, ``'resnet34'``, ``'resnet50'`` ...
    :param weights: ``'imagenet'`` (downloaded once by torchvision), ``'none'``, or the path of a
        state dictionary in torchvision's names (its ``fc`` may be of another size).
    :raises ValueError: for an unknown name.
    :raises FileNotFoundError: if the weights are neither a file nor downloadable.
    """
    from emotion_perception.models.torch_compat import import_torchvision

    models = import_torchvision().models
    if not name.startswith('resnet') or name not in models.list_models():
        raise ValueError(
            f'unknown network {name!r}; use facenet or one of '
            f'{[n for n in models.list_models() if n.startswith("resnet")]}'
        )
    network = models.get_model(name, weights=None)
    if weights != 'none':
        network.load_state_dict(_pretrained(name, weights), strict=False)
    network.fc = nn.Linear(network.fc.in_features, classes)
    return network


def _pretrained(name: str, weights: str) -> dict[str, torch.Tensor]:
    """Return the state dictionary without the classifier, which is replaced anyway."""
    if weights == 'imagenet':
        from torchvision import models

        try:
            state = models.get_model_weights(name).IMAGENET1K_V1.get_state_dict(check_hash=True)
        except OSError as error:
            raise FileNotFoundError(
                f'the ImageNet weights of {name} could not be downloaded ({error}); give a file '
                'with --weights FILE, or --weights none to start from nothing'
            ) from error
    else:
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f'no weights file {path}; use imagenet, none or a path')
        state = torch.load(path, map_location='cpu', weights_only=True)
    return {key: value for key, value in state.items() if not key.startswith('fc.')}
