# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the unit tests of this package share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def write_onnx() -> Callable[..., Path]:
    """Return a function that writes a small classifier as an ONNX file.

    Its scores are the mean (and nothing else) of the input, or its largest value, times a weight
    per class plus a bias per class, so that tests can say what must come out. One that adapts
    takes the mean of the voice's earlier means (profile: number, mean, deviation) away first.
    """
    onnx = pytest.importorskip('onnx', reason='writing test models needs onnx')
    from onnx import TensorProto, helper, numpy_helper

    def write(
        path: Path,
        shape: Sequence[int | str],
        bias: Sequence[float],
        weight: Sequence[float] | None = None,
        name: str = 'logits',
        dimensions: Sequence[str] = (),
        metadata: str = '',
        adapts: bool = False,
        reduce: str = 'ReduceMean',
    ) -> Path:
        axes = list(range(1, len(shape)))
        constants = {
            'weight': np.zeros(len(bias)) if weight is None else np.asarray(weight),
            'bias': np.asarray(bias),
        }
        nodes = [
            helper.make_node(reduce, ['input'], ['mean'], axes=axes, keepdims=0),
            helper.make_node('Unsqueeze', ['mean', 'one'], ['embedding' if adapts else 'column']),
        ]
        inputs = [helper.make_tensor_value_info('input', TensorProto.FLOAT, shape)]
        if adapts:
            constants['profile'] = np.zeros(3)
            inputs.append(helper.make_tensor_value_info('profile', TensorProto.FLOAT, [1, 3]))
            nodes += [
                helper.make_node('Gather', ['profile', 'one'], ['usual'], axis=1),
                helper.make_node('Sub', ['embedding', 'usual'], ['column']),
            ]
        nodes += [
            helper.make_node('Mul', ['column', 'weight'], ['product']),
            helper.make_node('Add', ['product', 'bias'], [name]),
        ]
        nodes += [helper.make_node('Tanh', ['mean'], [extra]) for extra in dimensions]
        outputs = [
            helper.make_tensor_value_info(extra, TensorProto.FLOAT, [shape[0]])
            for extra in dimensions
        ]
        if adapts:
            outputs.append(
                helper.make_tensor_value_info('embedding', TensorProto.FLOAT, [shape[0], 1])
            )
        outputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], len(bias)])
        )
        graph = helper.make_graph(
            nodes,
            'tiny',
            inputs,
            outputs,
            [
                numpy_helper.from_array(value.astype(np.float32)[None], key)
                for key, value in constants.items()
            ]
            + [numpy_helper.from_array(np.array([1], np.int64), 'one')],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
        if metadata:
            helper.set_model_props(model, {'emotion_model': metadata})
        onnx.save(model, str(path))
        return path

    return write
