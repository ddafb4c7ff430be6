# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A network as an ONNX file: exported, held against torch, timed, in eight bits, described."""

from __future__ import annotations

import io
import logging
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import yaml

from emotion_perception.models.onnx_backend import METADATA_KEY
from emotion_perception.sessions import session_options
from emotion_training.fer.networks import Answers


def to_onnx(answers: Answers, channels: int, size: int) -> bytes:
    """Return the network as ONNX: ``images`` (n, channels, size, size) to its answers' logits.

    The last output, ``embedding`` (n, d), is what the answers are decided by: the fusion may
    look at it.
    """
    images = torch.randn(2, channels, size, size)
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            answers.float().eval(),
            (images,),
            input_names=['images'],
            output_names=answers.names,
            dynamic_shapes=({0: torch.export.Dim('n', min=1, max=1024)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # only the older exporter returns nothing
    buffer = io.BytesIO()
    proto = program.model_proto
    # The exporter notes a stack trace, with the paths of this machine, on every node.
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    onnx.save(proto, buffer)
    return buffer.getvalue()


def parity(model: bytes, answers: Answers, images: torch.Tensor) -> float:
    """Return the largest difference between any of ONNX Runtime's and torch's outputs."""
    session = _session(model)
    with torch.no_grad():
        expected = [output.numpy() for output in answers.eval()(images)]
    worst = 0.0
    for batch in (images[:1], images):  # the batch is dynamic
        for got, wanted in zip(session.run(answers.names, {'images': batch.numpy()}), expected):
            worst = max(worst, float(np.abs(got - wanted[: len(batch)]).max()))
    return worst


def latency(model: bytes, channels: int, size: int, batch: int, threads: int = 2) -> float:
    """Return the median milliseconds of one batch in ONNX Runtime."""
    session = _session(model, threads)
    images = np.random.default_rng(0).standard_normal((batch, channels, size, size), np.float32)
    times = []
    for _ in range(60):
        start = time.perf_counter()
        session.run(None, {'images': images})
        times.append(time.perf_counter() - start)
    return float(np.median(times[10:])) * 1e3


class _Samples:
    """Feed calibration pictures to ONNX Runtime's quantiser."""

    def __init__(self, images: torch.Tensor) -> None:
        self._batches = iter(images.split(32))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {'images': batch.numpy()}


def quantise(model: bytes, images: torch.Tensor) -> bytes:
    """Return the network with 8-bit weights and activations (QDQ, weights per channel).

    :param images: normalised training pictures, from which the ranges of activations are taken.
    """
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as name:
        plain, ready, small = (Path(name) / file for file in ('a.onnx', 'b.onnx', 'c.onnx'))
        plain.write_bytes(model)
        quant_pre_process(str(plain), str(ready))
        quantize_static(
            str(ready),
            str(small),
            _Samples(images),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()


def run_model(model: bytes, images: torch.Tensor, output: str = 'logits') -> np.ndarray:
    """Return one of ONNX Runtime's outputs, (n, classes)."""
    session = _session(model)
    return np.concatenate(
        [session.run([output], {'images': batch.numpy()})[0] for batch in images.split(64)]
    )


def with_entry(model: bytes, entry: dict[str, Any]) -> bytes:
    """Put a catalogue entry into an ONNX file, so that the file alone can be loaded by path."""
    proto = onnx.load_model_from_string(model)
    item = proto.metadata_props.add()
    item.key, item.value = METADATA_KEY, yaml.safe_dump(entry, sort_keys=False)
    return proto.SerializeToString()


def _session(model: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        model, session_options(threads), providers=['CPUExecutionProvider']
    )
