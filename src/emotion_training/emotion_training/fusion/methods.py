# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ways to make one vector of two, all fitted on pairs: product, mean, stacker, network."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import nn
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.fusion.combine import CombineSettings, combine, reliability
from emotion_perception.fusion.learnt import FEATURES, METADATA_KEY, Seen, features
from emotion_training.common.files import write_atomically
from emotion_training.common.loop import cosine, take_steps
from emotion_training.fusion.pairs import Pairs, Rows

Method = Callable[[Pairs], np.ndarray]
"""Pairs to probabilities (n, 6)."""

HIDDEN, NARROW = 32, 16
"""Hidden units of the network, and those that each embedding is brought to."""

STEPS = 144
"""Of the network's training: few, since there are many pairs but few people among them."""
BATCH = 1024
"""Pairs of a step."""

LEAST_TRUST = 0.1


def face_only(pairs: Pairs) -> np.ndarray:
    """Return what the face model says."""
    return pairs.face


def voice_only(pairs: Pairs) -> np.ndarray:
    """Return what the voice model says."""
    return pairs.voice


def closed_form(settings: CombineSettings, trust: bool = True) -> Method:
    """Return a method of the runtime with its settings.

    :param trust: false gives each modality at hand the full weight, whatever its quality.
    """
    powers = np.array([settings.face_trust, settings.voice_trust], np.float32)

    def method(pairs: Pairs) -> np.ndarray:
        weights = pairs.present * (reliability(pairs.weights, powers) if trust else 1.0)
        return combine(
            [pairs.face, pairs.voice],
            weights.T,
            [settings.face_temperature, settings.voice_temperature],
            settings,
        )

    return method


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean negative log likelihood, nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-9)).mean())


def fit_closed_form(
    pairs: Pairs, method: str, floor: float = CombineSettings.floor
) -> CombineSettings:
    """Return settings of a closed form that make the truth most likely.

    All values at once and through the combination: what C. Guo et al., "On calibration of modern
    neural networks", ICML 2017, do for one model. Of the product these are trust and agreement:
    its temperatures stay 1, because each model is calibrated by itself and must be so where it is
    alone. Of the mean they are temperatures and trust.
    """
    product = method == 'product'

    def settings_of(values: np.ndarray) -> CombineSettings:
        # Never quite 0: quality also tells what no pool holds, such as a head that is turned.
        trust = np.round(np.clip(0.5 + values[:2], LEAST_TRUST, 2.0), 4)
        heat = np.round(np.exp(np.clip(values[2:4], np.log(0.1), np.log(10.0))), 4)
        return CombineSettings(
            method=method,
            face_temperature=1.0 if product else float(heat[0]),
            voice_temperature=1.0 if product else float(heat[1]),
            face_trust=float(trust[0]),
            voice_trust=float(trust[1]),
            floor=floor,
            agreement=float(np.round(np.clip(values[2], -0.9, 3.0), 4)) if product else 0.0,
        )

    def loss(values: np.ndarray) -> float:
        return log_loss(closed_form(settings_of(values))(pairs), pairs.truth)

    return settings_of(_descend(loss, 3 if product else 4))


def _descend(loss: Callable[[np.ndarray], float], count: int) -> np.ndarray:
    """Return the values, -3 to 3, that make a smooth loss least, beginning at zeros."""
    return minimize(
        loss,
        np.zeros(count),
        method='L-BFGS-B',
        bounds=[(-3.0, 3.0)] * count,
        options={'eps': 0.02, 'ftol': 1e-6, 'maxiter': 40},
    ).x


def stacker(widths: Mapping[str, int] | None = None) -> nn.Module:
    """Return an untrained multinomial logistic regression on both vectors."""
    return nn.Linear(FEATURES, len(EMOTIONS))


class Network(nn.Module):
    """A network on probabilities, their weights, and the embeddings of both models.

    It begins as the product of experts, and learns what to add to it. The report's network had
    the embeddings alone, of pairs that did not belong together, and never missed one.

    :param widths: values in the embedding of ``face`` and ``voice``; 0 for none.
    """

    def __init__(self, widths: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.widths = {name: width for name, width in (widths or {}).items() if width}
        self.norms = nn.ModuleDict(
            {
                name: nn.BatchNorm1d(width, affine=False, momentum=None)
                for name, width in self.widths.items()
            }
        )
        self.narrow = nn.ModuleDict(
            {name: nn.Linear(width, NARROW) for name, width in self.widths.items()}
        )
        # Few people speak in the data, and an embedding knows them all: most of it is hidden.
        self.blind = nn.Dropout(0.8)
        self.product = nn.Linear(FEATURES, len(EMOTIONS))
        self.hidden = nn.Linear(FEATURES + NARROW * len(self.widths), HIDDEN)
        self.drop = nn.Dropout(0.3)
        self.more = nn.Linear(HIDDEN, len(EMOTIONS))
        side = FEATURES // 2
        with torch.no_grad():
            self.product.weight.zero_()
            self.product.bias.zero_()
            self.more.weight.zero_()
            self.more.bias.zero_()
            for begin in (len(EMOTIONS), side + len(EMOTIONS)):
                # The logarithms times the weight: their sum is the product's own.
                self.product.weight[:, begin : begin + len(EMOTIONS)] = torch.eye(len(EMOTIONS))

    def standardise(self, embeddings: Mapping[str, Rows]) -> None:
        """Take mean and deviation of the embeddings from those that are there."""
        for name, norm in self.norms.items():
            rows = embeddings[name]
            table = torch.from_numpy(rows.table[np.unique(rows.index[rows.index >= 0])])
            norm.get_buffer('running_mean').copy_(table.mean(dim=0))
            norm.get_buffer('running_var').copy_(table.var(dim=0))

    def train(self, mode: bool = True) -> Network:
        """Set the mode; the standardisation stays what it is."""
        super().train(mode)
        self.norms.eval()
        return self

    def forward(self, features: torch.Tensor, *embeddings: torch.Tensor) -> torch.Tensor:
        """Return logits (n, 6).

        :param features: (n, 28), see :func:`emotion_perception.fusion.learnt.features`.
        :param embeddings: (n, d) each, in the order of ``widths``.
        """
        seen = [features]
        for name, values in zip(self.widths, embeddings):
            side = FEATURES // 2 * (1 if name == 'face' else 2)
            present = features[:, side - 1 : side]
            values = self.norms[name](values).clamp(-4.0, 4.0)
            seen.append(present * torch.relu(self.narrow[name](self.blind(values))))
        hidden = torch.relu(self.hidden(torch.cat(seen, dim=1)))
        return self.product(features) + self.more(self.drop(hidden))


def report_network(widths: Mapping[str, int] | None = None) -> nn.Module:
    """Return an untrained network that only knows probabilities, for the report's failure."""
    return nn.Sequential(
        nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(HIDDEN, len(EMOTIONS))
    )


def train(
    make: Callable[..., nn.Module],
    pairs: Pairs,
    seed: int,
    epochs: int = 24,
    use_weights: bool = True,
) -> nn.Module:
    """Train a combination on pairs with a fixed schedule; return it in evaluation mode.

    :param make: :func:`stacker`, :class:`Network` or :func:`report_network`.
    :param epochs: of all but the network, whose steps are fixed.
    :param use_weights: false shows it every modality at hand at full weight.
    """
    torch.manual_seed(seed)
    module = make({name: rows.table.shape[1] for name, rows in pairs.embeddings.items()})
    looks = isinstance(module, Network)
    if isinstance(module, Network):
        module.standardise(pairs.embeddings)
    inputs = torch.from_numpy(_inputs(pairs, use_weights))
    truth = torch.from_numpy(pairs.truth.astype(np.int64))
    rate, decay = (5e-4, 0.1) if looks else (2e-2, 1e-2)
    each = -(-len(truth) // BATCH)
    epochs = -(-STEPS // each) if looks else epochs

    def batches() -> Iterator[torch.Tensor]:
        for _ in range(epochs):
            yield from torch.randperm(len(truth)).split(BATCH)

    def loss(chosen: torch.Tensor) -> torch.Tensor:
        logits = module(inputs[chosen], *_embeddings(module, pairs, chosen.numpy()))
        return functional.cross_entropy(logits, truth[chosen])

    module.train()
    take_steps(
        module,
        batches(),
        loss,
        torch.optim.AdamW(module.parameters(), rate, weight_decay=decay),
        lambda step, _: rate * cosine(step / (epochs * each)),
    )
    return module.eval()


def learnt(module: nn.Module, use_weights: bool = True) -> Method:
    """Return a trained combination as a method."""

    def method(pairs: Pairs) -> np.ndarray:
        inputs = torch.from_numpy(_inputs(pairs, use_weights))
        with torch.no_grad():
            parts = [slice(begin, begin + 8192) for begin in range(0, len(pairs), 8192)]
            return softmax(
                np.concatenate(
                    [
                        module(inputs[part], *_embeddings(module, pairs, part)).numpy()
                        for part in parts
                    ]
                )
            )

    return method


def export(module: nn.Module, path: Path, seen: Mapping[str, Seen] | None = None) -> None:
    """Write a trained combination as ONNX for the runtime: ``features`` to ``logits``.

    :param seen: the models whose embeddings a :class:`Network` takes.
    """
    import onnx

    widths = module.widths if isinstance(module, Network) else {}
    names = ['features', *(f'{name}_embedding' for name in widths)]
    example = (torch.zeros(2, FEATURES), *(torch.zeros(2, width) for width in widths.values()))
    buffer: Any = io.BytesIO()  # torch's annotation names paths alone
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about the exporter's own deprecation
        torch.onnx.export(
            module,
            example,
            buffer,
            input_names=names,
            output_names=['logits'],
            opset_version=17,
            dynamo=False,
            dynamic_axes={name: {0: 'n'} for name in (*names, 'logits')},
        )
    proto = onnx.load_from_string(buffer.getvalue())
    if widths:
        if seen is None:
            raise ValueError('a network that takes embeddings must say whose')
        item = proto.metadata_props.add()
        item.key, item.value = (
            METADATA_KEY,
            json.dumps({name: dataclasses.asdict(seen[name]) for name in widths}),
        )
    write_atomically(Path(path), proto.SerializeToString())


def _embeddings(module: nn.Module, pairs: Pairs, chosen: np.ndarray | slice) -> list[torch.Tensor]:
    """Return the embeddings that a module takes, of the chosen pairs."""
    if not isinstance(module, Network):
        return []
    return [torch.from_numpy(pairs.embeddings[name].take(chosen)) for name in module.widths]


def _inputs(pairs: Pairs, use_weights: bool) -> np.ndarray:
    weights = pairs.present * (reliability(pairs.weights, 1.0) if use_weights else 1.0)
    return features(pairs.face, pairs.voice, weights)
