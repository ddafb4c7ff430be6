"""Fusion by a small trained model: the same input for the stacker and for the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models.catalog import weights_directories
from emotion_perception.models.errors import ModelError

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
        weight = np.asarray(weights, np.float32)[:, column:column + 1]
        present = (weight > 0).astype(np.float32)
        log = np.log(np.maximum(np.asarray(vector, np.float32), LEAST))
        log = present * (log - log.mean(axis=1, keepdims=True))
        parts += [log, weight * log, weight, present]
    return np.concatenate(parts, axis=1)


class LearntFusion:
    """A combination trained by ``./emotion train fusion``, from its ONNX file.

    :param file: path, or a name in a weights directory.
    :raises ModelError: if the file is missing, damaged or made for something else.
    """

    def __init__(self, file: str | Path) -> None:
        path = Path(file).expanduser()
        if not path.is_absolute():
            path = next((place / path for place in weights_directories()
                         if (place / path).is_file()), path)
        if not path.is_file():
            raise ModelError(f'fusion: there is no {path}; make it with `./emotion train fusion` '
                             'or choose method product, which needs no file')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=['CPUExecutionProvider'])
            answer = self(np.full((1, 6), 1 / 6), np.full((1, 6), 1 / 6), np.ones((1, 2)))
        except Exception as error:
            # ONNX Runtime has no common exception for a damaged file or a wrong input.
            raise ModelError(f'fusion: {path} is damaged or no fusion model: '
                             f'{" ".join(str(error).split())[:200]}') from error
        if answer.shape != (1, len(EMOTIONS)):
            raise ModelError(f'fusion: {path} gives {answer.shape[-1]} outputs instead of '
                             f'{len(EMOTIONS)}')

    def __call__(self, face: np.ndarray, voice: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return probabilities (n, 6); the parameters are those of :func:`features`."""
        name = self._session.get_inputs()[0].name
        return softmax(self._session.run(None, {name: features(face, voice, weights)})[0])
