# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What brings the files of models to this machine: downloads into the cache, and the hub.

A download is verified, and all or nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_perception.models.catalog import CatalogEntry, may_download
from emotion_perception.models.errors import ModelError
from emotion_perception.models.files import cache_directory, described, find, remedy, verify

if TYPE_CHECKING:
    import urllib.request

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in total (0 if not known)."""

_BLOCK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte
_MOST_BYTES = 2 << 30  # of a file whose size the catalogue does not state


def model_file(entry: CatalogEntry, cache: str = '', offline: bool = False) -> Path:
    """Return the verified file or directory of an entry, downloading it where the entry may.

    :param cache: directory of downloads; empty for the usual one.
    :param offline: never download.
    :raises ModelError: if it is missing or damaged; the message names the file, its size and
        the command that gets it.
    """
    path = find(entry, cache)
    if path is None and entry.url and not offline:
        return download(entry, cache_directory(cache))
    if path is None:
        raise ModelError(
            f'model {entry.name}: {described(entry)} is not on this machine; '
            f'{remedy(entry, cache)}'
        )
    verify(entry, path, cache)
    return path


def download(entry: CatalogEntry, directory: Path, progress: Progress | None = None) -> Path:
    """Download the file of an entry.

    The file appears under its name only when it is complete and its sha256 is right; several
    processes may download at once.

    :param directory: the cache; made if it does not exist.
    :param progress: by default a bar on stderr where that is a terminal.
    :return: the path of the file.
    :raises ModelError: if the network, the disk or the sum fails; no file is left behind.
    """
    # Here and not above: hardly any start of a node downloads something.
    import http.client
    import urllib.error

    target = directory / entry.file
    progress = progress or bar(entry.file)
    most = entry.bytes or _MOST_BYTES
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _opener(entry).open(entry.url, timeout=_TIMEOUT) as response:
            total = int(response.headers.get('Content-Length') or entry.bytes)
            if total > most:
                raise ModelError(
                    f'model {entry.name}: {entry.url} offers {total} bytes for {entry.file}; '
                    f'{most} are the most that is taken'
                )
            handle, temporary = tempfile.mkstemp(
                prefix=target.name + '.', suffix='.part', dir=target.parent
            )
            digest, size = hashlib.sha256(), 0
            with os.fdopen(handle, 'wb') as stream:
                while block := response.read(_BLOCK):
                    stream.write(block)
                    digest.update(block)
                    size += len(block)
                    progress(size, total)
                    if size > most:
                        break
                stream.flush()
                os.fsync(stream.fileno())
        if (entry.bytes and size != entry.bytes) or digest.hexdigest() != entry.sha256:
            raise ModelError(
                f'model {entry.name}: for {entry.file}, {entry.url} gave {size} bytes with sha256 '
                f'{digest.hexdigest()}; the catalogue says '
                f'{f"{entry.bytes} bytes with " if entry.bytes else ""}{entry.sha256}: cut '
                'short, or the file there has changed; nothing was kept'
            )
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # urllib's errors are OSErrors; a broken Content-Length is a ValueError.
        reason = error.reason if type(error) is urllib.error.URLError else error
        amount = f' ({entry.bytes} bytes)' if entry.bytes else ''
        raise ModelError(
            f'model {entry.name}: downloading {entry.file}{amount} to {directory} '
            f'failed: {reason}; {remedy(entry)}, or copy the file to '
            f'{target}'
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return target


def _opener(entry: CatalogEntry) -> urllib.request.OpenerDirector:
    """Return what opens the address of an entry, and follows nobody to a less safe one."""
    import urllib.error
    import urllib.request

    class Redirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
            request = super().redirect_request(*arguments)
            if request is not None and not may_download(request.full_url, entry.insecure):
                raise urllib.error.URLError(f'it sends on to {request.full_url}, without TLS')
            return request

    return urllib.request.build_opener(Redirects)


def bar(name: str) -> Progress:
    """Return a progress bar on stderr, silent where that is not a terminal."""
    if not sys.stderr.isatty():
        return lambda size, total: None

    def show(size: int, total: int) -> None:
        share = min(size / total, 1.0) if total else 0.0
        done = round(30 * share)
        end = '\n' if total and size >= total else ''
        print(
            f'\r{name} [{"#" * done}{"." * (30 - done)}] {size / 1e6:.1f} MB',
            end=end,
            file=sys.stderr,
            flush=True,
        )

    return show


def fetch_from_hub(name: str) -> Path:
    """Download a model of the hub into the hub's own cache and return its directory.

    :raises ModelError: if it does not exist there or the network fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelError(
            f'fetching {name} needs Transformers: run `./emotion setup --training`'
        ) from error
    try:
        return Path(
            snapshot_download(
                name, allow_patterns=['*.json', '*.txt', '*.safetensors', 'pytorch_model*.bin']
            )
        )
    except Exception as error:
        # The hub library raises its own, httpx's and OS errors.
        raise hub_error(name, False, error) from error


def hub_error(name: str, offline: bool, error: Exception) -> ModelError:
    """Return the error for a hub model that could not be had."""
    reason = ' '.join(str(error).split())[:300]
    how = (
        'offline is set, and it is not in the local cache'
        if offline
        else f'it is not in the local cache and the hub did not give it: {reason}'
    )
    return ModelError(
        f'model {name}: {how}; run `python -m emotion_perception.models fetch '
        f'{name}` where there is a network, or give the path of a directory '
        'written by save_pretrained'
    )
