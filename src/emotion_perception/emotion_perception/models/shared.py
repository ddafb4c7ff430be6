# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One model for all who want it in this process, and one batch for all who want it now.

Two cameras need no second copy of a network, and a batch of two faces takes less time than two
batches of one. Nobody waits for company: what has gathered while the model was busy is the next
batch (the dynamic batching of inference servers, with no delay).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np

from emotion_perception.models.backend import Backend, ModelSettings, Outputs
from emotion_perception.models.model import Model, load_model

_lock = threading.Lock()
_models: WeakValueDictionary[tuple[str, str, ModelSettings], Model] = WeakValueDictionary()


def share_model(spec: str, task: str, settings: ModelSettings) -> Model:
    """Return the model that this process has already, or load it.

    It is freed with the last who holds it. Models that adapt to a voice keep a state and are not
    for sharing.

    See :func:`emotion_perception.models.model.load_model`, also for what it raises.
    """
    key = (spec, task, settings)
    with _lock:
        model = _models.get(key)
        if model is None:
            alone = load_model(spec, task, settings)
            model = _models[key] = Model(alone.entry, Joined(alone.backend))
        return model


@dataclass
class _Request:
    """What one thread wants, and what came of it."""

    batch: np.ndarray
    outputs: Outputs | None = None
    error: Exception | None = None


class Joined:
    """Runs what several threads want at the same time as one batch."""

    def __init__(self, backend: Backend) -> None:
        self.device = backend.device
        self._backend = backend
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []
        self._running = threading.Lock()

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the model; see :class:`~emotion_perception.models.backend.Backend`."""
        request = _Request(batch)
        with self._lock:
            self._waiting.append(request)
        with self._running:
            # Whoever comes in first takes all that wait with it; the others find theirs done.
            if request.outputs is None and request.error is None:
                with self._lock:
                    requests, self._waiting = self._waiting, []
                self._answer(requests)
        if request.outputs is None:
            raise request.error or RuntimeError('the model gave nothing')
        return request.outputs

    def _answer(self, requests: list[_Request]) -> None:
        try:
            if len(requests) == 1:
                requests[0].outputs = self._backend.run(requests[0].batch)
                return
            outputs = self._backend.run(np.concatenate([item.batch for item in requests]))
            start = 0
            for item in requests:
                rows = slice(start, start + len(item.batch))
                rest = (None if each is None else each[rows] for each in outputs[1:])
                item.outputs = Outputs(outputs.scores[rows], *rest)
                start = rows.stop
        except Exception as error:
            for item in requests:
                item.error = error
