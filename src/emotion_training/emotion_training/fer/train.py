# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion train fer``: train a recipe on a data set, go on with a run, export a run."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from emotion_training.common.files import TrainingError
from emotion_training.common.plots import save_histogram
from emotion_training.common.process import prepare_process
from emotion_training.fer.datasets import FORMATS, read_faces
from emotion_training.fer.faceset import FaceSet
from emotion_training.fer.recipes import RECIPES, Recipe, find_recipe


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser('emotion train fer', description=__doc__)
    result.add_argument('--data', type=Path, required=True, help='data set: folder or file')
    result.add_argument('--format', default='auto', choices=['auto', *FORMATS])
    result.add_argument(
        '--recipe',
        default='embedded',
        metavar='NAME|FILE.yaml',
        help=f'one of {", ".join(RECIPES)}, or the recipe.yaml of a run',
    )
    result.add_argument('--out', type=Path, help='folder of the run')
    result.add_argument('--resume', action='store_true', help='go on with the run in --out')
    result.add_argument('--classes', choices=['six', 'own'], help="six classes, or the set's own")
    result.add_argument('--weights', metavar='imagenet|none|FILE', help='initial weights')
    result.add_argument(
        '--teacher',
        type=Path,
        action='append',
        default=[],
        metavar='RUN',
        help='finished run whose network judges what this one sees; repeatable',
    )
    result.add_argument('--epochs', type=int, nargs='+', metavar='N', help='of each phase')
    result.add_argument('--size', type=int, help='side of the pictures, pixels')
    result.add_argument('--seed', type=int)
    result.add_argument('--limit', type=int, metavar='N', help='take N training pictures only')
    result.add_argument('--device', default='auto', choices=['auto', 'cpu'])
    result.add_argument('--threads', type=int, default=0, help='of torch; 0: all cores')
    result.add_argument('--summary', action='store_true', help='print the data set and stop')
    result.add_argument('--export', type=Path, metavar='RUN', help='export a finished run')
    result.add_argument('--to', type=Path, metavar='FILE.onnx', help='where the export goes')
    result.add_argument('--test', action='store_true', help='measure the test split on export')
    result.add_argument(
        '--mirror',
        action='store_true',
        help='let the exported file look at each face and its mirror image',
    )
    result.add_argument(
        '--posed',
        type=Path,
        metavar='DIR',
        help='pictures of posed faces, a folder per class, never trained on, '
        'that have a say in the class shares of the exported file',
    )
    result.add_argument(
        '--int8',
        action='store_true',
        help='also export FILE_int8.onnx, if it loses under half a point',
    )
    return result


def adapted(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """Return the recipe with what the command line changes.

    :raises TrainingError: if the number of epochs is not the number of phases.
    """
    changes: dict[str, Any] = {
        name: getattr(options, name)
        for name in ('classes', 'weights', 'seed')
        if getattr(options, name) is not None
    }
    if options.size:
        changes['look'] = dataclasses.replace(recipe.look, size=options.size)
    if options.epochs:
        if len(options.epochs) != len(recipe.phases):
            raise TrainingError(f'--epochs needs {len(recipe.phases)} numbers, one for each phase')
        changes['phases'] = tuple(
            dataclasses.replace(phase, epochs=epochs)
            for phase, epochs in zip(recipe.phases, options.epochs)
        )
    return dataclasses.replace(recipe, **changes)


def limited(faces: FaceSet, limit: int, seed: int) -> FaceSet:
    """Keep a random part: ``limit`` training pictures and a quarter as many of other splits."""
    source = np.random.default_rng(seed)
    kept = []
    for split, most in (('train', limit), ('valid', limit // 4), ('test', limit // 4)):
        mine = np.flatnonzero(faces.split == split)
        kept.append(np.sort(source.permutation(mine)[: max(most, 1)]))
    return faces.subset(np.concatenate(kept))


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line.

    :raises TrainingError: for what the user can put right.
    """
    prepare_process(options.threads or os.cpu_count() or 1)
    recipe = adapted(find_recipe(options.recipe), options)
    faces = read_faces(options.data, options.format, recipe.classes)
    print(faces.table(), flush=True)
    if options.summary:
        return
    if options.export is not None:
        if options.to is None:
            raise TrainingError('name the file to write: --to FILE.onnx')
        _export(options, faces)
        return
    if options.out is None:
        raise TrainingError('name the folder of the run: --out DIR')
    if options.limit:
        faces = limited(faces, options.limit, recipe.seed)
    if (options.out / 'last.ckpt').is_file() and not options.resume:
        raise TrainingError(
            f'{options.out} holds a run; go on with --resume, or take another --out'
        )
    from emotion_training.fer.trainer import Trainer

    recipe = _fitting(recipe, faces)
    trainer = Trainer(
        recipe,
        faces,
        options.out,
        options.device,
        teachers=_teachers(options.teacher, recipe, faces),
    )
    if options.resume:
        trainer.resume()
    save_histogram(options.out / 'classes.png', faces.counts(), faces.labels, faces.name)
    best = trainer.run()
    print(
        f'best epoch {best["epoch"]}: accuracy {best["accuracy"]:.4f}, macro-F1 '
        f'{best["macro_f1"]:.4f}; weights in {options.out / recipe.output}'
    )


def _teachers(runs: Sequence[Path], recipe: Recipe, faces: FaceSet) -> list[nn.Module]:
    """Load the networks that teach, which must answer as the recipe's network does."""
    from emotion_training.fer.export import load_run
    from emotion_training.fer.trainer import PRIORS_STATED

    found = []
    for run in runs:
        other, network = load_run(run, len(faces.labels))
        if (
            other.look != recipe.look
            or other.network not in PRIORS_STATED
            or len(other.head_weights) != len(recipe.head_weights)
        ):
            raise TrainingError(
                f'{run} cannot teach: its network sees other pictures or has '
                'other heads than this recipe'
            )
        found.append(network)
    if recipe.taught and not found:
        print(
            f'no --teacher: trained on labels alone (this recipe gives {recipe.taught:g} of '
            'the loss to teachers)'
        )
    return found


def _fitting(recipe: Recipe, faces: FaceSet) -> Recipe:
    """Take as many heads as the data set has label sets, so that one recipe serves both."""
    heads = min(len(faces.heads), len(recipe.head_weights))
    return dataclasses.replace(
        recipe, head_weights=recipe.head_weights[:heads], smoothing=recipe.smoothing[:heads]
    )


def _export(options: argparse.Namespace, faces: FaceSet) -> None:
    from emotion_training.fer.evaluate import read_crops
    from emotion_training.fer.export import export_run

    posed = read_crops(options.posed) if options.posed is not None else None
    report = export_run(
        options.export, faces, options.to, options.test, options.int8, options.mirror, posed
    )
    for split in ('validation', 'test'):
        for name, result in report.get(split, {}).items():
            print(
                f'{split}, {name}: '
                + ', '.join(
                    f'{key} {result[key]}' for key in ('accuracy', 'macro_f1', 'uar', 'ece', 'n')
                )
            )
    print(
        f'{options.to}: {report["bytes"] / 1e6:.2f} MB, sha256 {report["sha256"]}, differs '
        f'from torch by {report["parity"]:.1g}, {report["milliseconds"]}'
    )
    if options.int8:
        print(
            f'eight bits: accuracy {report["int8"]["loss"]:+.4f} lost, '
            f'{"kept" if report["int8"]["kept"] else "too much, not written"}'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    logging.basicConfig(format='%(levelname)s: %(message)s')
    try:
        run(parser().parse_args(argv))
    except TrainingError as error:
        print(f'error: {error}', file=sys.stderr)
        return error.code
    return 0


if __name__ == '__main__':
    sys.exit(main())
