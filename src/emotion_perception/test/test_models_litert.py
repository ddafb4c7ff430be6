# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""LiteRT files, written with LiteRT's own schema."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    load_model,
)

pytest.importorskip('ai_edge_litert', reason='LiteRT has no wheel for this platform')
flatbuffers = pytest.importorskip('flatbuffers')
schema = pytest.importorskip('ai_edge_litert.schema_py_generated')

SIDECAR = 'task: fer\nbackend: litert\nlabels: [happy, sad, fear]\ninput: {size: 8, colour: rgb}\n'
CPU = ModelSettings(device='cpu', threads=1)


def write(
    path: Path,
    weight: np.ndarray,
    bias: np.ndarray,
    dynamic: bool = False,
    quantised: bool = False,
) -> None:
    """Write one fully connected layer on a picture (1, 8, 8, 3)."""

    def tensor(name, shape, buffer=0, kind=schema.TensorType.FLOAT32, scale=None):
        made = schema.TensorT()
        made.name, made.shape, made.buffer, made.type = name, list(shape), buffer, kind
        if scale:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale[0]], [scale[1]]
        return made

    def buffer(data=None):
        made = schema.BufferT()
        if data is not None:
            made.data = np.frombuffer(data.tobytes(), np.uint8)
        return made

    def code(operator):
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = operator
        made.version = 1
        return made

    def operator(index, inputs, outputs, kind=None, options=None):
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = index, inputs, outputs
        if options is not None:
            made.builtinOptionsType, made.builtinOptions = kind, options
        return made

    classes = len(bias)
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor('picture', (1, 8, 8, 3)),
        tensor('weight', weight.shape, 1),
        tensor('bias', bias.shape, 2),
        tensor('scores', (1, classes)),
    ]
    if dynamic:
        graph.tensors[0].shapeSignature = [-1, 8, 8, 3]
        graph.tensors[3].shapeSignature = [-1, classes]
    connected = operator(
        0,
        [0, 1, 2],
        [3],
        schema.BuiltinOptions.FullyConnectedOptions,
        schema.FullyConnectedOptionsT(),
    )
    graph.operators, graph.inputs, graph.outputs = [connected], [0], [3]
    codes = [code(schema.BuiltinOperator.FULLY_CONNECTED)]
    if quantised:
        int8 = schema.TensorType.INT8
        graph.tensors += [
            tensor('in8', (1, 8, 8, 3), 0, int8, (1 / 255, -128)),
            tensor('out8', (1, classes), 0, int8, (0.1, 3)),
        ]
        codes += [code(schema.BuiltinOperator.DEQUANTIZE), code(schema.BuiltinOperator.QUANTIZE)]
        graph.operators = [operator(1, [4], [0]), connected, operator(2, [3], [5])]
        graph.inputs, graph.outputs = [4], [5]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, codes, [graph]
    model.buffers = [buffer(), buffer(weight.astype('f')), buffer(bias.astype('f'))]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b'TFL3')
    path.write_bytes(bytes(builder.Output()))
    path.with_suffix('.yaml').write_text(SIDECAR)


@pytest.mark.parametrize('kind', ['fixed batch', 'dynamic batch', 'quantised'])
def test_pictures_go_in_channel_last_and_scores_come_out(tmp_path, kind):
    weight = np.random.default_rng(0).normal(size=(3, 192)) * 0.05
    path = tmp_path / 'tiny.tflite'
    write(path, weight, np.array([0.0, 1.0, 2.0]), kind == 'dynamic batch', kind == 'quantised')
    model = load_model(str(path), 'fer', CPU)
    batch = np.random.default_rng(1).uniform(size=(3, 3, 8, 8)).astype(np.float32)
    expected = batch.transpose(0, 2, 3, 1).reshape(3, -1) @ weight.T + [0, 1, 2]
    assert model.raw(batch) == pytest.approx(expected, abs=0.08 if kind == 'quantised' else 1e-4)
    # And again, with another number of faces.
    assert model.raw(batch[:1])[0] == pytest.approx(model.raw(batch)[0], abs=1e-6)


def test_faces_run_through_the_recogniser(tmp_path):
    write(tmp_path / 'tiny.tflite', np.zeros((3, 192)), np.array([4.0, 0.0, 0.0]))
    recognizer = FaceEmotionRecognizer(load_model(str(tmp_path / 'tiny.tflite'), 'fer', CPU))
    probabilities = recognizer.predict([np.zeros((64, 64, 3), np.uint8)] * 2).probabilities
    assert probabilities.argmax(axis=1).tolist() == [2, 2]


def test_wrong_input_size_is_refused(tmp_path):
    write(tmp_path / 'tiny.tflite', np.zeros((3, 192)), np.zeros(3))
    (tmp_path / 'tiny.yaml').write_text(SIDECAR.replace('size: 8', 'size: 16'))
    with pytest.raises(ModelError, match=r'does not take the input'):
        load_model(str(tmp_path / 'tiny.tflite'), 'fer', CPU)


def test_wrong_number_of_labels_is_refused(tmp_path):
    write(tmp_path / 'tiny.tflite', np.zeros((5, 192)), np.zeros(5))
    with pytest.raises(ModelError, match='gives 5 outputs but 3 labels'):
        load_model(str(tmp_path / 'tiny.tflite'), 'fer', CPU)


@pytest.mark.parametrize('content', [b'', b'no model', b'\x1c\x00\x00\x00TFL3' + bytes(40)])
def test_damaged_file_is_named(tmp_path, content):
    path = tmp_path / 'tiny.tflite'
    path.write_bytes(content)
    path.with_suffix('.yaml').write_text(SIDECAR)
    with pytest.raises(ModelError, match=rf'{path} \({len(content)} bytes\)'):
        load_model(str(path), 'fer', CPU)


def test_cuda_is_refused(tmp_path):
    write(tmp_path / 'tiny.tflite', np.zeros((3, 192)), np.zeros(3))
    with pytest.raises(ModelError, match='LiteRT runs on the CPU'):
        load_model(str(tmp_path / 'tiny.tflite'), 'fer', ModelSettings(device='cuda'))
