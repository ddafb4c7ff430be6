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
    status = Path(f'/proc/{pid}/status').read_text()
    fields = dict(line.split(':', 1) for line in status.splitlines() if ':' in line)
    return Usage(
        int(fields['VmRSS'].split()[0]) / 1024,
        int(fields['Threads']),
        len(list(Path(f'/proc/{pid}/fd').iterdir())),
    )


def most_of(pid: int) -> float:
    """Return the most memory that a process ever took, MB resident.

    :raises OSError: if it has ended.
    """
    status = Path(f'/proc/{pid}/status').read_text()
    return int(status.split('VmHWM:', 1)[1].split()[0]) / 1024
