# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From a finished run to a file for the runtime: calibrate, export, prove, describe.

``./emotion train fer --export RUN --to weights/fer_default.onnx`` does all of it. Everything is
chosen on the validation split: how much the second head counts, how far rare classes are lifted,
the temperature. The test split is only measured.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from emotion_perception.emotions import softmax
from emotion_perception.models.catalog import FaceInput
from emotion_perception.models.face import prepare
from emotion_perception.storage import sha256_of
from emotion_training.common.files import TrainingError, load_torch, write_atomically
from emotion_training.common.metrics import Figures, figures
from emotion_training.fer.calibration import Calibration, calibrate
from emotion_training.fer.faceset import FaceSet, Labelled
from emotion_training.fer.geometry import FRAME
from emotion_training.fer.losses import class_priors
from emotion_training.fer.mobilenet import MobileNet
from emotion_training.fer.networks import Answers, FaceNet
from emotion_training.fer.onnx_file import (
    latency,
    parity,
    quantise,
    run_model,
    to_onnx,
    with_entry,
)
from emotion_training.fer.recipes import Recipe
from emotion_training.fer.trainer import build_network, predict

PARITY = 1e-4
"""Largest difference allowed between ONNX Runtime's outputs and torch's."""

MOST_LOST = 0.005
"""Validation accuracy that eight-bit arithmetic may cost."""


def load_run(folder: Path, classes: int) -> tuple[Recipe, nn.Module]:
    """Load the best network of a run.

    :raises TrainingError: if the folder holds no finished run, or one for other classes.
    """
    folder = Path(folder)
    path = folder / 'recipe.yaml'
    if not path.is_file():
        raise TrainingError(f'no run in {folder}: recipe.yaml is missing')
    recipe = Recipe.from_dict(yaml.safe_load(path.read_text(encoding='utf-8')))
    network = build_network(recipe, classes, pretrained=False)
    load_weights(network, folder / recipe.output)
    return recipe, network.eval()


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a state dictionary that must fit exactly.

    :raises TrainingError: naming what does not fit, the number of classes first of all.
    """
    state = load_torch(path)
    mine = network.state_dict()
    head = 'head.bias' if 'head.bias' in mine else 'fc.bias'
    if head in state and state[head].shape != mine[head].shape:
        raise TrainingError(
            f'{path} was trained for {state[head].shape[0]} outputs, but '
            f'{mine[head].shape[0]} are wanted: take the same classes and heads'
        )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise TrainingError(f'{path} belongs to another network: {error}') from error


def describe(result: Figures, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return figures as plain values for JSON, rounded to four digits."""
    return {
        'n': result.n,
        'accuracy': round(result.accuracy, 4),
        'uar': round(result.uar, 4),
        'macro_f1': round(result.macro_f1, 4),
        'ece': round(result.ece, 4),
        'recall': {label: round(float(value), 4) for label, value in zip(labels, result.recall)},
        'confusion': result.confusion.tolist(),
    }


def measure(heads: np.ndarray, chosen: dict[str, Calibration], part: FaceSet) -> dict[str, Any]:
    """Judge each answer by the label set it reads by, and the first by all.

    :param chosen: by label set; see :func:`answers_of`.
    """
    result = {}
    for place, name in enumerate(part.heads):
        judged = part.truths[place] >= 0
        first = next(iter(chosen.values())).answers(heads)
        result[name] = describe(figures(first[judged], part.truths[place][judged]), part.labels)
        if place and name in chosen:
            own = chosen[name].answers(heads[:, place : place + 1])
            result[f'{name}, its own answer'] = describe(
                figures(own[judged], part.truths[place][judged]), part.labels
            )
    return result


def output_of(place: int, labels: str) -> str:
    """Return the name of the output that answers by a label set."""
    return 'logits' if place == 0 else f'logits_{re.sub("[^a-z0-9]+", "_", labels.lower())}'


def export_run(
    folder: Path,
    faces: FaceSet,
    target: Path,
    test: bool = False,
    int8: bool = False,
    mirror: bool = False,
    posed: Labelled | None = None,
) -> dict[str, Any]:
    """Export the best network of a run and describe it.

    Writes ``target`` (ONNX, with its catalogue entry inside), and beside the run
    ``export.json`` with all figures and entries. A network with two heads gives one answer as
    ``logits``, the first head's with a share of the second, and the second head's own as a
    further output; its entry names that as ``scores``.

    :param faces: the data set that the run was trained on.
    :param test: measure the test split too; once, for the network that has been chosen.
    :param int8: also write ``<name>_int8.onnx``, unless it loses half a point of validation
        accuracy or more.
    :param mirror: let the file look at each face and its mirror image; ``facenet`` only.
    :param posed: canonical crops of posed faces, never trained on, that have a say in what
        dividing by the class shares means.
    :return: what ``export.json`` holds.
    :raises TrainingError: if ONNX Runtime and torch disagree, or the network cannot mirror.
    """
    recipe, network = load_run(folder, len(faces.labels))
    if isinstance(network, MobileNet):
        raise TrainingError(f'{recipe.network} is a teacher; export what it taught')
    if mirror and not isinstance(network, FaceNet):
        raise TrainingError(f'--mirror is for the network facenet, not for {recipe.network}')
    if isinstance(network, FaceNet):
        network.mirror = mirror
    train, valid = faces.of('train'), faces.of('valid')
    heads = predict(network, recipe, valid, torch.device('cpu')).numpy()
    chosen = _chosen(network, recipe, heads, train, valid, posed)
    report: dict[str, Any] = {
        'mirror': mirror,
        'calibration': {
            name: {
                'share': item.share,
                'lift': item.lift,
                'power': item.power,
                'temperature': round(item.temperature, 4),
            }
            for name, item in chosen.items()
        },
        'validation': measure(heads, chosen, valid),
    }
    if test:
        part = faces.of('test')
        report['test'] = measure(
            predict(network, recipe, part, torch.device('cpu')).numpy(), chosen, part
        )
    answers = _answers(network, chosen)
    images = recipe.look.batch([valid.picture(index) for index in range(min(64, len(valid)))])
    model = to_onnx(answers, recipe.look.channels, recipe.look.size)
    worst = parity(model, answers, images)
    if worst > PARITY:
        raise TrainingError(f'ONNX Runtime differs from torch by {worst:.2g}, more than {PARITY}')
    entries = {
        name: catalogue_entry(recipe, faces.labels, item, output_of(place, name))
        for place, (name, item) in enumerate(chosen.items())
    }
    entry = next(iter(entries.values()))
    write_atomically(target, with_entry(model, entry))
    report.update(
        parity=worst,
        parameters=sum(p.numel() for p in answers.parameters()),
        entries=entries,
        **_file(target, model, recipe),
    )
    if int8:
        report['int8'] = _export_int8(model, recipe, train, valid, entry, target)
    write_atomically(Path(folder) / 'export.json', (json.dumps(report, indent=2) + '\n').encode())
    return report


def _chosen(
    network: nn.Module,
    recipe: Recipe,
    heads: np.ndarray,
    train: FaceSet,
    valid: FaceSet,
    posed: Labelled | None,
) -> dict[str, Calibration]:
    """Calibrate an answer for each label set."""
    known = None
    if posed is not None:
        known = _posed_logits(network, recipe, posed), posed.truth
    chosen = {}
    for place in range(len(recipe.head_weights)):
        own = slice(None) if place == 0 else slice(place, place + 1)
        chosen[valid.heads[place]] = calibrate(
            heads[:, own],
            valid.truths[place],
            class_priors(train)[place].numpy(),
            known and (known[0][:, own], known[1]),
        )
    return chosen


def _posed_logits(network: nn.Module, recipe: Recipe, posed: Labelled) -> np.ndarray:
    face = FaceInput(
        recipe.look.size, FRAME, recipe.look.colour, recipe.look.mean, recipe.look.std
    )
    crops = [posed.picture(index) for index in range(len(posed.pictures))]
    images = torch.from_numpy(prepare(crops, face))
    with torch.no_grad():
        logits = torch.cat([network.eval()(batch) for batch in images.split(64)])
    return logits.view(len(images), len(recipe.head_weights), -1).numpy()


def _answers(network: nn.Module, chosen: dict[str, Calibration]) -> Answers:
    """Fold what was chosen into the layers that are exported."""
    if not isinstance(network, FaceNet):
        bias = next(iter(chosen.values())).bias
        with torch.no_grad():
            network.get_parameter('fc.bias').add_(torch.from_numpy(bias).float())
        return Answers(network)
    heads = {}
    for place, (name, item) in enumerate(chosen.items()):
        portions = [float(number == place) for number in range(network.heads)]
        if place == 0 and network.heads > 1:
            portions[:2] = [1 - item.share, item.share]
        heads[output_of(place, name)] = network.blend_heads(portions, item.bias.tolist())
    return Answers(network, heads)


def _file(path: Path, model: bytes, recipe: Recipe) -> dict[str, Any]:
    """Return size, sum and speed of an exported file."""
    once, eight = (latency(model, recipe.look.channels, recipe.look.size, n) for n in (1, 8))
    return {
        'bytes': path.stat().st_size,
        'sha256': sha256_of(path),
        'milliseconds': {'one face': round(once, 2), 'eight faces': round(eight, 2)},
    }


def _export_int8(
    model: bytes,
    recipe: Recipe,
    train: FaceSet,
    valid: FaceSet,
    entry: dict[str, Any],
    target: Path,
) -> dict[str, Any]:
    """Write the quantised network if it is nearly as accurate; return its figures."""
    look, first = recipe.look, 320
    chosen = np.random.default_rng(recipe.seed).permutation(len(train))[:first]
    small = quantise(model, look.batch([train.picture(int(index)) for index in chosen]))
    judged = np.flatnonzero(valid.truths[0] >= 0)
    images = look.batch([valid.picture(int(index)) for index in judged])
    truth = valid.truths[0][judged]
    before, after = (
        figures(softmax(run_model(item, images), entry['temperature']), truth)
        for item in (model, small)
    )
    loss = before.accuracy - after.accuracy
    report = {
        'validation': describe(after, valid.labels),
        'loss': round(loss, 4),
        'kept': bool(loss < MOST_LOST),
    }
    if report['kept']:
        path = target.with_name(f'{target.stem}_int8.onnx')
        write_atomically(path, with_entry(small, entry))
        report.update(_file(path, small, recipe))
    return report


def catalogue_entry(
    recipe: Recipe, labels: tuple[str, ...], calibration: Calibration, output: str = 'logits'
) -> dict[str, Any]:
    """Return what the catalogue must say about one answer of the exported file."""
    look = recipe.look
    return {
        'task': 'fer',
        'backend': 'onnx',
        'labels': list(labels),
        'input': {
            'size': look.size,
            'window': list(FRAME),
            'colour': look.colour,
            'mean': list(look.mean),
            'std': list(look.std),
        },
        **({'scores': output} if output != 'logits' else {}),
        'temperature': round(calibration.temperature, 4),
        'shares': {
            label: float(f'{share:.4g}') for label, share in zip(labels, calibration.shares)
        },
    }
