# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a process takes, from /proc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Memory, MB resident; threads; open files."""

    memory: float
    threads: int
    files: int


def usage_of(pid: int) -> Usage:
    """Return what a process takes now.

    :raises OSError: if it has ended.
    """
    status = _status(pid)
    return Usage(
        _megabytes(status['VmRSS']),
        int(status['Threads']),
        len(list(Path(f'/proc/{pid}/fd').iterdir())),
    )


def most_of(pid: int) -> float:
    """Return the most memory that a process ever took, MB resident.

    :raises OSError: if it has ended.
    """
    return _megabytes(_status(pid)['VmHWM'])


def _status(pid: int) -> dict[str, str]:
    text = Path(f'/proc/{pid}/status').read_text()
    return dict(line.split(':', 1) for line in text.splitlines() if ':' in line)


def _megabytes(field: str) -> float:
    return int(field.split()[0]) / 1024
