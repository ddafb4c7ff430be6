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
from emotion_perception.models.onnx_backend import METADATA_KEY
from emotion_training.common.files import TrainingError, load_torch, sha256_of, write_atomically
from emotion_training.common.metrics import Figures, figures
from emotion_training.fer.datasets import FaceSet
from emotion_training.fer.networks import FaceNet, WithEmbedding
from emotion_training.fer.recipes import Recipe
from emotion_training.fer.trainer import build_network, predict

WINDOW = (0.094, 0.047, 0.906, 0.859)
"""Where FER2013's framing lies in the canonical crop: the median over 535 training pictures of
the similarity from BlazeFace's eyes and mouth to the template."""

OUTPUTS = ('logits', 'embedding')
"""What an exported file gives; the runtime knows them by these names."""

PARITY = 1e-4
"""Largest difference allowed between ONNX Runtime's outputs and torch's."""

MOST_LOST = 0.005
"""Validation accuracy that eight-bit arithmetic may cost."""

SHARES = tuple(np.round(np.arange(0, 0.55, 0.1), 2))
LIFTS = tuple(np.round(np.arange(0, 0.85, 0.1), 2))


@dataclass(frozen=True)
class Calibration:
    """What is chosen on the validation split.

    :param share: weight of the second head's logits (the first has 1 - share); 0 for one head.
    :param lift: exponent of the inverse class frequencies that the probabilities are
        multiplied by (A. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).
    :param bias: float (classes,), what ``lift`` adds to the logits.
    :param temperature: divides the logits.
    """

    share: float
    lift: float
    bias: np.ndarray
    temperature: float

    def logits(self, heads: np.ndarray) -> np.ndarray:
        """Combine logits (n, heads, classes) into (n, classes)."""
        mixed = heads[:, 0]
        if heads.shape[1] > 1:
            mixed = (1 - self.share) * heads[:, 0] + self.share * heads[:, 1]
        return mixed + self.bias


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature with the smallest negative log-likelihood (Guo et al., 2017)."""
    def loss(logarithm: float) -> float:
        probabilities = softmax(logits, float(np.exp(logarithm)))
        return -float(np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())
    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method='bounded').x))


def calibrate(heads: np.ndarray, truth: np.ndarray, shares: np.ndarray) -> Calibration:
    """Choose share, lift and temperature by accuracy + macro-F1 + 2 UAR of the first label set.

    UAR counts twice: a camera sees expressions held up to it, not the frequencies of pictures
    on the web, where two thirds are neutral or happy.

    :param heads: validation logits (n, heads, classes).
    :param truth: int (n,), -1 where a picture is not judged.
    :param shares: of each class among the training labels, sums to 1.
    """
    judged = truth >= 0
    rarity = -np.log(np.maximum(shares, 1e-4))
    rarity -= rarity.mean()
    best, chosen = -np.inf, None
    for share in SHARES if heads.shape[1] > 1 else (0.0,):
        for lift in LIFTS:
            candidate = Calibration(float(share), float(lift), lift * rarity, 1.0)
            result = figures(softmax(candidate.logits(heads[judged])), truth[judged])
            score = result.accuracy + result.macro_f1 + 2 * result.uar
            if score > best:
                best, chosen = score, candidate
    temperature = fit_temperature(chosen.logits(heads[judged]), truth[judged])
    return Calibration(chosen.share, chosen.lift, chosen.bias, temperature)


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
        raise TrainingError(f'{path} was trained for {state[head].shape[0]} outputs, but '
                            f'{mine[head].shape[0]} are wanted: take the same classes and heads')
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise TrainingError(f'{path} belongs to another network: {error}') from error


def to_onnx(network: nn.Module, channels: int, size: int) -> bytes:
    """Return the network as ONNX: ``images`` (n, channels, size, size) to ``logits`` (n, k).

    A second output, ``embedding`` (n, d), is what the head decides by: the fusion may look at it.
    """
    images = torch.randn(2, channels, size, size)
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            WithEmbedding(network.float()).eval(), (images,), input_names=['images'],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim('n', min=1, max=1024)},), dynamo=True,
            external_data=False, verbose=False)
    buffer = io.BytesIO()
    proto = program.model_proto
    # The exporter notes a stack trace, with the paths of this machine, on every node.
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    onnx.save(proto, buffer)
    return buffer.getvalue()


def parity(model: bytes, network: nn.Module, images: torch.Tensor) -> float:
    """Return the largest difference between ONNX Runtime's and torch's logits and embeddings."""
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    with torch.no_grad():
        expected = [network(images).numpy(), WithEmbedding(network).eval()(images)[1].numpy()]
    worst = 0.0
    for batch in (images[:1], images):  # the batch is dynamic
        for got, wanted in zip(session.run(OUTPUTS, {'images': batch.numpy()}), expected):
            worst = max(worst, float(np.abs(got - wanted[:len(batch)]).max()))
    return worst


def latency(model: bytes, channels: int, size: int, batch: int, threads: int = 2) -> float:
    """Return the median milliseconds of one batch in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As the runtime does: threads that spin while they wait cost a core each.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
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
        quantize_static(str(ready), str(small), _Samples(images), per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        return small.read_bytes()


def run_model(model: bytes, images: torch.Tensor) -> np.ndarray:
    """Return ONNX Runtime's logits (n, classes)."""
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    return np.concatenate([session.run(['logits'], {'images': batch.numpy()})[0]
                           for batch in images.split(64)])


def describe(result: Figures, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return figures as plain values for JSON, rounded to four digits."""
    return {'n': result.n, 'accuracy': round(result.accuracy, 4), 'uar': round(result.uar, 4),
            'macro_f1': round(result.macro_f1, 4), 'ece': round(result.ece, 4),
            'recall': {label: round(float(value), 4)
                       for label, value in zip(labels, result.recall)},
            'confusion': result.confusion.tolist()}


def measure(heads: np.ndarray, calibration: Calibration, part: FaceSet) -> dict[str, Any]:
    """Judge the combined logits by every label set, and the second head by its own."""
    probabilities = softmax(calibration.logits(heads), calibration.temperature)
    result = {}
    for place, name in enumerate(part.heads):
        judged = part.truths[place] >= 0
        result[name] = describe(figures(probabilities[judged], part.truths[place][judged]),
                                part.labels)
    if heads.shape[1] > 1:
        judged = part.truths[1] >= 0
        result[f'{part.heads[1]}, second head alone'] = describe(
            figures(softmax(heads[judged, 1]), part.truths[1][judged]), part.labels)
    return result


def export_run(folder: Path, faces: FaceSet, target: Path, test: bool = False,
               int8: bool = False, mirror: bool = False, labels: str = '') -> dict[str, Any]:
    """Export the best network of a run and describe it.

    Writes ``target`` (ONNX, with its catalogue entry inside), and beside the run
    ``export.json`` with all figures.

    :param faces: the data set that the run was trained on.
    :param test: measure the test split too; once, for the network that has been chosen.
    :param int8: also write ``<name>_int8.onnx``, unless it loses half a point of validation
        accuracy or more.
    :param mirror: let the file look at each face and its mirror image; ``facenet`` only.
    :param labels: label set that the file is to read faces by: its head answers alone, and it
        chooses and is measured. By default the first, with a share of the second.
    :return: what ``export.json`` holds.
    :raises TrainingError: if ONNX Runtime and torch disagree, or the network cannot mirror.
    """
    recipe, network = load_run(folder, len(faces.labels))
    if mirror and not isinstance(network, FaceNet):
        raise TrainingError(f'--mirror is for the network facenet, not for {recipe.network}')
    network.mirror = mirror
    if labels:
        faces, network = _of_head(labels, faces, network)
        recipe = dataclasses.replace(recipe, head_weights=(1.0,), smoothing=(0.0,))
    device = torch.device('cpu')
    train, valid = faces.of('train'), faces.of('valid')
    shares = train.targets[:, 0].sum(axis=0)
    heads = predict(network, recipe, valid, device).numpy()
    calibration = calibrate(heads, valid.truths[0], shares / shares.sum())
    report: dict[str, Any] = {
        'mirror': mirror,
        'calibration': {'share': calibration.share, 'lift': calibration.lift,
                        'bias': np.round(calibration.bias, 5).tolist(),
                        'temperature': round(calibration.temperature, 4)},
        'validation': measure(heads, calibration, valid)}
    if test:
        part = faces.of('test')
        report['test'] = measure(predict(network, recipe, part, device).numpy(), calibration,
                                 part)
    if isinstance(network, FaceNet):
        portions = [1 - calibration.share, calibration.share] if network.heads == 2 \
            else [1.0] + [0.0] * (network.heads - 1)
        network.blend_heads(portions, calibration.bias.tolist())
    else:
        with torch.no_grad():
            network.fc.bias.add_(torch.from_numpy(calibration.bias).float())
    images = recipe.look.batch([valid.picture(index) for index in range(min(64, len(valid)))])
    model = to_onnx(network, recipe.look.channels, recipe.look.size)
    worst = parity(model, network, images)
    if worst > PARITY:
        raise TrainingError(f'ONNX Runtime differs from torch by {worst:.2g}, more than {PARITY}')
    entry = catalogue_entry(recipe, faces.labels, calibration.temperature)
    write_atomically(target, with_entry(model, entry))
    once, eight = (latency(model, recipe.look.channels, recipe.look.size, n) for n in (1, 8))
    report.update(
        parity=worst, parameters=sum(p.numel() for p in network.parameters()),
        bytes=target.stat().st_size, sha256=sha256_of(target), entry=entry,
        milliseconds={'one face': round(once, 2), 'eight faces': round(eight, 2)})
    if int8:
        report['int8'] = _export_int8(model, recipe, train, valid, entry, target)
    write_atomically(Path(folder) / 'export.json', (json.dumps(report, indent=2) + '\n').encode())
    return report


def _of_head(labels: str, faces: FaceSet, network: nn.Module) -> tuple[FaceSet, nn.Module]:
    """Return data and network with one of their label sets alone.

    :raises TrainingError: if the network has no head for it.
    """
    heads = getattr(network, 'heads', 1)
    if labels not in faces.heads[:heads] or heads < 2:
        raise TrainingError(f'no head reads {labels!r}; this network reads by '
                            f'{list(faces.heads[:heads])}')
    place = faces.heads.index(labels)
    network.blend_heads([float(number == place) for number in range(heads)])
    return faces.only(place), network


def _export_int8(model: bytes, recipe: Recipe, train: FaceSet, valid: FaceSet,
                 entry: dict[str, Any], target: Path) -> dict[str, Any]:
    """Write the quantised network if it is nearly as accurate; return its figures."""
    look, first = recipe.look, 320
    chosen = np.random.default_rng(recipe.seed).permutation(len(train))[:first]
    small = quantise(model, look.batch([train.picture(index) for index in chosen]))
    judged = np.flatnonzero(valid.truths[0] >= 0)
    images = look.batch([valid.picture(index) for index in judged])
    truth = valid.truths[0][judged]
    before, after = (figures(softmax(run_model(item, images), entry['temperature']), truth)
                     for item in (model, small))
    loss = before.accuracy - after.accuracy
    report = {'validation': describe(after, valid.labels), 'loss': round(loss, 4),
              'kept': bool(loss < MOST_LOST)}
    if report['kept']:
        path = target.with_name(f'{target.stem}_int8.onnx')
        write_atomically(path, with_entry(small, entry))
        times = [latency(small, look.channels, look.size, count) for count in (1, 8)]
        report.update(bytes=path.stat().st_size, sha256=sha256_of(path),
                      milliseconds={'one face': round(times[0], 2),
                                    'eight faces': round(times[1], 2)})
    return report


def catalogue_entry(recipe: Recipe, labels: tuple[str, ...], temperature: float) -> dict[str, Any]:
    """Return what the catalogue must say about the exported file."""
    look = recipe.look
    return {'task': 'fer', 'backend': 'onnx', 'labels': list(labels),
            'input': {'size': look.size, 'window': list(WINDOW), 'colour': look.colour,
                      'mean': list(look.mean), 'std': list(look.std)},
            'temperature': round(temperature, 4)}


def with_entry(model: bytes, entry: dict[str, Any]) -> bytes:
    """Put a catalogue entry into an ONNX file, so that the file alone can be loaded by path."""
    proto = onnx.load_model_from_string(model)
    item = proto.metadata_props.add()
    item.key, item.value = METADATA_KEY, yaml.safe_dump(entry, sort_keys=False)
    return proto.SerializeToString()
