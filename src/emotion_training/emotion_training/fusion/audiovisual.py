# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Readers of audio-visual corpora, in the layout they are distributed in, and a look at a clip."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_perception.audio import snr
from emotion_perception.emotions import EMOTIONS
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.models import FaceEmotionRecognizer, SpeechEmotionRecognizer
from emotion_perception.vision.finder import FaceFinder
from emotion_training.common.files import TrainingError
from emotion_training.ser import corpora

log = logging.getLogger(__name__)

VIDEO = ('.mp4', '.flv', '.avi', '.mov', '.mkv', '.webm', '.mpg')
UNIFORM = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)


@dataclass(frozen=True)
class FilmClip:
    """One labelled utterance with its picture.

    :param video: file with the picture.
    :param sound: file with the sound; the same one where it holds both.
    :param label: one of the six classes.
    :param speaker: ``corpus/name``.
    :param part: official part of the corpus (``train``, ``dev``, ``test``), where it has one.
    """

    corpus: str
    video: Path
    sound: Path
    label: str
    speaker: str
    part: str = ''


def read_ravdess(root: Path) -> list[FilmClip]:
    """Read RAVDESS speech videos, ``Video_Speech_Actor_01/Actor_01/01-01-05-01-01-01-01.mp4``.

    The first field is 01 for picture and sound, 02 for picture alone: that one is joined with the
    sound of the same name beginning with 03, where there is one and no 01.
    """
    films: dict[tuple[str, str], Path] = {}
    sounds: dict[str, Path] = {}
    for path in sorted(Path(root).rglob('*')):
        field, _, rest = path.stem.partition('-')
        if path.suffix.lower() in VIDEO and field in ('01', '02'):
            films.setdefault((rest, field), path)
        elif field == '03':
            sounds.setdefault(rest, path)
    found = []
    for (rest, field), path in sorted(films.items()):
        parts = rest.split('-')
        if (
            len(parts) != 6
            or parts[0] != '01'
            or (field == '02' and ((rest, '01') in films or rest not in sounds))
        ):
            continue
        label = _six(corpora._RAVDESS.get(parts[1], ''))
        if label:
            found.append(
                FilmClip(
                    'ravdess',
                    path,
                    sounds[rest] if field == '02' else path,
                    label,
                    f'ravdess/A{parts[5]}',
                )
            )
    return found


def read_crema_d(root: Path) -> list[FilmClip]:
    """Read CREMA-D, ``VideoFlash/1001_DFA_ANG_XX.flv`` with ``AudioWAV/1001_DFA_ANG_XX.wav``.

    A film without its WAV is heard itself.
    """
    sounds = {
        clip.path.stem: clip.path
        for clip in corpora.read_crema_d(root)
        if clip.path.suffix.lower() not in VIDEO
    }
    found = []
    for path in sorted(Path(root).rglob('*')):
        parts = path.stem.split('_')
        if path.suffix.lower() not in VIDEO or len(parts) != 4:
            continue
        label = _six(corpora._CREMA.get(parts[2], ''))
        if label and parts[0].isdigit():
            found.append(
                FilmClip(
                    'crema_d', path, sounds.get(path.stem, path), label, f'crema_d/{parts[0]}'
                )
            )
    return found


def read_meld(root: Path) -> list[FilmClip]:
    """Read MELD.Raw: ``train_sent_emo.csv`` with ``train_splits/dia0_utt0.mp4``, and so on.

    :raises TrainingError: if there is no annotation file.
    """
    return [
        FilmClip('meld', clip.path, clip.path, _six(clip.label), clip.speaker, clip.part)
        for clip in corpora.read_meld(root)
        if clip.path.suffix.lower() in VIDEO and _six(clip.label)
    ]


READERS: dict[str, Callable[[Path], list[FilmClip]]] = {
    'ravdess': read_ravdess,
    'crema_d': read_crema_d,
    'meld': read_meld,
}


def read(spec: str) -> list[FilmClip]:
    """Read ``CORPUS=PATH``.

    :raises TrainingError: if the corpus is not known, the path absent, or no clip is found.
    """
    corpus, path = corpora.corpus_and_path(spec, READERS)
    if not path.is_dir():
        raise TrainingError(f'{corpus}: there is no folder {path}')
    clips = READERS[corpus](path)
    if not clips:
        raise TrainingError(
            f'{corpus}: no film was found under {path}; see docs/fusion.md for '
            'the layout that is expected'
        )
    return clips


def _six(label: str) -> str:
    """Return which of the six classes a label means, or an empty text."""
    name = corpora.class_name(label)
    name = 'Neutral' if name == 'Calm' else name
    return name if name in EMOTIONS else ''


@dataclass(frozen=True)
class Look:
    """What the models say about one film.

    :param face: (6,) mean over the frames of the person seen most; uniform if nobody was seen.
    :param voice: (6,); uniform if the model abstained.
    :param weights: (2,) quality of each, 0 where it is missing.
    :param embeddings: of ``face`` (d,) and ``voice`` (e,), mean over the same frames; empty where
        missing, or where a model gives none.
    """

    face: np.ndarray
    voice: np.ndarray
    weights: np.ndarray
    embeddings: dict[str, np.ndarray]


def look(
    clip: FilmClip,
    faces: FaceEmotionRecognizer,
    voices: SpeechEmotionRecognizer,
    rate: float = 5.0,
) -> Look:
    """Watch and hear a film as the live graph does: all its faces, its whole utterance.

    :param rate: frames looked at in a second, at most.
    :raises TrainingError: if neither picture nor sound can be read.
    """
    from emotion_training.fusion.pools import background
    from emotion_training.ser.sound import read_sound

    finder, crops, quality = FaceFinder(), [], []
    seen: list[str] = []
    try:
        for moment, frame in _frames(clip.video, rate):
            tracked = finder.find(frame, moment)
            if tracked:
                seen.append(tracked[0].id)
                crops.append(tracked[0].crop)
                quality.append(tracked[0].quality)
    except MediaError as error:
        log.warning('%s: only its sound is used', error)
    face, face_weight = UNIFORM, 0.0
    embeddings = {name: np.empty(0, np.float32) for name in ('face', 'voice')}
    if seen:
        most = Counter(seen).most_common(1)[0][0]
        chosen = [index for index, name in enumerate(seen) if name == most]
        found = faces.predict([crops[index] for index in chosen])
        face, embeddings['face'] = found.probabilities.mean(axis=0), found.embedding.mean(axis=0)
        face_weight = float(np.mean([quality[index] for index in chosen]))
    voice, voice_weight = UNIFORM, 0.0
    try:
        samples = read_sound(clip.sound)
        emotion = voices.predict(samples, 16000)
        if not emotion.abstained:
            voice, embeddings['voice'] = emotion.probabilities, emotion.embedding
            voice_weight = float(
                np.nan_to_num(snr.quality(snr.estimate(samples, background(samples))), nan=1.0)
            )
    except TrainingError:
        if not seen:
            raise
    return Look(
        np.asarray(face, np.float32),
        np.asarray(voice, np.float32),
        np.array([face_weight, voice_weight], np.float32),
        embeddings,
    )


def _frames(path: Path, rate: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (seconds, BGR picture) of a film, at most ``rate`` a second.

    :raises MediaError: if it has no picture that can be decoded.
    """
    with PictureReader(path, log.warning) as reader:
        for picture in reader:
            if picture.time >= reader.skip_before:
                yield picture.time, picture.image()
                reader.skip_before = picture.time + 1.0 / rate - 1e-6
