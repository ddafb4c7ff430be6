# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""List the models of the catalogue and fetch their files.

``python -m emotion_perception.models list | fetch NAME... | sum FILE...``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from emotion_perception.models.catalog import CatalogEntry, describe_file, load_catalog
from emotion_perception.models.errors import ModelError
from emotion_perception.models.fetch import fetch_from_hub, model_file
from emotion_perception.models.files import find, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after printing what went wrong."""
    parser = argparse.ArgumentParser(
        prog='python -m emotion_perception.models', description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest='command', required=True)
    listing = commands.add_parser('list', help='show every model and whether it is here')
    fetching = commands.add_parser('fetch', help='download models into the cache')
    fetching.add_argument(
        'names',
        nargs='+',
        metavar='NAME',
        help='name in the catalogue, or a Hugging Face hub id (org/model)',
    )
    for command in (listing, fetching):
        command.add_argument(
            '--cache',
            default='',
            metavar='DIR',
            help='cache directory (default: $XDG_CACHE_HOME/emotion)',
        )
    summing = commands.add_parser('sum', help='print the lines that an entry needs for a file')
    summing.add_argument('files', nargs='+', metavar='FILE')
    options = parser.parse_args(arguments)
    try:
        if options.command == 'list':
            _list(options.cache)
        elif options.command == 'fetch':
            for name in options.names:
                print(_fetch(name, options.cache))
        else:
            for file in options.files:
                print('\n'.join(f'{key}: {value}' for key, value in describe_file(file).items()))
    except (ModelError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


def _list(cache: str) -> None:
    rows = [('NAME', 'TASK', 'BACKEND', 'STATE', 'LICENCE', 'ABOUT')]
    for entry in load_catalog().values():
        rows.append(
            (
                entry.name,
                entry.task,
                entry.backend or '-',
                _state(entry, cache),
                entry.licence or '-',
                entry.about,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)), row[-1], sep='  ')


def _state(entry: CatalogEntry, cache: str) -> str:
    if entry.hub:
        return 'hub'
    path = find(entry, cache)
    if path is None:
        if entry.package:
            return 'needs package'
        return 'to fetch' if entry.url else 'not here'
    try:
        verify(entry, path, cache)
    except ModelError:
        return 'damaged'
    return 'ready'


def _fetch(name: str, cache: str) -> str:
    catalog = load_catalog()
    if name not in catalog and '/' in name:
        return str(fetch_from_hub(name))
    entry = catalog[name]
    if entry.hub:
        return str(fetch_from_hub(entry.hub))
    return str(model_file(entry, cache))


if __name__ == '__main__':
    sys.exit(main())
