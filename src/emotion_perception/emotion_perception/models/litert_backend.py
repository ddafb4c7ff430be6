# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Models in LiteRT (TensorFlow Lite) files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from emotion_perception.models.backend import ModelSettings, Outputs
from emotion_perception.models.catalog import CatalogEntry
from emotion_perception.models.errors import ModelError


class LiteRtBackend:
    """One LiteRT interpreter, on the CPU.

    Quantised inputs and outputs are converted. The scores are the output whose last dimension
    is the number of labels, else the first. Rows run one by one where the file fixes its batch.

    :param labels: number of labels; 0 if not known.
    """

    device = 'cpu'

    def __init__(self, path: Path, threads: int, labels: int) -> None:
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads or None)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        outputs = self._interpreter.get_output_details()
        fitting = [
            output
            for output in outputs
            if labels and len(output['shape']) and output['shape'][-1] == labels
        ]
        self._output = (fitting or outputs)[0]
        self._shape = tuple(int(side) for side in self._input['shape'])
        self._signature = tuple(int(side) for side in self._input['shape_signature'])

    def run(self, batch: np.ndarray) -> Outputs:
        """Run the interpreter; see :class:`~emotion_perception.models.backend.Backend`."""
        if batch.ndim == 4 and self._signature[-1] == batch.shape[1]:
            batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        batch = _quantised(batch, self._input)
        if self._signature[0] == -1 or len(batch) == self._shape[0]:
            return Outputs(self._invoke(batch))
        return Outputs(
            np.concatenate([self._invoke(batch[row : row + 1]) for row in range(len(batch))])
        )

    def _invoke(self, batch: np.ndarray) -> np.ndarray:
        if batch.shape != self._shape:
            fits = len(batch.shape) == len(self._signature) and all(
                wanted in (-1, side) for wanted, side in zip(self._signature, batch.shape)
            )
            if not fits:
                raise ModelError(f'the file takes {self._signature}, not {batch.shape}')
            self._interpreter.resize_tensor_input(self._input['index'], batch.shape)
            self._interpreter.allocate_tensors()
            self._shape = batch.shape
        self._interpreter.set_tensor(self._input['index'], batch)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._output['index'])
        scale, zero = self._output['quantization']
        scores = scores.astype(np.float32)
        if scale:
            scores = (scores - zero) * np.float32(scale)
        return scores.reshape(len(batch), -1)


def load(
    entry: CatalogEntry, path: Path, settings: ModelSettings
) -> tuple[LiteRtBackend, CatalogEntry]:
    """Load a LiteRT file; see :func:`emotion_perception.models.model.load_model`."""
    if settings.device == 'cuda':
        raise ModelError(f'model {entry.name}: LiteRT runs on the CPU; use device cpu or auto')
    return LiteRtBackend(path, settings.threads, len(entry.labels)), entry


def _quantised(batch: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    scale, zero = details['quantization']
    if not scale or details['dtype'] == np.float32:
        return batch.astype(details['dtype'], copy=False)
    limits = np.iinfo(details['dtype'])
    return np.clip(np.round(batch / scale) + zero, limits.min, limits.max).astype(details['dtype'])
