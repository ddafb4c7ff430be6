# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Films of people who talk, and an analysis of them within the test's own process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

from emotion_apps.analyze.executor import Executor
from emotion_apps.analyze.options import Options
from emotion_apps.analyze.perception import fingerprint
from emotion_apps.analyze.progress import Progress
from emotion_apps.analyze.recordings import find_recordings
from emotion_apps.analyze.report import write_report
from emotion_apps.analyze.run import Outcome, Run
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tasks import Answer, Job, Task
from emotion_apps.analyze.worker import Worker
from support.faces import pass_by, paste, portraits
from support.films import Sound, write_film
from support.sounds import read_16k, real_voice

WIDTH, HEIGHT, RATE = 320, 240, 10


def two_people(seconds: float, crossing: bool = True) -> Callable[[float], np.ndarray]:
    """Return what makes the picture of a time: two people who walk past each other, or stay."""
    front, back = portraits()
    grey = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)

    def picture(time: float) -> np.ndarray:
        one, other = pass_by(time / seconds) if crossing else (180.0, 460.0)
        scene = grey.copy()
        paste(scene, back, other / 2, 130, 120)
        paste(scene, front, one / 2, 130, 120)
        return cv2.GaussianBlur(scene, (0, 0), 0.6)

    return picture


def talking_film(
    path: Path,
    seconds: float,
    speaks_at: Sequence[float] = (0.4,),
    picture: Callable[[float], np.ndarray] | None = None,
    **options: Any,
) -> Path:
    """Write a film of two people, in which a real voice is heard at some times.

    :param options: of :func:`support.films.write_film`.
    """
    voice = read_16k(real_voice()) / np.float32(32768)
    track = np.random.default_rng(0).normal(0, 6e-4, round(16000 * seconds)).astype(np.float32)
    for moment in speaks_at:
        place = round(16000 * moment)
        part = track[place : place + len(voice)]
        part += voice[: len(part)]

    def wave(begin: float, end: float, rate: int) -> np.ndarray:
        return track[round(begin * rate) : round(end * rate)]

    return write_film(
        path,
        [place / RATE for place in range(round(RATE * seconds))],
        [Sound(pieces=((0.0, seconds),), wave=wave, bits=64_000)],
        picture=picture or two_people(seconds),
        **{'preset': 'veryfast', 'g': str(RATE), 'bf': '2', **options},
    )


class Here(Executor):
    """One worker, which is this process.

    :param before: called with each task before it is done; what it raises ends the analysis as a
        kill would.
    """

    free, size = 1, 1

    def __init__(self, job: Job, before: Callable[[Task], None] = lambda _: None) -> None:
        self._worker, self._before = Worker(job), before
        self._answers: list[Answer] = []
        self.tasks: list[Task] = []

    def start(self, task: Task) -> None:
        """Do a task at once."""
        self._before(task)
        self.tasks.append(task)
        self._answers.append(self._worker.perform(task))

    def wait(self, seconds: float) -> list[Answer]:
        """Return what was answered."""
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """Remove what was fetched."""
        self._worker.close()


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What an analysis gave."""

    out: Path
    outcome: Outcome
    summary: dict[str, Any]
    tasks: list[Task]

    def table(self, kind: str) -> list[dict[str, Any]]:
        """Return the rows of ``'faces'`` or ``'utterances'`` of all recordings, in their order."""
        return [
            row
            for item in self.summary['recordings']
            for row in pq.read_table(self.out / item['files'][kind]).to_pylist()
        ]


def analyse(
    paths: Sequence[Path | str],
    out: Path | str,
    options: Options | None = None,
    executor: Callable[[Job], Executor] = Here,
) -> Analysis:
    """Analyse recordings; by default in this process."""
    recordings = find_recordings([str(path) for path in paths], str(out))
    options = options or Options()
    job = Job(options, str(out), fingerprint(options))
    store = Store(str(out))
    workers = executor(job)
    try:
        with store.claim():
            outcome = Run(recordings, workers, Progress(len(recordings))).go()
            summary = write_report(store, job, recordings, outcome)
    finally:
        workers.close()
    return Analysis(Path(out), outcome, summary, getattr(workers, 'tasks', []))


def damaged_transcriber(folder: Path) -> Options:
    """Return options with a transcriber that is there and cannot be loaded."""
    folder.mkdir()
    (folder / 'model.bin').write_bytes(b'no model')
    return Options(faces=False, transcript=True, transcript_model=str(folder))
