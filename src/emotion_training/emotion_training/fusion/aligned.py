# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fit and judge the fusion on films in which face and voice belong together."""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from emotion_perception.emotions import EMOTIONS
from emotion_perception.fusion.combine import CombineSettings
from emotion_perception.fusion.learnt import Seen
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_model,
)
from emotion_perception.models.balance import BALANCED
from emotion_training.common.files import TrainingError, write_atomically
from emotion_training.common.leftout import NothingLeftError
from emotion_training.common.metrics import figures
from emotion_training.fusion import methods
from emotion_training.fusion.audiovisual import FilmClip, look, read
from emotion_training.fusion.pairs import Pairs, Rows
from emotion_training.fusion.pools import FIT, TEST, model_digest
from emotion_training.fusion.sources import seen_of
from emotion_training.ser.splits import speaker_folds

BOOTSTRAP = 500


def split(clips: Sequence[FilmClip]) -> np.ndarray:
    """Return the part of each clip: the corpus' own, else a third of the speakers to fit on.

    Of MELD, ``train`` and ``dev`` fit and ``test`` judges.
    """
    speakers = np.array([clip.speaker for clip in clips])
    names = np.unique(speakers)
    result = np.full(len(clips), TEST, dtype='<U4')
    if len(names) > 1:
        fold = speaker_folds(
            speakers, np.array([clip.corpus for clip in clips]), min(3, len(names)), seed=1
        )
        result[fold == 0] = FIT
    official = np.array([clip.part for clip in clips])
    result[np.isin(official, ('train', 'dev'))] = FIT
    result[official == 'test'] = TEST
    return result


def load_aligned(options: argparse.Namespace, part: str) -> tuple[Pairs, dict[str, Seen]]:
    """Return what the models say about the films of one part; looked at once, then cached.

    :return: and the two models, whose embeddings the pairs hold.

    :raises TrainingError: if a corpus cannot be used or the part is empty.
    :raises ModelError: if a model cannot be loaded.
    """
    clips = [clip for spec in options.audiovisual for clip in read(spec)]
    clips = [clip for clip, own in zip(clips, split(clips)) if own == part]
    if not clips:
        raise TrainingError(
            f'the {part} part of {", ".join(options.audiovisual)} has no film; '
            'at least two speakers are needed'
        )
    settings = ModelSettings(threads=options.threads)
    faces = FaceEmotionRecognizer(load_model(options.fer_model, 'fer', settings), BALANCED)
    names = options.ser_model or ['ser-default']
    if len(names) > 1:
        raise TrainingError('aligned films take one --ser-model, a model of the runtime')
    voices = SpeechEmotionRecognizer(load_model(names[0], 'ser', settings), class_balance=BALANCED)
    key = repr(
        (
            3,
            [str(clip.video) for clip in clips],
            *((model_digest(item), item.model.entry.shares) for item in (faces, voices)),
        )
    )
    path = (
        options.out
        / 'cache'
        / (f'aligned_{part}_{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz')
    )
    if not path.is_file():
        _watch(clips, faces, voices, path)
    with np.load(path, allow_pickle=False) as archive:
        weights = archive['weights']
        tables = {name: archive[f'embedding_{name}'] for name in ('face', 'voice')}
        pairs = Pairs(
            archive['face'],
            archive['voice'],
            weights,
            weights > 0,
            archive['truth'],
            {
                name: Rows(table, np.where(weights[:, column] > 0, np.arange(len(table)), -1))
                for column, (name, table) in enumerate(tables.items())
                if table.shape[1]
            },
        )
    return pairs, {
        name: seen_of(recognizer, tables[name].shape[1])
        for name, recognizer in (('face', faces), ('voice', voices))
    }


def _watch(
    clips: Sequence[FilmClip],
    faces: FaceEmotionRecognizer,
    voices: SpeechEmotionRecognizer,
    path: Path,
) -> None:
    looks, truth, problems = [], [], []
    for clip in tqdm(clips, desc='films', unit='film'):
        try:
            looks.append(look(clip, faces, voices))
        except TrainingError as error:
            problems.append(str(error))
            continue
        truth.append(EMOTIONS.index(clip.label))
    if problems:
        print(f'{len(problems)} of {len(clips)} films were left out; the first: {problems[0]}')
    if not looks:
        raise NothingLeftError('no film could be read')
    tables: dict[str, Any] = {'truth': np.array(truth)}
    for name in ('face', 'voice'):
        own = [item.embeddings[name] for item in looks]
        none = np.zeros(max(map(len, own)), np.float32)
        tables[f'embedding_{name}'] = np.stack([value if len(value) else none for value in own])
    for name in ('face', 'voice', 'weights'):
        tables[name] = np.stack([getattr(item, name) for item in looks])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **tables)
    write_atomically(path, buffer.getvalue())


def evaluate_aligned(options: argparse.Namespace) -> dict[str, Any]:
    """Judge the fusion as it is shipped, and as fitted on the fitting part, on aligned films.

    All answers are for equally common classes. A modality that is missing in a film counts as an
    error of that modality alone. The deviation is that of a bootstrap over films.
    """
    (test, _), (pairs, _) = load_aligned(options, TEST), load_aligned(options, FIT)
    table = {
        'face': methods.face_only,
        'voice': methods.voice_only,
        'product as shipped': methods.closed_form(CombineSettings()),
    }
    if len(np.unique(pairs.truth)) > 1:
        table['product fitted'] = methods.closed_form(methods.fit_closed_form(pairs, 'product'))
        table['stacker'] = methods.learnt(methods.train(methods.stacker, pairs, options.seed))
        table['network'] = methods.learnt(methods.train(methods.Network, pairs, options.seed))
    rng = np.random.default_rng(options.seed)
    again = rng.integers(len(test), size=(BOOTSTRAP, len(test)))
    result = {}
    for name, method in table.items():
        answer = method(test)
        right = answer.argmax(axis=1) == test.truth
        if name in ('face', 'voice'):
            right &= test.present[:, ('face', 'voice').index(name)]
        found = figures(answer, test.truth)
        result[name] = {
            'accuracy': float(right.mean()),
            'deviation': float(right[again].mean(axis=1).std()),
            'uar': found.uar,
            'macro_f1': found.macro_f1,
            'ece': found.ece,
        }
    return {
        'kind': 'aligned',
        'corpora': list(options.audiovisual),
        'n': len(test),
        'n_fit': len(pairs),
        'without_face': int((~test.present[:, 0]).sum()),
        'without_voice': int((~test.present[:, 1]).sum()),
        'table': result,
    }
