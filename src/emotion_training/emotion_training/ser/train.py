# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion train ser``: the default, the protocols, the recipes, adaptation.

Without ``--protocol``, ``--adapt`` or another ``--recipe`` it trains the default: a head, and
gently the encoder below it, on all levels of a pretrained speech encoder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_training.common.files import TrainingError
from emotion_training.ser.corpora import READERS, Clip, read, read_shared

if TYPE_CHECKING:
    from emotion_training.ser.workshop import Workshop

RECIPES = ('default', 'wavlm', 'forest')

ENCODERS = {'default': 'whisper-tiny.en', 'wavlm': 'microsoft/wavlm-base'}
"""What a recipe starts from, unless told otherwise."""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion train ser', description='Train speech emotion recognition.'
    )
    made.add_argument(
        '--corpus',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help=f'a corpus to train on, repeatable; NAME: {", ".join(READERS)}',
    )
    made.add_argument(
        '--data', type=Path, metavar='DIR', help='a folder with ravdess/, nemo/ and crema_d/'
    )
    made.add_argument(
        '--noise',
        type=Path,
        metavar='DIR',
        help='recorded sound without speech, for backgrounds and to learn when to '
        'say nothing (default: the folder noise/ beside --data, if there)',
    )
    made.add_argument(
        '--encoder',
        metavar='NAME',
        help='pretrained model to start from: whisper-tiny.en (default), or a folder or hub id of '
        'a Transformers Whisper, wav2vec 2.0, HuBERT or WavLM; for --recipe wavlm a WavLM '
        '(default: microsoft/wavlm-base)',
    )
    made.add_argument(
        '--frozen',
        action='store_true',
        help='leave the encoder as it is and train the head alone; the default recipe then '
        'computes its features once, and a run takes minutes',
    )
    made.add_argument(
        '--rate',
        type=float,
        metavar='X',
        help="learning rate of the encoder's last block (default: the recipe's own)",
    )
    made.add_argument(
        '--out',
        type=Path,
        default=Path('runs/ser'),
        metavar='DIR',
        help='where results go, and checkpoints that a second run continues',
    )
    made.add_argument(
        '--recipe',
        choices=RECIPES,
        default='default',
        help='default: a head on an encoder; wavlm: fine-tune WavLM as a '
        'Transformers model; forest: random forest on MFCC',
    )
    made.add_argument(
        '--protocol', choices=('P1', 'P2', 'P3', 'LOCO'), help='run one of the published protocols'
    )
    made.add_argument(
        '--adapt',
        type=Path,
        metavar='MANIFEST',
        help='tune the head of --model to recordings of your own',
    )
    made.add_argument(
        '--model',
        default='ser-default',
        metavar='NAME',
        help='what --adapt starts from: a catalogue name, an ONNX file that this '
        'command made, or a wavlm_ser_model directory',
    )
    made.add_argument(
        '--name',
        default='',
        metavar='FILE',
        help='what --adapt writes into --out (default: ser_adapted.onnx, or '
        'wavlm_ser_adapted for WavLM)',
    )
    made.add_argument(
        '--steps-scale',
        type=float,
        default=1.0,
        metavar='X',
        help='multiply the steps of every stage of the default recipe',
    )
    made.add_argument('--device', choices=('auto', 'cpu', 'cuda'), default='auto')
    made.add_argument('--threads', type=int, default=1)
    wavlm = made.add_argument_group('WavLM')
    wavlm.add_argument('--pooling', choices=('mean', 'mean_std', 'attention'), default='mean')
    wavlm.add_argument('--epochs', type=int, default=10)
    wavlm.add_argument('--batch', type=int, default=16)
    forest = made.add_argument_group('forest')
    forest.add_argument('--trees', type=int, default=300)
    return made


def clips_of(options: argparse.Namespace) -> list[Clip]:
    """Return the clips that the command line names.

    :raises TrainingError: if it names none.
    """
    clips = [clip for spec in options.corpus for clip in read(spec)]
    if options.data is not None:
        clips += read_shared(options.data)
    if not clips:
        raise TrainingError('name what to train on: --data DIR or --corpus NAME=PATH')
    return clips


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line.

    :raises TrainingError: for what the user can put right.
    """
    from emotion_training.common.process import prepare_process

    prepare_process(options.threads)
    if options.adapt is not None:
        from emotion_training.ser.adapt import adapt

        adapt(options.adapt, options.model, options.out, options.name, _say)
    elif options.recipe == 'wavlm':
        from emotion_training.ser.wavlm import WavlmRecipe, train_wavlm

        recipe = WavlmRecipe(
            pooling=options.pooling,
            epochs=options.epochs,
            batch=options.batch,
            **_pace(options),
        )
        train_wavlm(workshop(options), recipe)
    elif options.recipe == 'forest':
        from emotion_training.ser.forest import train_forest

        train_forest(clips_of(options), options.out, _say, options.trees)
    else:
        from emotion_training.ser import default, protocols

        shop = workshop(options)
        if options.protocol:
            protocols.report(options.protocol, shop)
        else:
            default.train_default(shop)


def _pace(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line changes of a recipe's pace."""
    rate = 0.0 if options.frozen else options.rate
    return {} if rate is None else {'encoder_rate': rate}


def workshop(options: argparse.Namespace) -> Workshop:
    """Return what every stage of a run needs, the sound read and ready.

    :raises TrainingError: if there is nothing to train on, or no such device.
    """
    import torch

    from emotion_training.ser.noise import read_noise
    from emotion_training.ser.sounds import load_sounds
    from emotion_training.ser.workshop import FULL, Workshop

    device = options.device
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    elif device == 'cuda' and not torch.cuda.is_available():
        raise TrainingError('device cuda was asked for, but PyTorch finds none')
    noise = options.noise
    if noise is None and options.data is not None and (options.data.parent / 'noise').is_dir():
        noise = options.data.parent / 'noise'
    data = load_sounds(clips_of(options), options.out / 'cache', _say, os.cpu_count() or 1)
    return Workshop(
        options.encoder or ENCODERS[options.recipe],
        data,
        read_noise(noise, _say),
        options.out,
        _say,
        device,
        options.steps_scale,
        replace(FULL, **_pace(options)),
    )


def _say(line: str) -> None:
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except TrainingError as error:
        print(f'error: {error}', file=sys.stderr)
        return error.code
    return 0


if __name__ == '__main__':
    sys.exit(main())
