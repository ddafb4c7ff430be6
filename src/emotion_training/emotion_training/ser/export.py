# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Put a trained speech model into one ONNX file that takes sound, its weights in eight bits."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS, softmax
from emotion_training.common.files import write_atomically
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.eight_bits import LEAST, quantise
from emotion_training.ser.voice import SILENT, VoiceModel, to_six

OPSET = 17

METADATA_KEY = 'emotion_model'

HEAD = 'network.head.last'
"""The last linear layer, which adaptation replaces."""

SPEECH_INPUT = {'rate': RATE, 'min_seconds': 0.5, 'max_seconds': 10.0}
"""The ``input`` of the catalogue entry of every exported model."""


class WaveformModel(nn.Module):
    """Waveforms (n, samples) and the profile of a voice to logits (n, 6) and embeddings (n, d).

    The logits shrink towards zero as the network finds no speech, so that such sound gives a
    flat answer, which the recogniser's least confidence turns into an abstention.
    """

    def __init__(self, network: VoiceModel) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, waveform: torch.Tensor, profile: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Map sound and (1, 1 + 2 d): number, mean and deviation of what is known."""
        width = self.network.width
        embedding = self.network.embed(waveform)
        known = profile[:, :1], profile[:, 1 : 1 + width], profile[:, 1 + width :]
        return gate(self.network.head(embedding, known)), embedding


def gate(logits: torch.Tensor) -> torch.Tensor:
    """Bring the network's outputs (n, 9) to the six, flattened where it hears no speech."""
    speech = 1.0 - torch.softmax(logits, dim=1)[:, SILENT:]
    return centre(to_six(logits[:, : len(CLASSES)])) * speech


def centre(logits: torch.Tensor) -> torch.Tensor:
    """Take the mean out of each row, which changes no probability."""
    return logits - logits.mean(dim=1, keepdim=True)


def export(network: VoiceModel, path: Path, entry: Mapping[str, Any] | None = None) -> None:
    """Write the model as ``path``.

    The input ``profile`` has a value in the file (no voice is known), so that nobody needs to
    feed it.

    :param entry: catalogue entry to carry in the file's metadata, so that the file alone can be
        named as a model.
    """
    write_atomically(Path(path), serialised(network, entry))


def serialised(network: VoiceModel, entry: Mapping[str, Any] | None = None) -> bytes:
    """Return the bytes that :func:`export` writes."""
    from onnx import numpy_helper

    nobody = torch.zeros(1, 1 + 2 * network.width)
    proto = _traced(WaveformModel(network), (nobody,), ['profile'], ['logits', 'embedding'])
    proto.graph.initializer.append(numpy_helper.from_array(nobody.numpy(), 'profile'))
    if entry is not None:
        item = proto.metadata_props.add()
        item.key, item.value = METADATA_KEY, yaml.safe_dump(dict(entry), sort_keys=False)
    return proto.SerializeToString()


def open_pooled(network: VoiceModel) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from levelled sound (samples,) to what ``pooled`` gives of it (d,).

    It runs the model as it would be exported: on a CPU that takes a fifth of the time.
    """
    import onnxruntime

    from emotion_perception.sessions import session_options

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, waveform: torch.Tensor) -> torch.Tensor:
            return self.network.pooled(waveform)

    session = onnxruntime.InferenceSession(
        _traced(Pooled(), (), [], ['pooled']).SerializeToString(),
        session_options(torch.get_num_threads()),
        providers=['CPUExecutionProvider'],
    )
    return lambda sound: session.run(None, {'waveform': sound[None]})[0][0]


def _traced(
    model: nn.Module, others: tuple[torch.Tensor, ...], other_names: list[str], outputs: list[str]
) -> Any:
    """Return a module that takes sound, and perhaps more, as an ONNX graph in eight bits."""
    import onnx

    buffer: Any = io.BytesIO()  # torch's annotation names paths alone
    sound = torch.randn(2, RATE * 2) * 0.1
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # tracing speaks about shapes that are dynamic anyway
        torch.onnx.export(
            model.eval(),
            (sound, *others),
            buffer,
            input_names=['waveform', *other_names],
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes={'waveform': {0: 'n', 1: 'samples'}}
            | {name: {0: 'n'} for name in outputs},
        )
    proto = onnx.load_from_string(buffer.getvalue())
    _to_eight_bits(proto)
    return proto


def _to_eight_bits(proto: Any) -> None:
    """Store large weights in eight bits, and multiply in eight bits where most of the work is.

    Products of a sequence with a matrix take the sequence in eight bits too, with a scale of its
    own each time (dynamic quantisation), which a CPU does in half the time. All other weights
    are widened when the file is loaded. The transform of the front end stays exact, and so does
    the last layer, which adaptation replaces.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = proto.graph
    values = {item.name: item for item in graph.initializer}
    replaced, widened = {}, []
    for node in list(graph.node):
        for name in node.input[:2]:
            item = values.get(name)
            if (
                item is None
                or item.data_type != TensorProto.FLOAT
                or len(item.dims) < 2
                or np.prod(item.dims) < LEAST
                or name == f'{HEAD}.weight'
            ):
                continue
            weight = numpy_helper.to_array(item)
            # A matrix product has its outputs in columns, everything else in rows.
            columns = node.op_type == 'MatMul'
            steps, scale = (
                part.numpy() for part in quantise(torch.tensor(weight.T if columns else weight))
            )
            graph.initializer.remove(item)
            kept = [
                numpy_helper.from_array(
                    np.ascontiguousarray(steps.T if columns else steps), f'{name}:steps'
                )
            ]
            if columns:
                # An offset of its own: ONNX Runtime may make unsigned weights of them.
                kept += [
                    numpy_helper.from_array(scale, f'{name}:scale'),
                    numpy_helper.from_array(np.zeros((), np.int8), f'{name}:offset'),
                ]
                replaced[node.output[0]] = _integer_product(node, name)
            else:
                shape = (-1, *[1] * (weight.ndim - 1))
                kept.append(numpy_helper.from_array(scale.reshape(shape), f'{name}:scale'))
                widened += [
                    helper.make_node(
                        'Cast', [f'{name}:steps'], [f'{name}:wide'], to=TensorProto.FLOAT
                    ),
                    helper.make_node('Mul', [f'{name}:wide', f'{name}:scale'], [name]),
                ]
            graph.initializer.extend(kept)
            del values[name]
    nodes = list(widened)
    for node in graph.node:
        nodes += replaced.get(node.output[0], [node])
    del graph.node[:]
    graph.node.extend(nodes)


def _integer_product(node: Any, weight: str) -> list[Any]:
    """Return the nodes of a product whose left side is brought to eight bits on the way."""
    from onnx import TensorProto, helper

    left, out = node.input[0], node.output[0]
    return [
        helper.make_node(
            'DynamicQuantizeLinear',
            [left],
            [f'{out}:left', f'{out}:left_scale', f'{out}:left_offset'],
        ),
        helper.make_node(
            'MatMulInteger',
            [f'{out}:left', f'{weight}:steps', f'{out}:left_offset', f'{weight}:offset'],
            [f'{out}:sums'],
        ),
        helper.make_node('Cast', [f'{out}:sums'], [f'{out}:wide'], to=TensorProto.FLOAT),
        helper.make_node('Mul', [f'{out}:left_scale', f'{weight}:scale'], [f'{out}:scale']),
        helper.make_node('Mul', [f'{out}:wide', f'{out}:scale'], [out]),
    ]


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature that makes the truth most likely (Guo et al., ICML 2017).

    :param logits: (n, 6), of clips that trained nothing.
    :param truth: int (n,).
    :return: 0.25 to 8.
    """
    candidates = np.exp(np.linspace(np.log(0.25), np.log(8.0), 200))
    rows = np.arange(len(truth))
    losses = [
        -np.log(np.maximum(softmax(logits, value)[rows, truth], 1e-12)).mean()
        for value in candidates
    ]
    return float(candidates[int(np.argmin(losses))])


def entry_of(
    file: str,
    temperature: float,
    min_confidence: float,
    about: str,
    shares: Sequence[float] = (),
    licence: str = 'non-commercial research',
    card: str = '',
) -> dict[str, Any]:
    """Return a catalogue entry for an exported model.

    :param shares: of the six classes in training; empty if not known.
    """
    entry = {
        'task': 'ser',
        'backend': 'onnx',
        'file': file,
        'labels': list(EMOTIONS),
        'input': dict(SPEECH_INPUT),
        'temperature': round(temperature, 4),
    }
    if len(shares):
        entry['shares'] = {label: round(float(share), 4) for label, share in zip(EMOTIONS, shares)}
    entry |= {
        'abstain': {'min_confidence': round(min_confidence, 3)},
        'licence': licence,
        'about': about,
    }
    if card:
        entry['card'] = card
    return entry
