# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tune the head of a trained model to recordings of one's own, in minutes on a CPU.

The embedded network first learns how the voice sounds, without labels: the profile of all
recordings becomes part of the file. Then only the last linear layer is trained, with early
stopping, drawn towards the weights it came with.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models import ModelError, ModelSettings, load_model, model_file
from emotion_perception.models.speech import prepare
from emotion_training.common.files import TrainingError, save_json
from emotion_training.common.loop import Best, take_steps
from emotion_training.common.metrics import figures
from emotion_training.ser.corpora import Clip, read_manifest
from emotion_training.ser.export import fit_temperature
from emotion_training.ser.heads import Head, OnnxHead, WavlmHead
from emotion_training.ser.sound import read_native
from emotion_training.ser.sounds import Say

FOLDS = 5
STEPS = 300
PULL = 0.02
"""Weight of the squared distance from the head the model came with."""

PATIENCE = 30
RATE = 5e-3
"""Learning rate; the same throughout, so that any number of steps is an end."""


def tune(
    head: Head, embeddings: np.ndarray, truth: np.ndarray, temperature: float, seed: int = 0
) -> tuple[nn.Linear, int]:
    """Train a copy of the head's layer on embeddings, the classes weighted alike.

    With ten clips or more a fifth of them stops the training when their loss has not fallen for
    30 steps, and the layer is then trained on all for as many steps.

    :param embeddings: float32 (n, d).
    :param truth: int (n,) in the six classes.
    :return: the layer, and the number of steps.
    """
    count = np.bincount(truth, minlength=len(EMOTIONS))
    inverse = (1.0 / np.maximum(count, 1))[truth]
    balance = torch.from_numpy((inverse / inverse.mean()).astype(np.float32))
    features, target = torch.from_numpy(embeddings), torch.from_numpy(truth)

    def train(rows: np.ndarray, watched: np.ndarray, steps: int) -> tuple[nn.Linear, int]:
        layer = copy.deepcopy(head.layer)
        first = [value.detach().clone() for value in layer.parameters()]
        best = Best(PATIENCE, 1e-4)

        def misses(rows: np.ndarray) -> torch.Tensor:
            logits = head.six(layer(features[rows])) / temperature
            losses = functional.cross_entropy(logits, target[rows], reduction='none')
            return (losses * balance[rows]).mean()

        def loss(rows: np.ndarray) -> torch.Tensor:
            pull = [(now - then).square().sum() for now, then in zip(layer.parameters(), first)]
            return misses(rows) + PULL * torch.stack(pull).sum()

        def is_past(step: int, _: float) -> bool:
            with torch.no_grad():
                best.rises(-float(misses(watched)), step)
            return best.is_past(step)

        take_steps(
            layer,
            repeat(rows, steps),
            loss,
            torch.optim.Adam(layer.parameters()),
            lambda *_: RATE,
            watch=is_past if watched.size else None,
        )
        return layer, best.at if watched.size else steps

    rows = np.arange(len(truth))
    steps = STEPS // 3
    if len(truth) >= 10:
        watched = stratified_folds(truth, 5, seed) == 0
        steps = max(1, train(rows[~watched], rows[watched], STEPS)[1])
    return train(rows, rows[:0], steps)


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
        source = model_file(loaded.entry, '', True)
    except ModelError as error:
        raise TrainingError(str(error)) from error
    if loaded.entry.backend == 'transformers':
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
        layer, _ = tune(head, embeddings[~test], truth[~test], temperature, fold)
        after[test] = _six(head, layer, embeddings[test])
    new_temperature = fit_temperature(after, truth)
    result: dict[str, Any] = {
        'manifest': str(manifest),
        'base': loaded.name,
        'n': len(truth),
        'before': _figures(_six(head, head.layer, strange), truth, temperature),
        'after': _figures(after, truth, new_temperature),
    }
    layer, result['steps'] = tune(head, embeddings, truth, temperature)
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
    head.save(path, layer, entry)
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


def _six(head: Head, layer: nn.Linear, embeddings: np.ndarray) -> np.ndarray:
    """Return the six logits (n, 6) of embeddings (n, d) under a last layer."""
    with torch.no_grad():
        return head.six(layer(torch.from_numpy(embeddings))).numpy()


def _figures(logits: np.ndarray, truth: np.ndarray, temperature: float) -> dict[str, Any]:
    found = figures(softmax(logits, temperature), truth)
    return {
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': found.ece,
    }
