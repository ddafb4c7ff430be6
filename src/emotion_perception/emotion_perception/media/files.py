# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which files are media, where they are, and which only look like it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from emotion_perception.media.errors import MediaError

IMAGE_SUFFIXES = (
    '.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.dib', '.webp', '.avif', '.gif', '.tif',
    '.tiff', '.jp2', '.pgm', '.ppm', '.pbm', '.pnm',
)  # fmt: skip
"""Files of one picture."""

SOUND_SUFFIXES = (
    '.wav', '.flac', '.ogg', '.oga', '.opus', '.mp3', '.m4a', '.aac', '.aiff', '.aif', '.aifc',
    '.au', '.snd', '.w64', '.caf', '.wma', '.ac3', '.eac3', '.amr', '.mka', '.weba',
)  # fmt: skip
"""Files of sound."""

FILM_SUFFIXES = (
    '.mp4', '.m4v', '.mov', '.mkv', '.webm', '.avi', '.mpg', '.mpeg', '.wmv', '.asf', '.flv',
    '.3gp', '.3g2', '.ts', '.mts', '.m2ts', '.ogv', '.vob', '.mjpeg', '.mjpg',
)  # fmt: skip
"""Files of pictures that move, with or without sound."""

STREAM_SCHEMES = (
    'rtsp://', 'rtsps://', 'rtmp://', 'rtmps://', 'http://', 'https://', 'udp://', 'rtp://',
    'tcp://', 'srt://',
)  # fmt: skip
"""How the name of a stream begins."""

# What operating systems, notebooks and disk stations leave behind. Names with a dot in front
# (.ipynb_checkpoints, ._face.jpg, .Trash) are left out anyway.
_LEFT_BEHIND = {
    '__macosx', '__pycache__', '@eadir', '#recycle', '$recycle.bin', 'lost+found',
    'system volume information', 'thumbs.db', 'desktop.ini',
}  # fmt: skip

_POINTERS = (
    (b'version https://git-lfs.github.com/spec/v1', 'Git LFS', 'git lfs pull'),
    (b'/annex/objects/', 'git-annex', 'git annex get'),
)


def local_path(source: str | os.PathLike[str]) -> Path:
    """Return the path that a name stands for; ``~`` is a home unless a file is called so."""
    path = Path(source)
    if path.exists():
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        return path  # There is no such user: the name just begins with a tilde.


def is_stream(source: str | os.PathLike[str]) -> bool:
    """Tell whether a name is a stream's address; a file that is called so is a file."""
    return str(source).lower().startswith(STREAM_SCHEMES) and not Path(source).exists()


def check_file(path: Path) -> None:
    """Make sure that a file is there and could hold anything.

    :raises MediaError: if it is missing, a folder, empty, not allowed to be read, or a pointer to
        a file that was never fetched.
    """
    try:
        with open(path, 'rb') as file:
            head = file.read(64)
    except IsADirectoryError:
        raise MediaError(f'{path} is a folder, not a file') from None
    except FileNotFoundError:
        raise MediaError(f'{path} is not there') from None
    except OSError as error:
        raise MediaError(f'{path} cannot be opened: {error.strerror}') from error
    if not head:
        raise MediaError(f'{path} is empty (0 bytes)')
    for sign, kind, command in _POINTERS:
        if head.startswith(sign):
            raise MediaError(
                f'{path} is a {kind} pointer, not the file itself; fetch it with `{command}` '
                'where it was cloned'
            )


def is_left_behind(name: str) -> bool:
    """Tell whether a file or folder of this name is no part of a data set."""
    return name.startswith('.') or name.lower() in _LEFT_BEHIND


def subfolders(folder: Path) -> list[Path]:
    """Return the folders (linked ones too) directly in a folder, in order."""
    return sorted(
        item for item in folder.iterdir() if not is_left_behind(item.name) and item.is_dir()
    )


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files directly in a folder whose name ends as wanted, in order."""
    return sorted(
        item
        for item in folder.iterdir()
        if item.suffix.lower() in suffixes and not is_left_behind(item.name) and not item.is_dir()
    )


def files_under(root: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files in a folder and all folders below it, in order.

    Links to folders are followed, each folder is visited once: a link that leads up or in a
    circle ends there.
    """
    return sorted(path for folder in _walk(root) for path in files_in(folder, suffixes))


def _walk(root: Path) -> Iterator[Path]:
    """Yield all folders: what lies under the root itself before what links lead to."""
    seen: set[tuple[int, int]] = set()
    waiting, links = [root], list[Path]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        yield folder
        for item in subfolders(folder):
            (links if item.is_symlink() else waiting).append(item)
