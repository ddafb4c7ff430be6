"""The three protocols that speech models of this project are reported by.

P1: RAVDESS, 8 classes, random 80/20 over clips, five seeds (the same people on both sides).
P2: RAVDESS, 8 classes, six speaker-disjoint folds (those of EmoBox, Ma et al., Interspeech 2024).
P3: six classes, all corpora, three speaker-disjoint folds; and each corpus left out in turn.

Every schedule is fixed beforehand; no figure of a test clip chooses anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_training.common.files import TrainingError, load_torch, save_json, save_torch
from emotion_training.common.metrics import figures
from emotion_training.common.plots import save_confusion
from emotion_training.ser import fit, nonspeech
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.enhancer_fit import EnhancerRecipe, fit_enhancer
from emotion_training.ser.ensemble import Ensemble, Members, blend, fit_members
from emotion_training.ser.export import entry_of, export
from emotion_training.ser.fit import Recipe
from emotion_training.ser.network import to_six
from emotion_training.ser.sessions import SESSIONS, profiles
from emotion_training.ser.spectra import Spectra
from emotion_training.ser.splits import check_disjoint, random_split, speaker_folds
from emotion_training.ser.statistics import (
    fit_statistics,
    scale_of,
    statistics_logits,
    tables,
)

EIGHT = ('Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise', 'Disgust', 'Calm')

# EmoBox's folds of RAVDESS by actor: fold -> actors.
RAVDESS_FOLDS = {
    1: (1, 11, 20, 21), 2: (4, 10, 12, 14), 3: (8, 9, 19, 23), 4: (3, 5, 7, 24),
    5: (2, 15, 16, 18), 6: (6, 13, 17, 22)}

PRETRAIN = Recipe(epochs=14, samples=8000, strength=0.35, mixup=0.15)
TUNE = Recipe(epochs=12, samples=960, rate=1e-3, average=0.98, frames=80, strength=0.25,
              mixup=0.15)
FULL = Recipe(epochs=18, samples=8000, frames=80, strength=0.35, noise=0.4, mixup=0.15)
MEMBERS = 2
"""Networks on embeddings beside each CNN of P1 and P2."""

NONSPEECH = 700
"""Made clips without speech that every broad training mixes in; at most a tenth of the speech."""

Say = Callable[[str], None]

Schedule = TypeVar('Schedule', Recipe, EnhancerRecipe)


class Stages:
    """Training stages kept in a folder, so that a stopped run goes on where it stood.

    :param folder: one checkpoint for each stage.
    :param scale: of the number of epochs (tests take small ones).
    """

    def __init__(self, folder: Path, say: Say, scale: float = 1.0) -> None:
        self.folder, self.say, self.scale = Path(folder), say, scale

    def run(self, name: str, data: Spectra, chosen: np.ndarray, recipe: Recipe, seed: int,
            start: dict | None = None, weights: dict[str, float] | None = None) -> dict:
        """Return the checkpoint of a stage, training it unless it is there already.

        Without ``start`` an enhancer is trained on the same clips first, a stage of its own.
        """
        first = start or self._enhancer(f'{name}_enhancer', data, chosen, seed)
        recipe = self._scaled(recipe)
        made_of = {'recipe': asdict(recipe), 'seed': seed, 'start': first['made_of'],
                   **_clips(data, chosen)}

        def train(say: Callable[[int, float], None]) -> dict:
            return fit.fit(data, chosen, recipe, seed, start, weights=weights,
                           enhancer=None if start else first['state'],
                           watch=lambda epoch, loss, _: say(epoch, loss))

        return self._kept(name, made_of, recipe.epochs, 'loss', train)

    def _enhancer(self, name: str, data: Spectra, chosen: np.ndarray, seed: int) -> dict:
        recipe = self._scaled(EnhancerRecipe())
        made_of = {'recipe': asdict(recipe), 'seed': seed, **_clips(data, chosen)}
        return self._kept(name, made_of, recipe.epochs, 'distance in dB', lambda say: {
            'state': fit_enhancer(data, chosen, recipe, seed, say)})

    def _scaled(self, recipe: Schedule) -> Schedule:
        return replace(recipe, epochs=max(1, round(recipe.epochs * self.scale)))

    def _kept(self, name: str, made_of: dict, epochs: int, figure: str,
              train: Callable[[Callable[[int, float], None]], dict]) -> dict:
        path = self.folder / f'{name}.pt'
        if path.is_file():
            checkpoint = load_torch(path)
            if checkpoint['made_of'] == made_of:
                self.say(f'{name}: taken from {path}')
                return checkpoint
            self.say(f'{name}: {path} was made by other settings; training again')
        checkpoint = train(lambda epoch, value: self.say(
            f'{name}: epoch {epoch + 1}/{epochs}, {figure} {value:.3f}'))
        checkpoint['made_of'] = made_of
        save_torch(path, checkpoint)
        return checkpoint


def _clips(data: Spectra, chosen: np.ndarray) -> dict:
    """Return what tells one set of training clips from another."""
    return {'clips': len(chosen), 'speakers': sorted(set(data.speakers[chosen].tolist()))}


def six_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels in the six classes: Calm is Neutral, Disgust and no speech are -1."""
    return np.where(labels == 7, 3, np.where(labels > 5, -1, labels))


def six_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 6) of logits over the network's outputs."""
    return softmax(to_six(torch.from_numpy(logits[:, :len(CLASSES)])).numpy())


def summary(probabilities: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]) -> dict:
    """Return the figures of a protocol as plain values."""
    found = figures(probabilities, truth)
    return {'n': found.n, 'accuracy': found.accuracy, 'uar': found.uar,
            'macro_f1': found.macro_f1, 'ece': found.ece,
            'classes': [label for label, share in zip(labels, found.recall)
                        if not np.isnan(share)],
            'recall': {label: float(share) for label, share in zip(labels, found.recall)
                       if not np.isnan(share)},
            'confusion': found.confusion.tolist()}


def with_nonspeech(data: Spectra) -> tuple[Spectra, np.ndarray]:
    """Add made sounds without speech; return the whole and the indices of those."""
    count = min(NONSPEECH, 8 + len(data) // 10)
    whole = data + nonspeech.make_spectra(count, seed=1)
    return whole, np.arange(len(data), len(whole))


def _ravdess(data: Spectra) -> np.ndarray:
    chosen = np.flatnonzero(data.corpora == 'ravdess')
    if not chosen.size:
        raise TrainingError('protocols P1 and P2 need RAVDESS (--corpus ravdess=PATH or --data)')
    return chosen


def pretrained(data: Spectra, stages: Stages) -> dict:
    """Train on everything but RAVDESS: the start of P1 and P2, and P3's `without ravdess`."""
    whole, made = with_nonspeech(data)
    others = np.flatnonzero(data.corpora != 'ravdess')
    if not others.size:
        raise TrainingError('no corpus besides RAVDESS to train on first')
    return stages.run('without_ravdess', whole, np.concatenate((others, made)), PRETRAIN, 0)


def _features(data: Spectra, ravdess: np.ndarray, start: dict, stages: Stages
              ) -> tuple[Spectra, np.ndarray]:
    """Return RAVDESS alone and its features, embeddings of the broad network among them."""
    alone = data.take(ravdess)
    return alone, tables(alone, stages.folder / 'features_ravdess.npy', fit.restore(start))


def _answers(checkpoint: dict, alone: Spectra, table: np.ndarray, train: np.ndarray,
             test: np.ndarray) -> tuple[np.ndarray, dict]:
    """Return the eight logits of the tuned network and of networks on features, half each.

    With them the figures of that, and of the tuned network alone.
    """
    tuned = fit.logits(fit.restore(checkpoint), alone, test)
    with torch.no_grad():
        table = scale_of(table, train)(torch.from_numpy(table)).numpy()
    others = [fit_statistics(table, alone, train, seed) for seed in range(MEMBERS)]
    both = (0.5 * tuned + 0.5 * statistics_logits(others, table[0, test]))[:, :8]
    truth = alone.labels[test]
    single = summary(softmax(tuned[:, :8]), truth, EIGHT)
    return both, {**summary(softmax(both), truth, EIGHT),
                  'network_alone': {name: single[name] for name in ('accuracy', 'uar')}}


def run_p1(data: Spectra, stages: Stages) -> dict:
    """Run P1 and return its figures; ``accuracy`` is the mean over five seeds."""
    ravdess, start, runs = _ravdess(data), pretrained(data, stages), []
    alone, table = _features(data, ravdess, start, stages)
    for seed in range(5):
        train, test = random_split(len(ravdess), 0.2, seed)
        done = stages.run(f'p1_seed{seed}', data, ravdess[train], TUNE, seed, start)
        runs.append(_answers(done, alone, table, train, test)[1])
        stages.say(f'P1 seed {seed}: accuracy {runs[-1]["accuracy"]:.4f}')
    return {'protocol': 'P1', **_mean(runs), 'runs': runs}


def run_p2(data: Spectra, stages: Stages) -> dict:
    """Run P2 and return its figures; ``uar`` is the mean over the six folds."""
    ravdess, start, runs = _ravdess(data), pretrained(data, stages), []
    alone, table = _features(data, ravdess, start, stages)
    actor = np.array([int(name.split('/A')[1]) for name in alone.speakers])
    pooled = np.zeros((len(ravdess), 8), np.float32)
    for fold, actors in RAVDESS_FOLDS.items():
        test = np.isin(actor, actors)
        if not test.any() or test.all():
            continue
        check_disjoint(alone.speakers, ~test, test)
        done = stages.run(f'p2_fold{fold}', data, ravdess[~test], TUNE, fold, start)
        pooled[test], figure = _answers(done, alone, table, np.flatnonzero(~test),
                                        np.flatnonzero(test))
        runs.append(figure)
        stages.say(f'P2 fold {fold}: UAR {runs[-1]["uar"]:.4f}')
    return {'protocol': 'P2', **_mean(runs), 'runs': runs,
            'pooled': summary(softmax(pooled), alone.labels, EIGHT)}


def run_p3(data: Spectra, stages: Stages, folds: int = 3) -> dict:
    """Run P3 and return its figures: pooled, per corpus, for each corpus left out, and with what
    a session makes known of the voice (:mod:`emotion_training.ser.sessions`).
    """
    whole, made = with_nonspeech(data)
    fold_of = speaker_folds(data.speakers, data.corpora, folds)
    truth = six_labels(data.labels)
    pooled = {name: np.zeros((len(data), fit.OUTPUTS), np.float32)
              for name in ('stranger', *SESSIONS)}
    for fold in range(folds):
        test = np.flatnonzero(fold_of == fold)
        train = np.flatnonzero(fold_of != fold)
        check_disjoint(data.speakers, train, test)
        chosen = np.concatenate((train, made))
        done = stages.run(f'p3_fold{fold}', whole, chosen, FULL, fold)
        members, values = fit_members(done, whole, chosen,
                                      stages.folder / f'features_fold{fold}.npy')
        heard = fit.logits(fit.restore(done), data, test)
        pooled['stranger'][test] = blend(heard, members, values[test])
        for name in SESSIONS:
            pooled[name][test] = blend(heard, members, values[test],
                                       profiles(name, data, values, test, seed=fold))
        save_fold(stages.folder / f'p3_fold{fold}.onnx', done, members, data.speakers[test])
        judged = test[truth[test] >= 0]
        for name in ('stranger', 'session'):
            found = summary(six_probabilities(pooled[name][judged]), truth[judged], EMOTIONS)
            stages.say(f'P3 fold {fold}, {name}: UAR {found["uar"]:.4f}')
    save_torch(stages.folder / 'p3_logits.pt', {
        'logits': torch.from_numpy(pooled['stranger']),
        'session': torch.from_numpy(pooled['session']), 'fold': torch.from_numpy(fold_of)})
    judged = np.flatnonzero(truth >= 0)
    corpora = np.unique(data.corpora).tolist()

    def by_corpus(logits: np.ndarray) -> dict:
        parts = {corpus: judged[data.corpora[judged] == corpus] for corpus in corpora}
        return {corpus: _both(six_probabilities(logits[part]), truth[part])
                for corpus, part in parts.items()}

    def whole_figures(logits: np.ndarray) -> dict:
        return {**summary(six_probabilities(logits[judged]), truth[judged], EMOTIONS),
                'corpora': by_corpus(logits)}

    result = {'protocol': 'P3', 'folds': folds, **whole_figures(pooled['stranger']),
              'voice_memory': {name: whole_figures(pooled[name]) for name in SESSIONS},
              'left_out': {}}
    for corpus in corpora if len(corpora) > 1 else ():
        done, members, values = _without(corpus, data, whole, made, stages)
        part = judged[data.corpora[judged] == corpus]
        found = blend(fit.logits(fit.restore(done), data, part), members, values[part])
        result['left_out'][corpus] = _both(six_probabilities(found), truth[part])
        stages.say(f'P3 without {corpus}: UAR {result["left_out"][corpus]["uar"]:.4f}')
    return result


def _without(corpus: str, data: Spectra, whole: Spectra, made: np.ndarray, stages: Stages
             ) -> tuple[dict, Members, np.ndarray]:
    chosen = np.concatenate((np.flatnonzero(data.corpora != corpus), made))
    done = (pretrained(data, stages) if corpus == 'ravdess' else
            stages.run(f'without_{corpus}', whole, chosen, FULL, 0))
    return done, *fit_members(done, whole, chosen,
                              stages.folder / f'features_without_{corpus}.npy')


def save_fold(path: Path, checkpoint: dict, members: Members, unheard: np.ndarray) -> None:
    """Write what was trained on a fold as a model, and beside it whom it never heard.

    Such models judge the fusion honestly: the default itself has heard everybody.
    """
    export(Ensemble(fit.restore(checkpoint), members).eval(), path,
           entry_of(path.name, 1.0, 0.0, 'fold of protocol P3'))
    save_json(path.with_suffix('.json'), {'speakers': sorted(set(unheard.tolist()))})


def _both(probabilities: np.ndarray, truth: np.ndarray) -> dict:
    """Judge over the six, and again with only the classes the corpus has to choose from."""
    present = np.isin(np.arange(len(EMOTIONS)), truth)
    known = np.where(present, probabilities, 0)
    known = known / np.maximum(known.sum(axis=1, keepdims=True), 1e-9)
    return {**summary(probabilities, truth, EMOTIONS),
            'uar_among_own_classes': figures(known, truth).uar}


def _mean(runs: list[dict]) -> dict:
    return {name: float(np.mean([run[name] for run in runs]))
            for name in ('accuracy', 'uar', 'macro_f1', 'ece')} | {
                'n': sum(run['n'] for run in runs), 'classes': list(EIGHT),
                'network_alone': {name: float(np.mean([run['network_alone'][name]
                                                       for run in runs]))
                                  for name in ('accuracy', 'uar')},
                'deviation': {name: float(np.std([run[name] for run in runs]))
                              for name in ('accuracy', 'uar')}}


RUN: dict[str, Callable[[Spectra, Stages], dict]] = {'P1': run_p1, 'P2': run_p2, 'P3': run_p3}


def report(name: str, data: Spectra, folder: Path, say: Say, scale: float = 1.0) -> dict:
    """Run a protocol, save ``P1.json`` and a confusion matrix in the folder, say the result."""
    folder = Path(folder)
    result = RUN[name](data, Stages(folder, say, scale))
    save_json(folder / f'{name}.json', result)
    shown = result.get('pooled', result if 'confusion' in result else None)
    if shown is not None:
        labels = EMOTIONS if name == 'P3' else EIGHT
        save_confusion(folder / f'{name}.png', np.array(shown['confusion']), labels,
                       f'{name}: UAR {shown["uar"]:.3f}, n {shown["n"]}')
    say(json.dumps({key: value for key, value in result.items()
                    if key in ('protocol', 'accuracy', 'uar', 'macro_f1', 'n')}))
    return result
