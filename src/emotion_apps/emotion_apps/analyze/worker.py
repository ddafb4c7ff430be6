# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a worker does with the tasks it is given; the same for every kind of executor."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2

from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.fetching import Fetcher
from emotion_apps.analyze.perception import Perception, fingerprint
from emotion_apps.analyze.planning import make_plan
from emotion_apps.analyze.results import Results, by_name
from emotion_apps.analyze.sampler import Sampler
from emotion_apps.analyze.sights import Sights
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tasks import Answer, Job, Kind, Plan, Task
from emotion_apps.analyze.voice import SILENT, Voice
from emotion_perception.audio.vad import VadError
from emotion_perception.media.container import Contents, probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.index import index_pictures
from emotion_perception.models import ModelError
from emotion_perception.storage import SaveError, sha256_of
from emotion_perception.vision.detect import DetectorError
from emotion_perception.words.transcriber import TranscriptError


class Worker:
    """Holds the models and does one task after the other.

    :param job: what holds for all recordings.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._options = job.options
        self._store = Store(job.out)
        self._results = Results(job, self._store)
        self._fetcher = Fetcher()
        self._perception = Perception(job.options)
        self._checked = False
        # One worker keeps one core busy.
        cv2.setNumThreads(1)

    def perform(self, task: Task) -> Answer:
        """Do a task; whatever goes wrong is in the answer."""
        path = Path(task.recording.source)
        try:
            self._check_models()
            path = self._fetcher.path(task.recording)
            result = {
                Kind.INSPECT: self._inspect,
                Kind.WHOLE: self._whole,
                Kind.LOOK: self._look,
                Kind.LISTEN: self._listen,
                Kind.JOIN: self._join,
            }[task.kind](task, path)
            return Answer(task, result)
        except (
            ModelError,
            VadError,
            DetectorError,
            TranscriptError,
            SaveError,
            AnalyzeError,
        ) as error:
            return Answer(task, error=str(error), fatal=True)
        except (MediaError, OSError) as error:
            return Answer(task, error=by_name(str(error), task.recording, path))
        except Exception as error:
            # One strange file must not end the analysis of all others; this tells what to mend.
            traceback.print_exc()
            return Answer(task, error=f'{type(error).__name__}: {error}')

    def close(self) -> None:
        """Remove what was fetched."""
        self._fetcher.close()

    def _check_models(self) -> None:
        """Make sure that all workers of a cluster have the same models."""
        if self._checked:
            return
        here = fingerprint(self._options)
        for name, model in self._job.models.items():
            if here[name]['sha256'] != model['sha256']:
                raise AnalyzeError(
                    f'a worker has another {name} model than the one who started the analysis '
                    f'({model["name"]}): install the same version on all machines'
                )
        self._checked = True

    def _inspect(self, task: Task, path: Path) -> Plan:
        return make_plan(task.recording, path, self._job, self._results)

    def _whole(self, task: Task, path: Path) -> dict[str, Any]:
        content = task.content or sha256_of(path)
        sights: Iterable[Sights] = ()
        if task.recording.is_picture:
            sights = [self._perception.look_at_picture(path)]
            return self._results.write(task.recording, path, content, None, SILENT, sights, [])
        said: list[str] = []
        contents = probe(path)
        voice = self._voice(contents, path, said)
        if self._options.faces:
            if contents.pictures:
                sampler = Sampler(self._options.every, index_pictures(path))
                sights = self._perception.look(path, sampler, said.append)
            elif voice is SILENT:
                contents.picture()  # Says that there is none.
        return self._results.write(task.recording, path, content, contents, voice, sights, said)

    def _look(self, task: Task, path: Path) -> None:
        piece = task.piece
        assert piece is not None
        name = _look_file(self._folder(task), task.number)
        if self._store.exists(name):
            return
        said: list[str] = []
        blocks = list(
            self._perception.look(path, piece.sampler, said.append, piece.begin, piece.end)
        )
        self._store.write(name, Sights.joined(blocks).to_bytes(said))

    def _listen(self, task: Task, path: Path) -> None:
        name = _voice_file(self._folder(task))
        if self._store.exists(name):
            return
        said: list[str] = []
        voice = self._voice(probe(path), path, said)
        self._store.write(name, voice.to_bytes(said))

    def _join(self, task: Task, path: Path) -> dict[str, Any]:
        folder = self._folder(task)
        said: list[str] = []
        voice = SILENT
        data = self._store.read(_voice_file(folder))
        if data is not None:
            voice, lost = Voice.from_bytes(data)
            said += lost

        def sights() -> Iterator[Sights]:
            for number in range(task.number):
                data = self._store.read(_look_file(folder, number))
                if data is None:
                    raise OSError(f'piece {number} of {task.recording.name} is gone from {folder}')
                found, lost = Sights.from_bytes(data)
                said.extend(lost)
                yield found

        summary = self._results.write(
            task.recording, path, task.content, probe(path), voice, sights(), said
        )
        self._store.remove(folder)
        return summary

    def _voice(self, contents: Contents, path: Path, said: list[str]) -> Voice:
        """Listen, if there is anything to be heard; a bad sound track leaves the pictures."""
        if not self._options.voice:
            return SILENT
        try:
            return self._perception.listen(path, said.append)
        except MediaError as error:
            if not (self._options.faces and contents.pictures):
                raise
            if contents.sounds:
                said.append(f'{error}: no speech was listened for')
            return SILENT

    def _folder(self, task: Task) -> str:
        """Return the folder of a recording's pieces: another for other content or options."""
        return f'.pieces/{task.recording.id}-{task.content[:12]}-{self._job.setup[:12]}'


def _look_file(folder: str, number: int) -> str:
    return f'{folder}/look-{number:05d}.npz'


def _voice_file(folder: str) -> str:
    return f'{folder}/voice.json'
