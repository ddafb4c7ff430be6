# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a process takes, from /proc, and how that goes on over the time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

# So many looks are taken together.
TOGETHER = 12


@dataclass(frozen=True)
class Usage:
    """Memory, MB resident, and how much of it is of no file and not shared; threads; files."""

    memory: float
    own: float
    threads: int
    files: int


def usage_of(pid: int) -> Usage:
    """Return what a process takes now.

    :raises OSError: if it has ended.
    """
    status = _status(pid)
    return Usage(
        _megabytes(status['VmRSS']),
        _megabytes(status['RssAnon']),
        int(status['Threads']),
        len(list(Path(f'/proc/{pid}/fd').iterdir())),
    )


def most_of(pid: int) -> float:
    """Return the most memory that a process ever took, MB resident.

    :raises OSError: if it has ended.
    """
    return _megabytes(_status(pid)['VmHWM'])


def slope(rows: list[dict[str, Any]], name: str) -> float | None:
    """Return by how many MB an hour a node grows; ``None`` if the time was too short.

    Of each minute in the last two thirds a quarter of the looks saw less than what counts: what is
    left where memory was given back, and not what it takes to hear an utterance, or while a model
    is away. Of the lines through two of them the median counts (the estimator of Theil and Sen).
    """
    late = rows[len(rows) // 3 :]
    parts = [late[i : i + TOGETHER] for i in range(0, len(late) - TOGETHER + 1, TOGETHER)]
    if len(parts) < 3:
        return None
    points = [
        (part[0]['time'], sorted(row[name]['memory'] for row in part)[TOGETHER // 4])
        for part in parts
    ]
    lines = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)]
    return round(median(lines) * 3600, 2)


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the memory of each node over the time; needs matplotlib."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4))
    for name, hourly in report['mb_per_hour'].items():
        times = [row['time'] / 60 for row in report['rows']]
        label = name if hourly is None else f'{name} ({hourly:+.1f} MB/h)'
        axes.plot(times, [row[name]['memory'] for row in report['rows']], label=label)
    axes.set(xlabel='minutes', ylabel='memory, MB', ylim=(0, None))
    axes.legend(fontsize='small', ncols=2)
    figure.tight_layout()
    figure.savefig(path)


def _status(pid: int) -> dict[str, str]:
    text = Path(f'/proc/{pid}/status').read_text()
    return dict(line.split(':', 1) for line in text.splitlines() if ':' in line)


def _megabytes(field: str) -> float:
    return int(field.split()[0]) / 1024
