"""``./emotion train fusion``: temperatures and priors of the product, a stacker, a network."""

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
from emotion_perception.models import ModelError
from emotion_training.common.files import TrainingError, save_json
from emotion_training.fusion import methods
from emotion_training.fusion.pairs import Pairs, training_mixture
from emotion_training.fusion.pools import FIT, Pool


@dataclass
class Fitted:
    """Everything that was fitted.

    :param voice_calibration: temperature of the voice models as such, before the fusion; 1 for a
        model that carries its own.
    """

    voice_calibration: float
    product: CombineSettings
    without_priors: CombineSettings
    mean: CombineSettings
    stacker: nn.Module
    network: nn.Module


def add_sources(made: argparse.ArgumentParser) -> None:
    """Add the arguments that name data and models."""
    made.add_argument('--faces', type=Path, metavar='DIR',
                      help='folder with ferplus.csv and its mosaics')
    made.add_argument('--voices', action='append', default=[], metavar='NAME=PATH',
                      help='speech corpus, repeatable, as in `./emotion train ser`')
    made.add_argument('--fer-model', default='fer-default', metavar='NAME')
    made.add_argument('--ser-model', action='append', default=[], metavar='NAME',
                      help='voice model, repeatable: a checkpoint of `./emotion train ser` or a '
                           'model with its .json beside it; each clip is judged by the first '
                           'that was not trained on its speaker (default: ser-default)')
    made.add_argument('--most', type=int, default=90, metavar='N',
                      help='clips of a class from each corpus and part (default: %(default)s)')
    made.add_argument('--most-faces', type=int, default=180, metavar='N',
                      help='faces of a class in each part (default: %(default)s)')
    made.add_argument('--pairs', type=int, default=12000, metavar='N',
                      help='pairs drawn to fit on (default: %(default)s)')
    made.add_argument('--out', type=Path, default=Path('runs/fusion'), metavar='DIR',
                      help='results, and a cache of what the models said')
    made.add_argument('--threads', type=int, default=1)


def load_pools(options: argparse.Namespace) -> tuple[Pool, Pool]:
    """Return the face and the voice pool of a command line.

    :raises TrainingError: if data are not named or cannot be used.
    """
    from emotion_training.fusion.sources import load_faces, load_voices

    if options.faces is None or not options.voices:
        raise TrainingError('name faces and voices: --faces DIR --voices NAME=PATH, or an '
                            'audio-visual set: --audiovisual NAME=PATH')
    cache = options.out / 'cache'
    faces = load_faces(options.faces, options.fer_model, cache, options.most_faces, say,
                       options.threads)
    voices = load_voices(options.voices, options.ser_model or ['ser-default'], cache,
                         options.most, say, options.threads)
    return faces, voices


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def calibrate_voices(pool: Pool) -> tuple[Pool, float]:
    """Return the voices at the temperature that makes the clean fitting part most likely."""
    from emotion_training.fusion.sources import calibrated
    from emotion_training.ser.export import fit_temperature

    part = pool.of(FIT)
    temperature = fit_temperature(np.log(np.maximum(part.probabilities['clean'], 1e-9)),
                                  part.truth)
    return calibrated(pool, temperature), temperature


def fit_all(pairs: Pairs, voice_calibration: float = 1.0, seed: int = 0) -> Fitted:
    """Fit every method on the same pairs."""
    product = methods.fit_closed_form(pairs, 'product', with_priors=True)
    say('priors ' + ', '.join(f'{value:.3f}' for value in product.priors))
    without_priors = methods.fit_closed_form(pairs, 'product')
    mean = methods.fit_closed_form(pairs, 'mean')
    for settings in (product, without_priors, mean):
        say(f'{settings.method}: face temperature {settings.face_temperature:.3f} and trust '
            f'{settings.face_trust:.3f}, voice temperature {settings.voice_temperature:.3f} and '
            f'trust {settings.voice_trust:.3f}')
    stacker = methods.train(methods.stacker(), pairs, seed)
    network = methods.train(methods.network(), pairs, seed)
    return Fitted(voice_calibration, product, without_priors, mean, stacker, network)


def save(fitted: Fitted, folder: Path) -> None:
    """Write ``fusion.json``, ``fusion_stacker.onnx`` and ``fusion_network.onnx``."""
    folder = Path(folder)
    save_json(folder / 'fusion.json', {
        'voice_calibration': fitted.voice_calibration,
        **{name: {'face_temperature': settings.face_temperature,
                  'voice_temperature': settings.voice_temperature,
                  'face_trust': settings.face_trust, 'voice_trust': settings.voice_trust,
                  'floor': settings.floor, 'priors': list(settings.priors)}
           for name, settings in (('product', fitted.product),
                                  ('product_without_priors', fitted.without_priors),
                                  ('mean', fitted.mean))}})
    for name in ('stacker', 'network'):
        path = folder / f'fusion_{name}.onnx'
        methods.export(getattr(fitted, name), path)
        say(f'{path}: {path.stat().st_size} bytes')


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion train fusion',
        description='Fit the fusion of face and voice on label-paired or aligned data.')
    add_sources(made)
    made.add_argument('--audiovisual', action='append', default=[], metavar='NAME=PATH',
                      help='aligned audio-visual set, repeatable: ravdess, crema_d or meld')
    made.add_argument('--seed', type=int, default=0)
    return made


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line."""
    torch.set_num_threads(options.threads)
    if options.audiovisual:
        from emotion_training.fusion.aligned import load_aligned

        pairs = load_aligned(options, FIT)
        say(f'{len(pairs)} aligned clips to fit on')
        save(fit_all(pairs, 1.0, options.seed), options.out)
        return
    faces, voices = load_pools(options)
    voices, temperature = calibrate_voices(voices)
    say(f'calibration of the voice models: temperature {temperature:.2f}')
    pairs = training_mixture(faces.of(FIT), voices.of(FIT), options.pairs,
                             np.random.default_rng(options.seed))
    save(fit_all(pairs, temperature, options.seed), options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except (TrainingError, ModelError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
