# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Scikit-learn classifiers on features: skops files or ONNX made by skl2onnx, never pickle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from emotion_perception.models.backend import Backend, ModelSettings, Outputs
from emotion_perception.models.catalog import CatalogEntry
from emotion_perception.models.errors import ModelError
from emotion_perception.models.onnx_backend import OnnxBackend
from emotion_perception.sessions import session_options

# Skops does not trust it by itself, because a forged tree could lead the compiled code outside
# its arrays; it holds numbers only, and they are checked after loading.
_TREE = 'sklearn.tree._tree.Tree'


class SkopsBackend:
    """A scikit-learn classifier with ``predict_proba`` on feature vectors."""

    device = 'cpu'

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier

    def run(self, batch: np.ndarray) -> Outputs:
        """Return the probabilities of feature vectors (n, features)."""
        return Outputs(self._classifier.predict_proba(batch).astype(np.float32))


class ZipMapBackend:
    """A classifier of skl2onnx whose probabilities are a map per row (its default)."""

    device = 'cpu'

    def __init__(self, session: onnxruntime.InferenceSession, output: str) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._output = output

    def maps(self, batch: np.ndarray) -> list[dict[Any, float]]:
        """Return class -> probability of each row."""
        return self._session.run([self._output], {self._input: batch})[0]

    def run(self, batch: np.ndarray) -> Outputs:
        """Return the probabilities of feature vectors (n, features)."""
        return Outputs(np.array([list(row.values()) for row in self.maps(batch)], np.float32))


def load(entry: CatalogEntry, path: Path, settings: ModelSettings) -> tuple[Backend, CatalogEntry]:
    """Load a classifier; see :func:`emotion_perception.models.model.load_model`."""
    if settings.device == 'cuda':
        raise ModelError(
            f'model {entry.name}: scikit-learn models run on the CPU; use device cpu or auto'
        )
    if entry.speech is None or entry.speech.mfcc is None:
        raise ModelError(
            f'model {entry.name}: a classifier on features needs them in its entry: '
            '`input: {rate: 16000, mfcc: {coefficients: 40}}`'
        )
    backend, labels = (
        _load_skops(entry, path) if entry.backend == 'skops' else _load_onnx(entry, path, settings)
    )
    if (
        labels
        and entry.labels
        and sorted(labels) == sorted(entry.labels)
        and labels != entry.labels
    ):
        raise ModelError(
            f'model {entry.name}: {path} has its classes in the order '
            f'{list(labels)}; the entry names {list(entry.labels)}'
        )
    entry = replace(entry, labels=entry.labels or labels, output='probabilities')
    return backend, entry


def _load_skops(entry: CatalogEntry, path: Path) -> tuple[SkopsBackend, tuple[str, ...]]:
    from skops import io

    strange = set(io.get_untrusted_types(file=path)) - {_TREE}
    if strange:
        raise ModelError(
            f'model {entry.name}: {path} holds objects that are not plain '
            f'scikit-learn and are not loaded: {", ".join(sorted(strange))}'
        )
    classifier = io.load(path, trusted=[_TREE])
    _check_trees(entry, path, classifier)
    if not hasattr(classifier, 'predict_proba'):
        raise ModelError(
            f'model {entry.name}: {path} holds a {type(classifier).__name__}, '
            'which gives no probabilities'
        )
    return SkopsBackend(classifier), tuple(str(name) for name in classifier.classes_)


def _check_trees(entry: CatalogEntry, path: Path, classifier: Any) -> None:
    """Refuse trees whose nodes lead backwards or outside.

    :raises ModelError: if there is one.
    """
    last = classifier[-1] if hasattr(classifier, 'steps') else classifier
    for member in np.ravel(getattr(last, 'estimators_', [last])):
        tree = getattr(member, 'tree_', None)
        if tree is None:
            continue
        nodes = np.arange(tree.node_count)
        left, right = tree.children_left, tree.children_right
        inner = left != -1
        sound = (
            np.array_equal(inner, right != -1)
            and all(
                ((side > nodes) & (side < tree.node_count))[inner].all() for side in (left, right)
            )
            and ((tree.feature >= 0) & (tree.feature < last.n_features_in_))[inner].all()
        )
        if not sound:
            raise ModelError(
                f'model {entry.name}: {path} is damaged: a tree of it leads outside itself'
            )


def _load_onnx(
    entry: CatalogEntry, path: Path, settings: ModelSettings
) -> tuple[Backend, tuple[str, ...]]:
    session = onnxruntime.InferenceSession(
        str(path),
        session_options(settings.threads),
        providers=['CPUExecutionProvider'],
        enable_fallback=0,
    )
    maps = [output.name for output in session.get_outputs() if output.type.startswith('seq(map')]
    if not maps:
        return OnnxBackend(path, 'cpu', settings.threads), ()
    backend = ZipMapBackend(session, maps[0])
    width = entry.speech.mfcc.width if entry.speech and entry.speech.mfcc else 0
    first = backend.maps(np.zeros((1, width), np.float32))[0]
    return backend, tuple(str(name) for name in first)
