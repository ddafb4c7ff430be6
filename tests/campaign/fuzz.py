# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Send strange messages to every node of a graph and look at all that it says.

::

    ./emotion exec python tests/campaign/fuzz.py --graph web --messages 1000000 --seed 7

The run fails if a node dies, is silent or does not answer for long, if something published is no
number, no probability or has no stamp, or if memory has grown when it is over. Memory is told
before (when the graph is warm), at its most, and after.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaign.graph import Campaign
from campaign.usage import draw, most_of, slope
from emotion_bringup.graphs import GRAPHS

# Messages until the memory that a node needs at work is there (docs/robustness.md tells of runs in
# which it was after 17,000 to 27,000); of shorter runs that share.
WARM = 40_000
WARM_SHARE = 0.2
# MB by which all nodes may have grown when what was freed has been given back.
MOST_GROWTH = 30.0
# Messages that may be lost, as a share: those whose place a giant took.
MOST_LOST = 0.001
# The screen is drawn so often a second: at its usual rate it costs half as much as all else.
RATE = 5.0


def fuzz(
    graph: str,
    messages: int,
    seed: int,
    folder: Path,
    seconds: float = math.inf,
    attack: int = 20_000,
    most_growth: float = math.inf,
) -> dict[str, Any]:
    """Run a campaign and return its report; ``findings`` is empty if nothing was found.

    :param seconds: after which it ends before all was sent.
    :param most_growth: MB by which all nodes together may have grown, some seconds after the end;
        judged if there were :data:`WARM` messages and as many again.
    """
    begin = time.monotonic()
    campaign = Campaign(graph, seed, folder, attack, {'view_node': {'rate': RATE}})
    judged = math.isfinite(most_growth)
    before, after, most, growth = {}, {}, {}, math.nan
    try:
        warm = min(WARM, round(WARM_SHARE * messages))
        campaign.run(warm, seconds)
        if judged:
            campaign.run_giants()
        campaign.settle()
        if judged:
            campaign.rest()
        before = campaign.usage()
        campaign.run(messages - warm, seconds - (time.monotonic() - begin))
        campaign.settle()
        most = {name: most_of(process.pid) for name, process in campaign.nodes.items()}
        if judged:
            campaign.rest()
        after = campaign.usage()
        growth = sum(after[name].memory - before[name].memory for name in after)
        if growth > most_growth and campaign.flow.sent.total() >= 2 * WARM:
            campaign.findings[f'memory has grown by {growth:.0f} MB'] += 1
    except AssertionError as error:
        campaign.findings[str(error)[:2000]] += 1
        before, after, most, growth = {}, {}, {}, math.nan
    finally:
        campaign.close()
    sent = campaign.flow.sent.total()
    lost = campaign.flow.lost()
    if sum(lost.values()) > MOST_LOST * sent:
        campaign.findings['messages were lost on the way'] += 1
    return {
        'graph': graph,
        'seed': seed,
        'messages': sent,
        'sent': dict(campaign.flow.sent),
        'worked_on': campaign.flow.arrived(),
        'lost': lost,
        'heard': dict(campaign.heard),
        'giants': campaign.giants.report() if campaign.giants else {},
        'giants_worked_on': campaign.flow.giants(),
        'seconds': round(time.monotonic() - begin, 1),
        'memory_mb': {
            name: [round(value, 1) for value in (before[name].memory, most[name], item.memory)]
            for name, item in after.items()
        },
        'growth_mb': round(growth, 1),
        'threads': {name: [before[name].threads, after[name].threads] for name in after},
        'files': {name: [before[name].files, after[name].files] for name in after},
        'mb_per_hour': {name: slope(campaign.rows, name) for name in campaign.nodes},
        'findings': dict(campaign.findings.most_common(50)),
        'rows': campaign.rows,
    }


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--graph', default='web', choices=sorted(GRAPHS))
    parser.add_argument('--messages', type=int, default=100_000)
    parser.add_argument('--seconds', type=float, default=float('inf'))
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--attack', type=int, default=20_000, help='one of so many is huge')
    parser.add_argument('--json', type=Path, help='where the whole report goes')
    parser.add_argument('--plot', type=Path, help='where a picture of the memory goes')
    parser.add_argument('--logs', type=Path, help='folder for the logs of the nodes')
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = fuzz(
            options.graph,
            options.messages,
            options.seed,
            folder,
            options.seconds,
            options.attack,
            MOST_GROWTH,
        )
    if options.json:
        options.json.write_text(json.dumps(report))
    if options.plot:
        draw(report, options.plot)
    print(json.dumps({key: value for key, value in report.items() if key != 'rows'}, indent=2))
    return 1 if report['findings'] else 0


if __name__ == '__main__':
    sys.exit(main())
