# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Trained models cut open at their last linear layer, so that another can take its place.

Of an ONNX file the layer is replaced inside the file, without any PyTorch checkpoint; of a WavLM
in its directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from onnx import numpy_helper
from torch import nn

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models.voice_memory import profile_of
from emotion_perception.sessions import session_options
from emotion_training.common.files import TrainingError, save_yaml, write_atomically
from emotion_training.ser.export import HEAD, METADATA_KEY, gate
from emotion_training.ser.wavlm import Classifier


class Head(Protocol):
    """A model cut open at its last linear layer.

    :ivar layer: that layer, embeddings (n, d) to outputs.
    """

    layer: nn.Linear

    def listen(self, clips: Sequence[np.ndarray]) -> None:
        """Take in how the voice sounds, from prepared clips, each (k, samples)."""
        ...

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Return the mean embedding (d,) of the prepared pieces (k, samples) of one clip."""
        ...

    def six(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the six logits (n, 6) of what such a layer gives."""
        ...

    def save(self, path: Path, layer: nn.Linear, entry: dict[str, Any]) -> None:
        """Write the model with another last layer; ``entry`` is its catalogue entry."""
        ...


class OnnxHead:
    """The last layer of an exported network; see :class:`Head`.

    :param path: of the ONNX file.
    :raises TrainingError: if the file was not made by ``emotion_training.ser.export``.
    """

    def __init__(self, path: Path) -> None:
        self.model = onnx.load(path)
        values = {item.name: item for item in self.model.graph.initializer}
        node = next(
            (
                node
                for node in self.model.graph.node
                if f'{HEAD}.weight' in node.input and node.op_type == 'Gemm'
            ),
            None,
        )
        if node is None or f'{HEAD}.bias' not in values:
            raise TrainingError(
                f'{path}: is not a network of this project (no layer {HEAD}); '
                'adapt ser-default, or a file that `train ser` made'
            )
        self.layer = linear(
            *(numpy_helper.to_array(values[f'{HEAD}.{part}']) for part in ('weight', 'bias'))
        )
        self._embedding = node.input[0]
        opened = onnx.ModelProto()
        opened.CopyFrom(self.model)
        opened.graph.output.append(
            onnx.helper.make_tensor_value_info(self._embedding, onnx.TensorProto.FLOAT, None)
        )
        self._session = onnxruntime.InferenceSession(
            opened.SerializeToString(), session_options(), providers=['CPUExecutionProvider']
        )
        self._voice: dict[str, np.ndarray] = {}

    def listen(self, clips: Sequence[np.ndarray]) -> None:
        if any(value.name == 'profile' for value in self._session.get_overridable_initializers()):
            self._voice = {
                'profile': profile_of(
                    np.stack(
                        [
                            self._session.run(['embedding'], {'waveform': pieces})[0].mean(axis=0)
                            for pieces in clips
                        ]
                    )
                )
            }

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        return self._session.run([self._embedding], {'waveform': pieces, **self._voice})[0].mean(
            axis=0
        )

    def six(self, outputs: torch.Tensor) -> torch.Tensor:
        return gate(outputs)

    def save(self, path: Path, layer: nn.Linear, entry: dict[str, Any]) -> None:
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        values = {f'{HEAD}.{name}': part.numpy() for name, part in layer.state_dict().items()}
        values |= self._voice
        for item in changed.graph.initializer:
            if item.name in values:
                item.CopyFrom(numpy_helper.from_array(values[item.name], item.name))
        # A constant from now on: the file knows whom it hears, and no session changes it.
        inputs = [item for item in changed.graph.input if item.name not in self._voice]
        del changed.graph.input[:]
        changed.graph.input.extend(inputs)
        kept = [item for item in changed.metadata_props if item.key != METADATA_KEY]
        del changed.metadata_props[:]
        changed.metadata_props.extend(kept)
        item = changed.metadata_props.add()
        item.key, item.value = METADATA_KEY, yaml.safe_dump(entry, sort_keys=False)
        write_atomically(path, changed.SerializeToString())
        save_yaml(path.with_suffix('.yaml'), entry)


class WavlmHead:
    """The classifier of a saved WavLM; see :class:`Head`.

    :param folder: written by :func:`emotion_training.ser.wavlm.train_wavlm`.
    """

    def __init__(self, folder: Path) -> None:
        self._classifier = Classifier(str(folder))
        self._model = self._classifier.model.eval()
        config = self._model.config
        if [config.id2label[index] for index in range(config.num_labels)] != list(EMOTIONS):
            raise TrainingError(f'{folder}: its classes are not {list(EMOTIONS)}')
        last = self._model.classifier
        self.layer = linear(last.weight.detach().numpy(), last.bias.detach().numpy())

    def listen(self, clips: Sequence[np.ndarray]) -> None:
        """Take nothing in: this model knows no voices."""

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            sound = self._classifier.heard(torch.from_numpy(pieces))
            return self._model.embed(sound).mean(dim=0).numpy()

    def six(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs

    def save(self, path: Path, layer: nn.Linear, entry: dict[str, Any]) -> None:
        self._model.classifier.load_state_dict(layer.state_dict())
        self._classifier.save(path)
        save_yaml(path.with_name(path.name + '.yaml'), entry)


def linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    """Return a layer with a copy of these weights, (outputs, d) and (outputs,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({'weight': torch.tensor(weight), 'bias': torch.tensor(bias)})
    return layer
