# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give every node of a graph usual work for a long time, and look at what it takes.

::

    ./emotion exec python tests/campaign/soak.py --graph web --minutes 30 --plot soak.png

Memory is a line through the second two thirds of the time: what a node takes at its beginning is
no leak. Latency is that of `/diagnostics`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from campaign.fuzz import INPUTS, Campaign
from campaign.strange import STATES
from emotion_bringup.graphs import GRAPHS

# Messages a second on each topic, and seconds between two looks.
RATE = 10.0
LOOK = 5.0


def soak(graph: str, seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run a soak and return its report, with a row of MB, threads and files for each look."""
    campaign = Campaign(graph, seed, folder, attack=0)
    rows: list[dict[str, Any]] = []
    try:
        begin = look = time.monotonic()
        while time.monotonic() - begin < seconds:
            start = time.monotonic()
            for topic, publisher in campaign.publishers.items():
                if INPUTS[topic] not in STATES:
                    publisher.publish(campaign.stranger.usual(INPUTS[topic], time.time()))
            campaign.check()
            if start >= look:
                look = start + LOOK
                rows.append(
                    {'time': start - begin, **{n: vars(u) for n, u in campaign.usage().items()}}
                )
            time.sleep(max(0.0, 1 / RATE - (time.monotonic() - start)))
    except AssertionError as error:
        campaign.findings[str(error)[:2000]] += 1
    finally:
        campaign.close()
    late = rows[len(rows) // 3 :]
    slopes = {
        name: float(
            np.polyfit([row['time'] for row in late], [row[name]['memory'] for row in late], 1)[0]
            * 3600
        )
        for name in campaign.nodes
        if len(late) > 2
    }
    return {
        'graph': graph,
        'seconds': round(rows[-1]['time']) if rows else 0,
        'heard': dict(campaign.heard),
        'mb_per_hour': {name: round(slope, 2) for name, slope in slopes.items()},
        'threads': {n: [rows[0][n]['threads'], rows[-1][n]['threads']] for n in campaign.nodes},
        'files': {n: [rows[0][n]['files'], rows[-1][n]['files']] for n in campaign.nodes},
        'findings': dict(campaign.findings),
        'rows': rows,
    }


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the memory of each node over the time; needs matplotlib."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4))
    for name in report['mb_per_hour']:
        times = [row['time'] / 60 for row in report['rows']]
        axes.plot(times, [row[name]['memory'] for row in report['rows']], label=name)
    axes.set(xlabel='minutes', ylabel='memory, MB', ylim=(0, None))
    axes.legend(fontsize='small', ncols=2)
    figure.tight_layout()
    figure.savefig(path)


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--graph', default='web', choices=sorted(GRAPHS))
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--json', type=Path, help='where the whole report goes')
    parser.add_argument('--plot', type=Path, help='where a picture of the memory goes')
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = soak(options.graph, options.minutes * 60, options.seed, folder)
    if options.json:
        options.json.write_text(json.dumps(report))
    if options.plot:
        draw(report, options.plot)
    print(json.dumps({key: value for key, value in report.items() if key != 'rows'}, indent=2))
    return 1 if report['findings'] else 0


if __name__ == '__main__':
    sys.exit(main())
