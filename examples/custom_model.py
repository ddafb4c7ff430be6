#!/usr/bin/env python3
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A model of one's own: an ONNX file, and beside it a few lines that say how to use it.

::

    python examples/custom_model.py --out my_models          # writes a small model to begin with
    python examples/custom_model.py --model my_models/warmth.onnx people.jpg
    ./emotion run face fer_model:=my_models/warmth.onnx      # the same file in the graph

The model is a stand-in (it judges by brightness), its classes are not the six: the file beside it
says which of its labels mean which of the six, and which mean none. docs/models.md names every
key.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from emotion_perception import EMOTIONS, FaceEmotions

CARD = """\
task: fer
backend: onnx
# The outputs in their order, in the model's own words.
labels: [gloom, calm, delight, boredom]
# What they mean here; what means nothing here is dropped, and the rest sums to 1 again.
label_map: {gloom: Sad, calm: Neutral, delight: Happy, boredom: null}
output: logits
# What the network sees: 32 x 32 grey pixels, (x / 255 - mean) / std.
input: {size: 32, colour: grey, mean: [0.5], std: [0.5]}
"""


def write(folder: Path) -> Path:
    """Write a small model and its card; return the model's path."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = np.array([[-4.0], [0.0], [4.0], [0.5]], np.float32)
    bias = np.array([0.0, 0.5, 0.0, 0.0], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node('GlobalAveragePool', ['images'], ['mean']),
            helper.make_node('Flatten', ['mean'], ['flat']),
            helper.make_node('Gemm', ['flat', 'weight', 'bias'], ['logits'], transB=1),
        ],
        'warmth',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, ['n', 1, 32, 32])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['n', 4])],
        [numpy_helper.from_array(weight, 'weight'), numpy_helper.from_array(bias, 'bias')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'warmth.onnx'
    onnx.save(model, str(path))
    path.with_suffix('.yaml').write_text(CARD, encoding='utf-8')
    return path


def main(arguments: list[str] | None = None) -> int:
    """Write a model, or use one on a picture; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, help='write the small model into this folder')
    parser.add_argument('--model', help='a name, path or hub id of a face model')
    parser.add_argument('picture', nargs='?', type=Path)
    options = parser.parse_args(arguments)
    if options.out:
        print(write(options.out))
    if options.model and options.picture:
        faces = FaceEmotions(options.model)
        for face in faces.picture(cv2.imread(str(options.picture))):
            values = dict(zip(EMOTIONS, face.probabilities.round(3).tolist()))
            print(face.id, face.label, values)
    return 0


if __name__ == '__main__':
    sys.exit(main())
