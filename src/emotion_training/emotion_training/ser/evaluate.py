# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion eval ser``: judge any speech model on a manifest, in silence and in noise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import (
    ModelError,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_model,
)
from emotion_perception.models.balance import BALANCED, NATURAL, BalanceSettings, Mixture
from emotion_training.common.files import TrainingError, save_json
from emotion_training.common.plots import save_confusion
from emotion_training.ser.answers import ask, judge, sessions
from emotion_training.ser.corpora import read_manifest
from emotion_training.ser.readable import readable
from emotion_training.ser.robustness import robustness
from emotion_training.ser.sound import read_native


def evaluate(
    manifest: Path,
    model: str,
    threads: int,
    with_noise: bool,
    memory: int,
    class_balance: float,
    say: Callable[[str], None],
    noise: Path | None = None,
) -> dict[str, Any]:
    """Return the figures of a model on a manifest.

    :param memory: utterances to remember of each speaker, who speak in the manifest's order.
    :param class_balance: mixture of classes that the main figures answer for; they stand again
        under ``natural`` and ``balanced`` for those two.
    :param noise: folder of recorded noise, for machines among the noises.
    :raises TrainingError: for a manifest or file that cannot be used.
    :raises ModelError: for a model that cannot be loaded.
    """
    clips = read_manifest(manifest)
    kept = [clip for clip in clips if clip.label in EMOTIONS or clip.label == 'Calm']
    if len(kept) < len(clips):
        say(f'{len(clips) - len(kept)} clips of a class outside the six are left out')
    if not kept:
        raise TrainingError(f'{manifest}: no clip of one of the six classes')
    kept = readable(kept, say)
    truth = np.array(
        [EMOTIONS.index('Neutral' if clip.label == 'Calm' else clip.label) for clip in kept]
    )
    recognizer = SpeechEmotionRecognizer(
        load_model(model, 'ser', ModelSettings(threads=threads)), class_balance=NATURAL
    )
    shares = recognizer.model.shares
    answers = ask(
        recognizer,
        (read_native(clip.path, say=say) for clip in kept),
        sessions(kept, recognizer.model, memory),
    )
    result = {
        'model': recognizer.model.name,
        'manifest': str(manifest),
        **judge(answers, truth, Mixture(shares, class_balance)),
        'natural': judge(answers, truth, Mixture(shares, NATURAL)),
        'balanced': judge(answers, truth, Mixture(shares, BALANCED)),
        'left_out': len(clips) - len(kept),
        'memory': memory,
    }
    if with_noise:
        result['robustness'] = robustness(
            recognizer, kept, truth, Mixture(shares, class_balance), memory, noise, say
        )
    return result


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion eval ser', description='Judge a speech emotion model on labelled clips.'
    )
    made.add_argument(
        '--manifest',
        type=Path,
        required=True,
        metavar='CSV',
        help='columns path and label, optionally speaker',
    )
    made.add_argument(
        '--model',
        default='ser-default',
        metavar='NAME',
        help='catalogue name, file or directory (default: the embedded one)',
    )
    made.add_argument('--json', type=Path, required=True, metavar='OUT')
    made.add_argument(
        '--png', type=Path, metavar='OUT', help='confusion matrix (default: beside the JSON)'
    )
    made.add_argument(
        '--robustness',
        action='store_true',
        help='also at 20, 10 and 0 dB of noise, with and without suppression, '
        'through telephone, codec and room, with offset and with hum',
    )
    made.add_argument(
        '--noise',
        type=Path,
        metavar='DIR',
        help='recorded noise, for machines among the noises of --robustness',
    )
    made.add_argument(
        '--memory',
        type=int,
        default=0,
        metavar='N',
        help='adapt to each speaker by the last N of the clips before (column '
        'speaker), as ser_node does with parameter memory; default: 0, each clip '
        'by itself',
    )
    made.add_argument(
        '--class-balance',
        type=float,
        default=BalanceSettings.class_balance,
        metavar='T',
        help='mixture of classes that the main figures answer for, 0 '
        "(of the training data) to 1 (all equally common); default: the graph's, "
        '%(default)s',
    )
    made.add_argument('--threads', type=int, default=2)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    options = parser().parse_args(argv)
    if not NATURAL <= options.class_balance <= BALANCED:
        parser().error(f'--class-balance is {options.class_balance}; it must be 0 to 1')
    try:
        result = evaluate(
            options.manifest,
            options.model,
            options.threads,
            options.robustness,
            options.memory,
            options.class_balance,
            lambda line: print(line, flush=True),
            options.noise,
        )
        save_json(options.json, result)
        save_confusion(
            options.png or options.json.with_suffix('.png'),
            np.array(result['confusion']),
            EMOTIONS,
            f'{result["model"]} on {options.manifest.name}: '
            f'UAR {result["uar"]:.3f}, n {result["n"]}',
        )
    except (TrainingError, ModelError) as error:
        print(f'error: {error}', file=sys.stderr)
        return getattr(error, 'code', TrainingError.code)
    for words, found in (
        ('natural', result['natural']),
        ('', result),
        ('balanced', result['balanced']),
    ):
        balance = found['class_balance']
        if (balance is None and words != 'natural') or (
            balance in (NATURAL, BALANCED) and not words
        ):
            continue
        ece = 'none' if found['ece'] is None else f'{found["ece"]:.4f}'
        print(
            f'class balance {"unknown" if balance is None else f"{balance:g}"}: accuracy '
            f'{found["accuracy"]:.4f}, UAR {found["uar"]:.4f}, macro-F1 '
            f'{found["macro_f1"]:.4f}, ECE {ece}'
        )
    print(
        f'{result["model"]}: n {result["n"]}, {result["abstained"]} abstained, real-time factor '
        f'{result["real_time_factor"]:.4f}; written to {options.json}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
