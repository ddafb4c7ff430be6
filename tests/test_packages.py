# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What all packages have in common: version, maintainer, licence, changelog, tests, form."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from support.fixtures import ROOT

FOLDERS = sorted([*(ROOT / 'src').glob('emotion_*'), ROOT / 'weights'])
PYTHON = [folder for folder in FOLDERS if (folder / 'setup.py').is_file()]
NAMES = pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.name)

HEADER = (
    '# Copyright 2026 The emotion perception team',
    '# SPDX-License-Identifier: Apache-2.0',
)
# Folders whose files are under the formatter, and carry the header, already.
FORMATTED = ('.',)
SIGNED: tuple[str, ...] = ('',)


def manifest(folder: Path) -> xml.Element:
    return xml.parse(folder / 'package.xml').getroot()


def text(folder: Path, tag: str) -> str:
    return (manifest(folder).findtext(tag) or '').strip()


def versions() -> dict[str, str]:
    """Return every place that states a version."""
    found = {f'{folder.name}/package.xml': text(folder, 'version') for folder in FOLDERS}
    for folder in PYTHON:
        match = re.search(r"\n    version='([^']+)'", (folder / 'setup.py').read_text())
        found[f'{folder.name}/setup.py'] = match[1] if match else 'none'
    source = (ROOT / 'src/emotion_perception/emotion_perception/__init__.py').read_text()
    match = re.search(r"^__version__ = '([^']+)'", source, re.MULTILINE)
    found['emotion_perception.__version__'] = match[1] if match else 'none'
    return found


def test_all_packages_have_one_version() -> None:
    found = versions()
    assert len(found) >= 11
    assert len(set(found.values())) == 1, found
    assert re.fullmatch(r'\d+\.\d+\.\d+', found['weights/package.xml'])


@NAMES
def test_a_changelog_in_catkins_form_ends_with_this_version(folder: Path) -> None:
    changelog = pytest.importorskip('catkin_pkg.changelog')
    log = changelog.get_changelog_from_path(str(folder), text(folder, 'name'))
    assert log is not None, f'{folder.name} has no CHANGELOG.rst'
    # What is not released yet stands above, under Forthcoming.
    newest = next(
        item for item in log.foreach_version(reverse=True) if item[0].lower() != 'forthcoming'
    )
    assert newest[0] == text(folder, 'version')
    assert newest[1] is not None and newest[2], newest


@NAMES
def test_each_package_carries_the_licence_and_a_maintainer(folder: Path) -> None:
    assert (folder / 'LICENSE').read_text() == (ROOT / 'LICENSE').read_text()
    assert text(folder, 'license') == 'Apache-2.0'
    maintainer = manifest(folder).find('maintainer')
    assert maintainer is not None and maintainer.text
    assert re.fullmatch(r'[\w.+-]+@[\w.-]+\.\w+', maintainer.get('email', ''))


def offers(folder: Path) -> set[str]:
    """Return what a package has to offer: interfaces, nodes, launch files, weights."""
    interfaces = (path for kind in ('msg', 'srv', 'action') for path in folder.glob(f'{kind}/*'))
    found = {path.stem for path in interfaces}
    found |= {path.name for path in (*folder.glob('launch/*.py'), *folder.glob('*.onnx'))}
    if (folder / 'setup.py').is_file():
        found |= set(re.findall(r"^    '(\w+_node)':", (folder / 'setup.py').read_text(), re.M))
    return found


@NAMES
def test_the_readme_names_all_that_the_package_offers(folder: Path) -> None:
    readme = (folder / 'README.md').read_text()
    assert readme.startswith(f'# {text(folder, "name")}\n')
    assert len(offers(folder)) > 1 or folder.name == 'emotion_training'
    for name in offers(folder):
        assert re.search(rf'\b{re.escape(name)}\b', readme), f'{folder.name}: {name}'
    for target in re.findall(r'\]\((?!https?:|#)([^)#]+)', readme):
        assert (folder / target).exists(), target


@NAMES
def test_the_manifest_keeps_the_rules_of_its_format(folder: Path) -> None:
    package = pytest.importorskip('catkin_pkg.package')
    warnings: list[str] = []
    package.parse_package(str(folder), warnings=warnings).validate(warnings=warnings)
    assert warnings == []


@pytest.mark.parametrize('folder', PYTHON, ids=lambda folder: folder.name)
def test_colcon_sees_that_a_package_has_tests(folder: Path) -> None:
    """It looks for pytest among the test requirements; without, it runs nothing and says OK."""
    from_colcon = pytest.importorskip('colcon_core.task.python.test')
    setup = pytest.importorskip('colcon_python_setup_py.package_identification.python_setup_py')
    data = setup.get_setup_information(folder / 'setup.py')
    assert from_colcon.has_test_dependency(data, 'pytest')
    # With it among them, each run would measure its coverage.
    assert not from_colcon.has_test_dependency(data, 'pytest-cov')
    assert list((folder / 'test').glob('test_*.py'))


def sources() -> list[Path]:
    """Return the Python files of the repository, as git knows them."""
    git = shutil.which('git')
    if git is None or not (ROOT / '.git').exists():
        pytest.skip('needs git and a checkout')
    listing = subprocess.run(
        [git, 'ls-files', '--cached', '--others', '--exclude-standard', '*.py'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def unsigned(paths: list[Path]) -> list[str]:
    """Return the files that do not begin with copyright and licence."""
    return [
        str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        for path in paths
        if tuple(
            [
                line
                for line in path.read_text(encoding='utf-8').splitlines()[:3]
                if not line.startswith('#!')
            ][:2]
        )
        != HEADER
    ]


def under(paths: list[Path], folders: tuple[str, ...]) -> list[Path]:
    return [path for path in paths if str(path.relative_to(ROOT)).startswith(folders)]


def test_each_source_file_says_whose_it_is_and_under_which_licence() -> None:
    assert unsigned(under(sources(), SIGNED)) == []


def test_a_file_without_the_two_lines_is_found(tmp_path: Path) -> None:
    good, script, bad = tmp_path / 'good.py', tmp_path / 'script.py', tmp_path / 'bad.py'
    good.write_text('\n'.join(HEADER) + '\n"""Text."""\n')
    script.write_text('#!/usr/bin/env python3\n' + '\n'.join(HEADER) + '\n')
    bad.write_text('"""Text."""\n')
    assert unsigned([good, script, bad]) == [str(bad)]


def ruff(*arguments: str) -> subprocess.CompletedProcess:
    pytest.importorskip('ruff')
    return subprocess.run(
        [sys.executable, '-m', 'ruff', *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sources_keep_the_rules_of_ruff() -> None:
    result = ruff('check', '--no-cache', '.')
    assert result.returncode == 0, result.stdout


def test_the_sources_are_in_the_formatters_form() -> None:
    result = ruff('format', '--no-cache', '--check', *FORMATTED)
    assert result.returncode == 0, result.stdout
