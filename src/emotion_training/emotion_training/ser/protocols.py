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

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_training.common.files import TrainingError, load_torch, save_json, save_torch
from emotion_training.common.metrics import figures
from emotion_training.common.plots import save_confusion
from emotion_training.ser import fit, ridge
from emotion_training.ser.augment import Augmenter
from emotion_training.ser.batches import class_shares
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.eight_bits import pack, unpack
from emotion_training.ser.encoders import load_encoder
from emotion_training.ser.export import entry_of, export
from emotion_training.ser.fit import Recipe
from emotion_training.ser.frozen import frozen_features
from emotion_training.ser.noise import joined
from emotion_training.ser.sessions import SESSIONS, profiles
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.splits import check_disjoint, random_split, speaker_folds
from emotion_training.ser.voice import SILENT, VoiceModel, to_six

EIGHT = CLASSES

# EmoBox's folds of RAVDESS by actor: fold -> actors.
RAVDESS_FOLDS = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}

FOLDS = 5
"""Of protocol P3."""

FULL = Recipe()

EVENED = 0.5
"""How much of the unevenness of the classes in training is taken out of the answers: of 0, 1/4,
1/2, 3/4 and 1 the best for RAVDESS by a model that never heard it, and for two corpora of P3."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Workshop:
    """What every stage of a run shares.

    :param encoder: name of the pretrained encoder.
    :param data: the clips of speech.
    :param silence: recorded and made sound without speech.
    :param out: folder of checkpoints and figures.
    :param scale: of the number of steps (tests take small ones).
    :param full: schedule of a training on all corpora.
    """

    encoder: str
    data: Sounds
    silence: Sounds
    out: Path
    say: Say
    device: str = 'cpu'
    scale: float = 1.0
    full: Recipe = FULL

    def stage(
        self, name: str, chosen: np.ndarray, recipe: Recipe, seed: int, fold: int = -1
    ) -> VoiceModel:
        """Return the model of a stage, training it unless it lies in ``out`` already.

        :param chosen: indices of the clips that it is trained on.
        :param fold: of the sounds without speech that it must not hear, -1 for none.
        """
        recipe = replace(recipe, steps=max(2, round(recipe.steps * self.scale)))
        made_of = {
            'encoder': self.encoder,
            'recipe': asdict(recipe),
            'seed': seed,
            'clips': len(chosen),
            'speakers': sorted(set(self.data.speakers[chosen].tolist())),
        }
        path = Path(self.out) / f'{name}.pt'
        torch.manual_seed(seed)  # of the new head
        model = VoiceModel(load_encoder(self.encoder))
        if path.is_file():
            checkpoint = load_torch(path)
            if checkpoint['made_of'] == made_of:
                self.say(f'{name}: taken from {path}')
                model.load_state_dict(unpack(checkpoint['state']), strict=False)
                return model.eval()
            self.say(f'{name}: {path} was made by other settings; training again')
        quiet = np.flatnonzero(noise_fold(self.silence) != fold)
        whole = joined(self.data, self.silence)
        model = fit.fit(
            model,
            whole,
            np.concatenate((chosen, quiet + len(self.data))),
            recipe,
            seed,
            self.backgrounds(fold),
            lambda step, loss: self.say(f'{name}: step {step}/{recipe.steps}, loss {loss:.3f}'),
            self.device,
            self._features(model, whole, recipe),
        )
        model = model.to('cpu')
        packed = pack(model.state_dict())
        save_torch(path, {'made_of': made_of, 'state': packed})
        # What is judged is what is kept: weights in eight bits.
        model.load_state_dict(unpack(packed), strict=False)
        return model.eval()

    def _features(self, model: VoiceModel, whole: Sounds, recipe: Recipe) -> np.ndarray | None:
        """Return the features of a frozen encoder; ``None`` if it is tuned."""
        if recipe.encoder_rate:
            return None
        augmenter = Augmenter(self.backgrounds(), self.device, 0, recipe.strength)
        return frozen_features(
            model,
            whole,
            augmenter,
            Path(self.out) / 'cache',
            f'{self.encoder} {recipe.strength}',
            self.say,
            self.device,
        )

    def backgrounds(self, fold: int = -1) -> np.ndarray:
        """Return recorded sound without speech, float32 (n,), but for that of a fold."""
        recorded = self.silence.speakers != 'nonspeech/made'
        rows = np.flatnonzero(recorded & (noise_fold(self.silence) != fold))
        return np.concatenate(
            [np.zeros(0, np.float32), *(self.silence.clip(row) for row in rows.tolist())]
        )

    def embeddings(self, model: VoiceModel, rows: np.ndarray) -> torch.Tensor:
        """Return the standardised embeddings of clips."""
        return fit.embeddings(model, self.data, rows, self.device)


def evened(model: VoiceModel, data: Sounds, chosen: np.ndarray) -> VoiceModel:
    """Return the model with :data:`EVENED` of the log share of each class taken off its logit.

    Surprise, which only some corpora have, would be named too rarely, and Neutral, into which
    Calm goes, too often.
    """
    share = class_shares(data, chosen)
    order = [0, 1, 2, 3, 4, 5, None, 3, None]
    shift = np.array(
        [0.0 if place is None else EVENED * np.log(share[place]) for place in order], np.float32
    )
    with torch.no_grad():
        # Of the two without a place in the six only their mean over the rest moves.
        shift[[6, 8]] = shift[:6].mean()
        model.head.last.bias.sub_(torch.from_numpy(shift))
    return model


def evened_shares(data: Sounds, chosen: np.ndarray) -> list[float]:
    """Return the mixture of the six classes that an evened model answers for."""
    left = np.array(class_shares(data, chosen)) ** (1 - EVENED)
    return [float(share) for share in left / left.sum()]


def noise_fold(silence: Sounds) -> np.ndarray:
    """Return a fold of P3 for each sound without speech: pieces of one recording share it."""
    return np.array([sum(name.encode()) % FOLDS for name in silence.names.tolist()])


def six_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels in the six classes: Calm is Neutral, Disgust and no speech are -1."""
    return np.where(labels == 7, 3, np.where(labels > 5, -1, labels))


def six_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 6) of logits over the model's outputs."""
    return softmax(to_six(torch.from_numpy(logits[:, : len(CLASSES)])).numpy())


def summary(
    probabilities: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]
) -> dict[str, Any]:
    """Return the figures of a protocol as plain values."""
    found = figures(probabilities, truth)
    return {
        'n': found.n,
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': found.ece,
        'classes': [label for label, share in zip(labels, found.recall) if not np.isnan(share)],
        'recall': {
            label: float(share)
            for label, share in zip(labels, found.recall)
            if not np.isnan(share)
        },
        'confusion': found.confusion.tolist(),
    }


def _ravdess(data: Sounds) -> np.ndarray:
    chosen = np.flatnonzero(data.corpora == 'ravdess')
    if not chosen.size:
        raise TrainingError('protocols P1 and P2 need RAVDESS (--corpus ravdess=PATH or --data)')
    return chosen


def without(shop: Workshop, corpus: str) -> VoiceModel:
    """Return a model that never heard a corpus; without RAVDESS it is the base of P1 and P2."""
    others = np.flatnonzero(shop.data.corpora != corpus)
    if not others.size:
        raise TrainingError(f'no corpus besides {corpus} to train on first')
    return shop.stage(f'without_{corpus}', others, shop.full, 0)


def run_p1(shop: Workshop) -> dict[str, Any]:
    """Run P1 and return its figures; ``accuracy`` is the mean over five seeds.

    A classifier (:mod:`emotion_training.ser.ridge`) on what a model that never heard RAVDESS makes
    of the clips. ``known`` holds the same with each clip relative to its speaker's other clips.
    """
    rows, values = _strange(shop)
    truth, speakers = shop.data.labels[rows], shop.data.speakers[rows]
    splits = [random_split(len(rows), 0.2, seed) for seed in range(5)]
    return {'protocol': 'P1', **_judged(values, truth, speakers, splits, shop.say)}


def run_p2(shop: Workshop) -> dict[str, Any]:
    """Run P2 and return its figures, ``uar`` the mean over the six folds; as :func:`run_p1`."""
    rows, values = _strange(shop)
    data = shop.data
    actor = np.array([int(name.split('/A')[1]) for name in data.speakers[rows]])
    splits = []
    for actors in RAVDESS_FOLDS.values():
        held = np.isin(actor, actors)
        if held.any() and not held.all():
            check_disjoint(data.speakers, rows[~held], rows[held])
            splits.append((np.flatnonzero(~held), np.flatnonzero(held)))
    return {
        'protocol': 'P2',
        **_judged(values, data.labels[rows], data.speakers[rows], splits, shop.say),
    }


def _strange(shop: Workshop) -> tuple[np.ndarray, np.ndarray]:
    """Return the clips of RAVDESS and what a model that never heard any makes of them."""
    rows = _ravdess(shop.data)
    return rows, shop.embeddings(without(shop, 'ravdess'), rows).numpy()


def _judged(
    values: np.ndarray,
    truth: np.ndarray,
    speakers: np.ndarray,
    splits: list[tuple[np.ndarray, np.ndarray]],
    say: Say,
) -> dict[str, Any]:
    """Judge each test part by a classifier fitted on the rest.

    By itself, and relative to the voice.
    """
    found = {}
    for name, table in (('alone', values), ('known', ridge.by_speaker(values, speakers))):
        runs = []
        for train, test in splits:
            logits = ridge.answer(table[train], truth[train], table[test], len(EIGHT))
            runs.append(summary(softmax(logits), truth[test], EIGHT))
        found[name] = {
            **_mean(runs),
            'runs': runs,
            'confusion': np.sum([run['confusion'] for run in runs], axis=0).tolist(),
        }
        say(f'{name}: accuracy {found[name]["accuracy"]:.4f}, UAR {found[name]["uar"]:.4f}')
    return {**found['alone'], 'known': found['known']}


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


def _mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return (
        {
            name: float(np.mean([run[name] for run in runs]))
            for name in ('accuracy', 'uar', 'macro_f1', 'ece')
        }
        | {
            f'{name}_deviation': float(np.std([run[name] for run in runs]))
            for name in ('accuracy', 'uar')
        }
        | {'n': sum(run['n'] for run in runs), 'classes': list(EIGHT)}
    )


PROTOCOLS = {'P1': run_p1, 'P2': run_p2, 'P3': run_p3, 'LOCO': run_left_out}


def report(protocol: str, shop: Workshop) -> dict[str, Any]:
    """Run a protocol, write ``PROTOCOL.json`` and ``PROTOCOL.png`` into ``out``."""
    result = PROTOCOLS[protocol](shop)
    save_json(Path(shop.out) / f'{protocol}.json', result)
    save_confusion(
        Path(shop.out) / f'{protocol}.png',
        np.array(result['confusion']),
        EMOTIONS if protocol in ('P3', 'LOCO') else EIGHT,
        f'{protocol}: UAR {result["uar"]:.3f}, n {result["n"]}',
    )
    shop.say(
        f'{protocol}: accuracy {result["accuracy"]:.4f}, UAR {result["uar"]:.4f}, macro-F1 '
        f'{result["macro_f1"]:.4f}, ECE {result["ece"]:.4f}'
    )
    return result
