# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of torchvision classifiers: state dicts of tensors, never pickled objects.

On a CPU the network is handed over to ONNX Runtime, which runs a ResNet-50 on two cores about
five times faster than torch does (57 ms instead of 274 ms); the hand-over takes a few seconds.
"""

from __future__ import annotations

import io
import logging
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch

from emotion_perception.models.backend import Backend, ModelSettings, Outputs
from emotion_perception.models.catalog import CatalogEntry, FaceInput
from emotion_perception.models.errors import ModelError
from emotion_perception.models.files import damaged
from emotion_perception.models.onnx_backend import OnnxBackend
from emotion_perception.models.torch_compat import import_torchvision

_LOG = logging.getLogger(__name__)

# Where training scripts put the state dict, and what wrappers prepend to its keys.
_CONTAINERS = ('state_dict', 'model_state_dict', 'model')
_WRAPPERS = ('module', '_orig_mod', 'model', 'net', 'backbone', 'resnet')

# (bottleneck?, blocks of each stage) -> torchvision's name.
_RESNETS: Mapping[tuple[bool, tuple[int, ...]], str] = {
    (False, (2, 2, 2, 2)): 'resnet18',
    (False, (3, 4, 6, 3)): 'resnet34',
    (True, (3, 4, 6, 3)): 'resnet50',
    (True, (3, 4, 23, 3)): 'resnet101',
    (True, (3, 8, 36, 3)): 'resnet152',
}


class TorchBackend:
    """Runs a torch module that maps (n, channels, size, size) to (n, k) scores."""

    def __init__(self, module: torch.nn.Module, device: str) -> None:
        self.device = device
        self._module = module.eval().to(device)

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the module; see :class:`~emotion_perception.models.backend.Backend`."""
        with torch.inference_mode():
            scores = self._module(torch.from_numpy(batch).to(self.device))
        return Outputs(scores.float().cpu().numpy())


def load(entry: CatalogEntry, path: Path, settings: ModelSettings) -> tuple[Backend, CatalogEntry]:
    """Load a checkpoint; see :func:`emotion_perception.models.model.load_model`."""
    device = choose_device(settings)
    state = read_state_dict(path, entry.name)
    architecture = entry.architecture or resnet_of(state)
    models = import_torchvision().models
    if architecture not in models.list_models():
        raise ModelError(
            f'model {entry.name}: torchvision has no classifier '
            f'{architecture or "of these weights"!r}; give its name as '
            '`architecture` in the entry'
        )
    module = _empty(models, architecture, state)
    fill(module, state, entry.name, path)
    if device == 'cpu' and entry.face is not None:
        exported = _exported(module, entry.face)
        if exported is not None:
            return OnnxBackend(exported, 'cpu', settings.threads), entry
    return TorchBackend(module, device), entry


def entry_of_checkpoint(
    path: Path, task: str, catalog: Mapping[str, CatalogEntry]
) -> CatalogEntry | None:
    """Return the catalogue entry whose architecture and number of outputs a checkpoint has.

    :return: ``None`` if there is none or more than one.
    :raises ModelError: if the file cannot be read.
    """
    state = read_state_dict(path, str(path))
    head = _head(state)
    if head is None:
        return None
    matching = [
        entry
        for entry in catalog.values()
        if entry.task == task
        and entry.backend == 'torch'
        and entry.architecture == resnet_of(state)
        and len(entry.labels) == len(state[head])
    ]
    return matching[0] if len(matching) == 1 else None


def choose_device(settings: ModelSettings) -> str:
    """Return ``cpu`` or ``cuda``, and set torch's threads.

    :raises ModelError: if ``cuda`` is asked for and missing.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.device == 'cuda' and not torch.cuda.is_available():
        raise ModelError('device cuda was asked for, but torch finds none; use device cpu or auto')
    return 'cuda' if settings.device != 'cpu' and torch.cuda.is_available() else 'cpu'


def read_state_dict(path: Path, name: str) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint under the names that the plain module gives them.

    :param name: of the model, for messages.
    :raises ModelError: if the file is damaged, holds pickled objects, or no state dict.
    """
    entry = CatalogEntry(name, '', 'torch', str(path))
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if not zipfile.is_zipfile(path):
            raise damaged(entry, path, error) from error
        raise ModelError(
            f'model {name}: {path} holds pickled Python objects, which can run any code and are '
            'not loaded; where it was trained, save only the tensors: '
            'torch.save(model.state_dict(), path)'
        ) from error
    except Exception as error:
        # A cut-off file shows as RuntimeError, EOFError or OSError, by its format.
        raise damaged(entry, path, error) from error
    for container in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(container), dict):
            content = content[container]
            break
    tensors = (
        {key: value for key, value in content.items() if isinstance(value, torch.Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise ModelError(
            f'model {name}: {path} holds no state dict; save one with '
            'torch.save(model.state_dict(), path)'
        )
    return _unwrapped(tensors)


def fill(
    module: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    name: str,
    path: Path,
    optional: tuple[str, ...] = (),
) -> None:
    """Put a state dict into a module, all of it and nothing else.

    :param optional: parameters that the state dict may lack.
    :raises ModelError: naming what is missing, left over or of another shape.
    """
    own = module.state_dict()
    # Old checkpoints lack the counters of batch normalisation; inference does not use them.
    missing = [
        key
        for key in own
        if key not in state and key not in optional and not key.endswith('num_batches_tracked')
    ]
    extra = [key for key in state if key not in own]
    other = [
        f'{key} {tuple(value.shape)} instead of {tuple(own[key].shape)}'
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    problems = [
        f'{len(keys)} {what} ({", ".join(keys[:3])}{", ..." if len(keys) > 3 else ""})'
        for what, keys in (
            ('missing', missing),
            ('unexpected', extra),
            ('of another shape', other),
        )
        if keys
    ]
    if problems:
        raise ModelError(
            f'model {name}: the tensors of {path} do not fit '
            f'{type(module).__name__}: {"; ".join(problems)}'
        )
    module.load_state_dict(dict(state), strict=False)


def resnet_of(state: Mapping[str, torch.Tensor]) -> str:
    """Return the name of the torchvision ResNet that a state dict belongs to, else ``''``."""
    blocks = [0, 0, 0, 0]
    for key in state:
        match = re.match(r'layer([1-4])\.(\d+)\.conv1\.weight$', key)
        if match:
            stage = int(match[1]) - 1
            blocks[stage] = max(blocks[stage], int(match[2]) + 1)
    return _RESNETS.get(('layer1.0.conv3.weight' in state, tuple(blocks)), '')


def _exported(module: torch.nn.Module, face: FaceInput) -> bytes | None:
    """Return the network as ONNX, or ``None`` where this torch cannot write it."""
    picture = torch.zeros(1, face.channels, face.size, face.size)
    stream = io.BytesIO()
    try:
        with warnings.catch_warnings():
            # The exporter that needs no further package warns of its successor.
            warnings.simplefilter('ignore')
            torch.onnx.export(
                module.eval(),
                (picture,),
                cast(Any, stream),  # PyTorch takes streams but does not say so
                dynamo=False,
                opset_version=17,
                input_names=['images'],
                output_names=['logits'],
                dynamic_axes={'images': {0: 'n'}, 'logits': {0: 'n'}},
            )
    except Exception as error:
        # Which exceptions depends on the torch version; torch itself can still run it.
        _LOG.warning('torch could not write the network as ONNX (%s); running it in torch', error)
        return None
    return stream.getvalue()


def _unwrapped(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    while True:
        first = {key.split('.')[0] for key in state}
        if len(first) != 1 or not first <= set(_WRAPPERS):
            return state
        state = {key.partition('.')[2]: value for key, value in state.items()}


def _head(state: Mapping[str, torch.Tensor]) -> str | None:
    """Return the key of the classifier's weight: the last matrix."""
    matrices = [key for key, value in state.items() if key.endswith('.weight') and value.ndim == 2]
    return matrices[-1] if matrices else None


def _empty(
    models: ModuleType, architecture: str, state: Mapping[str, torch.Tensor]
) -> torch.nn.Module:
    """Build the network with as many outputs as the state dict has."""
    head = _head(state)
    outputs = len(state[head]) if head else 1000
    module = models.get_model(architecture, weights=None, num_classes=outputs)
    match = re.match(r'fc\.(\d+)\.weight$', head or '')
    if match and isinstance(getattr(module, 'fc', None), torch.nn.Linear):
        # The usual head of a fine-tuned ResNet: dropout, which inference skips, then linear.
        before = [torch.nn.Identity() for _ in range(int(match[1]))]
        module.fc = torch.nn.Sequential(*before, module.fc)
    return module
