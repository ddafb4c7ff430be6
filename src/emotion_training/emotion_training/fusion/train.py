# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion train fusion``: trust and agreement of the product, a stacker, a network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotion_perception.fusion.combine import CombineSettings
from emotion_perception.fusion.learnt import Seen
from emotion_perception.models import ModelError
from emotion_training.common.files import TrainingError, save_json
from emotion_training.fusion import methods
from emotion_training.fusion.pairs import Pairs, training_mixture
from emotion_training.fusion.pools import FIT, Pool


@dataclass
class Fitted:
    """Everything that was fitted.

    :param seen: the models whose embeddings the network takes: ``face``, ``voice``.
    :param voice_calibration: temperature of the voice models as such, before the fusion; 1 for a
        model that carries its own.
    """

    seen: dict[str, Seen]
    voice_calibration: float
    product: CombineSettings
    mean: CombineSettings
    stacker: nn.Module
    network: nn.Module


def add_sources(made: argparse.ArgumentParser) -> None:
    """Add the arguments that name data and models."""
    made.add_argument(
        '--faces', type=Path, metavar='DIR', help='folder with ferplus.csv and its mosaics'
    )
    made.add_argument(
        '--voices',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help='speech corpus, repeatable, as in `./emotion train ser`',
    )
    made.add_argument('--fer-model', default='fer-default', metavar='NAME')
    made.add_argument(
        '--ser-model',
        action='append',
        default=[],
        metavar='NAME',
        help='voice model with its .json beside it, repeatable (the folds of '
        '`./emotion train ser --protocol P3`); each clip is judged by the '
        'first that was not trained on its speaker (default: ser-default)',
    )
    made.add_argument(
        '--ser-target',
        default='ser-default',
        metavar='NAME',
        help='voice model whose embeddings the network shall take (default: %(default)s)',
    )
    made.add_argument(
        '--most',
        type=int,
        default=40,
        metavar='N',
        help='clips of a class from each corpus and fold (default: %(default)s)',
    )
    made.add_argument(
        '--most-faces',
        type=int,
        default=150,
        metavar='N',
        help='faces of a class in each part (default: %(default)s)',
    )
    made.add_argument(
        '--pairs',
        type=int,
        default=12000,
        metavar='N',
        help='pairs drawn to fit on (default: %(default)s)',
    )
    made.add_argument(
        '--out',
        type=Path,
        default=Path('runs/fusion'),
        metavar='DIR',
        help='results, and a cache of what the models said',
    )
    made.add_argument('--threads', type=int, default=1)


def load_pools(options: argparse.Namespace) -> tuple[Pool, Pool, dict[str, Seen]]:
    """Return the face and the voice pool of a command line, and whose embeddings they hold.

    :raises TrainingError: if data are not named or cannot be used.
    """
    from emotion_training.fusion.sources import load_faces, load_voices

    if options.faces is None or not options.voices:
        raise TrainingError(
            'name faces and voices: --faces DIR --voices NAME=PATH, or an '
            'audio-visual set: --audiovisual NAME=PATH'
        )
    cache = options.out / 'cache'
    faces, face = load_faces(
        options.faces, options.fer_model, cache, options.most_faces, say, options.threads
    )
    voices, voice = load_voices(
        options.voices,
        options.ser_model or ['ser-default'],
        options.ser_target,
        cache,
        options.most,
        say,
        options.threads,
    )
    for seen in (face, voice):
        if not seen.size:
            say(f'{seen.model} gives no embedding: the network is trained without')
    return faces, voices, {'face': face, 'voice': voice}


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def fit_temperature_of(pool: Pool) -> float:
    """Return the temperature, 0.25 to 8, that makes the clean samples most likely.

    A pool has about as many samples of each class, and so it is judged by what it says for equally
    common classes.
    """
    candidates = np.exp(np.linspace(np.log(0.25), np.log(8.0), 200))
    clean = Pool(pool.truth, pool.part, {'clean': pool.probabilities['clean']}, shares=pool.shares)
    losses = [
        methods.log_loss(clean.balanced(value).probabilities['clean'], pool.truth)
        for value in candidates
    ]
    return float(candidates[int(np.argmin(losses))])


def fit_all(
    pairs: Pairs, seen: dict[str, Seen], voice_calibration: float = 1.0, seed: int = 0
) -> Fitted:
    """Fit every method on the same pairs."""
    return Fitted(
        seen,
        voice_calibration,
        methods.fit_closed_form(pairs, 'product'),
        methods.fit_closed_form(pairs, 'mean'),
        methods.train(methods.stacker, pairs, seed),
        methods.train(methods.Network, pairs, seed),
    )


def fit_on(faces: Pool, voices: Pool, seen: dict[str, Seen], count: int, seed: int) -> Fitted:
    """Calibrate the voices, draw pairs, and fit every method on them."""
    temperature = fit_temperature_of(voices)
    pairs = training_mixture(
        faces.balanced(), voices.balanced(temperature), count, np.random.default_rng(seed)
    )
    return fit_all(pairs, seen, temperature, seed)


def settings_text(settings: CombineSettings) -> str:
    """Return fitted values as the lines that :class:`CombineSettings` holds as defaults."""
    values = [
        f'{name}: {getattr(settings, name):.3f}'
        for name in (
            'face_temperature',
            'voice_temperature',
            'face_trust',
            'voice_trust',
            'agreement',
        )
    ]
    return '\n'.join(values)


def save(fitted: Fitted, folder: Path) -> None:
    """Write ``fusion.json``, ``fusion_stacker.onnx`` and ``fusion_network.onnx``."""
    folder = Path(folder)
    save_json(
        folder / 'fusion.json',
        {
            'voice_calibration': fitted.voice_calibration,
            **{
                name: {
                    'face_temperature': settings.face_temperature,
                    'voice_temperature': settings.voice_temperature,
                    'face_trust': settings.face_trust,
                    'voice_trust': settings.voice_trust,
                    'agreement': settings.agreement,
                    'floor': settings.floor,
                }
                for name, settings in (('product', fitted.product), ('mean', fitted.mean))
            },
        },
    )
    for name in ('stacker', 'network'):
        path = folder / f'fusion_{name}.onnx'
        methods.export(getattr(fitted, name), path, fitted.seen)
        say(f'{path}: {path.stat().st_size} bytes')
    say(
        'Fitted, for the defaults of CombineSettings '
        f'(emotion_perception/fusion/combine.py):\n{settings_text(fitted.product)}'
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion train fusion',
        description='Fit the fusion of face and voice on label-paired or aligned data.',
    )
    add_sources(made)
    made.add_argument(
        '--audiovisual',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help='aligned audio-visual set, repeatable: ravdess, crema_d or meld',
    )
    made.add_argument('--seed', type=int, default=0)
    return made


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line."""
    torch.set_num_threads(options.threads)
    if options.audiovisual:
        from emotion_training.fusion.aligned import load_aligned

        pairs, seen = load_aligned(options, FIT)
        say(f'{len(pairs)} aligned clips to fit on')
        save(fit_all(pairs, seen, 1.0, options.seed), options.out)
        return
    faces, voices, seen = load_pools(options)
    save(fit_on(faces.of(FIT), voices, seen, options.pairs, options.seed), options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except (TrainingError, ModelError) as error:
        print(f'error: {error}', file=sys.stderr)
        return getattr(error, 'code', TrainingError.code)
    return 0


if __name__ == '__main__':
    sys.exit(main())
