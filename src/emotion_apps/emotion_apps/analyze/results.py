# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is written of one recording: its tables, its film, and last its summary."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emotion_apps.analyze.columns import FACES, UTTERANCES
from emotion_apps.analyze.fetching import stamp_of
from emotion_apps.analyze.figures import Figures
from emotion_apps.analyze.film import write_film
from emotion_apps.analyze.joining import Joiner
from emotion_apps.analyze.options import FORMAT
from emotion_apps.analyze.recordings import Recording
from emotion_apps.analyze.sights import Sights
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tables import TableWriter
from emotion_apps.analyze.tasks import Job
from emotion_apps.analyze.voice import Voice
from emotion_perception.media.container import Contents, measured_seconds


class Results:
    """The results of recordings in a store.

    :param job: what holds for all recordings.
    """

    def __init__(self, job: Job, store: Store) -> None:
        self._job, self._store = job, store

    def known(self, recording: Recording) -> dict[str, Any] | None:
        """Return the summary of earlier results, if it and all that it names is there."""
        data = self._store.read(f'summaries/{recording.id}.json')
        try:
            found: dict[str, Any] = json.loads(data or b'null')
            if found and all(self._store.exists(name) for name in found['files'].values()):
                return found
        except (ValueError, KeyError, TypeError):
            pass  # Of another version, or somebody's own: it is made anew.
        return None

    def write(
        self,
        recording: Recording,
        path: Path,
        content: str,
        contents: Contents | None,
        voice: Voice,
        sights: Iterable[Sights],
        said: list[str],
    ) -> dict[str, Any]:
        """Join and write tables, film and, last, the summary: when that is there, all is.

        :param path: where the recording's content is.
        :param content: its sha256.
        :param contents: of a recording; ``None`` for a picture.
        :param said: what was lost on the way; read when all was seen.
        :return: the summary.
        :raises OSError: if a file cannot be written.
        """
        about = self._about(recording, content)
        names = {
            'faces': f'faces/{recording.id}.parquet',
            'utterances': f'utterances/{recording.id}.parquet',
        }
        figures = Figures()
        models = tuple(self._job.models.get(kind, {}).get('name', '') for kind in ('fer', 'ser'))
        with (
            self._store.file(names['faces']) as faces_file,
            self._store.file(names['utterances']) as utterances_file,
        ):
            with (
                TableWriter(faces_file, FACES, about) as faces,
                TableWriter(utterances_file, UTTERANCES, about) as utterances,
            ):
                joiner = Joiner(recording.name, voice, faces, utterances, figures, *models)
                for block in sights:
                    if contents is None:
                        joiner.add_picture(block)
                    else:
                        joiner.add(block)
                joiner.finish()
                rows = {'faces': faces.count, 'utterances': utterances.count}
            begin, end = 0.0, 0.0
            if contents is not None:
                begin = contents.begin
                end = begin + measured_seconds(path, contents)
            if self._job.options.film and contents is not None and contents.pictures:
                names['film'] = f'films/{recording.id}.mp4'
                with self._store.file(names['film']) as film:
                    write_film(path, faces_file, utterances_file, film, self._job.options.every)
        summary = {
            **about,
            'id': recording.id,
            'stamp': stamp_of(recording),
            'kind': 'picture' if contents is None else 'film' if contents.pictures else 'sound',
            'seconds': round(end - begin, 3) if math.isfinite(end) else None,
            'files': names,
            'rows': rows,
            **figures.summary(begin, end),
            'left_out': [by_name(line, recording, path) for line in said],
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
            'options': self._job.options.described(),
            'time_base': "seconds on the recording's own clock",
        }


def by_name(text: str, recording: Recording, path: Path) -> str:
    """Return a message that calls a recording as the tables do, not by where it lies."""
    return text.replace(str(path), recording.name)
