# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recordings as files of this machine, wherever they lie."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from emotion_apps.analyze.recordings import Recording, filesystem, is_url
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import check_file


class Fetcher:
    """Gives paths to recordings.

    Of those that lie elsewhere the last one is kept: the next piece of work is mostly of the same
    recording.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept = ('', '')

    def path(self, recording: Recording) -> Path:
        """Return where a recording is, until the next one is asked for.

        :raises MediaError: if it is not there, or is no file.
        :raises OSError: if it cannot be fetched.
        """
        if not is_url(recording.source):
            check_file(Path(recording.source))
            return Path(recording.source)
        system, place = filesystem(recording.source)
        try:
            wanted = (recording.source, stamp_of(recording))
            if self._folder is None or self._kept != wanted:
                self.close()
                self._folder = tempfile.TemporaryDirectory(prefix='emotion-')
                system.get_file(place, str(Path(self._folder.name, _file_name(recording))))
                self._kept = wanted
        except FileNotFoundError as error:
            raise MediaError(f'{recording.source} is not there') from error
        return Path(self._folder.name, _file_name(recording))

    def close(self) -> None:
        """Remove what was kept."""
        self._kept = ('', '')
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def stamp_of(recording: Recording) -> str:
    """Return what changes with a recording's content, without reading that."""
    if is_url(recording.source):
        system, place = filesystem(recording.source)
        info = system.info(place)
        kept = ('size', 'ETag', 'etag', 'LastModified', 'mtime', 'md5Hash', 'created')
        return json.dumps({key: str(info[key]) for key in kept if key in info})
    status = Path(recording.source).stat()
    return f'{status.st_size} bytes, modified {status.st_mtime_ns} ns'


def _file_name(recording: Recording) -> str:
    return Path(recording.name).name
