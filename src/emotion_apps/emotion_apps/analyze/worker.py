# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a worker does with the tasks it is given; the same for every kind of executor."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2

from emotion_apps.analyze.columns import FACES, UTTERANCES
from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.figures import Figures
from emotion_apps.analyze.film import write_film
from emotion_apps.analyze.joining import Joiner
from emotion_apps.analyze.options import FORMAT
from emotion_apps.analyze.perception import Perception, fingerprint
from emotion_apps.analyze.recordings import Recording, filesystem, is_url
from emotion_apps.analyze.sights import Sights
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tables import TableWriter
from emotion_apps.analyze.tasks import Answer, Job, Kind, Plan, Task
from emotion_apps.analyze.voice import SILENT, Voice
from emotion_perception.audio.vad import VadError
from emotion_perception.media.container import Contents, measured_seconds, probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import check_file
from emotion_perception.media.index import index_pictures
from emotion_perception.models import ModelError
from emotion_perception.storage import SaveError, sha256_of
from emotion_perception.vision.detect import DetectorError
from emotion_perception.words.transcriber import TranscriptError

# A recording is cut if it is longer than so many pieces.
_WORTH_CUTTING = 2.0


class Worker:
    """Holds the models and does one task after the other.

    :param job: what holds for all recordings.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._options = job.options
        self._store = Store(job.out)
        self._perception = Perception(job.options)
        self._checked = False
        # One worker keeps one core busy.
        cv2.setNumThreads(1)

    def perform(self, task: Task) -> Answer:
        """Do a task; whatever goes wrong is in the answer."""
        path = Path(task.recording.source)
        try:
            self._check_models()
            with self._local(task.recording) as path:
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
            return Answer(task, error=_by_name(str(error), task.recording, path))
        except Exception as error:
            # One strange file must not end the analysis of all others; this tells what to mend.
            traceback.print_exc()
            return Answer(task, error=f'{type(error).__name__}: {error}')

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

    # -- tasks ----------------------------------------------------------------------------------

    def _inspect(self, task: Task, path: Path) -> Plan:
        recording = task.recording
        stamp = _stamp(recording, path)
        known = self._known(recording)
        content = ''
        if known is not None and known['setup'] == self._job.setup:
            if known['stamp'] != stamp:
                content = sha256_of(path)
            if known['stamp'] == stamp or known['sha256'] == content:
                return Plan(known['seconds'] or 0.0, done=known)
        if recording.is_picture:
            return Plan(0.0)
        contents = probe(path)
        seconds = measured_seconds(path, contents)
        if not math.isfinite(seconds):
            seconds = 0.0
        pieces: list[tuple[float, float]] = []
        if (
            self._options.faces
            and contents.pictures
            and seconds > _WORTH_CUTTING * self._options.piece
        ):
            pieces = index_pictures(path).pieces(self._options.piece)
        if len(pieces) < 2:
            return Plan(seconds, content=content)
        listen = self._options.voice and bool(contents.sounds)
        return Plan(seconds, None, tuple(pieces), listen, content or sha256_of(path))

    def _whole(self, task: Task, path: Path) -> dict[str, Any]:
        content = task.content or sha256_of(path)
        if task.recording.is_picture:
            return self._write(task.recording, path, content, None, SILENT, None, [])
        said: list[str] = []
        contents = probe(path)
        voice = self._voice(contents, path, said)
        sights: Iterable[Sights] = ()
        if self._options.faces:
            if contents.pictures:
                sights = self._perception.look(path, index_pictures(path), said.append)
            elif voice is SILENT:
                contents.picture()  # Says that there is none.
        return self._write(task.recording, path, content, contents, voice, sights, said)

    def _look(self, task: Task, path: Path) -> None:
        name = f'{_pieces(task, self._job)}/look-{task.piece:05d}.npz'
        if self._store.exists(name):
            return
        said: list[str] = []
        blocks = list(self._perception.look(path, index_pictures(path), said.append, *task.span))
        self._store.write(name, Sights.joined(blocks).to_bytes(said))

    def _listen(self, task: Task, path: Path) -> None:
        name = f'{_pieces(task, self._job)}/voice.json'
        if self._store.exists(name):
            return
        said: list[str] = []
        voice = self._voice(probe(path), path, said)
        self._store.write(name, voice.to_bytes(said))

    def _join(self, task: Task, path: Path) -> dict[str, Any]:
        folder = _pieces(task, self._job)
        said: list[str] = []
        voice = SILENT
        data = self._store.read(f'{folder}/voice.json')
        if data is not None:
            voice, lost = Voice.from_bytes(data)
            said += lost

        def sights() -> Iterator[Sights]:
            for piece in range(task.piece):
                data = self._store.read(f'{folder}/look-{piece:05d}.npz')
                if data is None:
                    raise OSError(f'piece {piece} of {task.recording.name} is gone from {folder}')
                found, lost = Sights.from_bytes(data)
                said.extend(lost)
                yield found

        summary = self._write(
            task.recording, path, task.content, probe(path), voice, sights(), said
        )
        self._store.remove(folder)
        return summary

    # -- what they share ------------------------------------------------------------------------

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

    def _write(
        self,
        recording: Recording,
        path: Path,
        content: str,
        contents: Contents | None,
        voice: Voice,
        sights: Iterable[Sights] | None,
        said: list[str],
    ) -> dict[str, Any]:
        """Join and write tables, film and, last, the summary: when that is there, all is.

        :param contents: of a recording; ``None`` for a picture.
        :param sights: ``None`` for a picture, which is looked at here.
        """
        about = self._about(recording, content)
        names = {
            'faces': f'faces/{recording.id}.parquet',
            'utterances': f'utterances/{recording.id}.parquet',
        }
        figures = Figures()
        models = (self._job.models.get('fer', {}), self._job.models.get('ser', {}))
        with (
            self._store.file(names['faces']) as faces_file,
            self._store.file(names['utterances']) as utterances_file,
        ):
            with (
                TableWriter(faces_file, FACES, about) as faces,
                TableWriter(utterances_file, UTTERANCES, about) as utterances,
            ):
                joiner = Joiner(
                    recording.name,
                    voice,
                    faces,
                    utterances,
                    figures,
                    (models[0].get('name', ''), models[1].get('name', '')),
                )
                if sights is None:
                    joiner.add_picture(self._perception.look_at_picture(path))
                else:
                    for block in sights:
                        joiner.add(block)
                joiner.finish()
                rows = {'faces': faces.count, 'utterances': utterances.count}
            begin, end = 0.0, 0.0
            if contents is not None:
                begin = contents.begin
                end = begin + measured_seconds(path, contents)
            if self._options.film and contents is not None and contents.pictures:
                names['film'] = f'films/{recording.id}.mp4'
                with self._store.file(names['film']) as film:
                    write_film(path, faces_file, utterances_file, film, self._options.every)
        summary = {
            **about,
            'id': recording.id,
            'stamp': _stamp(recording, path),
            'kind': 'picture' if contents is None else 'film' if contents.pictures else 'sound',
            'seconds': round(end - begin, 3) if math.isfinite(end) else None,
            'files': names,
            'rows': rows,
            **figures.summary(begin, end),
            'left_out': [_by_name(line, recording, path) for line in said],
        }
        text = json.dumps(summary, indent=1, allow_nan=False)
        self._store.write(f'summaries/{recording.id}.json', text.encode())
        return summary

    def _about(self, recording: Recording, content: str) -> dict[str, Any]:
        """Return what results say of where they come from."""
        return {
            'format': FORMAT,
            'recording': recording.name,
            'source': recording.source,
            'sha256': content,
            'setup': self._job.setup,
            'models': self._job.models,
            'options': self._options.described(),
            'time_base': "seconds on the recording's own clock",
        }

    def _known(self, recording: Recording) -> dict[str, Any] | None:
        """Return the summary of earlier results, if it and all that it names is there."""
        data = self._store.read(f'summaries/{recording.id}.json')
        try:
            found: dict[str, Any] = json.loads(data or b'null')
            if found and all(self._store.exists(name) for name in found['files'].values()):
                return found
        except (ValueError, KeyError, TypeError):
            pass  # Of another version, or somebody's own: it is made anew.
        return None

    @contextlib.contextmanager
    def _local(self, recording: Recording) -> Iterator[Path]:
        """Give a path to a recording; one elsewhere is fetched for as long as it is needed."""
        if not is_url(recording.source):
            check_file(Path(recording.source))
            yield Path(recording.source)
            return
        system, place = filesystem(recording.source)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(recording.name).name)
            try:
                system.get_file(place, str(path))
            except FileNotFoundError as error:
                raise MediaError(f'{recording.source} is not there') from error
            yield path


def _by_name(text: str, recording: Recording, path: Path) -> str:
    """Return a message that calls a recording as the tables do, not by where it lies."""
    return text.replace(str(path), recording.name)


def _pieces(task: Task, job: Job) -> str:
    """Return the folder of a recording's pieces: others for other content or options."""
    return f'.pieces/{task.recording.id}-{task.content[:12]}-{job.setup[:12]}'


def _stamp(recording: Recording, path: Path) -> str:
    """Return what changes with a recording's content, without reading that."""
    if is_url(recording.source):
        system, place = filesystem(recording.source)
        info = system.info(place)
        kept = ('size', 'ETag', 'etag', 'LastModified', 'mtime', 'md5Hash', 'created')
        return json.dumps({key: str(info[key]) for key in kept if key in info})
    status = path.stat()
    return f'{status.st_size} bytes, modified {status.st_mtime_ns} ns'
