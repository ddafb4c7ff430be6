# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which faces and voices are honest to use: nobody whom a model was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emotion_perception.emotions import EMOTIONS
from emotion_perception.fusion.learnt import Seen
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_model,
    model_file,
)
from emotion_perception.models.balance import NATURAL, unknown_shares
from emotion_perception.models.model import dummy_input
from emotion_perception.storage import sha256_of
from emotion_training.common.files import TrainingError
from emotion_training.fusion.pools import (
    FIT,
    TEST,
    Pool,
    Voice,
    cached,
    face_pool,
    listen,
    model_digest,
    voice_pool,
)
from emotion_training.ser.corpora import Clip, read
from emotion_training.ser.sound import read_sound
from emotion_training.ser.splits import speaker_folds

FOLDS = 3
TRANSLATED = 360
"""Clips that a map from one model's embeddings to another's is fitted on."""

RIDGES = (0.01, 0.1, 1.0, 10.0)
SPLITS = {'valid': FIT, 'test': TEST}
"""FER2013's parts: the validation pictures fit the fusion, the test pictures judge it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Listener:
    """A voice model and whom it must not be asked about.

    :param knows: whether a speaker was heard in its training.
    """

    recognizer: SpeechEmotionRecognizer
    knows: Callable[[str], bool]
    digest: str


def load_faces(
    folder: Path, model: str, cache: Path, most: int, say: Say, threads: int = 1
) -> tuple[Pool, Seen]:
    """Return the pool of FER+ faces: validation pictures to fit on, test pictures to judge by.

    :param folder: with ``ferplus.csv`` and the mosaics.
    :param most: pictures of a class in each part; those kept are drawn at random.
    :return: and the model, whose embeddings they are.
    :raises TrainingError: if the folder cannot be used.
    :raises ModelError: if the model cannot be loaded.
    """
    from emotion_training.fer.datasets import read_mosaics

    recognizer = FaceEmotionRecognizer(
        load_model(model, 'fer', ModelSettings(threads=threads)), NATURAL
    )
    faces = read_mosaics(Path(folder))
    rng = np.random.default_rng(0)
    pictures, truth, part = [], [], []
    for split, name in SPLITS.items():
        rows = np.flatnonzero(faces.split == split)
        for value in range(len(EMOTIONS)):
            chosen = rng.permutation(rows[faces.truths[0][rows] == value])[:most]
            pictures += [faces.pictures[row] for row in chosen]
            truth += [value] * len(chosen)
            part += [name] * len(chosen)
    pool = cached(
        cache,
        'faces',
        ('faces', 4, faces.digest, most, model_digest(recognizer)),
        lambda: face_pool(recognizer, pictures, np.array(truth), np.array(part)),
    )
    say(f'{recognizer.model.name}: {len(pool.truth)} faces of {faces.name}')
    pool.shares = _shares([recognizer] * len(pool.truth), say)
    return pool, seen_of(recognizer, pool.width)


def load_listener(path: str, threads: int = 1) -> Listener:
    """Load a voice model with what is known of its speakers.

    :param path: a model of the runtime (a catalogue name or an ONNX file, as ``./emotion train
        ser --protocol P3`` leaves one for each fold) whose ``.json`` beside it lists under
        ``speakers`` those held out.
    :raises TrainingError: if nothing is known of its speakers.
    """
    recognizer = SpeechEmotionRecognizer(load_model(path, 'ser', ModelSettings(threads=threads)))
    held = _held_out(recognizer)
    return Listener(recognizer, lambda speaker: speaker not in held, model_digest(recognizer))


def _held_out(recognizer: SpeechEmotionRecognizer) -> frozenset[str]:
    record = model_file(recognizer.model.entry).with_suffix('.json')
    try:
        return frozenset(json.loads(record.read_text())['speakers'])
    except (OSError, ValueError, KeyError, TypeError):
        raise TrainingError(
            f'{recognizer.model.name}: nothing says which speakers it was not trained on '
            f'(expected a list "speakers" in {record}); give the folds of `./emotion train ser '
            '--protocol P3` instead'
        ) from None


def choose_voices(
    clips: Sequence[Clip], listeners: Sequence[Listener], most: int, say: Say
) -> list[Voice]:
    """Give each clip the first model that never heard its speaker; split speakers in folds.

    What is judged on one fold is fitted on the others, so that every speaker is a stranger to
    the fusion as well.

    :param most: clips of a class from each corpus in each part.
    :raises TrainingError: if no clip is left.
    """
    able = []
    for clip in clips:
        label = 'Neutral' if clip.label == 'Calm' else clip.label
        listener = next((item for item in listeners if not item.knows(clip.speaker)), None)
        if label in EMOTIONS and listener is not None:
            able.append((clip, EMOTIONS.index(label), listener))
    if not able:
        raise TrainingError(
            'every speaker of these corpora was heard in the training of every '
            'voice model given; give models that leave some out'
        )
    speakers = np.array([clip.speaker for clip, _, _ in able])
    corpora = np.array([clip.corpus for clip, _, _ in able])
    fold = speaker_folds(speakers, corpora, min(FOLDS, len(np.unique(speakers))), seed=1)
    voices: list[Voice] = []
    kept: dict[tuple[str, int, str], int] = {}
    for place in np.random.default_rng(0).permutation(len(able)):
        clip, truth, listener = able[place]
        part = f'fold {fold[place]}'
        key = (clip.corpus, truth, part)
        kept[key] = kept.get(key, 0) + 1
        if kept[key] <= most:
            voices.append(Voice(clip.path, truth, clip.speaker, part, listener.recognizer))
    for corpus in np.unique(corpora):
        for part in sorted({voice.part for voice in voices}):
            names = {
                voice.speaker
                for voice in voices
                if voice.part == part and voice.speaker.startswith(f'{corpus}/')
            }
            say(
                f'{corpus}, {part}: {len(names)} speakers, '
                f'{sum(voice.speaker in names for voice in voices if voice.part == part)} clips'
            )
    return voices


def load_voices(
    corpora: Sequence[str],
    models: Sequence[str],
    target: str,
    cache: Path,
    most: int,
    say: Say,
    threads: int = 1,
) -> tuple[Pool, Seen]:
    """Return the pool of voices, each judged by a model that was not trained on its speaker.

    :param corpora: ``CORPUS=PATH`` each, as ``./emotion train ser`` takes them.
    :param models: see :func:`load_listener`.
    :param target: the model that will be used; embeddings are brought to its.
    :return: and the target, whose embeddings they are.
    """
    listeners = [load_listener(model, threads) for model in models]
    wanted = SpeechEmotionRecognizer(load_model(target, 'ser', ModelSettings(threads=threads)))
    clips = [clip for spec in corpora for clip in read(spec)]
    voices = choose_voices(clips, listeners, most, say)
    names = [(voice.path.name, voice.part) for voice in voices]
    digests = [*(item.digest for item in listeners), model_digest(wanted)]
    pool = cached(
        cache,
        'voices',
        ('voices', 3, names, digests),
        lambda: voice_pool(translated(voices, listeners, wanted, say)),
    )
    pool.shares = _shares([voice.recognizer for voice in voices], say)
    return pool, seen_of(wanted, pool.width)


def _shares(
    recognizers: Sequence[FaceEmotionRecognizer | SpeechEmotionRecognizer], say: Say
) -> np.ndarray | None:
    """Return the class shares of each sample's model, float32 (n, 6); ``None`` if not known."""
    unknown = {item.model.name for item in recognizers if item.model.shares is None}
    for name in sorted(unknown):
        say(unknown_shares(name))
    known = [item.model.shares for item in recognizers if item.model.shares is not None]
    return None if unknown else np.stack(known)


def seen_of(recognizer: FaceEmotionRecognizer | SpeechEmotionRecognizer, width: int) -> Seen:
    """Return what a fusion file says of a model whose embeddings it takes."""
    try:
        digest = sha256_of(model_file(recognizer.model.entry))
    except OSError:
        digest = ''  # a directory or a hub model
    return Seen(recognizer.model.name, digest, width)


def translated(
    voices: Sequence[Voice],
    listeners: Sequence[Listener],
    target: SpeechEmotionRecognizer,
    say: Say,
) -> list[Voice]:
    """Let each voice's embedding be brought to that of the target.

    Models that were trained apart have embeddings in different coordinates, and the target has
    heard everybody, so its own embeddings of these clips would be too good. A linear map between
    two models (K. Lenc, A. Vedaldi, "Understanding image representations by measuring their
    equivariance and equivalence", CVPR 2015) is fitted on clips of speakers that both heard, and
    applied to those that one did not: an estimate of the target's for a stranger.
    """

    def embedding(recognizer: SpeechEmotionRecognizer, voice: Voice) -> np.ndarray:
        return listen(recognizer, 0.1 * read_sound(voice.path)).embedding.mean(axis=0)

    dummy = dummy_input(target.model.entry)
    width = target.model.predict(dummy).embedding.shape[1]
    wanted: dict[Path, np.ndarray] = {}
    maps: dict[int, Callable[[np.ndarray], np.ndarray]] = {}
    for listener in listeners:
        own = listener.recognizer
        if model_digest(own) == model_digest(target):
            continue
        if width == 0 or own.model.predict(dummy).embedding.shape[1] == 0:
            maps[id(own)] = _nothing
            continue
        both = [voice for voice in voices if listener.knows(voice.speaker)][:TRANSLATED]
        if len(both) < 2:
            raise TrainingError(
                f'no clip is of a speaker that both {own.model.name} and '
                f'{target.model.name} were trained on'
            )
        for voice in tqdm(both, desc=f'embeddings of {Path(own.model.name).stem}', unit='clip'):
            if voice.path not in wanted:
                wanted[voice.path] = embedding(target, voice)
        pairs = np.stack([embedding(own, voice) for voice in both])
        found = Translation.fit(pairs, np.stack([wanted[voice.path] for voice in both]))
        say(
            f'{Path(own.model.name).stem} to {target.model.name}: the map explains '
            f'{found.explained:.0%} of the embedding on clips left out'
        )
        maps[id(own)] = found
    return [
        replace(voice, translate=maps.get(id(voice.recognizer), voice.translate))
        for voice in voices
    ]


def _nothing(embedding: np.ndarray) -> np.ndarray:
    return np.empty(0, np.float32)


@dataclass(frozen=True)
class Translation:
    """A linear map from one model's embedding to another's.

    A slope of each value, and a ridge regression of what that leaves.

    :param explained: share of the variance, on the fifth of the clips that was left out.
    """

    mean: np.ndarray
    other: np.ndarray
    slope: np.ndarray
    matrix: np.ndarray
    explained: float

    def __call__(self, embedding: np.ndarray) -> np.ndarray:
        """Bring embeddings (..., d) to (..., e) float32."""
        moved = embedding - self.mean
        result = self.other + moved @ self.matrix
        if self.slope.size:
            result = result + moved * self.slope
        return result.astype(np.float32)

    @staticmethod
    def fit(own: np.ndarray, other: np.ndarray) -> Translation:
        """Fit on embeddings (n, d) and (n, e) of the same clips."""
        train = np.arange(len(own)) % 5 != 0
        spread = max(float(other[~train].var(axis=0).sum()), 1e-9)

        def left(ridge: float) -> float:
            found = Translation._fit(own[train], other[train], ridge)
            return float(((found(own[~train]) - other[~train]) ** 2).mean(axis=0).sum()) / spread

        losses = {ridge: left(ridge) for ridge in RIDGES}
        best = min(losses, key=lambda ridge: losses[ridge])
        return replace(Translation._fit(own, other, best), explained=1.0 - losses[best])

    @staticmethod
    def _fit(own: np.ndarray, other: np.ndarray, ridge: float) -> Translation:
        mean, place = own.mean(axis=0), other.mean(axis=0)
        x, rest = own - mean, other - place
        slope = np.empty(0, np.float32)
        if own.shape == other.shape:
            slope = (x * rest).sum(axis=0) / np.maximum((x * x).sum(axis=0), 1e-9)
            rest = rest - x * slope
        gram = x @ x.T
        gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram), dtype=gram.dtype)
        return Translation(mean, place, slope, x.T @ np.linalg.solve(gram, rest), 0.0)
