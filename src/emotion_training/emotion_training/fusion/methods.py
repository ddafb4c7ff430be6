"""Ways to make one vector of two, all fitted on pairs: product, mean, stacker, network."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize
from torch import nn
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.fusion.combine import CombineSettings, combine
from emotion_perception.fusion.learnt import FEATURES, features
from emotion_training.common.files import write_atomically
from emotion_training.fusion.pairs import Pairs

Method = Callable[[Pairs], np.ndarray]
"""Pairs to probabilities (n, 6)."""

HIDDEN = 32
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
        weights = pairs.present * (np.maximum(pairs.weights, 1e-6) ** powers if trust else 1.0)
        return combine([pairs.face, pairs.voice], weights.T,
                       [settings.face_temperature, settings.voice_temperature], settings)
    return method


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean negative log likelihood, nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-9)).mean())


def fit_closed_form(pairs: Pairs, method: str, with_priors: bool = False,
                    floor: float = CombineSettings.floor) -> CombineSettings:
    """Return settings of a closed form that make the truth most likely.

    Temperatures and trust, and class priors if asked for, all at once and through the
    combination: what C. Guo et al., "On calibration of modern neural networks", ICML 2017, do
    for one model.
    """
    def settings_of(values: np.ndarray) -> CombineSettings:
        face, voice = np.round(np.exp(np.clip(values[:2], np.log(0.1), np.log(10.0))), 4)
        # Never quite 0: quality also tells what no pool holds, such as a head that is turned.
        trust = np.round(np.clip(0.5 + values[2:4], LEAST_TRUST, 2.0), 4)
        priors = np.round(softmax(np.append(values[4:], 0.0)), 4) if with_priors else ()
        return CombineSettings(method=method, face_temperature=float(face),
                               voice_temperature=float(voice), face_trust=float(trust[0]),
                               voice_trust=float(trust[1]), floor=floor,
                               priors=tuple(float(value) for value in priors))

    def loss(values: np.ndarray) -> float:
        return log_loss(closed_form(settings_of(values))(pairs), pairs.truth)

    return settings_of(_descend(loss, 4 + (len(EMOTIONS) - 1) * with_priors))


def _descend(loss: Callable[[np.ndarray], float], count: int) -> np.ndarray:
    """Return the values, -3 to 3, that make a smooth loss least, beginning at zeros."""
    return minimize(loss, np.zeros(count), method='L-BFGS-B', bounds=[(-3.0, 3.0)] * count,
                    options={'eps': 0.02, 'ftol': 1e-6, 'maxiter': 40}).x


def stacker() -> nn.Module:
    """Return an untrained multinomial logistic regression on both vectors."""
    return nn.Linear(FEATURES, len(EMOTIONS))


def network() -> nn.Module:
    """Return an untrained network with one hidden layer, as the course report joined its two."""
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Dropout(0.1),
                         nn.Linear(HIDDEN, len(EMOTIONS)))


def train(module: nn.Module, pairs: Pairs, seed: int, epochs: int = 24,
          use_weights: bool = True) -> nn.Module:
    """Train a combination on pairs with a fixed schedule; return it in evaluation mode.

    :param module: made anew by :func:`stacker` or :func:`network` under ``seed``.
    :param use_weights: false shows it every modality at hand at full weight.
    """
    torch.manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    inputs = torch.from_numpy(_inputs(pairs, use_weights))
    truth = torch.from_numpy(pairs.truth.astype(np.int64))
    optimiser = torch.optim.AdamW(module.parameters(), 2e-2, weight_decay=1e-2)
    batch = 1024
    steps = epochs * -(-len(truth) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    module.train()
    for _ in range(epochs):
        order = torch.randperm(len(truth))
        for begin in range(0, len(truth), batch):
            chosen = order[begin:begin + batch]
            loss = functional.cross_entropy(module(inputs[chosen]), truth[chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
    return module.eval()


def learnt(module: nn.Module, use_weights: bool = True) -> Method:
    """Return a trained combination as a method."""
    def method(pairs: Pairs) -> np.ndarray:
        with torch.no_grad():
            return softmax(module(torch.from_numpy(_inputs(pairs, use_weights))).numpy())
    return method


def export(module: nn.Module, path: Path) -> None:
    """Write a trained combination as ONNX for the runtime: ``features`` to ``logits``."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')     # about the exporter's own deprecation
        torch.onnx.export(module, (torch.zeros(2, FEATURES),), buffer,
                          input_names=['features'], output_names=['logits'], opset_version=17,
                          dynamo=False, dynamic_axes={'features': {0: 'n'}, 'logits': {0: 'n'}})
    write_atomically(Path(path), buffer.getvalue())


def _inputs(pairs: Pairs, use_weights: bool) -> np.ndarray:
    weights = pairs.weights if use_weights else pairs.present.astype(np.float32)
    return features(pairs.face, pairs.voice, weights)
