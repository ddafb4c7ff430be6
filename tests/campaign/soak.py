# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give every node of a graph usual work for a long time, and look at what it takes.

::

    ./emotion exec python tests/campaign/soak.py --graph web --minutes 30 --plot soak.png

Meanwhile nodes are switched off and on, led through their lifecycle and sent goals that are
cancelled. Memory is a line through the lower quartiles of the minutes in the last two thirds of
the time: what a node takes at its beginning, or for a moment while it works, is no leak. Latency
is from a message's stamp to what was made of it.
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

from campaign.cycles import Cycles
from campaign.graph import Campaign
from campaign.strange import STATES
from campaign.topics import INPUTS
from campaign.usage import draw, slope
from emotion_bringup.graphs import GRAPHS
from emotion_msgs.msg import Utterance
from emotion_perception.ros.convert import to_seconds

# Messages a second on each topic, and seconds between two looks.
RATE = 10.0
LOOK = 5.0
# Of some kinds only one in so many is sent: nobody says ten things a second.
SELDOM = {Utterance: 30}
# Whose stamps are those of what they were made of.
TIMED = ('emotion/face', 'emotion/voice', 'emotion/fused')


class Soak(Campaign):
    """A campaign that notes how late answers are."""

    def __init__(self, graph: str, seed: int, folder: Path) -> None:
        self.late: dict[str, list[float]] = {topic: [] for topic in TIMED}
        """Seconds from the stamp to the arrival, in order."""
        super().__init__(graph, seed, folder, attack=0)

    def _judge(self, topic: str, message: Any, arrived: float) -> None:
        super()._judge(topic, message, arrived)
        if topic in self.late:
            self.late[topic].append(arrived - to_seconds(message.header.stamp))


def soak(
    graph: str, seconds: float, seed: int, folder: Path, pause: float = 2.0
) -> dict[str, Any]:
    """Run a soak and return its report, with a row of MB, threads and files for each look.

    :param pause: seconds between two things that are done to the graph meanwhile.
    """
    campaign = Soak(graph, seed, folder)
    cycles = Cycles(campaign.client, list(campaign.nodes), seed, pause)
    rows: list[dict[str, Any]] = []
    try:
        begin = look = time.monotonic()
        number = 0
        while time.monotonic() - begin < seconds:
            start = time.monotonic()
            for topic, publisher in campaign.publishers.items():
                kind = INPUTS[topic]
                if kind not in STATES and number % SELDOM.get(kind, 1) == 0:
                    publisher.publish(campaign.stranger.usual(kind, time.time()))
            number += 1
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
        cycles.stop()
        campaign.close()
    campaign.findings.update(cycles.failures)
    names = list(campaign.nodes)
    return {
        'graph': graph,
        'seconds': round(rows[-1]['time']) if rows else 0,
        'heard': dict(campaign.heard),
        'done': dict(cycles.done),
        'mb': {n: [round(rows[0][n]['memory']), round(rows[-1][n]['memory'])] for n in names},
        'mb_per_hour': {n: slope(rows, n) for n in names},
        'latency_ms': {topic: drift(late) for topic, late in campaign.late.items()},
        'threads': {n: [rows[0][n]['threads'], rows[-1][n]['threads']] for n in names},
        'files': {n: [rows[0][n]['files'], rows[-1][n]['files']] for n in names},
        'findings': dict(campaign.findings),
        'rows': rows,
    }


def drift(late: list[float]) -> list[float] | None:
    """Return the medians of the first and the last third, ms; ``None`` if there is too little."""
    third = len(late) // 3
    if not third:
        return None
    return [round(1000 * float(np.median(part)), 1) for part in (late[:third], late[-third:])]


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
