# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From a finished run to a file for the runtime: calibrate, export, prove, describe.

``./emotion train fer --export RUN --to weights/fer_default.onnx`` does all of it. Everything is
chosen on the validation split: how much the second head counts, how far rare classes are lifted,
the temperature. The test split is only measured.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import re
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from scipy.optimize import minimize_scalar
from torch import nn

from emotion_perception.emotions import softmax
from emotion_perception.models.balance import BALANCED, NATURAL, BalanceSettings, rebalance
from emotion_perception.models.catalog import FaceInput
from emotion_perception.models.face import prepare
from emotion_perception.models.onnx_backend import METADATA_KEY, session_options
from emotion_perception.storage import sha256_of
from emotion_training.common.files import TrainingError, load_torch, write_atomically
from emotion_training.common.metrics import Figures, figures
from emotion_training.fer.datasets import FaceSet, Labelled
from emotion_training.fer.geometry import FRAME
from emotion_training.fer.losses import class_priors
from emotion_training.fer.mobilenet import MobileNet
from emotion_training.fer.networks import Answers, FaceNet
from emotion_training.fer.recipes import Recipe
from emotion_training.fer.trainer import build_network, predict

PARITY = 1e-4
"""Largest difference allowed between ONNX Runtime's outputs and torch's."""

MOST_LOST = 0.005
"""Validation accuracy that eight-bit arithmetic may cost."""

SHARES = tuple(np.round(np.arange(0, 0.55, 0.1), 2))
LIFTS = tuple(np.round(np.arange(0, 0.85, 0.1), 2))
POWERS = tuple(np.round(np.arange(1, 3.3, 0.25), 2))


@dataclass(frozen=True)
class Calibration:
    """What is chosen on the validation split, and on posed faces if there are any.

    :param share: weight of the second head's logits (the first has 1 - share); 0 for one head.
    :param lift: exponent of the inverse class frequencies that the probabilities are
        multiplied by (A. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).
    :param bias: float (classes,), what ``lift`` adds to the logits.
    :param temperature: divides the logits.
    :param power: of the training data's class shares that the answers divide by to become those
        for equally common classes. A network that was taught the shares as such, and whose
        logits are then sharpened by a temperature below 1, holds them more than once.
    :param shares: float (classes,), the training data's to that power, sums to 1: the mixture
        that the answers assume.
    """

    share: float
    lift: float
    bias: np.ndarray
    temperature: float
    power: float
    shares: np.ndarray

    def logits(self, heads: np.ndarray) -> np.ndarray:
        """Combine logits (n, heads, classes) into (n, classes)."""
        mixed = heads[:, 0]
        if heads.shape[1] > 1:
            mixed = (1 - self.share) * heads[:, 0] + self.share * heads[:, 1]
        return mixed + self.bias

    def answers(self, heads: np.ndarray, balance: float = NATURAL) -> np.ndarray:
        """Return probabilities (n, classes) for a mixture of classes, 0 natural to 1 equal."""
        return rebalance(softmax(self.logits(heads), self.temperature), self.shares, balance)


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature with the smallest negative log-likelihood (Guo et al., 2017)."""

    def loss(logarithm: float) -> float:
        probabilities = softmax(logits, float(np.exp(logarithm)))
        return -float(np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method='bounded').x))


def calibrate(
    heads: np.ndarray,
    truth: np.ndarray,
    shares: np.ndarray,
    posed: tuple[np.ndarray, np.ndarray] | None = None,
) -> Calibration:
    """Choose share, lift, temperature and the power of the class shares.

    By the sum of figures of the answers as they are used: accuracy and macro-F1 of the natural
    ones on the validation split, twice; UAR of those for perception's default mixture there and
    on posed faces; UAR of the balanced ones, with which a game is played, on posed faces (on
    the validation split if there are none).

    :param heads: validation logits (n, heads, classes).
    :param truth: int (n,), -1 where a picture is not judged.
    :param shares: of each class among the training labels, sums to 1.
    :param posed: the same two of posed faces, which were never trained on.
    """
    judged = truth >= 0
    heads, truth = heads[judged], truth[judged]
    logarithm = np.log(np.maximum(shares, 1e-4))
    rarity = logarithm.mean() - logarithm
    usual = BalanceSettings().class_balance
    scored: list[tuple[float, Calibration]] = []
    for share in SHARES if heads.shape[1] > 1 else (0.0,):
        for lift in LIFTS:
            plain = Calibration(float(share), float(lift), lift * rarity, 1.0, 1.0, shares)
            temperature = fit_temperature(plain.logits(heads), truth)
            natural = figures(softmax(plain.logits(heads), temperature), truth)
            for power in POWERS:
                steep = np.exp(power * logarithm)
                candidate = dataclasses.replace(
                    plain, temperature=temperature, power=float(power), shares=steep / steep.sum()
                )
                played = posed or (heads, truth)
                uses = [(*played, BALANCED), (heads, truth, usual)]
                uses += [(*posed, usual)] if posed else []
                score = 2 * (natural.accuracy + natural.macro_f1) + sum(
                    figures(candidate.answers(seen, balance), known).uar
                    for seen, known, balance in uses
                )
                scored.append((score, candidate))
    return max(scored, key=lambda item: item[0])[1]


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


def _session(model: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        model, session_options(threads), providers=['CPUExecutionProvider']
    )


def run_model(model: bytes, images: torch.Tensor, output: str = 'logits') -> np.ndarray:
    """Return one of ONNX Runtime's outputs, (n, classes)."""
    session = _session(model)
    return np.concatenate(
        [session.run([output], {'images': batch.numpy()})[0] for batch in images.split(64)]
    )


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


def with_entry(model: bytes, entry: dict[str, Any]) -> bytes:
    """Put a catalogue entry into an ONNX file, so that the file alone can be loaded by path."""
    proto = onnx.load_model_from_string(model)
    item = proto.metadata_props.add()
    item.key, item.value = METADATA_KEY, yaml.safe_dump(entry, sort_keys=False)
    return proto.SerializeToString()
