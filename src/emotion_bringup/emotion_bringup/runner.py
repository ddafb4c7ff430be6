# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run a graph in one process: ``ros2 run emotion_bringup graph``, which launch files start too."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

from emotion_bringup.graphs import COMMON, GRAPHS, ArgumentError, Graph, resolve
from emotion_bringup.process import GraphProcess, finish, initialise
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.ros.parent import end_with_parent


def global_arguments(values: Mapping[str, str], extra: Sequence[str] = ()) -> list[str]:
    """Return the ROS arguments that hold for all nodes of the process.

    :param values: the graph's arguments (``config``, ``namespace`` and ``log_level`` count).
    :param extra: what the user gave after ``--ros-args``.
    """
    arguments = ['--ros-args']
    if values.get('config'):
        arguments += ['--params-file', values['config']]
    if values.get('namespace'):
        arguments += ['-r', f'__ns:=/{values["namespace"].strip("/")}']
    if values.get('log_level'):
        arguments += ['--log-level', values['log_level']]
    return [*arguments, *extra]


def namespace_of(arguments: Sequence[str]) -> str:
    """Return the namespace that ROS arguments give; as everywhere in ROS, the first one counts."""
    for option, rule in pairwise(arguments):
        if option in ('-r', '--remap') and rule.startswith('__ns:='):
            return rule.partition(':=')[2]
    return ''


def split(arguments: Sequence[str]) -> tuple[str, dict[str, str], list[str]]:
    """Split a command line into graph, ``name:=value`` arguments and ROS arguments.

    :param arguments: ``[--graph] GRAPH [name:=value ...] [--ros-args ...]``.
    :raises ArgumentError: for anything else, and for a graph that does not exist.
    """
    arguments = list(arguments)
    extra: list[str] = []
    if '--ros-args' in arguments:
        at = arguments.index('--ros-args')
        arguments, extra = arguments[:at], arguments[at + 1 :]
    if arguments[:1] == ['--graph']:
        del arguments[0]
    if not arguments or arguments[0] not in GRAPHS:
        named = f'{arguments[0]!r} is no graph; ' if arguments else ''
        raise ArgumentError(f'{named}graphs: {", ".join(GRAPHS)}')
    values: dict[str, str] = {}
    for text in arguments[1:]:
        name, sign, value = text.partition(':=')
        if not sign:
            raise ArgumentError(f'{text!r}: arguments have the form name:=value')
        values[name] = value
    return arguments[0], values, extra


def show(graph: Graph) -> str:
    """Return the graph's arguments as text, for ``--show-args``."""
    lines = [f'{graph.name}: {graph.doc}', f'nodes: {", ".join(n.name for n in graph.nodes)}', '']
    for argument in (*graph.arguments, *COMMON):
        lines.append(f'  {argument.name}:=\n      {argument.describe()}')
    return '\n'.join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a graph until it is interrupted.

    :return: exit code: 0; 1 if a node failed; 2 for a wrong argument or parameter.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if {'-h', '--help', '--show-args', '-s'} & set(arguments):
            named = [GRAPHS[text] for text in arguments if text in GRAPHS]
            print('usage: [--graph] GRAPH [name:=value ...] [--ros-args ...]\n')
            print('\n\n'.join(show(graph) for graph in named or GRAPHS.values()))
            return 0
        name, values, extra = split(arguments)
        setups = resolve(GRAPHS[name], values)
    except ArgumentError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    arguments = global_arguments(values, extra)
    initialise(arguments)
    process = None
    try:
        end_with_parent()
        process = GraphProcess(setups, namespace=namespace_of(arguments))
        process.wait()
    except KeyboardInterrupt:
        pass
    except ConfigurationError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    finally:
        finish(process)
    return 1 if process is not None and process.failed else 0


if __name__ == '__main__':
    sys.exit(main())
