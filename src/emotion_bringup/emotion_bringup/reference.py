# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Write docs/parameters.md: the parameters of all nodes and the arguments of all graphs.

``python -m emotion_bringup.reference FILE`` writes the file; ``--check`` only says whether it is
up to date (exit code 1 if not). All of it comes from the settings classes, which the nodes
declare their parameters from; ROS is not needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from emotion_bringup.graphs import COMMON, GRAPHS, SETTINGS, Graph
from emotion_perception.ros.start import StartSettings
from emotion_perception.settings import Setting, Settings, settings_of

_HEAD = """\
# Parameters and arguments

<!-- Written by `./emotion exec python -m emotion_bringup.reference docs/parameters.md`. -->

What stands here is what the nodes declare (`ros2 param describe`): type, default, range and
meaning of each parameter are written once, in the settings class of the part that uses it.

- **now**: `ros2 param set` takes effect at once.
- **configure**: read when the node is configured. While it is configured, `ros2 param set` is
  refused with the reason; `ros2 lifecycle set NODE deactivate`, `cleanup`, set it, `configure`.
- **start**: read-only after the start.

A point in a name is a level in a file of parameters (`config:=FILE`):

```yaml
fer_node:
  ros__parameters:
    smoother:
      method: majority
```
"""


def write() -> str:
    """Return the whole file."""
    return '\n'.join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield '## Parameters'
    for name, cls in SETTINGS.items():
        yield f'\n### `{name}`\n'
        yield '| parameter | type | default | allowed | takes effect | meaning |'
        yield '|---|---|---|---|---|---|'
        for item in sorted(settings_of(cls), key=lambda item: ('.' in item.name, item.name)):
            kind = f'list of {item.kind.__name__}' if item.is_tuple else item.kind.__name__
            yield (
                f'| `{item.name}` | {kind} | `{item.shown}` | {item.allowed} | '
                f'{_effect(cls, item)} | {item.rule.doc} |'
            )
    yield '\n## Arguments of the graphs\n'
    yield '`./emotion run GRAPH name:=value`, `ros2 launch emotion_bringup GRAPH.launch.py ...`.'
    yield '\n| argument | graphs | sets | meaning |\n|---|---|---|---|'
    arguments = {
        argument.name: argument for graph in GRAPHS.values() for argument in graph.arguments
    }
    for name, argument in arguments.items():
        graphs = [graph for graph in GRAPHS.values() if argument.name in _names(graph)]
        targets = {
            target
            for graph in graphs
            for each in graph.arguments
            if each.name == name
            for target in each.targets
        }
        sets = ', '.join(
            f'`{parameter}` of `{node}`' for node, parameter in sorted(targets) if parameter
        )
        taken = ', '.join(graph.name for graph in graphs)
        yield f'| `{name}` | {taken} | {sets} | {argument.describe()} |'
    for argument in COMMON:
        yield f'| `{argument.name}` | all | | {argument.describe()} |'
    yield ''


def _names(graph: Graph) -> list[str]:
    return [argument.name for argument in graph.arguments]


def _effect(cls: type[Settings], item: Setting) -> str:
    if item.rule.live:
        return 'now'
    return 'configure' if issubclass(cls, StartSettings) else 'start'


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file; see the module."""
    parser = argparse.ArgumentParser(description='Write the reference of parameters.')
    parser.add_argument('file', type=Path)
    parser.add_argument('--check', action='store_true', help='only say whether it is up to date')
    options = parser.parse_args(arguments)
    if not options.check:
        options.file.write_text(write(), encoding='utf-8')
    elif not options.file.is_file() or options.file.read_text(encoding='utf-8') != write():
        print(
            f'not up to date: {options.file}; run '
            './emotion exec python -m emotion_bringup.reference docs/parameters.md',
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
