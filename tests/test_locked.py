# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The lists of exact files: complete, of one mind, within the ranges, and obeyed."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name

from support.fixtures import ROOT

REQUIREMENTS = ROOT / 'requirements'
LISTS = {path.stem: path for path in sorted((REQUIREMENTS / 'locked').glob('*.txt'))}
# Installed without their dependencies, of which other lists have what is needed.
ALONE = ('runtime-no-deps', 'training-no-deps', 'opencv', 'opencv-headless')
# They come in several builds, of which the setup takes one.
BUILDS = re.compile(r'opencv-python(-headless)?|torch|torchvision|(cuda|nvidia|triton).*')


def hashes_of() -> Any:
    sys.path.insert(0, str(ROOT / 'tools'))
    try:
        import hashes
    finally:
        sys.path.pop(0)
    return hashes


def pythons() -> list[dict[str, str]]:
    """Return what a marker sees in the first and a late release of each Python."""
    module = hashes_of()
    return [
        each
        for minor in module.MINORS
        for machine in module.MACHINES
        for each in module.environments(minor, machine)
    ]


def entries(name: str) -> list[tuple[Requirement, list[str]]]:
    """Return requirement and hashes of each line of a list."""
    text = LISTS[name].read_text().replace(' \\\n', ' ')
    found = []
    for line in text.splitlines():
        if line and not line.startswith('#'):
            words, *hashes = line.split(' --hash=sha256:')
            found.append((Requirement(words.strip()), [item.strip() for item in hashes]))
    return found


def applies(item: Requirement, environment: dict[str, str] | None) -> bool:
    return item.marker is None or item.marker.evaluate({'extra': '', **(environment or {})})


def versions(items: list[Requirement], environment: dict[str, str] | None) -> dict[str, str]:
    """Return the version of each package there, of this Python and machine if there is none."""
    found: dict[str, str] = {}
    for item in items:
        if applies(item, environment):
            key = canonicalize_name(item.name)
            assert key not in found, f'{key} stands there twice'
            found[key] = str(item.specifier).removeprefix('==')
    return found


def here(name: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Return the versions that a list has."""
    return versions([item for item, _ in entries(name)], environment)


def ranges(path: Path) -> list[Requirement]:
    """Return what a file of ranges asks for, with the files that it names."""
    found = []
    for line in path.read_text().splitlines():
        line = line.partition('#')[0].strip()
        if line.startswith('-r '):
            found += ranges(path.with_name(line.removeprefix('-r ')))
        elif line:
            found.append(Requirement(line))
    return found


def test_there_is_a_list_for_everything_that_the_setup_installs() -> None:
    script = (ROOT / 'tools' / 'workspace.sh').read_text()
    named = set(re.findall(r'install_list "?([a-z][a-z-]+)', script))
    assert len(named) >= 11
    assert {name.removesuffix('-') for name in named if name != 'ros-'} <= set(LISTS)
    assert {'ros-jazzy', 'ros-kilted'} <= set(LISTS)
    # Beside a sourced ROS 2 the ranges of the same name are installed.
    assert all((REQUIREMENTS / f'{name}.txt').is_file() for name in named if name != 'ros-')
    # Whatever goes past the lists is PyTorch, or stands beside a sourced ROS 2.
    past = re.findall(r'^ *(?:.*\|\| )?run_pip (.*)$', script, re.MULTILINE)
    assert [line for line in past if 'torch' not in line] == [
        '"$@" -r "$(list_file "$name")"',
        'colcon-common-extensions',
    ]


@pytest.mark.parametrize('name', LISTS)
def test_every_line_names_one_version_and_its_files(name: str) -> None:
    for item, hashes in entries(name):
        assert re.fullmatch(r'==[\w.!+]+', str(item.specifier)), item
        assert hashes and all(re.fullmatch(r'[0-9a-f]{64}', each) for each in hashes), item
        assert len(set(hashes)) == len(hashes), item


@pytest.mark.parametrize('name', LISTS)
def test_a_list_has_the_versions_that_are_tested(name: str) -> None:
    pins = [
        Requirement(line)
        for line in (REQUIREMENTS / 'pins.txt').read_text().splitlines()
        if line and not line.startswith('#')
    ]
    for environment in pythons():
        pinned = versions(pins, environment)
        for key, version in here(name, environment).items():
            assert pinned.get(key, version) == version, key


@pytest.mark.parametrize('name', [name for name in LISTS if name not in ALONE])
def test_a_list_has_all_that_its_packages_need(name: str) -> None:
    """Nothing is resolved at installation: what is missing in a list would be missing there."""
    listed, checked = here(name), 0
    for package, version in listed.items():
        try:
            found = metadata.distribution(package)
        except metadata.PackageNotFoundError:
            continue
        if found.version != version:
            continue
        checked += 1
        for text in found.requires or ():
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate({'extra': ''}):
                continue
            key = canonicalize_name(needed.name)
            if not BUILDS.fullmatch(key):
                assert key in listed, f'{package} needs {text}'
                assert needed.specifier.contains(listed[key], prereleases=True), (package, text)
    if name in ('runtime', 'build'):
        assert checked > 1


@pytest.mark.parametrize(
    'name', [*(name for name in LISTS if not name.startswith('ros-')), 'torch', 'torchvision']
)
def test_the_versions_lie_within_the_ranges(name: str) -> None:
    path = REQUIREMENTS / f'{name}.txt'
    for environment in pythons():
        listed = here(name, environment) if name in LISTS else {}
        for item in ranges(path):
            key = canonicalize_name(item.name)
            if not applies(item, environment):
                continue
            if key not in listed:
                assert BUILDS.fullmatch(key), f'{name}: {item} has no file'
            else:
                assert item.specifier.contains(listed[key], prereleases=True), item


@pytest.mark.parametrize(
    ('tag', 'minor', 'machine', 'expected'),
    [
        ('py3-none-any', 10, 'x86_64', True),
        ('py2-none-any', 12, 'x86_64', False),
        ('cp311-cp311-manylinux_2_28_x86_64', 11, 'x86_64', True),
        ('cp311-cp311-manylinux_2_28_x86_64', 12, 'x86_64', False),
        ('cp311-cp311-manylinux_2_28_x86_64', 11, 'aarch64', False),
        ('cp313-cp313t-manylinux_2_28_x86_64', 13, 'x86_64', False),
        ('cp37-abi3-manylinux2014_aarch64', 13, 'aarch64', True),
        ('cp312-abi3-manylinux2014_x86_64', 11, 'x86_64', False),
        ('cp311-cp311-musllinux_1_2_x86_64', 11, 'x86_64', False),
        ('cp311-cp311-win_amd64', 11, 'x86_64', False),
    ],
)
def test_only_files_that_run_here_are_listed(
    tag: str, minor: int, machine: str, expected: bool
) -> None:
    assert hashes_of().runs(Tag(*tag.split('-')), minor, machine) is expected


def test_a_list_leaves_out_what_is_for_other_systems_and_keeps_sdists_for_want_of_wheels() -> None:
    def wheel(name: str, sha256: str) -> dict[str, object]:
        return {'url': f'https://x/{name}', 'hashes': {'sha256': sha256}}

    lock = {
        'packages': [
            {
                'name': 'both',
                'version': '1',
                'sdist': wheel('both-1.tar.gz', 's'),
                'wheels': [
                    wheel('both-1-py3-none-any.whl', 'w'),
                    wheel('both-1-py3-none-win_amd64.whl', 'x'),
                ],
            },
            {'name': 'old', 'version': '2', 'sdist': wheel('old-2.tar.gz', 's'), 'wheels': []},
            {'name': 'win', 'version': '3', 'marker': "sys_platform == 'win32'"},
            {
                'name': 'new',
                'version': '4',
                'marker': "python_full_version >= '3.11' and sys_platform != 'win32'",
                'wheels': [wheel('new-4-py3-none-any.whl', 'n')],
            },
            {'name': 'torch', 'version': '5', 'wheels': []},
        ]
    }
    assert list(hashes_of().lines(lock, re.compile('torch'))) == [
        'both==1 \\\n    --hash=sha256:w',
        'old==2 \\\n    --hash=sha256:s',
        "new==4 ; python_full_version >= '3.11' \\\n    --hash=sha256:n",
    ]


@pytest.mark.parametrize('changed', [False, True])
def test_the_setup_refuses_a_file_that_is_another(tmp_path: Path, changed: bool) -> None:
    wheel = tmp_path / 'wheels' / 'harmless-1.0-py3-none-any.whl'
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, 'w') as archive:
        folder = 'harmless-1.0.dist-info'
        archive.writestr(
            f'{folder}/METADATA', 'Metadata-Version: 2.1\nName: harmless\nVersion: 1.0\n'
        )
        archive.writestr(f'{folder}/WHEEL', 'Wheel-Version: 1.0\nTag: py3-none-any\n')
        archive.writestr(f'{folder}/RECORD', '')
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    locked = tmp_path / 'requirements' / 'locked'
    locked.mkdir(parents=True)
    (locked / 'some.txt').write_text(f'harmless==1.0 \\\n    --hash=sha256:{sha256}\n')
    if changed:
        with zipfile.ZipFile(wheel, 'a') as archive:
            archive.writestr('harmless.py', 'print("not that harmless")')
    script = (
        f'set -eu; ROOT={tmp_path}; . {ROOT}/tools/workspace.sh; UNDERLAY=wheels\n'
        f'ENV_DIR={tmp_path} VENV={sys.prefix}; install_list some'
    )
    environment = {
        **os.environ,
        'PIP_NO_INDEX': '1',
        'PIP_FIND_LINKS': str(wheel.parent),
        'PIP_TARGET': str(tmp_path / 'target'),
    }
    done = subprocess.run(
        ['bash', '-c', script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if changed else 0), done.stderr
    assert (tmp_path / 'target' / 'harmless-1.0.dist-info').exists() is not changed
    if changed:
        assert 'DO NOT MATCH THE HASHES' in done.stderr
