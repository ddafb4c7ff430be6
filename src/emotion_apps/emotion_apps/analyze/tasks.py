# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The pieces of work that workers are given, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from emotion_apps.analyze.options import Options, setup_digest
from emotion_apps.analyze.recordings import Recording
from emotion_apps.analyze.sampler import Sampler


class Kind(Enum):
    """What is to be done."""

    INSPECT = 'find out how long it is, whether it is done already, and where it may be cut'
    WHOLE = 'all of a short recording'
    LOOK = 'the faces of a piece'
    LISTEN = 'the voice of a recording that was cut'
    JOIN = 'what was seen and heard in the pieces, as one'


@dataclass(frozen=True)
class Job:
    """What holds for all recordings of a run.

    :param out: folder or URL of the results; every worker can write there.
    :param models: name and sha256 of each model, as the one who started the run has them.
    """

    options: Options
    out: str
    models: Mapping[str, Mapping[str, str]]

    @property
    def setup(self) -> str:
        """Return a digest of everything but the recording that results depend on."""
        return setup_digest(self.options, self.models)


@dataclass(frozen=True)
class Piece:
    """A span of a film.

    :param begin: time of the key picture that it begins with; minus infinity for the first one.
    :param end: time of the first picture that is left to the next piece, or infinity.
    :param sampler: which of its pictures are looked at, so that nobody has to go through the
        film's packets once more.
    """

    begin: float
    end: float
    sampler: Sampler


@dataclass(frozen=True)
class Task:
    """One piece of work.

    :param seconds: of the recording that it covers, for progress; 0 for none.
    :param number: of the piece, for LOOK; of pieces, for JOIN.
    :param piece: that is looked at, for LOOK.
    :param content: sha256 of the recording, where it is known.
    """

    kind: Kind
    recording: Recording
    seconds: float = 0.0
    number: int = 0
    piece: Piece | None = None
    content: str = ''


@dataclass(frozen=True)
class Plan:
    """What INSPECT answers.

    :param seconds: length; 0 for a picture, or if it is not known.
    :param done: its summary, if results for the same content, models and options are there.
    :param pieces: to cut it into; none for a recording that stays whole.
    :param listen: whether there is sound to be heard.
    :param content: sha256 of the recording; empty if it was not needed yet.
    """

    seconds: float
    done: Mapping[str, Any] | None = None
    pieces: tuple[Piece, ...] = ()
    listen: bool = False
    content: str = ''


@dataclass(frozen=True)
class Answer:
    """What becomes of a task.

    :param result: a :class:`Plan` for INSPECT, the summary for WHOLE and JOIN, else nothing.
    :param error: why it failed; empty if it did not.
    :param fatal: whether everything else would fail alike: a model is missing, the disk is full.
    :param lost: whether the worker died over it.
    """

    task: Task
    result: Any = None
    error: str = ''
    fatal: bool = False
    lost: bool = False
