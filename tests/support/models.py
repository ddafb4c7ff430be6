# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Small models of known behaviour, so that what a graph does is not a matter of training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_LABELS = '[Angry, Fear, Happy, Neutral, Sad, Surprise]'
_FACE_CARD = f"""task: fer
backend: onnx
file: face.onnx
labels: {_LABELS}
input: {{size: 64, window: [0.1, 0.1, 0.9, 0.9], colour: grey, mean: [0.5], std: [0.25]}}
"""
_VOICE_CARD = f"""task: ser
backend: onnx
file: voice.onnx
labels: {_LABELS}
input: {{rate: 16000, min_seconds: 0.5, max_seconds: 10.0, peak_normalise: true}}
"""


def face_model(
    folder: Path, embedding: bool = False, shares: Sequence[float] = (), name: str = 'face.onnx'
) -> Path:
    """Write a FER model that finds every face mostly happy; return its ONNX file.

    :param embedding: let it give one too, of six values.
    :param shares: six class shares that it learnt and states; by default it states none.
    """
    return _write(
        folder / name,
        _FACE_CARD + _stated(shares),
        'images',
        ['n', 1, 64, 64],
        (1, 2, 3),
        np.array([0.0, 0.0, 2.5, 0.5, 0.0, 0.2]) + (np.log(shares) if len(shares) else 0),
        embedding,
    )


def voice_model(folder: Path, embedding: bool = False, shares: Sequence[float] = ()) -> Path:
    """Write a SER model that finds every voice mostly sad; return its ONNX file.

    :param embedding: let it give one too, of six values.
    :param shares: six class shares that it learnt and states; by default it states none.
    """
    return _write(
        folder / 'voice.onnx',
        _VOICE_CARD + _stated(shares),
        'waveform',
        ['n', 't'],
        (1,),
        np.array([0.0, 0.0, 0.2, 0.5, 2.0, 0.0]) + (np.log(shares) if len(shares) else 0),
        embedding,
    )


def write_network(path: Path, seen: dict[str, Any] | None) -> Path:
    """Write a fusion network: the logit of the first class is the sum of both embeddings.

    :param seen: what its metadata says of the models; their sizes are 2 and 3 without.
    """
    onnx = pytest.importorskip('onnx', reason='makes the small models')
    from onnx import TensorProto, helper, numpy_helper

    def matrix(name: str, height: int, value: float) -> TensorProto:
        table = np.zeros((height, 6), np.float32)
        table[:, 0] = value
        return numpy_helper.from_array(table, name)

    sizes = {
        name: (seen or {}).get(name, {}).get('size', size)
        for name, size in (('face', 2), ('voice', 3))
    }
    inputs = {'features': 28, **{f'{name}_embedding': size for name, size in sizes.items()}}
    graph = helper.make_graph(
        [
            *(
                helper.make_node('MatMul', [name, f'{name}_by'], [f'{name}_part'])
                for name in inputs
            ),
            helper.make_node('Sum', [f'{name}_part' for name in inputs], ['logits']),
        ],
        'network',
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', size])
            for name, size in inputs.items()
        ],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['n', 6])],
        [matrix(f'{name}_by', size, float(name != 'features')) for name, size in inputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    if seen is not None:
        item = model.metadata_props.add()
        item.key, item.value = 'emotion_fusion', json.dumps(seen)
    onnx.save(model, str(path))
    return path


def _stated(shares: Sequence[float]) -> str:
    """Return the line of a card that states class shares; nothing for none."""
    if not len(shares):
        return ''
    named = zip(_LABELS.strip('[]').split(', '), shares)
    return 'shares: {' + ', '.join(f'{label}: {float(share)}' for label, share in named) + '}\n'


def _write(
    path: Path,
    card: str,
    name: str,
    shape: list[int | str],
    axes: tuple[int, ...],
    bias: np.ndarray,
    embedding: bool,
) -> Path:
    """Write a model whose logits are ``bias`` plus a little of the input's mean."""
    onnx = pytest.importorskip('onnx', reason='makes the small models')
    from onnx import TensorProto, helper, numpy_helper

    lean = np.array([[0.02, 0.0, 0.05, -0.03, 0.01, 0.0]], np.float32)
    outputs = [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['n', 6])]
    more = []
    if embedding:
        outputs.append(helper.make_tensor_value_info('embedding', TensorProto.FLOAT, ['n', 6]))
        more.append(helper.make_node('Identity', ['leaning'], ['embedding']))
    graph = helper.make_graph(
        [
            helper.make_node('ReduceMean', [name], ['mean'], axes=list(axes), keepdims=0),
            helper.make_node('Reshape', ['mean', 'column'], ['tall']),
            helper.make_node('MatMul', ['tall', 'lean'], ['leaning']),
            helper.make_node('Add', ['leaning', 'bias'], ['logits']),
            *more,
        ],
        'small',
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        outputs,
        [
            numpy_helper.from_array(lean, 'lean'),
            numpy_helper.from_array(np.array([-1, 1], np.int64), 'column'),
            numpy_helper.from_array(np.array(bias, np.float32), 'bias'),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    onnx.save(model, str(path))
    path.with_suffix('.yaml').write_text(card)
    return path
