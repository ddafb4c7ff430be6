# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Files that are either whole or absent: reports, takes, tables, checkpoints, pictures; sums."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

PART = '.part'
"""What the names of files hold that are not whole yet."""


class SaveError(OSError):
    """A file could not be saved; the text names it and the reason, and what stands there now."""


def sha256_of(*paths: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of the contents of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, 'rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a path to write to; it takes the target's name when all went well, else it goes.

    A crash or a full disk leaves the old file, or none, but no half: the bytes reach the disk
    before the name is given (``os.replace`` is atomic on POSIX). The temporary file is new by its
    random name, so that a link laid in its way is never followed; a link that has the target's
    name is replaced. Its suffix is the target's: many writers go by it. Missing folders are made.

    :raises SaveError: if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f'.{secrets.token_hex(8)}{PART}{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
        with open(temporary, 'rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise SaveError(
            f'could not save {path}: {error.strerror or error}; '
            'the file that stood there before, if any, is unchanged'
        ) from error
    finally:
        # An interrupt, say, leaves nothing behind either.
        _discard(temporary)


def write_atomically(path: Path | str, data: bytes) -> None:
    """Write a file by :func:`whole`.

    :raises SaveError: if the disk is full or the folder cannot be written.
    """
    with whole(path) as temporary:
        temporary.write_bytes(data)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The folder is not one, or is read-only: then there is nothing to take away.
        pass
