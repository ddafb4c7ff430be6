# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Print the list for `pip install --require-hashes` that a `pylock.toml` of uv stands for.

Of each release only the files are named that may be installed here: for CPython 3.10 to 3.13 on
Linux with glibc, x86-64 or aarch64. An sdist, which runs code to be built, is named only where
no wheel fits x86-64. Needs `packaging`; tools/lock.sh calls it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

MINORS = (10, 11, 12, 13)
MACHINES = ('x86_64', 'aarch64')
ELSEWHERE = re.compile(r" and sys_platform != '(?:emscripten|win32)'")


def environments(minor: int, machine: str) -> list[dict[str, str]]:
    """Return what a marker sees in the first and a late release of CPython 3.`minor`."""
    return [
        {
            'implementation_name': 'cpython',
            'os_name': 'posix',
            'platform_machine': machine,
            'platform_python_implementation': 'CPython',
            'platform_system': 'Linux',
            'python_full_version': f'3.{minor}.{patch}',
            'python_version': f'3.{minor}',
            'sys_platform': 'linux',
        }
        for patch in (0, 99)
    ]


def runs(tag: Tag, minor: int, machine: str) -> bool:
    """Return whether CPython 3.`minor` on such a machine takes a wheel with this tag."""
    on_any = tag.platform == 'any'
    if not on_any and not re.fullmatch(rf'(manylinux.*|linux)_{machine}', tag.platform):
        return False
    interpreter = re.fullmatch(r'(py|cp)3(\d*)', tag.interpreter)
    if interpreter is None:
        return False
    since = int(interpreter[2] or 0)
    if interpreter[1] == 'py' or tag.abi == 'abi3':
        return since <= minor
    return since == minor and tag.abi in (f'cp3{minor}', 'none')


def hashes(package: dict[str, Any], targets: Sequence[tuple[int, str]]) -> set[str]:
    """Return the SHA-256 of the files of a release that these targets may install."""
    wheels = [
        (parse_wheel_filename(wheel['url'].rpartition('/')[2])[3], wheel['hashes']['sha256'])
        for wheel in package.get('wheels', ())
    ]
    found: set[str] = set()
    for minor, machine in targets:
        fitting = {
            sha256 for tags, sha256 in wheels if any(runs(tag, minor, machine) for tag in tags)
        }
        if not fitting and machine == MACHINES[0]:
            fitting = {package['sdist']['hashes']['sha256']}
        found |= fitting
    return found


def lines(lock: dict[str, Any], without: re.Pattern[str]) -> Iterator[str]:
    """Yield the lines of the list.

    :param without: names of packages that are left out.
    """
    targets = [(minor, machine) for minor in MINORS for machine in MACHINES]
    for package in lock['packages']:
        if without.fullmatch(package['name']):
            continue
        text = package.get('marker', '')
        answers = {
            target: [not text or Marker(text).evaluate(each) for each in environments(*target)]
            for target in targets
        }
        wanted = [target for target in targets if any(answers[target])]
        if not wanted:
            continue
        line = f'{package["name"]}=={package["version"]}'
        if not all(map(all, answers.values())):
            line += f' ; {ELSEWHERE.sub("", text)}'
        yield ' \\\n    '.join(
            [line, *(f'--hash=sha256:{sha256}' for sha256 in sorted(hashes(package, wanted)))]
        )


def main() -> None:
    """Read the arguments, print the list."""
    import tomllib  # from Python 3.11 on

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('lock', type=Path, help='pylock.toml')
    parser.add_argument('--without', default='', help='pattern of names to leave out')
    arguments = parser.parse_args()
    lock = tomllib.loads(arguments.lock.read_text())
    sys.stdout.write('# Written by tools/lock.sh; do not edit.\n')
    for line in lines(lock, re.compile(arguments.without)):
        print(line)


if __name__ == '__main__':
    main()
