"""Put a trained network and the log-mel front end into one ONNX file that takes sound."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_training.common.files import write_atomically
from emotion_training.ser import frontend, nonspeech
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.ensemble import Ensemble
from emotion_training.ser.network import to_six

OPSET = 17
HALVED = 4096
"""Weights of so many values or more are stored as float16."""

METADATA_KEY = 'emotion_model'

SPEECH_INPUT = {'rate': frontend.RATE, 'min_seconds': 0.5, 'max_seconds': 10.0,
                'peak_normalise': True}
"""The ``input`` of the catalogue entry of every exported network."""


class FrontEnd(nn.Module):
    """Waveforms (n, t) at 16 kHz to spectra in dB (n, 128, 1 + t // 512), inside the graph.

    The same as :func:`frontend.logmel`. The discrete Fourier transform of a frame is four matrix
    products: of the even part of the frame with cosines and of its odd part with sines, each
    apart for samples of even and of odd number, whose sum and difference are the lower and the
    upper half of the spectrum. That takes a quarter of the weights and of the work.
    """

    def __init__(self) -> None:
        super().__init__()
        half = frontend.N_FFT // 2
        angle = np.pi / half * np.outer(np.arange(half + 1), np.arange(half // 2 + 1))
        cosines = np.cos(angle).astype(np.float32)
        sines = np.sin(angle[1:-1, 1:]).astype(np.float32)
        self.register_buffer('window', torch.from_numpy(frontend.hann()))
        self.register_buffer('even_cosines', torch.from_numpy(cosines[::2].copy()))
        self.register_buffer('odd_cosines', torch.from_numpy(cosines[1::2].copy()))
        # The sines begin with sample 1.
        self.register_buffer('odd_sines', torch.from_numpy(sines[::2].copy()))
        self.register_buffer('even_sines', torch.from_numpy(sines[1::2].copy()))
        self.register_buffer('mel', torch.from_numpy(frontend.mel_filters().T.copy()))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        half = frontend.N_FFT // 2
        padded = functional.pad(waveform, (half, half))
        # The hop is half a window, so frames are pairs of neighbouring blocks.
        blocks = padded[:, :padded.shape[1] // half * half].unflatten(1, (-1, half))
        frames = torch.cat((blocks[:, :-1], blocks[:, 1:]), dim=2) * self.window
        head, tail = frames[:, :, 1:half], frames[:, :, half + 1:].flip(2)
        even = torch.cat((frames[:, :, :1], head + tail, frames[:, :, half:half + 1]), dim=2)
        odd = head - tail
        first, second = even[:, :, ::2] @ self.even_cosines, even[:, :, 1::2] @ self.odd_cosines
        real = torch.cat((first + second, (first - second)[:, :, :-1].flip(2)), dim=2)
        first, second = odd[:, :, ::2] @ self.odd_sines, odd[:, :, 1::2] @ self.even_sines
        imaginary = torch.cat((first + second, (first - second)[:, :, :-1].flip(2)), dim=2)
        # No imaginary part at either end of the spectrum.
        power = real.square() + functional.pad(imaginary, (1, 1)).square()
        level = 10.0 * torch.log10((power @ self.mel).clamp(min=frontend.AMIN)).transpose(1, 2)
        return (level - level.amax(dim=(1, 2), keepdim=True)).clamp(min=frontend.FLOOR_DB)


class WaveformModel(nn.Module):
    """Waveforms (n, t) and the profile of a voice to logits (n, 6) and embeddings (n, d).

    The logits shrink towards zero as the network finds no speech, so that such sound gives a
    flat answer, which the recogniser's least confidence turns into an abstention.
    """

    def __init__(self, network: Ensemble) -> None:
        super().__init__()
        self.front = FrontEnd()
        self.network = network

    def forward(self, waveform: torch.Tensor, profile: torch.Tensor | None = None
                ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, embedding = self.network(self.front(waveform), profile)
        return gate(logits), embedding


def gate(logits: torch.Tensor) -> torch.Tensor:
    """Bring the network's outputs (n, 9) to the six, flattened where it hears no speech."""
    speech = 1.0 - torch.softmax(logits, dim=1)[:, nonspeech.LABEL:]
    return centre(to_six(logits[:, :len(CLASSES)])) * speech


def centre(logits: torch.Tensor) -> torch.Tensor:
    """Take the mean out of each row, which changes no probability."""
    return logits - logits.mean(dim=1, keepdim=True)


def export(network: Ensemble, path: Path, entry: Mapping | None = None) -> None:
    """Write the network with its front end as ``path``.

    The input ``profile`` has a value in the file (no voice is known), so that nobody needs to
    feed it.

    :param entry: catalogue entry to carry in the file's metadata, so that the file alone can be
        named as a model.
    """
    import onnx
    from onnx import numpy_helper

    model = WaveformModel(network).eval()
    example = torch.randn(2, frontend.RATE * 2) * 0.1
    nobody = torch.zeros(1, network.profile)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')     # tracing speaks about shapes that are dynamic anyway
        torch.onnx.export(model, (example, nobody), buffer,
                          input_names=['waveform', 'profile'],
                          output_names=['logits', 'embedding'], opset_version=OPSET,
                          dynamo=False, dynamic_axes={
                              'waveform': {0: 'n', 1: 'samples'}, 'logits': {0: 'n'},
                              'embedding': {0: 'n'}})
    proto = onnx.load_from_string(buffer.getvalue())
    _halve(proto)
    proto.graph.initializer.append(numpy_helper.from_array(nobody.numpy(), 'profile'))
    if entry is not None:
        item = proto.metadata_props.add()
        item.key, item.value = METADATA_KEY, yaml.safe_dump(dict(entry), sort_keys=False)
    write_atomically(Path(path), proto.SerializeToString())


def _halve(proto: Any) -> None:
    """Store the large weights as float16 and widen them when the file is loaded.

    The arithmetic stays float32 and the file is half as large. The transform of the front end
    stays exact, and so does the head, which adaptation replaces.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes = []
    for item in list(proto.graph.initializer):
        if (item.data_type != TensorProto.FLOAT or np.prod(item.dims) < HALVED
                or item.name.startswith('front.') or item.name == 'network.head.weight'):
            continue
        half = numpy_helper.to_array(item).astype(np.float16)
        proto.graph.initializer.remove(item)
        proto.graph.initializer.append(numpy_helper.from_array(half, f'{item.name}_half'))
        nodes.append(helper.make_node('Cast', [f'{item.name}_half'], [item.name],
                                      to=TensorProto.FLOAT))
    for node in reversed(nodes):
        proto.graph.node.insert(0, node)


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature that makes the truth most likely (Guo et al., ICML 2017).

    :param logits: (n, 6), of clips that trained nothing.
    :param truth: int (n,).
    :return: 0.25 to 8.
    """
    candidates = np.exp(np.linspace(np.log(0.25), np.log(8.0), 200))
    rows = np.arange(len(truth))
    losses = [-np.log(np.maximum(softmax(logits, value)[rows, truth], 1e-12)).mean()
              for value in candidates]
    return float(candidates[int(np.argmin(losses))])


def entry_of(file: str, temperature: float, min_confidence: float, about: str,
             licence: str = 'non-commercial research', card: str = '') -> dict:
    """Return a catalogue entry for an exported network."""
    entry = {'task': 'ser', 'backend': 'onnx', 'file': file, 'labels': list(EMOTIONS),
             'input': dict(SPEECH_INPUT), 'temperature': round(temperature, 4),
             'abstain': {'min_confidence': round(min_confidence, 3)}, 'licence': licence,
             'about': about}
    if card:
        entry['card'] = card
    return entry
