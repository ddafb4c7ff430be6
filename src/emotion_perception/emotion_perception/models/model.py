# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One interface to every model, and the way from a name, path or hub id to a loaded one."""

from __future__ import annotations

import importlib
import math
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotion_perception.emotions import EMOTIONS, LabelMap, softmax
from emotion_perception.models.backend import AdaptiveBackend, Backend, ModelSettings, Outputs
from emotion_perception.models.balance import class_shares
from emotion_perception.models.catalog import (
    Catalog,
    CatalogEntry,
    SpeechInput,
    load_catalog,
    load_sidecar,
    with_file,
)
from emotion_perception.models.errors import ModelError
from emotion_perception.models.fetch import model_file
from emotion_perception.models.files import damaged
from emotion_perception.models.mfcc import MfccFrontEnd

DEFAULTS = {'fer': 'fer-default', 'ser': 'ser-default'}
"""Catalogue names of the embedded models."""

# Numbers that one inference takes in: a dozen faces of 224 pixels, or of clips of ten seconds.
_MOST_VALUES = 1 << 21

# Outputs of these names are no classes; they are passed on as they are.
_DIMENSIONS = ('valence', 'arousal')

_SUFFIX_BACKENDS = {
    '.onnx': 'onnx',
    '.tflite': 'litert',
    '.pth': 'torch',
    '.pt': 'torch',
    '.hdf5': 'keras-h5',
    '.h5': 'keras-h5',
    '.skops': 'skops',
}
_PICKLES = ('.pkl', '.pickle', '.joblib')

# Modules are imported when a model asks for them: nobody pays for a framework he does not use.
_LOADERS = {
    'onnx': 'emotion_perception.models.onnx_backend',
    'sklearn-onnx': 'emotion_perception.models.forest_backend',
    'skops': 'emotion_perception.models.forest_backend',
    'litert': 'emotion_perception.models.litert_backend',
    'keras-h5': 'emotion_perception.models.keras_backend',
    'torch': 'emotion_perception.models.torch_backend',
    'transformers': 'emotion_perception.models.transformers_backend',
}


class Prediction(NamedTuple):
    """What a model says about a batch, in the six classes.

    :param probabilities: (n, 6) float32, rows sum to 1.
    :param valence: (n,) float32, NaN where the model gives none.
    :param arousal: (n,) float32, NaN where the model gives none.
    :param embedding: (n, d) float32; (n, 0) where the model gives none.
    """

    probabilities: np.ndarray
    valence: np.ndarray
    arousal: np.ndarray
    embedding: np.ndarray


class Model:
    """A loaded model.

    :ivar name: catalogue name, path or hub id.
    :ivar entry: its catalogue entry, complete: labels and input are always there.
    :ivar label_map: from its class labels to the six.
    :ivar shares: float32 (6,), the class shares that its answers assume; ``None`` if not known.
    :ivar device: ``cpu`` or ``cuda``.
    :ivar backend: what runs it.
    """

    def __init__(self, entry: CatalogEntry, backend: Backend) -> None:
        self.name = entry.name
        self.entry = entry
        self.device = backend.device
        self.backend = backend
        self._adaptive = backend if isinstance(backend, AdaptiveBackend) else None
        lower = [label.lower() for label in entry.labels]
        self._columns = {name: lower.index(name) for name in _DIMENSIONS if name in lower}
        self._classes = [column for column, label in enumerate(lower) if label not in _DIMENSIONS]
        self.label_map = LabelMap(
            tuple(entry.labels[column] for column in self._classes), entry.label_map
        )
        self.shares = class_shares(self.label_map, entry.shares)

    def raw(self, batch: np.ndarray) -> np.ndarray:
        """Return the scores (n, len(entry.labels)) float32 in the model's own label space.

        :param batch: prepared input: faces (n, channels, size, size) float32 normalised as the
            entry says, or waveforms (n, samples) float32 at the entry's rate.
        :return: logits or probabilities, as ``entry.output`` says.
        """
        return self.backend.run(batch).scores

    @property
    def profile(self) -> int:
        """Return the number of values in a voice profile; 0 if the model takes none."""
        return self._adaptive.profile if self._adaptive else 0

    def predict(self, batch: np.ndarray, profile: np.ndarray | None = None) -> Prediction:
        """Return the prediction for a prepared batch, calibrated by the entry's temperature.

        :param profile: (1, ``self.profile``) float32, only for a model that takes one.
        :raises ModelError: if the model gives values that are not finite.
        """
        if profile is None or self._adaptive is None:
            scores, valence, arousal, embedding = _in_parts(self.backend.run, batch)
        else:
            run = partial(self._adaptive.run, profile=profile)
            scores, valence, arousal, embedding = _in_parts(run, batch)
        if not np.isfinite(scores).all():
            raise ModelError(f'model {self.name} gave values that are not finite')
        if self._columns:
            valence = (
                scores[:, self._columns['valence']] if 'valence' in self._columns else valence
            )
            arousal = (
                scores[:, self._columns['arousal']] if 'arousal' in self._columns else arousal
            )
            scores = scores[:, self._classes]
        if self.entry.output == 'logits':
            probabilities = softmax(scores, self.entry.temperature)
        elif self.entry.temperature != 1.0:
            probabilities = softmax(np.log(np.maximum(scores, 1e-12)), self.entry.temperature)
        else:
            probabilities = scores
        missing = np.full(len(scores), np.nan, np.float32)
        return Prediction(
            self.label_map.apply(probabilities),
            missing if valence is None else valence,
            missing if arousal is None else arousal,
            np.empty((len(scores), 0), np.float32) if embedding is None else embedding,
        )


def _in_parts(run: Callable[[np.ndarray], Outputs], batch: np.ndarray) -> Outputs:
    """Run a model on so many rows at a time that the memory it takes is bounded."""
    rows = max(1, _MOST_VALUES // max(1, math.prod(batch.shape[1:])))
    if len(batch) <= rows:
        return run(batch)
    parts = [run(batch[start : start + rows]) for start in range(0, len(batch), rows)]

    def joined(arrays: list[np.ndarray | None]) -> np.ndarray | None:
        there = [array for array in arrays if array is not None]
        return np.concatenate(there) if there else None

    return Outputs(
        np.concatenate([part.scores for part in parts]),
        joined([part.valence for part in parts]),
        joined([part.arousal for part in parts]),
        joined([part.embedding for part in parts]),
    )


def load_model(
    spec: str, task: str, settings: ModelSettings | None = None, catalog: Catalog | None = None
) -> Model:
    """Load a model and prove with one dry run that it gives what its labels say.

    :param spec: a catalogue name, a path, or a Hugging Face hub id; empty for the default.
    :param task: ``fer`` or ``ser``.
    :param catalog: by default the installed one.
    :raises ModelError: with what is wrong, which file, and what to do.
    """
    settings = settings or ModelSettings()
    if task not in DEFAULTS:
        raise ModelError(f'task {task!r} has no recogniser; it is fer or ser')
    try:
        entry = resolve(spec or DEFAULTS[task], task, catalog)
    except ImportError as error:
        raise _missing_packages(spec, error) from error
    if entry.task != task:
        raise ModelError(f'model {entry.name} is for {entry.task}, not for {task}')
    path = None
    if not entry.hub:
        path = model_file(entry, settings.cache, settings.offline)
    if path is not None and path.is_file() and path.stat().st_size == 0:
        raise damaged(entry, path, ValueError('the file is empty'), settings.cache)
    try:
        loader = importlib.import_module(_LOADERS[entry.backend])
        backend, entry = loader.load(entry, path, settings)
    except ModelError:
        raise
    except ImportError as error:
        raise _missing_packages(entry.name, error) from error
    except Exception as error:
        # Each library has its own exceptions for a damaged file.
        raise damaged(entry, path or Path(entry.hub), error, settings.cache) from error
    if entry.speech is not None and entry.speech.mfcc is not None:
        backend = MfccFrontEnd(backend, entry.speech.rate, entry.speech.mfcc)
    return checked(entry, backend)


def checked(entry: CatalogEntry, backend: Backend) -> Model:
    """Make the model after a dry run on zeros.

    :raises ModelError: if the entry lacks input or labels, the input does not fit, or the
        number of outputs is not the number of labels.
    """
    where = f'model {entry.name} ({entry.hub or entry.file})'
    if entry.face is None and entry.speech is None:
        raise ModelError(
            f'{where}: its entry has no `input`, so nobody knows how to prepare '
            f'what it sees; {_what_to_write(entry.task)}'
        )
    if not entry.labels:
        raise ModelError(
            f'{where}: its entry has no `labels` and its file names none; '
            f'{_what_to_write(entry.task)}'
        )
    batch = dummy_input(entry)
    try:
        outputs: Outputs = backend.run(batch)
    except Exception as error:
        reason = ' '.join(str(error).split())[:300]
        raise ModelError(
            f'{where} does not take the input that its entry describes, {batch.shape}: {reason}'
        ) from error
    if outputs.scores.ndim != 2 or outputs.scores.shape != (1, len(entry.labels)):
        raise ModelError(
            f'{where} gives {outputs.scores.shape[-1]} outputs but '
            f'{len(entry.labels)} labels are named: {list(entry.labels)}; correct '
            '`labels` in its entry or take the file that belongs to it'
        )
    try:
        return Model(entry, backend)
    except ValueError as error:
        raise ModelError(f'{where}: {error}: {_what_to_write(entry.task)}') from error


def dummy_input(entry: CatalogEntry) -> np.ndarray:
    """Return zeros of the shape of one prepared input."""
    if entry.face is not None:
        return np.zeros((1, entry.face.channels, entry.face.size, entry.face.size), np.float32)
    speech = entry.speech or SpeechInput()
    seconds = speech.pad_seconds or min(max(1.0, speech.min_seconds), speech.max_seconds)
    return np.zeros((1, round(seconds * speech.rate)), np.float32)


def resolve(spec: str, task: str, catalog: Catalog | None = None) -> CatalogEntry:
    """Find the entry that a name, path or hub id means, without loading anything.

    :raises ModelError: if it means nothing.
    """
    path = Path(spec).expanduser()
    if path.suffix.lower() in _PICKLES:
        raise ModelError(
            f'{spec}: pickle files run any code they carry and are not loaded; '
            'save the model with skops.io.dump(model, "model.skops") or convert '
            'it with skl2onnx'
        )
    if path.exists() and (os.sep in spec or path.suffix or path.is_dir()):
        # A catalogue name wins over a stray directory of the same name.
        if os.sep not in spec and catalog is None:
            catalog = _catalog_if_any()
        if catalog is None or spec not in catalog:
            return _entry_of_path(path, spec, task, catalog)
    elif path.suffix.lower() in _SUFFIX_BACKENDS or spec.startswith(('.', '~', os.sep)):
        raise ModelError(
            f'{spec}: no such file; give the path of a model file or a name of the '
            'catalogue (`python -m emotion_perception.models list`)'
        )
    elif re.fullmatch(r'[\w.-]+/[\w.-]+', spec):
        return CatalogEntry(name=spec, task=task, backend='transformers', hub=spec)
    return (catalog if catalog is not None else load_catalog())[spec]


def _entry_of_path(path: Path, spec: str, task: str, catalog: Catalog | None) -> CatalogEntry:
    """Find how to run a file or directory: sidecar, the file itself, then the catalogue."""
    path = path.resolve()
    sidecar = path.with_name((path.name if path.is_dir() else path.stem) + '.yaml')
    if sidecar.is_file():
        return with_file(load_sidecar(sidecar), path, spec)
    suffix = path.suffix.lower()
    if path.is_file() and suffix == '.onnx':
        entry = _from_metadata(path, spec)
        if entry is not None:
            return with_file(entry, path, spec)
    if catalog is None:
        catalog = _catalog_if_any()
    for entry in (catalog or {}).values():
        if path.name in (Path(entry.file).name, entry.state_dict) and entry.task == task:
            return _of_same_name(entry, path, spec)
    if path.is_dir():
        if not (path / 'config.json').is_file():
            raise ModelError(
                f'{spec}: the directory has no config.json, so it is not a '
                'Transformers model (save_pretrained writes one)'
            )
        return CatalogEntry(name=spec, task=task, backend='transformers', file=str(path))
    if suffix in ('.pth', '.pt'):
        if (path.with_suffix('') / 'config.json').is_file():
            return CatalogEntry(
                name=spec,
                task=task,
                backend='transformers',
                file=str(path.with_suffix('')),
                state_dict=path.name,
            )
        from emotion_perception.models.torch_backend import entry_of_checkpoint

        entry = entry_of_checkpoint(path, task, catalog or {})
        if entry is not None:
            return with_file(entry, path, spec)
    if suffix not in _SUFFIX_BACKENDS:
        raise ModelError(
            f'{spec}: files of type {suffix or "without suffix"} are not known; '
            f'known: {", ".join(_SUFFIX_BACKENDS)} and Transformers directories'
        )
    raise ModelError(
        f'{spec}: nothing says how to use this file; write {sidecar} with: '
        f'{_what_to_write(task, _SUFFIX_BACKENDS[suffix])}'
    )


def _of_same_name(entry: CatalogEntry, path: Path, spec: str) -> CatalogEntry:
    """Use a catalogue entry for the user's file of the same name."""
    if path.name == entry.state_dict:
        return with_file(entry, path.with_name(Path(entry.file).name), spec)
    return with_file(entry, path, spec)


def _from_metadata(path: Path, spec: str) -> CatalogEntry | None:
    from emotion_perception.models.onnx_backend import metadata_entry

    try:
        return metadata_entry(path)
    except ModelError:
        raise
    except Exception as error:
        raise damaged(CatalogEntry(spec, '', 'onnx', str(path)), path, error) from error


def _catalog_if_any() -> Catalog | None:
    """Return the installed catalogue; a model given by path works without one."""
    try:
        return load_catalog()
    except ModelError:
        return None


def _missing_packages(name: str, error: ImportError) -> ModelError:
    return ModelError(
        f'model {name} needs Python packages that are not installed: {error}; '
        'run `./emotion setup --training`'
    )


def _what_to_write(task: str, backend: str = 'onnx') -> str:
    """Return an example entry that the user can complete."""
    example = (
        'input: {size: 224, colour: rgb, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}'
        if task == 'fer'
        else 'input: {rate: 16000}'
    )
    return (
        f'`task: {task}`, `backend: {backend}`, `labels: [{", ".join(EMOTIONS)}]` (the '
        f'outputs in their order), `{example}` (see docs/models.md)'
    )
