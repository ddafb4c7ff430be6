# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion eval fer``: judge models on labelled pictures, exactly as the graph runs them.

``--images DIR`` has one folder per class. With ``--detect`` each picture goes through the face
detector and the alignment; without it each picture is taken as a face, framed as the model's
window frames it. ``--data`` judges a split of a data set instead. Several ``--model`` options
are judged side by side, each for the mixture of classes it was trained on (class balance 0), for
equally common classes (1), and for the mixture that the graph answers for by default or
``--class-balance`` names; the first model and that mixture are what the JSON file describes at its
top level.

``--robustness`` adds what each model loses in the dark, far away, turned, covered: see
:mod:`emotion_training.fer.robustness`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from emotion_perception.emotions import EMOTIONS, OTHERS, class_of, names
from emotion_perception.media.files import IMAGE_SUFFIXES, files_under, subfolders
from emotion_perception.models import FaceEmotionRecognizer, ModelError, ModelSettings, load_model
from emotion_perception.models.balance import (
    BALANCED,
    NATURAL,
    BalanceSettings,
    Mixture,
    rebalance,
)
from emotion_perception.vision.align import align, align_box
from emotion_perception.vision.detect import Detector, DetectorError, DetectorSettings
from emotion_perception.vision.detectors import make_detector
from emotion_training.common.files import TrainingError, save_json
from emotion_training.common.leftout import NothingLeftError
from emotion_training.common.metrics import calibration_error, figures, mixture_weights
from emotion_training.common.plots import save_bars, save_confusion
from emotion_training.fer.datasets import FORMATS, place_of, read_faces
from emotion_training.fer.faceset import DatasetError, FaceSet, Labelled
from emotion_training.fer.geometry import FRAME
from emotion_training.fer.robustness import TROUBLES, befallen

CROP = 128
BATCH = 64
RUNS = 30
"""Inferences that a time is the median of."""


def read_images(root: Path) -> tuple[Labelled, list[str]]:
    """Read a folder per class; classes outside the six are left out.

    :return: the pictures, and one line on each thing that was left out.
    :raises DatasetError: if nothing is left, or a folder's name is no known label.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f'no folder {root}')
    paths: list[Path] = []
    truth: list[int] = []
    notes = []
    for folder in subfolders(root):
        found = files_under(folder, IMAGE_SUFFIXES)
        place = place_of(folder.name, EMOTIONS)
        if place < 0:
            if class_of(folder.name) not in OTHERS:
                raise DatasetError(
                    f'{folder}: unknown label {folder.name!r}; folders are named '
                    f'{", ".join(EMOTIONS)} (or angry, happiness, sadness ...)'
                )
            notes.append(f'{folder.name}: {len(found)} pictures left out, none of the six classes')
            continue
        if not found:
            notes.append(f'{folder.name}: no picture; the class is left out of the means')
        paths += found
        truth += [place] * len(found)
    if not paths:
        raise DatasetError(f'no pictures in {root}: expected {root}/<class>/*.jpg')
    return Labelled(paths, np.array(truth)), notes


def framed(picture: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    """Return a canonical crop in which a model's window shows exactly this picture.

    :param picture: uint8 grey (h, w) or BGR (h, w, 3), a face as a data set crops it; the
        middle square is taken.
    :param window: left, top, right, bottom as fractions of the crop.
    :return: (s, s, 3) BGR uint8; around the picture its edge repeats.
    """
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    picture = picture[top : top + side, left : left + side]
    # Edges are rounded to pixels. A whole multiple of the picture that fits the window exactly
    # leaves its pixels as they are; the nearest fit is resampled.
    times, size, misfit = 1, 0, np.inf
    for factor in range(1, max(1, 512 // side) + 1):
        wanted = side * factor
        about = wanted / (window[2] - window[0])
        for candidate in range(int(about) - 3, int(about) + 5):
            error = sum(abs(edge - wanted) for edge in _extent(window, candidate)) / wanted
            if error < misfit:
                times, size, misfit = factor, candidate, error
    width, height = _extent(window, size)
    enlarged = cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    if (width, height) != (side * times, side * times):
        enlarged = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    x, y = round(window[0] * size), round(window[1] * size)
    return cv2.copyMakeBorder(
        enlarged, y, size - y - height, x, size - x - width, cv2.BORDER_REPLICATE
    )


def _extent(window: tuple[float, float, float, float], size: int) -> tuple[int, int]:
    left, top, right, bottom = (int(round(edge * size)) for edge in window)
    return right - left, bottom - top


def detected(picture: np.ndarray, detector: Detector, size: int = CROP) -> np.ndarray | None:
    """Return the aligned crop of the largest face, as the graph makes it.

    A picture cropped so tightly that the detector finds nothing is tried once more with its
    edge repeated around it.

    :return: (size, size, 3) BGR uint8, or ``None`` if there is no face.
    """
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    found = detector.detect(picture)
    if not found:
        border = max(picture.shape[:2]) // 3
        picture = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
        found = detector.detect(picture)
    if not found:
        return None
    face = max(found, key=lambda item: float(item.box[2] * item.box[3]))
    if np.isfinite(face.landmarks[:3]).all():
        return align(picture, face.landmarks, size)
    return align_box(picture, face.box, size)


def read_crops(root: Path, detector: str = DetectorSettings().detector) -> Labelled:
    """Read a folder per class through the detector and the alignment, as the graph sees it.

    :return: canonical crops; pictures without a face are left out.
    """
    faces, _ = read_images(root)
    finder = make_detector(DetectorSettings(detector=detector))
    crops = [detected(faces.picture(index), finder) for index in range(len(faces.pictures))]
    found = np.array([crop is not None for crop in crops])
    if not found.any():
        raise DatasetError(f'no face was found in the pictures of {root}')
    return Labelled([crop for crop in crops if crop is not None], faces.truth[found])


def judge(
    models: Sequence[str],
    faces: Labelled,
    detector: Detector | None,
    settings: ModelSettings | None = None,
    class_balance: float = BalanceSettings.class_balance,
) -> tuple[dict[str, dict[str, Any]], int]:
    """Judge models on the same pictures.

    :param class_balance: mixture of classes that the main figures answer for.
    :return: for each model its figures as the JSON file has them, and the number of unreadable
        pictures, which are left out.
    :raises ModelError: if a model cannot be loaded.
    :raises TrainingError: if no picture has a face.
    """
    recognizers = {
        name: FaceEmotionRecognizer(load_model(name, 'fer', settings), NATURAL) for name in models
    }
    rows: dict[str, list[np.ndarray]] = {name: [] for name in models}
    seconds = dict.fromkeys(models, 0.0)
    judged: list[int] = []
    finding, no_face, unreadable = 0.0, 0, 0
    pending: list[np.ndarray] = []
    # The last faces of each model, for its time.
    some: dict[str, list[np.ndarray]] = {}

    def flush() -> None:
        for name, recognizer in recognizers.items():
            start = time.perf_counter()
            crops = (
                list(pending)
                if detector is not None
                else [framed(picture, recognizer.input.window) for picture in pending]
            )
            some[name] = crops
            rows[name].append(recognizer.predict(crops).probabilities)
            seconds[name] += time.perf_counter() - start
        pending.clear()

    for index in tqdm(range(len(faces.truth)), desc='pictures', leave=False, mininterval=1):
        try:
            picture = faces.picture(index)
        except DatasetError as error:
            tqdm.write(f'left out: {error}')
            unreadable += 1
            continue
        if detector is not None:
            start = time.perf_counter()
            crop = detected(picture, detector)
            finding += time.perf_counter() - start
            if crop is None:
                no_face += 1
                continue
            picture = crop
        pending.append(picture)
        judged.append(index)
        if len(pending) == BATCH:
            flush()
    if pending:
        flush()
    if not judged:
        raise NothingLeftError(
            f'no face to judge: {no_face} pictures without a face, {unreadable} unreadable'
        )
    truth = faces.truth[judged]
    results = {}
    for name, recognizer in recognizers.items():
        shares = recognizer.model.shares
        natural = np.concatenate(rows[name])

        def answer(
            balance: float, shares: np.ndarray | None = shares, natural: np.ndarray = natural
        ) -> dict[str, Any]:
            return figures_for(natural, truth, shares, balance)

        results[name] = {
            **answer(class_balance),
            'no_face': no_face,
            'images_per_second': round(
                (len(judged) + no_face) / max(seconds[name] + finding, 1e-9), 1
            ),
            'milliseconds': {
                words: round(latency(recognizer, some[name], count), 2)
                for words, count in (('one face', 1), ('eight faces', 8))
            },
            'shares': None if shares is None else names(shares),
            'natural': answer(NATURAL),
            'balanced': answer(BALANCED),
        }
    return results, unreadable


def robustness(
    models: Sequence[str],
    faces: Labelled,
    detector: Detector | None,
    settings: ModelSettings | None = None,
    class_balance: float = BalanceSettings.class_balance,
) -> dict[str, list[dict[str, Any]]]:
    """Judge models on faces that each trouble has befallen.

    :return: of each model a row for faces as they are and one for each trouble: ``trouble``,
        ``accuracy``, ``uar``, and the points of UAR that are ``lost``.
    :raises TrainingError: if no picture has a face.
    """
    recognizers = {
        name: FaceEmotionRecognizer(load_model(name, 'fer', settings), class_balance)
        for name in models
    }
    crops, truth = [], []
    for index, place in enumerate(faces.truth):
        picture = faces.picture(index)
        crop = framed(picture, FRAME) if detector is None else detected(picture, detector)
        if crop is not None:
            crops.append(crop)
            truth.append(place)
    if not crops:
        raise TrainingError('no face to judge')
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in models}
    for trouble in tqdm((None, *TROUBLES), desc='troubles', leave=False):
        seen = befallen(crops, trouble)
        for name, recognizer in recognizers.items():
            answers = np.concatenate(
                [
                    recognizer.predict(seen[start : start + BATCH]).probabilities
                    for start in range(0, len(seen), BATCH)
                ]
            )
            result = figures(answers, np.array(truth))
            before = rows[name][0]['uar'] if trouble is not None else result.uar
            rows[name].append(
                {
                    'trouble': trouble.name if trouble is not None else 'as they are',
                    'accuracy': round(result.accuracy, 4),
                    'uar': round(result.uar, 4),
                    'lost': round(100 * (before - result.uar), 1),
                }
            )
    return rows


def robustness_table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Return a table: a line for each trouble, UAR and points lost of each model."""
    names_ = list(rows)
    width = max(len(row['trouble']) for row in rows[names_[0]])
    lines = [' ' * width + ''.join(f'{name[:22]:>24}' for name in names_)]
    for number, row in enumerate(rows[names_[0]]):
        lines.append(
            f'{row["trouble"]:<{width}}'
            + ''.join(
                f'{rows[name][number]["uar"]:>16.3f}{-rows[name][number]["lost"]:>+8.1f}'
                for name in names_
            )
        )
    lines.append(
        f'{"mean of the troubles":<{width}}'
        + ''.join(f'{-mean_loss(rows[name]):>+24.1f}' for name in names_)
    )
    return '\n'.join(lines)


def mean_loss(rows: Sequence[dict[str, Any]]) -> float:
    """Return the points of UAR that a model loses, mean over the troubles."""
    return float(np.mean([row['lost'] for row in rows[1:]]))


def figures_for(
    natural: np.ndarray, truth: np.ndarray, shares: np.ndarray | None, balance: float
) -> dict[str, Any]:
    """Judge a model's answers for one mixture of classes; return the figures for JSON.

    ``p_truth`` is the mean probability of the true class: in a game, what a player scores who
    shows it like these pictures. The calibration error is that of pictures of this mixture: those
    at hand are weighted accordingly. Of a model of unknown shares it is that of the pictures as
    they are.

    :param natural: (n, 6) the answers for the mixture of training.
    :param truth: int (n,).
    :param shares: (6,), of the training; ``None`` if not known.
    :param balance: 0 (natural) to 1 (all classes equally common).
    """
    mixture = Mixture(shares, balance)
    answers = rebalance(natural, shares, balance)
    result = figures(answers, truth)
    prior = mixture.prior
    weights = None if prior is None else mixture_weights(truth, prior)
    per_class = {
        label: {
            'recall': _number(result.recall[place]),
            'precision': _number(result.precision[place]),
            'f1': _number(result.f1[place]),
            'n': int(result.confusion[place].sum()),
        }
        for place, label in enumerate(EMOTIONS)
    }
    return {
        'class_balance': balance if shares is not None else None,
        'accuracy': round(result.accuracy, 4),
        'uar': round(result.uar, 4),
        'macro_f1': round(result.macro_f1, 4),
        'p_truth': round(float(answers[np.arange(len(truth)), truth].mean()), 4),
        'ece': _number(calibration_error(answers, truth, weights=weights)),
        'n': result.n,
        'per_class': per_class,
        'confusion': result.confusion.tolist(),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def latency(recognizer: FaceEmotionRecognizer, crops: Sequence[np.ndarray], count: int) -> float:
    """Return the median time of ``count`` faces as one batch, preparation included, ms."""
    batch = [crops[place % len(crops)] for place in range(count)]
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        recognizer.predict(batch)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a table of all models, a block for each mixture of classes, figures in columns."""
    width = max(5, *(len(name) for name in results))
    keys = ('accuracy', 'uar', 'macro_f1', 'ece', 'p_truth')
    lines = [
        f'{"model":<{width}}{"balance":>9}'
        + ''.join(f'{key:>10}' for key in keys)
        + ''.join(f'{label:>10}' for label in EMOTIONS)
        + f'{"ms, 1":>9}{"ms, 8":>9}{"n":>7}{"no face":>9}{"images/s":>10}'
    ]
    asked = next(
        (
            result['class_balance']
            for result in results.values()
            if result['class_balance'] is not None
        ),
        None,
    )
    blocks = (
        ['natural', '', 'balanced']
        if asked not in (None, NATURAL, BALANCED)
        else ['natural', 'balanced']
    )
    for block in blocks:
        for name, result in results.items():
            shown = result[block] if block else result
            if shown['class_balance'] is None and block != 'natural':
                continue
            balance = (
                'unknown' if shown['class_balance'] is None else f'{shown["class_balance"]:g}'
            )
            recalls = [shown['per_class'][label]['recall'] for label in EMOTIONS]
            lines.append(
                f'{name:<{width}}{balance:>9}'
                + ''.join(f'{shown[key]:>10.4f}' for key in keys)
                + ''.join(f'{"-" if value is None else f"{value:.3f}":>10}' for value in recalls)
                + ''.join(f'{value:>9.2f}' for value in result['milliseconds'].values())
                + f'{shown["n"]:>7}{result["no_face"]:>9}{result["images_per_second"]:>10.1f}'
            )
    return '\n'.join(lines)


def _of_data_set(faces: FaceSet, split: str, label: str) -> Labelled:
    """Take one split of a data set, judged by one of its label sets."""
    wanted = label or faces.heads[0]
    if wanted not in faces.heads:
        raise DatasetError(f'{faces.name} has no labels {wanted!r}; it has {list(faces.heads)}')
    part = faces.of(split)
    truth = part.truths[faces.heads.index(wanted)]
    kept = np.flatnonzero(truth >= 0)
    if not len(kept):
        raise DatasetError(f'{faces.name} has no labelled picture in its {split} split')
    return Labelled([part.pictures[index] for index in kept], truth[kept])


def _spread(faces: Labelled, most: int) -> Labelled:
    """Keep so many pictures, evenly spread over all."""
    kept = np.unique(np.linspace(0, len(faces.truth) - 1, most).round().astype(int))
    return Labelled([faces.pictures[index] for index in kept], faces.truth[kept])


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser('emotion eval fer', description=__doc__)
    what = result.add_mutually_exclusive_group(required=True)
    what.add_argument('--images', type=Path, metavar='DIR', help='one folder per class')
    what.add_argument('--data', type=Path, help='a data set, as for training')
    result.add_argument('--format', default='auto', choices=['auto', *FORMATS])
    result.add_argument('--split', default='test', choices=['train', 'valid', 'test'])
    result.add_argument('--labels', default='', help="which of the data set's label sets")
    result.add_argument(
        '--limit', type=int, metavar='N', help='judge N pictures, evenly spread over all'
    )
    result.add_argument('--detect', action='store_true', help='find and align the faces')
    result.add_argument(
        '--detector', default=DetectorSettings().detector, choices=['blazeface', 'yunet', 'haar']
    )
    result.add_argument(
        '--model',
        action='append',
        metavar='NAME|FILE',
        help='may be repeated; fer-default if none is given',
    )
    result.add_argument(
        '--class-balance',
        type=float,
        default=BalanceSettings.class_balance,
        metavar='T',
        help='mixture of classes that the main figures answer for, '
        '0 (of the training data) to 1 (all equally common); default: the '
        "graph's, %(default)s",
    )
    result.add_argument('--threads', type=int, default=ModelSettings().threads)
    result.add_argument(
        '--robustness',
        action='store_true',
        help='also judge faces in the dark, far away, turned, covered ...',
    )
    result.add_argument('--json', type=Path, metavar='OUT', help='where the figures go')
    result.add_argument(
        '--png',
        type=Path,
        metavar='OUT',
        help="the confusion matrix (default: the JSON file's name)",
    )
    return result


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line.

    :raises TrainingError, ModelError, DetectorError: for what the user can put right.
    """
    models = list(dict.fromkeys(options.model or ['fer-default']))
    if not NATURAL <= options.class_balance <= BALANCED:
        raise TrainingError(f'--class-balance is {options.class_balance}; it must be 0 to 1')
    if options.images is not None:
        faces, notes = read_images(options.images)
        for note in notes:
            print(note)
    else:
        faces = _of_data_set(
            read_faces(options.data, options.format), options.split, options.labels
        )
    if options.limit:
        faces = _spread(faces, options.limit)
    detector = (
        make_detector(DetectorSettings(detector=options.detector)) if options.detect else None
    )
    results, unreadable = judge(
        models, faces, detector, ModelSettings(threads=options.threads), options.class_balance
    )
    print(table(results))
    troubles = {}
    if options.robustness:
        troubles = robustness(
            models, faces, detector, ModelSettings(threads=options.threads), options.class_balance
        )
        print(robustness_table(troubles))
    if options.json is not None:
        document = {
            'model': models[0],
            **results[models[0]],
            'unreadable': unreadable,
            'detector': detector.name if detector is not None else None,
            'models': results,
            **({'robustness': troubles} if troubles else {}),
        }
        save_json(options.json, document)
    png = options.png or (options.json.with_suffix('.png') if options.json else None)
    if png is not None:
        best = results[models[0]]
        source = options.images or options.data
        save_confusion(
            png,
            np.array(best['confusion']),
            EMOTIONS,
            f'{models[0]} on {source.resolve().name}: accuracy {best["accuracy"]:.3f}, '
            f'UAR {best["uar"]:.3f}, n {best["n"]}',
        )
        if troubles:
            save_bars(
                png.with_name(f'{png.stem}_robustness.png'),
                [trouble.name for trouble in TROUBLES],
                {
                    f'{name}, mean {mean_loss(rows):.1f}': [row['lost'] for row in rows[1:]]
                    for name, rows in troubles.items()
                },
                'points of UAR lost',
                f'{source.resolve().name}, {best["n"]} faces',
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except (TrainingError, ModelError, DetectorError) as error:
        print(f'error: {error}', file=sys.stderr)
        return getattr(error, 'code', TrainingError.code)
    return 0


if __name__ == '__main__':
    sys.exit(main())
