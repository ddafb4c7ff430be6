# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Print a security policy of a graph for SROS2: what each node needs; all else is denied.

``./emotion exec python -m emotion_bringup.policy GRAPH [name:=value ...]``, with the arguments
that the graph is started with; ``ros2 security create_permission`` takes what it prints (schema
0.2.0 of github.com/ros2/sros2). ``enclave:=/PATH`` names the enclave (default ``/emotion/GRAPH``)
and ``composed:=false`` makes one for each node below it, as the launch files do.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as xml
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from emotion_bringup.endpoints import Endpoints, asked_of, endpoints
from emotion_bringup.graphs import GRAPHS, ArgumentError, resolve
from emotion_bringup.node_setup import NodeSetup
from emotion_bringup.runner import split

# By field of Endpoints: the list, its items and what is allowed, in the words of the schema.
_RULES = {
    'publishes': ('topics', 'topic', 'publish'),
    'subscribes': ('topics', 'topic', 'subscribe'),
    'serves': ('services', 'service', 'reply'),
    'requests': ('services', 'service', 'request'),
    'executes': ('actions', 'action', 'execute'),
    'calls': ('actions', 'action', 'call'),
}


def permitted(setups: Sequence[NodeSetup], namespace: str = '') -> dict[str, Endpoints]:
    """Return what each node of a graph needs, by its full name, in full names.

    :param setups: of :func:`emotion_bringup.graphs.resolve`.
    :param namespace: of the graph.
    """
    root = '/' + namespace.strip('/')
    needs = {_join(root, setup.path): _resolved(setup, root) for setup in setups}
    for setup in setups:
        if setup.name == 'web_node':
            needs[_join(root, setup.path)] |= _of_a_page(setups, root)
    return needs


def write(needs: Mapping[str, Endpoints], enclave: str, composed: bool = True) -> str:
    """Return the policy as XML.

    :param needs: of :func:`permitted`.
    :param enclave: path of the graph's enclave.
    :param composed: whether one process holds the graph; else each node has an enclave.
    """
    root = xml.Element('policy', version='0.2.0')
    enclaves = xml.SubElement(root, 'enclaves')
    profiles = None
    for node, needed in needs.items():
        if profiles is None or not composed:
            path = enclave if composed else enclave.rstrip('/') + node
            element = xml.SubElement(enclaves, 'enclave', path=path)
            profiles = xml.SubElement(element, 'profiles')
        namespace, _, name = node.rpartition('/')
        profile = xml.SubElement(profiles, 'profile', ns=namespace or '/', node=name)
        for field in fields(Endpoints):
            names = sorted(getattr(needed, field.name))
            if names:
                group, item, verb = _RULES[field.name]
                rule = xml.SubElement(profile, group, {verb: 'ALLOW'})
                for text in names:
                    xml.SubElement(rule, item).text = text
    xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(root, "unicode")}\n'


def _resolved(setup: NodeSetup, root: str) -> Endpoints:
    needed = endpoints(setup.name)
    if setup.parameters.get('use_sim_time'):
        needed |= Endpoints(subscribes=frozenset({'/clock'}))
    namespace = _join(root, setup.namespace)
    node = _join(namespace, setup.name)

    def full(name: str) -> str:
        if name.startswith('~/'):
            return node + name[1:]
        return _join(namespace, _remapped(name, setup.remappings))

    return Endpoints(
        *(frozenset(map(full, getattr(needed, field.name))) for field in fields(Endpoints))
    )


def _remapped(name: str, remappings: Mapping[str, str]) -> str:
    """Return a topic's name in the graph; the compressed form follows the raw one."""
    raw = name.removesuffix('/compressed')
    if raw in remappings:
        return remappings[raw] + name[len(raw) :]
    # Beside stamped sound, a driver may publish it without stamps.
    stamped = remappings.get(f'{name}_stamped', '')
    return stamped.removesuffix('_stamped') if stamped.endswith('/audio_stamped') else name


def _of_a_page(setups: Iterable[NodeSetup], root: str) -> Endpoints:
    """Return what a page needs of all nodes: it shows and sets what any of them has."""
    requests: set[str] = set()
    subscribes: set[str] = set()
    for setup in setups:
        node = _join(root, setup.path)
        requests |= {node + name[1:] for name in asked_of(setup.name)}
        if setup.namespace:
            place = _resolved(NodeSetup('web_node', setup.package, {}, {}, setup.namespace), root)
            subscribes |= place.subscribes
    return Endpoints(subscribes=frozenset(subscribes), requests=frozenset(requests))


def _join(namespace: str, name: str) -> str:
    if name.startswith('/') or not name:
        return name or namespace
    return f'{namespace.rstrip("/")}/{name}'


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the policy of a graph; see the module.

    :return: exit code: 0, or 2 for a wrong argument.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or {'-h', '--help'} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        graph, values, _ = split(words)
        enclave = values.pop('enclave', f'/emotion/{graph}')
        composed = values.pop('composed', 'true')
        if composed not in ('true', 'false'):
            raise ArgumentError(f'composed:={composed}: it must be true or false')
        if not enclave.startswith('/'):
            raise ArgumentError(f'enclave:={enclave}: a path begins with /')
        setups = resolve(GRAPHS[graph], values)
    except ArgumentError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    needs = permitted(setups, values.get('namespace', ''))
    print(write(needs, enclave, composed == 'true'), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
