# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The protocols that speech models of this project are reported by.

P1: RAVDESS, 8 classes, random 80/20 over clips, five seeds (the same people on both sides).
P2: RAVDESS, 8 classes, six speaker-disjoint folds (those of EmoBox, Ma et al., Interspeech 2024).
P3: six classes, all corpora, five speaker-disjoint folds.
LOCO: six classes, each corpus judged by a model that never heard anything of it.

Every schedule is fixed beforehand; no figure of a test clip chooses anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_training.common.files import TrainingError, save_json, save_torch
from emotion_training.common.metrics import figures, summary
from emotion_training.common.plots import save_confusion
from emotion_training.ser import fit
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.export import entry_of, export
from emotion_training.ser.ravdess import run_p1, run_p2
from emotion_training.ser.sessions import SESSIONS, profiles
from emotion_training.ser.splits import check_disjoint, speaker_folds
from emotion_training.ser.voice import SILENT, VoiceModel, six_labels, to_six
from emotion_training.ser.workshop import (
    FOLDS,
    Workshop,
    evened,
    evened_shares,
    noise_fold,
    without,
)


def six_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 6) of logits over the model's outputs."""
    return softmax(to_six(torch.from_numpy(logits[:, : len(CLASSES)])).numpy())


def run_p3(shop: Workshop) -> dict[str, Any]:
    """Run P3 and return its figures.

    Pooled, per corpus, and with what a session makes known of the voice
    (:mod:`emotion_training.ser.sessions`).

    Each fold's model is written as ``p3_foldN.onnx``, and beside it whom it never heard: the
    default itself has heard everybody, so such models judge the fusion, and the noise, honestly.
    """
    data = shop.data
    fold_of = speaker_folds(data.speakers, data.corpora, FOLDS)
    truth = six_labels(data.labels)
    names = ('alone', *SESSIONS)
    pooled = {name: np.zeros((len(data), SILENT + 1), np.float32) for name in names}
    silent, silent_fold = (
        np.zeros((len(shop.silence), SILENT + 1), np.float32),
        noise_fold(shop.silence),
    )
    for fold in range(FOLDS):
        test, train = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        check_disjoint(data.speakers, train, test)
        model = evened(
            shop.stage(f'p3_fold{fold}', train, shop.full, fold, fold=fold), data, train
        )
        values = shop.embeddings(model, test)
        for name in names:
            profile = None if name == 'alone' else profiles(name, data, values, test, fold)
            pooled[name][test] = fit.judge(model, values, profile)
        held = np.flatnonzero(silent_fold == fold)
        if held.size:
            silent[held] = fit.judge(model, fit.embeddings(model, shop.silence, held, shop.device))
        save_fold(shop, fold, model, train, data.speakers[test])
        judged = test[truth[test] >= 0]
        for name in ('alone', 'session'):
            found = summary(six_probabilities(pooled[name][judged]), truth[judged], EMOTIONS)
            shop.say(f'P3 fold {fold}, {name}: UAR {found["uar"]:.4f}')
    save_torch(
        Path(shop.out) / 'p3_logits.pt',
        {
            **{name: torch.from_numpy(pooled[name]) for name in names},
            'silence': torch.from_numpy(silent),
            'fold': torch.from_numpy(fold_of),
        },
    )
    judged = np.flatnonzero(truth >= 0)
    corpora = np.unique(data.corpora).tolist()

    def whole_figures(logits: np.ndarray) -> dict[str, Any]:
        parts = {corpus: judged[data.corpora[judged] == corpus] for corpus in corpora}
        return {
            **summary(six_probabilities(logits[judged]), truth[judged], EMOTIONS),
            'corpora': {
                corpus: _both(six_probabilities(logits[part]), truth[part])
                for corpus, part in parts.items()
            },
        }

    return {
        'protocol': 'P3',
        'folds': FOLDS,
        **whole_figures(pooled['alone']),
        'voice_memory': {name: whole_figures(pooled[name]) for name in SESSIONS},
    }


def save_fold(
    shop: Workshop, fold: int, model: VoiceModel, heard: np.ndarray, unheard: np.ndarray
) -> None:
    """Write the model of a fold, and the speakers and the sounds that it never heard.

    :param heard: indices of the clips that it was trained on.
    :param unheard: names of the speakers that it was not trained on.
    """
    path = Path(shop.out) / f'p3_fold{fold}.onnx'
    shares = evened_shares(shop.data, heard)
    export(model, path, entry_of(path.name, 1.0, 0.0, 'fold of protocol P3', shares))
    quiet = shop.silence.names[noise_fold(shop.silence) == fold]
    save_json(
        path.with_suffix('.json'),
        {'speakers': sorted(set(unheard.tolist())), 'silence': quiet.tolist()},
    )


def run_left_out(shop: Workshop) -> dict[str, Any]:
    """Judge each corpus by a model that never heard anything of it."""
    corpora = np.unique(shop.data.corpora).tolist()
    if len(corpora) < 2:
        raise TrainingError('leaving a corpus out needs two or more')
    found = {corpus: _left_out(shop, corpus) for corpus in corpora}
    mean = {
        name: float(np.mean([figure[name] for figure in found.values()]))
        for name in ('accuracy', 'uar', 'macro_f1', 'ece')
    }
    confusion = np.sum([figure['confusion'] for figure in found.values()], axis=0)
    return {
        'protocol': 'LOCO',
        **mean,
        'n': sum(figure['n'] for figure in found.values()),
        'confusion': confusion.tolist(),
        'left_out': found,
    }


def _left_out(shop: Workshop, corpus: str) -> dict[str, Any]:
    """Judge a corpus by a model that never heard it, by itself and in sessions."""
    data = shop.data
    model = evened(without(shop, corpus), data, np.flatnonzero(data.corpora != corpus))
    truth = six_labels(data.labels)
    part = np.flatnonzero((data.corpora == corpus) & (truth >= 0))
    values = shop.embeddings(model, part)
    found = _both(six_probabilities(fit.judge(model, values)), truth[part])
    session = fit.judge(model, values, profiles('session', data, values, part, 0))
    found['session'] = _both(six_probabilities(session), truth[part])
    shop.say(
        f'P3 without {corpus}: UAR {found["uar"]:.4f}, in sessions {found["session"]["uar"]:.4f}'
    )
    return found


def _both(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Judge over the six, and again with only the classes the corpus has to choose from."""
    present = np.isin(np.arange(len(EMOTIONS)), truth)
    known = np.where(present, probabilities, 0)
    known = known / np.maximum(known.sum(axis=1, keepdims=True), 1e-9)
    return {
        **summary(probabilities, truth, EMOTIONS),
        'uar_among_own_classes': figures(known, truth).uar,
    }


PROTOCOLS = {'P1': run_p1, 'P2': run_p2, 'P3': run_p3, 'LOCO': run_left_out}


def report(protocol: str, shop: Workshop) -> dict[str, Any]:
    """Run a protocol, write ``PROTOCOL.json`` and ``PROTOCOL.png`` into ``out``."""
    result = PROTOCOLS[protocol](shop)
    save_json(Path(shop.out) / f'{protocol}.json', result)
    save_confusion(
        Path(shop.out) / f'{protocol}.png',
        np.array(result['confusion']),
        EMOTIONS if protocol in ('P3', 'LOCO') else CLASSES,
        f'{protocol}: UAR {result["uar"]:.3f}, n {result["n"]}',
    )
    shop.say(
        f'{protocol}: accuracy {result["accuracy"]:.4f}, UAR {result["uar"]:.4f}, macro-F1 '
        f'{result["macro_f1"]:.4f}, ECE {result["ece"]:.4f}'
    )
    return result
