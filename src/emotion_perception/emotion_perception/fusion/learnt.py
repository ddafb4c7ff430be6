# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fusion by a small trained model: a stacker on probabilities, a network on embeddings too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models.catalog import load_catalog, weights_directories
from emotion_perception.models.errors import ModelError

METADATA_KEY = 'emotion_fusion'
"""Metadata property of an ONNX file that says, as JSON, of which models it takes embeddings."""

FEATURES = 2 * (2 * len(EMOTIONS) + 2)
"""Of each modality: its centred log probabilities, the same times its weight, the weight, and
whether it is there."""

LEAST = 1e-3
"""Least probability: below it the logarithm would only be noise."""


def features(face: np.ndarray, voice: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return what a trained combination looks at, float32 (n, 28).

    :param face: (n, 6) probabilities; any where the face is missing.
    :param voice: (n, 6) likewise.
    :param weights: (n, 2) how far each can be trusted, 0 to 1; 0 where it is missing, and then
        all its features are zero.
    """
    parts = []
    for column, vector in enumerate((face, voice)):
        weight = np.asarray(weights, np.float32)[:, column : column + 1]
        present = (weight > 0).astype(np.float32)
        log = np.log(np.maximum(np.asarray(vector, np.float32), LEAST))
        log = present * (log - log.mean(axis=1, keepdims=True))
        parts += [log, weight * log, weight, present]
    return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Seen:
    """Whose embeddings a combination was trained on.

    :param model: catalogue name, or path.
    :param sha256: of its file; empty if unknown.
    :param size: values in an embedding.
    """

    model: str
    sha256: str
    size: int


class LearntFusion:
    """A combination trained by ``./emotion train fusion``, from its ONNX file.

    A file with inputs ``face_embedding`` and ``voice_embedding`` looks at embeddings too, and is
    of use with the two models alone that its metadata names.

    :param file: path, or a name in a weights directory.
    :ivar seen: of ``face`` and ``voice``, the models whose embeddings it takes; empty for a
        combination that looks at probabilities alone.
    :raises ModelError: if the file is missing, damaged or made for something else.
    """

    def __init__(self, file: str | Path) -> None:
        path = Path(file).expanduser()
        if not path.is_absolute():
            path = next(
                (place / path for place in weights_directories() if (place / path).is_file()), path
            )
        if not path.is_file():
            raise ModelError(
                f'fusion: there is no {path}; make it with `./emotion train fusion` '
                'or choose method product, which needs no file'
            )
        # Other methods do without it.
        import onnxruntime

        from emotion_perception.sessions import session_options

        try:
            self._session = onnxruntime.InferenceSession(
                str(path), session_options(threads=1), providers=['CPUExecutionProvider']
            )
            self._inputs = [item.name for item in self._session.get_inputs()]
            self.seen = self._read_seen()
            answer = self(np.full((1, 6), 1 / 6), np.full((1, 6), 1 / 6), np.ones((1, 2)))
        except Exception as error:
            # ONNX Runtime has no common exception for a damaged file or a wrong input.
            raise ModelError(
                f'fusion: {path} is damaged or no fusion model: '
                f'{" ".join(str(error).split())[:200]}'
            ) from error
        if answer.shape != (1, len(EMOTIONS)):
            raise ModelError(
                f'fusion: {path} gives {answer.shape[-1]} outputs instead of {len(EMOTIONS)}'
            )
        self._replaced = {name: _replaced(seen) for name, seen in self.seen.items()}

    def __call__(
        self,
        face: np.ndarray,
        voice: np.ndarray,
        weights: np.ndarray,
        embeddings: Mapping[str, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Return probabilities (n, 6); the first parameters are those of :func:`features`.

        :param embeddings: of ``face`` and ``voice`` (n, d); what is absent is missing.
        """
        rows = features(face, voice, weights)
        feed = {self._inputs[0]: rows}
        for name, seen in self.seen.items():
            given = (embeddings or {}).get(name)
            feed[f'{name}_embedding'] = (
                np.zeros((len(rows), seen.size), np.float32)
                if given is None
                else np.asarray(given, np.float32)
            )
        return softmax(self._session.run(None, feed)[0])

    def objection(self, name: str, model: str, embedding: np.ndarray) -> str:
        """Return why this combination cannot judge a reading; empty if it can.

        :param name: ``face`` or ``voice``.
        :param model: that made the reading; empty if unknown.
        :param embedding: (d,), of the reading.
        """
        seen = self.seen.get(name)
        if seen is None:
            return ''
        if model and model != seen.model:
            return (
                f'it was trained on embeddings of {seen.model}, but the {name} is read by '
                f'{model}: use that model, train one for yours with `./emotion train '
                'fusion`, or choose method product or stacker, which take any model'
            )
        if self._replaced[name]:
            return self._replaced[name]
        node = {'face': 'fer_node', 'voice': 'ser_node'}[name]
        if embedding.size == 0:
            return (
                f'the {name} comes without an embedding: set parameter embedding of {node} '
                'to true (fusion_method:=network does), and take a model that gives one'
            )
        if embedding.size != seen.size:
            return (
                f'the embedding of the {name} has {embedding.size} values instead of '
                f'{seen.size}: its model has changed, so train the network anew with '
                '`./emotion train fusion`, or choose method product'
            )
        return ''

    def _read_seen(self) -> dict[str, Seen]:
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        wanted = [name for name in ('face', 'voice') if f'{name}_embedding' in self._inputs]
        if not wanted:
            return {}
        if text is None:
            raise ValueError('it takes embeddings and does not say of which models')
        found = json.loads(text)
        return {
            name: Seen(
                str(found[name]['model']), str(found[name]['sha256']), int(found[name]['size'])
            )
            for name in wanted
        }


def _replaced(seen: Seen) -> str:
    """Return why a model that a combination was trained on is not the one of that name now."""
    try:
        entry = load_catalog()[seen.model]
    except ModelError:
        return ''
    if not seen.sha256 or not entry.sha256 or entry.sha256 == seen.sha256:
        return ''
    return (
        f'it was trained on another {seen.model} (sha256 {seen.sha256[:12]}, now '
        f'{entry.sha256[:12]}): train it anew with `./emotion train fusion`, or choose '
        'method product'
    )
