# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which recordings some paths, folders, patterns and URLs stand for."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion_apps.analyze.errors import AnalyzeError
from emotion_perception.media.files import (
    FILM_SUFFIXES,
    IMAGE_SUFFIXES,
    SOUND_SUFFIXES,
    files_under,
    is_stream,
    local_path,
)

MEDIA_SUFFIXES = (*IMAGE_SUFFIXES, *SOUND_SUFFIXES, *FILM_SUFFIXES)

_PATTERN = re.compile(r'[*?[]')
_URL = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+://')
# Streams that end, which fsspec can fetch as files.
_FILES_OF_THE_WEB = ('http://', 'https://')


@dataclass(frozen=True)
class Recording:
    """One file to analyse.

    :param source: path or URL, as any worker can open it.
    :param name: for people: the path within the folder that was given.
    :param id: names its results; the same for the same file in every run.
    """

    source: str
    name: str
    id: str

    @property
    def is_picture(self) -> bool:
        """Return whether it is a single picture."""
        return Path(self.source).suffix.lower() in IMAGE_SUFFIXES


def is_url(text: str) -> bool:
    """Tell whether a name is a URL rather than a path."""
    return bool(_URL.match(text)) and not Path(text).exists()


def filesystem(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, as fsspec knows it, and the path there.

    :raises AnalyzeError: if fsspec, or its package for this kind of URL, is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise AnalyzeError(f'{url}: URLs need fsspec; run `./emotion setup --analyze`') from error
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise AnalyzeError(f'{url}: {error}') from error
    return found


def find_recordings(paths: Iterable[str], without: str = '') -> list[Recording]:
    """Return the recordings of some paths, each once, in order.

    Of folders (and what lies below) it is whatever has a name as media have; a file that is named
    itself is taken whatever it is called, and even if it is not there: it will be listed as
    failed.

    :param paths: files, folders, patterns (``*``, ``**``), and URLs of them.
    :param without: folder of results, which is left out.
    :raises AnalyzeError: if a URL cannot be listed, or is one of a stream that never ends.
    """
    found: dict[str, str] = {}
    for text in paths:
        for source, name in _of_url(text) if is_url(text) else _of_path(text, without):
            found.setdefault(source, name)
    names = list(found.values())
    recordings = []
    for source, name in found.items():
        # Two files of one name, given by themselves: told apart by where they are.
        unique = name if names.count(name) == 1 else source
        digest = hashlib.sha256(unique.encode(errors='surrogateescape')).hexdigest()[:8]
        stem = re.sub(r'[^A-Za-z0-9]+', '-', os.path.splitext(name)[0]).strip('-').lower()
        recordings.append(Recording(source, name, f'{stem[-60:] or "recording"}-{digest}'))
    return recordings


def _of_path(text: str, without: str) -> list[tuple[str, str]]:
    path = local_path(text)
    if path.is_dir():
        excluded = Path(without).resolve() if without and not is_url(without) else None
        return [
            (str(item.absolute()), str(item.relative_to(path)))
            for item in files_under(path, MEDIA_SUFFIXES)
            if excluded is None or excluded not in item.resolve().parents
        ]
    if not path.exists() and _PATTERN.search(text):
        matches = sorted(glob.glob(str(path), recursive=True))
        root = Path(
            os.path.commonpath([os.path.dirname(os.path.abspath(m)) for m in matches])
            if matches
            else '.'
        )
        return [
            (str(Path(item).absolute()), os.path.relpath(os.path.abspath(item), root))
            for item in matches
            if Path(item).is_file() and Path(item).suffix.lower() in MEDIA_SUFFIXES
        ]
    return [(str(path.absolute()), path.name)]


def _of_url(text: str) -> list[tuple[str, str]]:
    if is_stream(text) and not text.lower().startswith(_FILES_OF_THE_WEB):
        raise AnalyzeError(
            f'{text}: a stream has no end; record it first, or watch it with '
            '`./emotion run perception camera:=URL`'
        )
    system, path = filesystem(text)
    if text.lower().startswith(_FILES_OF_THE_WEB):
        return [(text, path.rpartition('/')[2] or text)]
    try:
        if _PATTERN.search(path):
            root, matches = _PATTERN.split(path)[0].rpartition('/')[0], system.glob(path)
        elif system.isdir(path):
            root, matches = path, system.find(path)
        else:
            return [(text, path.rpartition('/')[2])]
    except OSError as error:
        raise AnalyzeError(f'{text}: {error}') from error
    return [
        (system.unstrip_protocol(item), item.removeprefix(root).lstrip('/'))
        for item in sorted(matches)
        if os.path.splitext(item)[1].lower() in MEDIA_SUFFIXES
    ]
