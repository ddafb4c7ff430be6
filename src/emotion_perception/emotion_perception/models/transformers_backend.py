# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Image and audio classifiers of Hugging Face Transformers, from a directory or the hub.

Labels come from the model's ``id2label``, preprocessing from its processor's configuration;
what the catalogue entry or a sidecar states wins. No code of the model's repository is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_perception.models.backend import ModelSettings, Outputs
from emotion_perception.models.catalog import CatalogEntry, FaceInput, SpeechInput
from emotion_perception.models.errors import ModelError
from emotion_perception.models.fetch import hub_error
from emotion_perception.models.torch_backend import choose_device, fill, read_state_dict
from emotion_perception.models.torch_compat import import_torchvision

_WEIGHT_FILES = (
    'model.safetensors',
    'pytorch_model.bin',
    'model.safetensors.index.json',
    'pytorch_model.bin.index.json',
)

# SpecAugment's embedding; files may lack it.
_TRAINING_ONLY = 'masked_spec_embed'


class TransformersBackend:
    """Runs a Transformers classifier on prepared pictures or waveforms.

    :param extractor: feature extractor of an audio model; ``None`` for pictures.
    """

    def __init__(self, model: Any, device: str, extractor: Any = None, rate: int = 0) -> None:
        self.device = device
        self._model = model.eval().to(device)
        self._extractor = extractor
        self._rate = rate

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the model; see :class:`~emotion_perception.models.backend.Backend`."""
        if self._extractor is None:
            inputs = {'pixel_values': torch.from_numpy(batch)}
        else:
            # Whisper's encoder takes 30 s and no less; all others the length of the batch.
            whole = 'input_features' in self._extractor.model_input_names
            inputs = self._extractor(
                list(batch),
                sampling_rate=self._rate,
                padding='max_length' if whole else 'longest',
                return_tensors='pt',
            )
        with torch.inference_mode():
            outputs = self._model(
                **{name: value.to(self.device) for name, value in inputs.items()}
            )
        return Outputs(outputs.logits.float().cpu().numpy())


def load(
    entry: CatalogEntry, path: Path | None, settings: ModelSettings
) -> tuple[TransformersBackend, CatalogEntry]:
    """Load a directory or hub id; see :func:`emotion_perception.models.model.load_model`."""
    transformers = import_transformers()
    device = choose_device(settings)
    source = str(path) if path is not None else entry.hub
    options = {'local_files_only': settings.offline or path is not None}
    if path is not None and not (path / 'config.json').is_file():
        raise ModelError(
            f'model {entry.name}: {path} has no config.json, so it is not a '
            'Transformers model (save_pretrained writes one)'
        )
    try:
        config = transformers.AutoConfig.from_pretrained(source, **options)
        automatic = (
            transformers.AutoModelForImageClassification
            if entry.task == 'fer'
            else transformers.AutoModelForAudioClassification
        )
        if config.model_type == 'wavlm' and getattr(config, 'pooling', 'mean') != 'mean':
            from emotion_perception.models.wavlm_pooling import PooledWavLM

            automatic = PooledWavLM
        model = _model(entry, path, config, automatic, source, options)
        labels = entry.labels or tuple(
            str(config.id2label[index]) for index in sorted(config.id2label, key=int)
        )
        entry = replace(entry, labels=labels)
        processor = _processor(source, options)
        if entry.task == 'fer':
            face = entry.face or face_input(processor, config.to_dict())
            return TransformersBackend(model, device), replace(entry, face=face)
        extractor = _extractor(transformers, source, options, config, processor)
    except (OSError, ValueError) as error:
        if path is not None:
            raise
        raise hub_error(entry.hub, settings.offline, error) from error
    speech = entry.speech or SpeechInput()
    rate = int(extractor.sampling_rate)
    if entry.speech is not None and entry.speech.rate != rate:
        raise ModelError(
            f'model {entry.name}: its entry says {entry.speech.rate} Hz, its feature '
            f'extractor {rate} Hz'
        )
    return (
        TransformersBackend(model, device, extractor, rate),
        replace(entry, speech=replace(speech, rate=rate)),
    )


def face_input(processor: Mapping[str, Any], config: Mapping[str, Any]) -> FaceInput:
    """Return what an image processor's configuration means for a canonical face crop.

    A centre crop of the processor is not repeated: the window of the crop already is one.

    :param processor: content of ``preprocessor_config.json``; empty if there is none.
    :param config: of the model.
    """
    size = processor.get('size', config.get('image_size', 224))
    if processor.get('do_center_crop') and processor.get('crop_size'):
        size = processor['crop_size']
    if isinstance(size, Mapping):
        size = size.get('height') or size.get('shortest_edge') or 224
    elif isinstance(size, (list, tuple)):
        size = size[0]
    # The processor computes (x * factor - mean) / std; an entry states (x / 255 - mean) / std.
    factor = processor.get('rescale_factor', 1 / 255) if processor.get('do_rescale', True) else 1.0
    normalises = processor.get('do_normalize', True)
    mean = processor.get('image_mean') or [0.5, 0.5, 0.5] if normalises else [0.0]
    std = processor.get('image_std') or [0.5, 0.5, 0.5] if normalises else [1.0]
    colour = 'grey' if config.get('num_channels') == 1 else 'rgb'
    channels = 1 if colour == 'grey' else 3
    return FaceInput(
        int(size),
        colour=colour,
        mean=tuple(value / (255 * factor) for value in mean[:channels]),
        std=tuple(value / (255 * factor) for value in std[:channels]),
    )


def import_transformers() -> Any:
    """Import Transformers where a torchvision that does not fit may be installed; quiet."""
    try:
        # Transformers imports torchvision where it is installed.
        import_torchvision()
    except ImportError:
        pass
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _model(
    entry: CatalogEntry,
    path: Path | None,
    config: Any,
    automatic: Any,
    source: str,
    options: dict[str, Any],
) -> Any:
    """Build the model with the weights of its directory or of the state dict beside it."""
    beside = None
    if path is not None:
        beside = path.parent / (entry.state_dict or path.name + '.pth')
    own = path is None or any((path / name).is_file() for name in _WEIGHT_FILES)
    if beside is not None and beside.is_file() and (entry.state_dict or not own):
        model = automatic.from_config(config)
        optional = tuple(key for key in model.state_dict() if key.endswith(_TRAINING_ONLY))
        state = _renamed(read_state_dict(beside, entry.name), model.state_dict())
        fill(model, state, entry.name, beside, optional)
        return model
    if not own:
        raise ModelError(
            f'model {entry.name}: neither {path} ({", ".join(_WEIGHT_FILES[:2])}) '
            f'nor {beside} holds weights'
        )
    model, loaded = automatic.from_pretrained(
        source, config=config, output_loading_info=True, **options
    )
    # Transformers would fill them with chance and warn; the answers would be chance, too.
    missing = sorted(key for key in loaded['missing_keys'] if not key.endswith(_TRAINING_ONLY))
    if missing:
        other = sorted(loaded['unexpected_keys'])
        raise ModelError(
            f'model {entry.name}: its file has no weights for {", ".join(missing[:4])}'
            + (f' (it has {", ".join(other[:4])})' if other else '')
            + f', so it is no {type(model).__name__}; its answers would be chance'
        )
    return model


def _renamed(state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Bring weight normalisation's keys into the form of this torch version."""
    pairs = (
        ('.weight_g', '.parametrizations.weight.original0'),
        ('.weight_v', '.parametrizations.weight.original1'),
    )
    renamed = {}
    for key, value in state.items():
        for old, new in (*pairs, *(pair[::-1] for pair in pairs)):
            if key not in own and key.endswith(old) and key[: -len(old)] + new in own:
                key = key[: -len(old)] + new
        renamed[key] = value
    return renamed


def _processor(source: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return ``preprocessor_config.json``, or an empty dictionary if there is none."""
    from transformers.utils import cached_file

    found = cached_file(
        source,
        'preprocessor_config.json',
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **options,
    )
    return json.loads(Path(found).read_text(encoding='utf-8')) if found else {}


def _extractor(
    transformers: Any, source: str, options: dict[str, Any], config: Any, processor: dict[str, Any]
) -> Any:
    if processor:
        return transformers.AutoFeatureExtractor.from_pretrained(source, **options)
    # Models saved without it: what save_pretrained would have written for this family.
    return transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=16000, do_normalize=getattr(config, 'feat_extract_norm', '') == 'layer'
    )
