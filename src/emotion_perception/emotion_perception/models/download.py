"""Fetching the files of catalogue entries into the cache, verified and all or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from emotion_perception.models.catalog import CatalogEntry
from emotion_perception.models.errors import ModelError
from emotion_perception.models.files import remedy

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in total (0 if not known)."""

_BLOCK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte


def download(entry: CatalogEntry, directory: Path, progress: Progress | None = None) -> Path:
    """Download the file of an entry.

    The file appears under its name only when it is complete and its sha256 is right; several
    processes may download at once.

    :param directory: the cache; made if it does not exist.
    :param progress: by default a bar on stderr where that is a terminal.
    :return: the path of the file.
    :raises ModelError: if the network, the disk or the sum fails; no file is left behind.
    """
    target = directory / entry.file
    progress = progress or bar(entry.file)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(entry.url, timeout=_TIMEOUT) as response:
            total = int(response.headers.get('Content-Length') or entry.bytes)
            handle, temporary = tempfile.mkstemp(prefix=target.name + '.', suffix='.part',
                                                 dir=target.parent)
            digest, size = hashlib.sha256(), 0
            with os.fdopen(handle, 'wb') as stream:
                while block := response.read(_BLOCK):
                    stream.write(block)
                    digest.update(block)
                    size += len(block)
                    progress(size, total)
                    if entry.bytes and size > entry.bytes:
                        break
        if (entry.bytes and size != entry.bytes) or digest.hexdigest() != entry.sha256:
            raise ModelError(
                f'model {entry.name}: for {entry.file}, {entry.url} gave {size} bytes with sha256 '
                f'{digest.hexdigest()}; the catalogue says '
                f'{f"{entry.bytes} bytes with " if entry.bytes else ""}{entry.sha256}: cut '
                'short, or the file there has changed; nothing was kept')
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # urllib's errors are OSErrors; a broken Content-Length is a ValueError.
        reason = error.reason if type(error) is urllib.error.URLError else error
        size = f' ({entry.bytes} bytes)' if entry.bytes else ''
        raise ModelError(f'model {entry.name}: downloading {entry.file}{size} to {directory} '
                         f'failed: {reason}; {remedy(entry)}, or copy the file to '
                         f'{target}') from error
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return target


def bar(name: str) -> Progress:
    """Return a progress bar on stderr, silent where that is not a terminal."""
    if not sys.stderr.isatty():
        return lambda size, total: None

    def show(size: int, total: int) -> None:
        share = min(size / total, 1.0) if total else 0.0
        done = round(30 * share)
        end = '\n' if total and size >= total else ''
        print(f'\r{name} [{"#" * done}{"." * (30 - done)}] {size / 1e6:.1f} MB', end=end,
              file=sys.stderr, flush=True)

    return show
