"""Train, calibrate and export the embedded default: one network on all corpora."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from emotion_perception.emotions import softmax
from emotion_training.common.files import save_json, save_yaml, sha256_of
from emotion_training.common.metrics import calibration_error, figures
from emotion_training.ser import fit, nonspeech
from emotion_training.ser.export import entry_of, export, fit_temperature, gate
from emotion_training.ser.protocols import FULL, Say, Stages, six_labels, with_nonspeech
from emotion_training.ser.spectra import Spectra
from emotion_training.ser.splits import check_disjoint, random_split, speaker_folds

HELD_OUT = 12
"""One in so many speakers calibrates and trains nothing."""

CONFIDENCE_CAP = 0.35
"""Largest threshold of abstention: above it the model would decline ordinary speech."""


def held_out(data: Spectra, say: Say) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (train, calibration), by speakers where there are at least four."""
    speakers = len(np.unique(data.speakers))
    if speakers < 4:
        say(f'only {speakers} speaker(s): calibrating on clips of the same people, so the '
            'confidence will be too high for others')
        return random_split(len(data), 0.15, 0)
    fold = speaker_folds(data.speakers, data.corpora, min(HELD_OUT, speakers), seed=5)
    train, rest = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    check_disjoint(data.speakers, train, rest)
    return train, rest


def calibrate(network: torch.nn.Module, data: Spectra, chosen: np.ndarray) -> dict:
    """Return temperature, threshold of abstention and the figures behind them.

    The threshold is the confidence that 99 % of the speech reaches, at most 0.35.

    :param chosen: clips that trained nothing.
    """
    truth = six_labels(data.labels[chosen])
    chosen, truth = chosen[truth >= 0], truth[truth >= 0]

    def answers(part: Spectra, index: np.ndarray) -> np.ndarray:
        return gate(torch.from_numpy(fit.logits(network, part, index))).numpy()

    logits = answers(data, chosen)
    temperature = fit_temperature(logits, truth)
    probabilities = softmax(logits, temperature)
    threshold = min(CONFIDENCE_CAP, float(np.quantile(probabilities.max(axis=1), 0.01)))
    made = nonspeech.make_spectra(min(300, 8 + len(chosen)), seed=99)
    silent = softmax(answers(made, np.arange(len(made))), temperature).max(axis=1)
    found = figures(probabilities, truth)
    return {'temperature': temperature, 'min_confidence': round(threshold, 3), 'n': found.n,
            'accuracy': found.accuracy, 'uar': found.uar, 'macro_f1': found.macro_f1,
            'ece': found.ece, 'ece_before': calibration_error(softmax(logits), truth),
            'speech_abstained': float((probabilities.max(axis=1) < threshold).mean()),
            'nonspeech_abstained': float((silent < threshold).mean()),
            'speakers': sorted(set(data.speakers[chosen].tolist()))}


def train_default(data: Spectra, out: Path, say: Say, scale: float = 1.0) -> Path:
    """Train on all clips and write ``ser_default.onnx`` with its entry beside it.

    :return: path of the ONNX file; the sidecar ``ser_default.yaml`` holds its catalogue entry,
        ``default.json`` the figures of calibration.
    """
    out = Path(out)
    whole, made = with_nonspeech(data)
    train, rest = held_out(data, say)
    checkpoint = Stages(out, say, scale).run('default', whole, np.concatenate((train, made)),
                                             FULL, 11)
    return finish(checkpoint, data, rest, out / 'ser_default.onnx', say)


def finish(checkpoint: dict, data: Spectra, rest: np.ndarray, path: Path, say: Say) -> Path:
    """Calibrate a trained network on the clips ``rest`` and write it as ``path``."""
    network = fit.restore(checkpoint)
    found = calibrate(network, data, rest)
    entry = entry_of(path.name, found['temperature'], found['min_confidence'],
                     'embedded default for voices: small CNN on log-mel spectra',
                     card=path.with_suffix('.md').name)
    export(network, path, entry)
    save_yaml(path.with_suffix('.yaml'), entry)
    save_json(path.with_suffix('.json'), found | {'sha256': sha256_of(path),
                                                  'bytes': path.stat().st_size})
    say(f'{path}: {path.stat().st_size / 1e6:.1f} MB, held-out speakers UAR {found["uar"]:.3f}, '
        f'ECE {found["ece"]:.3f} (uncalibrated {found["ece_before"]:.3f})')
    return path
