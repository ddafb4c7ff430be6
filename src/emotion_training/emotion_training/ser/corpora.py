# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Readers of the speech corpora, each in the layout it is distributed in.

A reader walks a folder and returns :class:`Clip` records; it opens no sound. Labels come out as
one of ``CLASSES`` (the six, Disgust and Calm); clips of other classes (boredom) are left out.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_perception.emotions import EMOTIONS, class_of
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import (
    FILM_SUFFIXES,
    SOUND_SUFFIXES,
    check_file,
    files_under,
)
from emotion_training.common.files import TrainingError
from emotion_training.common.leftout import LeftOut
from emotion_training.common.tables import read_table

CLASSES = (*EMOTIONS, 'Disgust', 'Calm')
"""The six classes first, then the two more that RAVDESS has."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One labelled utterance.

    :param corpus: lower-case name.
    :param path: of the sound.
    :param label: one of :data:`CLASSES`.
    :param speaker: ``corpus/name``, unique over corpora.
    :param part: official part of the corpus (``train``, ``dev``, ``test``), where it has one.
    :param heard: share of listeners, of those who only heard it, for each of :data:`CLASSES`;
        empty where nobody was asked.
    """

    corpus: str
    path: Path
    label: str
    speaker: str
    part: str = ''
    heard: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Return what tells the clip from others of its corpus."""
        return self.path.name


def class_name(label: str) -> str | None:
    """Return which of :data:`CLASSES` a label of a data set means, or ``None``."""
    name = class_of(label)
    return name if name in CLASSES else None


def _sounds(root: Path) -> list[Path]:
    """Return the sound files under a folder; of two copies of a folder one is taken."""
    seen: dict[str, Path] = {}
    for path in files_under(Path(root), SOUND_SUFFIXES + FILM_SUFFIXES):
        seen.setdefault(f'{path.parent.name}/{path.name}'.lower(), path)
    return list(seen.values())


def _collect(
    corpus: str, root: Path, parse: Callable[[Path], tuple[str, str] | None]
) -> list[Clip]:
    """Make clips of the files whose name ``parse`` turns into (label, speaker); say of others."""
    clips, seen = [], set()
    strange: list[Path] = []
    other: Counter[str] = Counter()
    for path in _sounds(root):
        parsed = parse(path)
        if parsed is None:
            strange.append(path)
            continue
        label = class_name(parsed[0])
        if label is None:
            other[parsed[0] or 'none of the names'] += 1
        elif path.name not in seen:
            seen.add(path.name)
            clips.append(Clip(corpus, path, label, f'{corpus}/{parsed[1]}'))
    _tell_strange(corpus, root, strange)
    if other:
        log.warning(
            '%s: left out, none of the classes: %s',
            corpus,
            ', '.join(f'{count} {label}' for label, count in sorted(other.items())),
        )
    return clips


def _tell_strange(corpus: str, root: Path, strange: Sequence[Path]) -> None:
    """Say how many files are not called as the corpus calls its own."""
    if strange:
        log.warning(
            '%s: %d files under %s are not called as the corpus calls its own and are '
            'left out, for instance %s',
            corpus,
            len(strange),
            root,
            strange[0].name,
        )


_RAVDESS = {
    '01': 'neutral',
    '02': 'calm',
    '03': 'happy',
    '04': 'sad',
    '05': 'angry',
    '06': 'fear',
    '07': 'disgust',
    '08': 'surprise',
}


def read_ravdess(root: Path) -> list[Clip]:
    """Read RAVDESS speech, ``Actor_01/03-01-06-01-02-01-12.wav``; song and pictures are left out.

    Livingstone and Russo, PLoS ONE 13(5), 2018: modality, channel, emotion, intensity, statement,
    repetition, actor. The corpus holds two copies of each file; one is taken.
    """

    def parse(path: Path) -> tuple[str, str] | None:
        parts = path.stem.split('-')
        if len(parts) != 7 or parts[0] not in ('01', '03') or parts[1] != '01':
            return None
        return _RAVDESS.get(parts[2], ''), f'A{parts[6]}'

    return _collect('ravdess', root, parse)


_CREMA = {
    'ANG': 'angry',
    'DIS': 'disgust',
    'FEA': 'fear',
    'HAP': 'happy',
    'NEU': 'neutral',
    'SAD': 'sad',
}
_CREMA_VOTES = {
    'A': 'anger',
    'D': 'disgust',
    'F': 'fear',
    'H': 'happiness',
    'N': 'neutral',
    'S': 'sadness',
}


def read_crema_d(root: Path) -> list[Clip]:
    """Read CREMA-D, ``AudioWAV/1001_DFA_ANG_XX.wav`` (Cao et al., IEEE TAC 5(4), 2014).

    What the crowd heard is taken from the corpus' own ``summaryTable.csv`` (VoiceVote) or from
    an ``index.csv`` with a column ``voice_vote``, in the folder or above it.
    """
    votes = _crema_votes(Path(root))

    def parse(path: Path) -> tuple[str, str] | None:
        match = re.fullmatch(r'(\d{4})_[A-Z]{3}_([A-Z]{3})_[A-Z]{2}', path.stem)
        return None if match is None else (_CREMA.get(match[2], ''), match[1])

    return [
        replace(clip, heard=votes.get(clip.path.stem, ()))
        for clip in _collect('crema_d', root, parse)
    ]


def _crema_votes(root: Path) -> dict[str, tuple[float, ...]]:
    """Return by clip what most listeners heard; where several words tie, equal shares."""
    tables = [
        *sorted(root.rglob('summaryTable.csv'))[:1],
        root / 'index.csv',
        root.parent / 'index.csv',
    ]
    found: dict[str, tuple[float, ...]] = {}
    for table in tables:
        if found or not table.is_file():
            continue
        for row in read_table(table, ()):
            stem = row.get('FileName') or Path(row.get('path')).stem
            words = (row.get('VoiceVote') or row.get('voice_vote')).split('/')
            words = [
                _CREMA_VOTES.get(word.strip(), word) for part in words for word in part.split(':')
            ]
            named = [class_name(word) for word in words if word.strip()]
            if named and None not in named:
                found[stem] = tuple(named.count(name) / len(named) for name in CLASSES)
    return found


def read_tess(root: Path) -> list[Clip]:
    """Read TESS, ``OAF_Fear/OAF_back_fear.wav``; ``ps`` is pleasant surprise."""

    def parse(path: Path) -> tuple[str, str] | None:
        parts = path.stem.split('_')
        speaker = {'OA': 'OAF'}.get(parts[0], parts[0])  # one file of the corpus says OA
        return (parts[-1], speaker) if len(parts) == 3 and speaker in ('OAF', 'YAF') else None

    return _collect('tess', root, parse)


_SAVEE = {
    'a': 'Angry',
    'd': 'Disgust',
    'f': 'Fear',
    'h': 'Happy',
    'n': 'Neutral',
    'sa': 'Sad',
    'su': 'Surprise',
}


def read_savee(root: Path) -> list[Clip]:
    """Read SAVEE, ``AudioData/DC/sa01.wav`` or ``ALL/DC_sa01.wav``."""
    clips, seen, strange = [], set(), []
    for path in _sounds(root):
        match = re.fullmatch(r'(?:([A-Z]{2})_)?(sa|su|[adfhn])(\d{2})', path.stem)
        if match is None:
            strange.append(path)
            continue
        speaker = match[1] or path.parent.name
        if (speaker, match[2], match[3]) not in seen:
            seen.add((speaker, match[2], match[3]))
            clips.append(Clip('savee', path, _SAVEE[match[2]], f'savee/{speaker}'))
    _tell_strange('savee', root, strange)
    return clips


_EMODB = {'W': 'angry', 'E': 'disgust', 'A': 'fear', 'F': 'happy', 'T': 'sad', 'N': 'neutral'}


def read_emodb(root: Path) -> list[Clip]:
    """Read EMO-DB, ``wav/03a01Fa.wav`` (German letters: Wut, Ekel, Angst, Freude, Trauer)."""

    def parse(path: Path) -> tuple[str, str] | None:
        match = re.fullmatch(r'(\d{2})[ab]\d{2}([WLEAFTN])[a-z]?', path.stem)
        return None if match is None else (_EMODB.get(match[2], ''), match[1])

    return _collect('emodb', root, parse)


def read_nemo(root: Path) -> list[Clip]:
    """Read nEMO, ``samples/SB0_anger_12.wav`` (Christop, LREC-COLING 2024)."""

    def parse(path: Path) -> tuple[str, str] | None:
        match = re.fullmatch(r'([A-Z]{2}\d)_([a-z]+)_\d+', path.stem)
        return None if match is None else (match[2], match[1])

    return _collect('nemo', root, parse)


_MELD_SUFFIXES = ('.mp4', '.wav', '.flac', '.opus', '.ogg', '.mp3')
_MELD_FOLDERS = {
    'train': ('train_sent_emo.csv', ('train_splits', 'train')),
    'dev': ('dev_sent_emo.csv', ('dev_splits_complete', 'dev')),
    'test': ('test_sent_emo.csv', ('output_repeated_splits_test', 'test')),
}


def read_meld(root: Path) -> list[Clip]:
    """Read MELD: ``train_sent_emo.csv`` and clips ``train_splits/dia0_utt0.mp4`` and so on.

    Poria et al., ACL 2019. ``part`` is the official split (its speakers stand in all three).
    Rows whose clip is missing are left out, as the corpus itself lacks a few.

    :raises TrainingError: if there is no annotation file.
    """
    clips, found = [], False
    for part, (table, folders) in _MELD_FOLDERS.items():
        for path in sorted(root.rglob(table))[:1]:
            found = True
            places = [
                place
                for folder in folders
                for place in sorted(root.rglob(folder))
                if place.is_dir()
            ]
            for row in read_table(path, ('Speaker', 'Emotion', 'Dialogue_ID', 'Utterance_ID')):
                label = class_name(row['Emotion'])
                stem = f'dia{row["Dialogue_ID"]}_utt{row["Utterance_ID"]}'
                sound = next(
                    (
                        place / (stem + suffix)
                        for place in places
                        for suffix in _MELD_SUFFIXES
                        if (place / (stem + suffix)).is_file()
                    ),
                    None,
                )
                if label is not None and sound is not None:
                    clips.append(Clip('meld', sound, label, f'meld/{row["Speaker"]}', part=part))
    if not found:
        raise TrainingError(
            f'{root}: no train_sent_emo.csv, dev_sent_emo.csv or '
            'test_sent_emo.csv; give the folder that MELD.Raw was unpacked to'
        )
    return clips


def read_manifest(path: Path) -> list[Clip]:
    """Read a CSV with the columns path, label and optionally speaker and corpus.

    Relative paths count from the manifest's own folder. Without a speaker column every clip is
    of the one speaker ``unknown``. Files that are missing or pointers are left out and counted.

    :raises TrainingError: naming the line, for an unknown label or a damaged table; if nothing is
        left, a :class:`NothingLeftError`.
    """
    path = Path(path)
    clips: list[Clip] = []
    out = LeftOut(f'clips of {path.name}', log.warning)
    for row in read_table(path, ('path', 'label')):
        label = class_name(row['label'])
        if label is None and class_of(row['label']) is None:
            raise TrainingError(
                f'{row.where}: unknown label {row["label"]!r}; known are {", ".join(CLASSES)} and '
                'their usual other names (anger, joy, fearful, ...)'
            )
        sound = path.parent / row['path']
        try:
            check_file(sound)
        except MediaError as error:
            out.add(f'{row.where}: {error}')
            continue
        if label is None:
            out.add(f'{row.where}: {row["label"]} is none of the classes')
            continue
        corpus = row.get('corpus', 'manifest')
        clips.append(Clip(corpus, sound, label, f'{corpus}/{row.get("speaker", "unknown")}'))
    out.close(len(clips))
    return clips


READERS: dict[str, Callable[[Path], list[Clip]]] = {
    'ravdess': read_ravdess,
    'crema_d': read_crema_d,
    'meld': read_meld,
    'tess': read_tess,
    'savee': read_savee,
    'emodb': read_emodb,
    'nemo': read_nemo,
    'manifest': read_manifest,
}


def corpus_and_path(spec: str, known: Collection[str]) -> tuple[str, Path]:
    """Split ``CORPUS=PATH``.

    :raises TrainingError: if it has another form, or the corpus is not one of the known.
    """
    corpus, separator, place = spec.partition('=')
    if not separator or corpus not in known:
        raise TrainingError(f'{spec!r}: write CORPUS=PATH, with CORPUS one of {", ".join(known)}')
    return corpus, Path(place).expanduser()


def read(spec: str) -> list[Clip]:
    """Read ``CORPUS=PATH``, for instance ``ravdess=/data/RAVDESS`` or ``manifest=my/list.csv``.

    :raises TrainingError: if the corpus is not known, the path absent, or no clip is found.
    """
    corpus, path = corpus_and_path(spec, READERS)
    if not path.exists():
        raise TrainingError(f'{corpus}: there is no {path}')
    clips = READERS[corpus](path)
    if not clips:
        raise TrainingError(
            f'{corpus}: no clip was found under {path}; see docs/ser.md for the '
            'layout that is expected'
        )
    return clips


def read_shared(root: Path) -> list[Clip]:
    """Read the project's own folder ``speech/``: RAVDESS, nEMO and CREMA-D."""
    return [
        clip
        for corpus in ('ravdess', 'nemo', 'crema_d')
        for clip in read(f'{corpus}={Path(root) / corpus}')
    ]
