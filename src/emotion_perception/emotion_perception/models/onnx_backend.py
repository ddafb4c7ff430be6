# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Models in ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import yaml

from emotion_perception.models.backend import ModelSettings, Outputs
from emotion_perception.models.catalog import CatalogEntry, parse_entry
from emotion_perception.models.errors import ModelError
from emotion_perception.sessions import session_options

METADATA_KEY = 'emotion_model'
"""Custom metadata property of an ONNX file that holds its catalogue entry as YAML or JSON."""

_EXTRAS = ('valence', 'arousal', 'embedding')


class OnnxBackend:
    """One ONNX session.

    The scores are the output named ``logits``, ``probabilities`` or ``scores``, else the first
    floating-point one; outputs named ``valence``, ``arousal`` and ``embedding`` are passed on.
    Channel-first and channel-last models, and models with a fixed batch of one, are told by
    their input. An input ``profile`` with a value of its own in the file makes a model that
    adapts to a voice; see :class:`~emotion_perception.models.voice_memory.VoiceMemory`.

    :param model: path of the file, or the serialised model.
    :param device: ``auto``, ``cpu`` or ``cuda``.
    :param threads: within one operator; 0 for ONNX Runtime's own choice.
    :param scores: output that holds the scores; empty for the usual one.
    :raises ModelError: if ``cuda`` is asked for and missing, or there is no such output.
    :ivar profile: values in a voice profile; 0 for a model that takes none.
    """

    def __init__(
        self, model: Path | bytes, device: str = 'auto', threads: int = 0, scores: str = ''
    ) -> None:
        options = session_options(threads)
        source = model if isinstance(model, bytes) else str(model)
        providers = _providers(device)
        # Its retry on the CPU prints to stdout; without CUDA there is nothing to fall back from.
        self._session = onnxruntime.InferenceSession(
            source, options, providers=providers, enable_fallback=int(len(providers) > 1)
        )
        self.device = 'cuda' if 'CUDAExecutionProvider' in self._session.get_providers() else 'cpu'
        if device == 'cuda' and self.device != 'cuda':
            raise ModelError(
                'device cuda was asked for, but ONNX Runtime could not start it '
                '(driver, CUDA or cuDNN missing); use device cpu or auto'
            )
        feed = self._session.get_inputs()[0]
        self._input = feed.name
        shape = list(feed.shape)
        self._single = bool(shape) and shape[0] == 1
        self._channels_last = len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3)
        self._half = feed.type == 'tensor(float16)'
        outputs = self._session.get_outputs()
        names = [output.name for output in outputs]
        floats = [
            output.name
            for output in outputs
            if output.type in ('tensor(float)', 'tensor(float16)', 'tensor(double)')
            and output.name not in _EXTRAS
        ]
        preferred = [name for name in ('logits', 'probabilities', 'scores') if name in floats]
        if not floats:
            raise ModelError(
                f'the model has no floating-point output for the class scores; its '
                f'outputs are {names}'
            )
        if scores and scores not in floats:
            raise ModelError(
                f'there is no output {scores!r} for the class scores; the outputs are {names}'
            )
        self._outputs = [scores or (preferred or floats)[0]]
        self._outputs += [name for name in _EXTRAS if name in names]
        optional = {
            value.name: value.shape for value in self._session.get_overridable_initializers()
        }
        self.profile = int(optional['profile'][-1]) if 'profile' in optional else 0

    @property
    def metadata(self) -> dict[str, str]:
        """Return the custom metadata of the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: np.ndarray, profile: np.ndarray | None = None) -> Outputs:
        """Run the session; see :class:`~emotion_perception.models.backend.Backend`.

        :param profile: (1, ``self.profile``) float32: the voice that is known already.
        """
        if self._channels_last and batch.ndim == 4:
            batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        if self._half:
            batch = batch.astype(np.float16)
        if self._single and len(batch) > 1:
            parts = [
                self._session.run(self._outputs, {self._input: batch[row : row + 1]})
                for row in range(len(batch))
            ]
            values = [np.concatenate(columns) for columns in zip(*parts)]
        else:
            known = {} if profile is None else {'profile': profile}
            values = self._session.run(self._outputs, {self._input: batch, **known})
        named = dict(zip(self._outputs, values))
        valence, arousal = (
            np.asarray(named[name], np.float32).reshape(len(batch)) if name in named else None
            for name in ('valence', 'arousal')
        )
        return Outputs(
            np.asarray(values[0], np.float32).reshape(len(batch), -1),
            valence,
            arousal,
            np.asarray(named['embedding'], np.float32) if 'embedding' in named else None,
        )


def load(
    entry: CatalogEntry, path: Path, settings: ModelSettings
) -> tuple[OnnxBackend, CatalogEntry]:
    """Load an ONNX file; see :func:`emotion_perception.models.model.load_model`."""
    return OnnxBackend(path, settings.device, settings.threads, entry.scores), entry


def metadata_entry(path: Path) -> CatalogEntry | None:
    """Return the catalogue entry that an ONNX file carries in its metadata, or ``None``.

    :raises ModelError: if the property is there but not valid.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(path), options, enable_fallback=0, providers=['CPUExecutionProvider']
    )
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        return None
    try:
        mapping = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ModelError(f'{path}: metadata {METADATA_KEY} is not valid YAML: {error}') from error
    return parse_entry(path.stem, mapping, f'{path} (metadata {METADATA_KEY})')


def _providers(device: str) -> list[str]:
    available = onnxruntime.get_available_providers()
    if device == 'cuda' and 'CUDAExecutionProvider' not in available:
        raise ModelError(
            'device cuda was asked for, but this ONNX Runtime has no CUDA provider: '
            '`pip install onnxruntime-gpu`, or use device cpu or auto'
        )
    if device in ('auto', 'cuda') and 'CUDAExecutionProvider' in available:
        return ['CUDAExecutionProvider', 'CPUExecutionProvider']
    return ['CPUExecutionProvider']
