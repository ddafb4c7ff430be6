# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where results are kept: a folder, or any place that fsspec can write to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.recordings import filesystem, is_url
from emotion_perception.storage import PART, whole, write_atomically


class Store:
    """Files that are either whole or absent, by names with slashes.

    :param place: a folder, or a URL that every worker can write to.
    :raises AnalyzeError: if the URL cannot be understood.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._system, self._root = None, ''
        if is_url(place):
            self._system, self._root = filesystem(place.rstrip('/'))

    @property
    def folder(self) -> Path | None:
        """Return the folder; ``None`` if it is a URL."""
        return None if self._system is not None else Path(self.place)

    def read(self, name: str) -> bytes | None:
        """Return a file, or ``None`` if there is none."""
        try:
            if self._system is not None:
                data: bytes = self._system.cat_file(f'{self._root}/{name}')
                return data
            return Path(self.place, name).read_bytes()
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        """Tell whether there is a file or folder."""
        if self._system is not None:
            return bool(self._system.exists(f'{self._root}/{name}'))
        return Path(self.place, name).exists()

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file.

        :raises OSError: if it cannot be written.
        """
        if self._system is not None:
            # What is put into an object store is there when all of it is.
            self._system.pipe_file(f'{self._root}/{name}', data)
        else:
            write_atomically(Path(self.place, name), data)

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a path to write to; it takes its name when all went well.

        :raises OSError: if it cannot be written.
        """
        if self._system is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, Path(name).name)
                yield path
                self._system.put_file(str(path), f'{self._root}/{name}')
            return
        with whole(Path(self.place, name)) as path:
            yield path

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        if self._system is not None:
            if self._system.exists(f'{self._root}/{name}'):
                self._system.rm(f'{self._root}/{name}', recursive=True)
            return
        path = Path(self.place, name)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Keep other analyses out of a folder, and clear what a killed one was writing.

        :raises AnalyzeError: if another one is at work there, or it cannot be written to.
        """
        if self._system is not None:
            yield
            return
        folder = Path(self.place)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / '.lock', os.O_WRONLY | os.O_CREAT, 0o666)
        except OSError as error:
            raise AnalyzeError(f'{folder} cannot be written to: {error.strerror}') from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for pattern in (f'*/.*{PART}*', f'.*{PART}', f'.pieces/*/.*{PART}'):
                for path in folder.glob(pattern):
                    path.unlink(missing_ok=True)
            yield
        except BlockingIOError:
            raise AnalyzeError(f'another analysis is writing to {folder}') from None
        finally:
            os.close(lock)
