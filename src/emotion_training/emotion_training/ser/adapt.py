# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tune the head of a trained model to recordings of one's own, in minutes on a CPU.

The embedded network first learns how the voice sounds, without labels: the profile of all
recordings becomes part of the file. Then only the last linear layer is trained, with early
stopping, drawn towards the weights it came with. Both are replaced inside the ONNX file, without
any PyTorch checkpoint; of a WavLM model the layer is replaced in its directory.
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
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models import ModelError, ModelSettings, load_model
from emotion_perception.models.speech import prepare
from emotion_perception.models.voice_memory import profile_of
from emotion_training.common.files import (
    TrainingError,
    save_json,
    save_yaml,
    write_atomically,
)
from emotion_training.common.metrics import figures
from emotion_training.ser.corpora import Clip, read_manifest
from emotion_training.ser.export import HEAD, METADATA_KEY, fit_temperature, gate
from emotion_training.ser.protocols import Say
from emotion_training.ser.sound import read_native

FOLDS = 5
STEPS = 300
PULL = 0.02
"""Weight of the squared distance from the head the model came with."""

PATIENCE = 30


class Head(Protocol):
    """A model cut open at its last linear layer.

    :ivar weight: float32 (outputs, d).
    :ivar bias: float32 (outputs,).
    """

    weight: np.ndarray
    bias: np.ndarray

    def listen(self, clips: Sequence[np.ndarray]) -> None:
        """Take in how the voice sounds, from prepared clips, each (k, samples)."""
        ...

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Return the mean embedding (d,) of the prepared pieces (k, samples) of one clip."""
        ...

    def logits(
        self, embedding: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Return the six logits (n, 6) of embeddings (n, d) under a head."""
        ...

    def save(
        self, path: Path, weight: np.ndarray, bias: np.ndarray, entry: dict[str, Any]
    ) -> None:
        """Write the model with another head; ``entry`` is its catalogue entry."""
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
        self.weight = numpy_helper.to_array(values[f'{HEAD}.weight']).copy()
        self.bias = numpy_helper.to_array(values[f'{HEAD}.bias']).copy()
        self._embedding = node.input[0]
        opened = onnx.ModelProto()
        opened.CopyFrom(self.model)
        opened.graph.output.append(
            onnx.helper.make_tensor_value_info(self._embedding, onnx.TensorProto.FLOAT, None)
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            opened.SerializeToString(), options, providers=['CPUExecutionProvider']
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

    def logits(
        self, embedding: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        return gate(functional.linear(embedding, weight, bias))

    def save(
        self, path: Path, weight: np.ndarray, bias: np.ndarray, entry: dict[str, Any]
    ) -> None:
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        for item in changed.graph.initializer:
            if item.name == f'{HEAD}.weight':
                item.CopyFrom(numpy_helper.from_array(weight, item.name))
            elif item.name == f'{HEAD}.bias':
                item.CopyFrom(numpy_helper.from_array(bias, item.name))
            elif item.name in self._voice:
                item.CopyFrom(numpy_helper.from_array(self._voice[item.name], item.name))
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


def six_logits(
    head: Head, embeddings: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Return the six logits (n, 6) of embeddings (n, d) as an array."""
    return head.logits(*(torch.from_numpy(value) for value in (embeddings, weight, bias))).numpy()


def tune(
    head: Head, embeddings: np.ndarray, truth: np.ndarray, temperature: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, int]:
    """Train the head on embeddings, the classes weighted alike.

    With ten clips or more a fifth of them stops the training when their loss has not fallen for
    30 steps, and the head is then trained on all for as many steps.

    :param embeddings: float32 (n, d).
    :param truth: int (n,) in the six classes.
    :return: weight, bias, and the number of steps.
    """
    count = np.bincount(truth, minlength=len(EMOTIONS))
    balance = (1.0 / np.maximum(count, 1))[truth]
    balance = torch.from_numpy((balance / balance.mean()).astype(np.float32))
    features, target = torch.from_numpy(embeddings), torch.from_numpy(truth)

    def train(rows: np.ndarray, watch: np.ndarray, steps: int) -> tuple[Any, Any, int]:
        weight = torch.from_numpy(head.weight.copy()).requires_grad_()
        bias = torch.from_numpy(head.bias.copy()).requires_grad_()
        first = weight.detach().clone(), bias.detach().clone()
        optimiser = torch.optim.Adam((weight, bias), 5e-3)
        best, best_step = float('inf'), 0
        for step in range(1, steps + 1):
            losses = functional.cross_entropy(
                head.logits(features[rows], weight, bias) / temperature,
                target[rows],
                reduction='none',
            )
            pull = (weight - first[0]).square().sum() + (bias - first[1]).square().sum()
            optimiser.zero_grad()
            ((losses * balance[rows]).mean() + PULL * pull).backward()
            optimiser.step()
            if watch.size:
                with torch.no_grad():
                    loss = float(
                        (
                            functional.cross_entropy(
                                head.logits(features[watch], weight, bias) / temperature,
                                target[watch],
                                reduction='none',
                            )
                            * balance[watch]
                        ).mean()
                    )
                if loss < best - 1e-4:
                    best, best_step = loss, step
                elif step - best_step >= PATIENCE:
                    break
        return weight, bias, best_step if watch.size else steps

    rows = np.arange(len(truth))
    steps = STEPS // 3
    if len(truth) >= 10:
        watched = stratified_folds(truth, 5, seed) == 0
        steps = max(1, train(rows[~watched], rows[watched], STEPS)[2])
    weight, bias, steps = train(rows, rows[:0], steps)
    return weight.detach().numpy(), bias.detach().numpy(), steps


def stratified_folds(truth: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return a fold for each clip, the clips of each class spread evenly."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(truth), int)
    start = 0
    for label in np.unique(truth):
        rows = rng.permutation(np.flatnonzero(truth == label))
        fold[rows] = (start + np.arange(len(rows))) % folds
        start += len(rows)
    return fold


def adapt(manifest: Path, model: str, out: Path, name: str, say: Say) -> dict[str, Any]:
    """Adapt a model to a manifest, report before and after, and write the result.

    Before and after are judged on the same clips: after by five-fold cross-validation, each clip
    by a head that never saw it (the profile of the voice, which needs no label, is that of all
    clips). The file holds the head trained on all clips.

    :param model: catalogue name or path of a model that `train ser` made.
    :param out: folder to write into.
    :param name: of the ONNX file or WavLM directory; empty for the usual one.
    :return: the figures, also written beside the file as JSON.
    :raises TrainingError: if the manifest has too little in it or the model does not serve.
    """
    clips = [
        clip for clip in read_manifest(manifest) if clip.label in EMOTIONS or clip.label == 'Calm'
    ]
    truth = np.array(
        [EMOTIONS.index('Neutral' if clip.label == 'Calm' else clip.label) for clip in clips],
        np.int64,
    )
    if len(clips) < 2 * FOLDS or len(np.unique(truth)) < 2:
        raise TrainingError(
            f'{manifest}: {len(clips)} usable clips of {len(np.unique(truth))} class(es); '
            f'adaptation needs at least {2 * FOLDS} clips of two classes, better ten of each of '
            'the six (`emotion record` makes them)'
        )
    try:
        loaded = load_model(model, 'ser', ModelSettings())
        from emotion_perception.models import model_file

        source = model_file(loaded.entry, '', True)
    except ModelError as error:
        raise TrainingError(str(error)) from error
    if loaded.entry.backend == 'transformers':
        from emotion_training.ser.wavlm import WavlmHead

        head: Head = WavlmHead(source)
        path = Path(out) / (name or 'wavlm_ser_adapted')
    elif loaded.entry.backend == 'onnx':
        head = OnnxHead(source)
        path = (Path(out) / (name or 'ser_adapted.onnx')).with_suffix('.onnx')
    else:
        raise TrainingError(
            f'{model}: a model of backend {loaded.entry.backend} has no head to tune'
        )
    sounds, truth = _sounds(clips, truth, loaded.entry.speech, say)
    strange = np.stack([head.embed(pieces) for pieces in sounds]).astype(np.float32)
    head.listen(sounds)
    embeddings = np.stack([head.embed(pieces) for pieces in sounds]).astype(np.float32)
    temperature = loaded.entry.temperature
    say(f'{len(sounds)} clips embedded; tuning the last layer of {source.name}')
    folds = stratified_folds(truth, FOLDS, 0)
    after = np.zeros((len(truth), len(EMOTIONS)), np.float32)
    for fold in range(FOLDS):
        test = folds == fold
        weight, bias, _ = tune(head, embeddings[~test], truth[~test], temperature, fold)
        after[test] = six_logits(head, embeddings[test], weight, bias)
    new_temperature = fit_temperature(after, truth)
    result: dict[str, Any] = {
        'manifest': str(manifest),
        'base': loaded.name,
        'n': len(truth),
        'before': _figures(six_logits(head, strange, head.weight, head.bias), truth, temperature),
        'after': _figures(after, truth, new_temperature),
    }
    weight, bias, result['steps'] = tune(head, embeddings, truth, temperature)
    speech = loaded.entry.speech
    entry = {
        'task': 'ser',
        'backend': loaded.entry.backend,
        'file': path.name,
        'labels': list(EMOTIONS),
        'input': {name: getattr(speech, name) for name in ('rate', 'min_seconds', 'max_seconds')},
        'temperature': round(new_temperature, 4),
        'abstain': {'min_confidence': loaded.entry.abstain.min_confidence},
        'licence': loaded.entry.licence,
        'about': f'{loaded.name} adapted to {len(truth)} recordings',
    }
    head.save(path, weight, bias, entry)
    save_json(path.with_name(path.stem + '.json'), result)
    say(
        f'before: accuracy {result["before"]["accuracy"]:.3f}, '
        f'UAR {result["before"]["uar"]:.3f}; after (cross-validated): accuracy '
        f'{result["after"]["accuracy"]:.3f}, UAR {result["after"]["uar"]:.3f}'
    )
    say(f'written: {path}; use it with ser_model:={path}')
    return result


def _sounds(
    clips: Sequence[Clip], truth: np.ndarray, speech: Any, say: Say
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the prepared sound of the clips that are long enough, and their labels."""
    rows, found = [], []
    for row, clip in enumerate(clips):
        try:
            samples, rate = read_native(clip.path, say=say)
        except TrainingError as error:
            say(f'left out: {error}')
            continue
        if samples.size / rate < speech.min_seconds or not samples.any():
            say(f'left out: {clip.path} is shorter than {speech.min_seconds:g} s or silent')
            continue
        found.append(prepare(samples, rate, speech))
        rows.append(row)
    if len(found) < 2 * FOLDS:
        raise TrainingError(f'only {len(found)} clips can be used, {2 * FOLDS} are needed')
    return found, truth[rows]


def _figures(logits: np.ndarray, truth: np.ndarray, temperature: float) -> dict[str, Any]:
    found = figures(softmax(logits, temperature), truth)
    return {
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': found.ece,
    }
