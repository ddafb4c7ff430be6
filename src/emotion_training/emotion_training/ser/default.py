# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Train, calibrate and export the default: one model on all corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_perception.emotions import softmax
from emotion_perception.storage import sha256_of
from emotion_training.common.files import (
    TrainingError,
    load_torch,
    save_json,
    save_yaml,
)
from emotion_training.common.metrics import calibration_error, figures
from emotion_training.ser import fit
from emotion_training.ser.export import entry_of, export, fit_temperature, gate
from emotion_training.ser.sounds import Say
from emotion_training.ser.splits import held_out
from emotion_training.ser.voice import VoiceModel, six_labels
from emotion_training.ser.workshop import Workshop, evened, evened_shares, noise_fold

CONFIDENCE_CAP = 0.35
"""Largest threshold of abstention: above it the model would decline ordinary speech."""


def calibrate(logits: np.ndarray, truth: np.ndarray, silence: np.ndarray) -> dict[str, Any]:
    """Return temperature, threshold of abstention and the figures behind them.

    The threshold is the confidence that 99 % of the speech reaches, at most 0.35.

    :param logits: (n, 6) of clips whose speakers trained nothing.
    :param truth: int (n,) in the six classes.
    :param silence: (m, 6) logits of sounds without speech that trained nothing.
    """
    temperature = fit_temperature(logits, truth)
    probabilities = softmax(logits, temperature)
    threshold = min(CONFIDENCE_CAP, float(np.quantile(probabilities.max(axis=1), 0.01)))
    silent = softmax(silence, temperature).max(axis=1)
    found = figures(probabilities, truth)
    return {
        'temperature': temperature,
        'min_confidence': round(threshold, 3),
        'n': found.n,
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': found.ece,
        'ece_before': calibration_error(softmax(logits), truth),
        'speech_abstained': float((probabilities.max(axis=1) < threshold).mean()),
        'nonspeech_abstained': float((silent < threshold).mean()),
    }


def train_default(shop: Workshop) -> Path:
    """Train on all corpora and write ``ser_default.onnx`` with its entry beside it.

    Where protocol P3 was run in the same folder, its models have answered for every clip without
    knowing its speaker: those answers calibrate, and all speakers train. Else one speaker in
    twelve is kept for calibration.

    :return: path of the ONNX file; the sidecar ``ser_default.yaml`` holds its catalogue entry,
        ``ser_default.json`` the figures of calibration.
    """
    data, answers = shop.data, Path(shop.out) / 'p3_logits.pt'
    everyone = np.arange(len(data))
    if answers.is_file():
        stored = load_torch(answers)
        if len(stored['alone']) != len(data):
            raise TrainingError(f'{answers} is of other corpora; use another --out')
        network = evened(shop.stage('default', everyone, shop.full, 11), data, everyone)
        rest, logits, silence = everyone, stored['alone'], stored['silence']
        silence = silence[silence.abs().sum(dim=1) > 0]
    else:
        train, rest = held_out(data, everyone, shop.say)
        network = evened(shop.stage('default', train, shop.full, 11, fold=0), data, train)
        quiet = np.flatnonzero(noise_fold(shop.silence) == 0)
        logits, silence = (
            torch.from_numpy(
                fit.judge(network, fit.embeddings(network, sounds, rows, shop.device))
            )
            for sounds, rows in ((data, rest), (shop.silence, quiet))
        )
    truth = six_labels(data.labels[rest])
    found = calibrate(gate(logits).numpy()[truth >= 0], truth[truth >= 0], gate(silence).numpy())
    if answers.is_file():
        known = softmax(gate(stored['session']).numpy()[truth >= 0], found['temperature'])
        found['ece_in_sessions'] = calibration_error(known, truth[truth >= 0])
    found['shares'] = evened_shares(data, everyone)
    return write(network, found, Path(shop.out) / 'ser_default.onnx', shop.say)


def write(network: VoiceModel, found: dict[str, Any], path: Path, say: Say) -> Path:
    """Write a model with its calibration as ``path``, with sidecar and figures beside it."""
    entry = entry_of(
        path.name,
        found['temperature'],
        found['min_confidence'],
        'embedded default for voices on the encoder of Whisper; can adapt to the voice it hears',
        found['shares'],
        card=path.with_suffix('.md').name,
    )
    export(network, path, entry)
    save_yaml(path.with_suffix('.yaml'), entry)
    save_json(
        path.with_suffix('.json'),
        found | {'sha256': sha256_of(path), 'bytes': path.stat().st_size},
    )
    say(
        f'{path}: {path.stat().st_size / 1e6:.1f} MB, unheard speakers UAR {found["uar"]:.3f}, '
        f'ECE {found["ece"]:.3f} (uncalibrated {found["ece_before"]:.3f})'
    )
    return path
