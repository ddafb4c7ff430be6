# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Files that are either whole or absent: reports, takes, tables, checkpoints, pictures; sums."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path


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


def write_atomically(path: Path | str, data: bytes) -> None:
    """Write a file so that a crash or a full disk leaves the old one, or none, but no half.

    The bytes go to a temporary file beside the target, reach the disk, and only then take the
    target's name (``os.replace`` is atomic on POSIX). The temporary file is new by its random
    name, so that a link laid in its way is never followed; a link that has the target's name is
    replaced. Missing folders are made.

    :raises SaveError: if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f'.{path.name[:64]}.{secrets.token_hex(8)}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        _discard(temporary)
        raise SaveError(
            f'could not save {path} ({len(data) / 1e6:.1f} MB): {error.strerror or error}; '
            'the file that stood there before, if any, is unchanged'
        ) from error
    except BaseException:
        # An interrupt, say: leave nothing behind either.
        _discard(temporary)
        raise


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The folder is not one, or is read-only: then there is nothing to take away.
        pass
