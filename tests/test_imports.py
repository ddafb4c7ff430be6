# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom: the sources are read, nothing is imported.

Each rule is a function from imports to complaints; a small bad example proves that it can fail.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.fixtures import ROOT

# Modules by dotted name: their source.
Sources = Mapping[str, str]

PERCEPTION, APPS = 'emotion_perception', 'emotion_apps'
BRINGUP, TRAINING = 'emotion_bringup', 'emotion_training'

# Lowest first: a package may import those before it. Training and what runs are two branches.
BELOW = {
    PERCEPTION: (),
    APPS: (PERCEPTION,),
    BRINGUP: (PERCEPTION, APPS),
    TRAINING: (PERCEPTION,),
}
# Where ROS may be imported: the nodes and their base, and whatever builds on them.
ROS_ROOMS = (f'{PERCEPTION}.nodes', f'{PERCEPTION}.ros', f'{APPS}.web.graph')
# Modules of an application that may: its node, its action, and what turns messages into its words.
ROS_MODULES = ('node', 'goal', 'messages', 'screen', 'perception_screen', 'feed', 'readings')
ROS = (
    'rclpy', 'launch', 'launch_ros', 'ament_index_python', 'rcl_interfaces', 'builtin_interfaces',
    'cv_bridge', 'rosbags', 'rosbag2_py',
)  # fmt: skip
# Rooms of emotion_apps that all applications share.
SHARED_ROOMS = ('view', 'common')
# The one room that knows all applications: it stands above them.
TOP_ROOMS = ('viewer',)


@dataclass(frozen=True)
class Import:
    """One module that another one names in an import, wherever in the file that stands."""

    importer: str
    imported: str
    at_start: bool

    def __str__(self) -> str:
        return f'{self.importer} imports {self.imported}'


def imports_of(name: str, source: str, is_package: bool = False) -> Iterator[Import]:
    """Yield what a module imports; of ``from a import b`` both ``a`` and ``a.b``.

    What only type checkers see (under ``if TYPE_CHECKING``) counts too: it is a dependency of
    the reader, if not of the machine.
    """
    tree = ast.parse(source)
    top = {id(node) for node in tree.body}
    package = name if is_package else name.rpartition('.')[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                parent = package.split('.')[: len(package.split('.')) - node.level + 1]
                base = '.'.join([*parent, *([base] if base else [])])
            names = [base, *(f'{base}.{alias.name}' for alias in node.names)]
        else:
            continue
        for imported in names:
            yield Import(name, imported, id(node) in top)


def read(sources: Sources) -> list[Import]:
    """Return all imports of some modules."""
    packages = {name.rpartition('.')[0] for name in sources}
    return [
        item
        for name, source in sources.items()
        for item in imports_of(name, source, name in packages)
    ]


def of_files(folder: Path) -> dict[str, str]:
    """Return the sources of the packages under ``src``, tests and ``setup.py`` left out."""
    found = {}
    for path in sorted(folder.glob('*/emotion_*/**/*.py')):
        parts = path.relative_to(folder).with_suffix('').parts[1:]
        name = '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)
        found[name] = path.read_text(encoding='utf-8')
    return found


# -- the rules -----------------------------------------------------------------------------------


def circles_of_files(sources: Sources) -> list[str]:
    """Complain of files that import each other, however far around."""
    return _circle(
        {
            (item.importer, item.imported)
            for item in read(sources)
            if item.imported in sources and item.imported != item.importer
        }
    )


def circles_of_rooms(sources: Sources) -> list[str]:
    """Complain of folders that import each other; a file at the top is a room of its own."""
    return _circle(
        {
            (room(item.importer), room(item.imported))
            for item in read(sources)
            if item.imported in sources
            # The package itself (its version, its public names) is no room.
            and item.imported.count('.') > 0
            and item.importer.count('.') > 0
            and room(item.imported) != room(item.importer)
        }
    )


def against_the_grain(sources: Sources) -> list[str]:
    """Complain of packages that import what builds on them, or training by what runs."""
    return [
        str(item)
        for item in read(sources)
        if (into := package(item.imported)) in BELOW
        and into != (out := package(item.importer))
        and into not in BELOW[out]
    ]


def ros_in_algorithms(sources: Sources) -> list[str]:
    """Complain of ROS, its messages, or the base of the nodes outside what belongs to ROS."""
    return [
        str(item)
        for item in read(sources)
        if not _may_know_ros(item.importer)
        and (_is_ros(item.imported) or item.imported.startswith(ROS_ROOMS))
    ]


def applications_apart(sources: Sources) -> list[str]:
    """Complain of an application that imports another one, or of a shared room that does."""
    complaints = []
    for item in read(sources):
        if package(item.importer) != APPS or package(item.imported) != APPS:
            continue
        out, into = _application(item.importer), _application(item.imported)
        if into and into != out and out not in TOP_ROOMS:
            complaints.append(str(item))
    return complaints


def heavy_at_the_start(sources: Sources) -> list[str]:
    """Complain of an import of a whole framework that is paid for without being asked for.

    Only the module of a backend, which is itself imported when chosen, may import its framework
    at the top.
    """
    heavy = (
        'torch', 'torchvision', 'transformers', 'h5py', 'skops', 'tensorflow', 'faster_whisper',
    )  # fmt: skip
    return [
        str(item)
        for item in read(sources)
        if package(item.importer) in (PERCEPTION, APPS, BRINGUP)
        and item.at_start
        and item.imported.partition('.')[0] in heavy
        and not item.importer.endswith(('_backend', '.torch_compat', '.wavlm_pooling'))
    ]


RULES: tuple[Callable[[Sources], list[str]], ...] = (
    circles_of_files,
    circles_of_rooms,
    against_the_grain,
    ros_in_algorithms,
    applications_apart,
    heavy_at_the_start,
)


def package(module: str) -> str:
    """Return the first word of a dotted name."""
    return module.partition('.')[0]


def room(module: str) -> str:
    """Return the folder (or the top-level file) that a module belongs to."""
    return '.'.join(module.split('.')[:2])


def _application(module: str) -> str:
    """Return the application that a module of emotion_apps belongs to, or nothing."""
    return module.split('.')[1] if room(module) in _APPLICATION_ROOMS else ''


# The folders, less those that all share; a file at the top, as emotion_apps.reading, is shared.
_APPLICATION_ROOMS = {
    f'{APPS}.{path.name}'
    for path in (ROOT / 'src' / APPS / APPS).iterdir()
    if path.is_dir() and path.name not in SHARED_ROOMS and not path.name.startswith('_')
}


def _is_ros(module: str) -> bool:
    first = package(module)
    return first in ROS or (first.endswith(('_msgs', '_srvs')) and first != 'emotion_training')


def _may_know_ros(module: str) -> bool:
    if module.startswith(ROS_ROOMS) or package(module) in (BRINGUP, TRAINING):
        return True
    return package(module) == APPS and module.rpartition('.')[2] in ROS_MODULES


def _circle(arrows: set[tuple[str, str]]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for out, into in sorted(arrows):
        graph.setdefault(out, set()).add(into)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [' <- '.join(error.args[1])]
    return []


# -- the tree, and the proof that each rule can fail ---------------------------------------------


@pytest.fixture(scope='module')
def tree() -> dict[str, str]:
    return of_files(ROOT / 'src')


def test_the_sources_of_all_packages_are_read(tree: dict[str, str]) -> None:
    assert {package(name) for name in tree} == set(BELOW)
    assert len(tree) > 150


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: rule.__name__)
def test_no_import_breaks_a_rule(rule: Callable[[Sources], list[str]], tree) -> None:
    assert rule(tree) == []


BAD: list[tuple[Callable[[Sources], list[str]], dict[str, str], str]] = [
    (
        circles_of_files,
        {
            'emotion_perception.a.one': 'from emotion_perception.a import two',
            'emotion_perception.a.two': 'def f():\n    import emotion_perception.a.three',
            'emotion_perception.a.three': 'from .one import thing',
        },
        'emotion_perception.a.one <- ',
    ),
    (
        circles_of_rooms,
        {
            'emotion_perception.a.one': 'from emotion_perception.b.two import thing',
            'emotion_perception.b.two': '',
            'emotion_perception.b.three': 'from emotion_perception.a.four import thing',
            'emotion_perception.a.four': '',
        },
        'emotion_perception.a <- ',
    ),
    (
        against_the_grain,
        {'emotion_perception.vision.x': 'from emotion_apps.view.draw import bar'},
        'emotion_perception.vision.x imports emotion_apps.view.draw',
    ),
    (
        against_the_grain,
        {'emotion_apps.game.x': 'def f():\n    from emotion_training.common import metrics'},
        'emotion_apps.game.x imports emotion_training.common',
    ),
    (
        ros_in_algorithms,
        {'emotion_perception.vision.x': 'def f():\n    import rclpy.node'},
        'emotion_perception.vision.x imports rclpy.node',
    ),
    (
        ros_in_algorithms,
        {'emotion_apps.game.rules': 'from emotion_msgs.msg import GameState'},
        'emotion_apps.game.rules imports emotion_msgs.msg',
    ),
    (
        ros_in_algorithms,
        {'emotion_perception.audio.x': 'from emotion_perception.ros import qos'},
        'emotion_perception.audio.x imports emotion_perception.ros',
    ),
    (
        applications_apart,
        {'emotion_apps.interview.x': 'from emotion_apps.game.drawing import bar'},
        'emotion_apps.interview.x imports emotion_apps.game.drawing',
    ),
    (
        applications_apart,
        {'emotion_apps.view.x': 'from emotion_apps import game'},
        'emotion_apps.view.x imports emotion_apps.game',
    ),
    (
        heavy_at_the_start,
        {'emotion_perception.models.x': 'import torch.nn'},
        'emotion_perception.models.x imports torch.nn',
    ),
]


@pytest.mark.parametrize(('rule', 'sources', 'complaint'), BAD)
def test_a_bad_import_is_found(rule, sources: dict[str, str], complaint: str) -> None:
    assert any(complaint in found for found in rule(sources)), rule(sources)


def test_a_late_import_of_a_framework_is_no_fault() -> None:
    assert heavy_at_the_start({'emotion_perception.models.x': 'def f():\n    import torch'}) == []


def test_what_all_applications_share_may_be_imported_by_each() -> None:
    assert applications_apart({'emotion_apps.game.x': 'from emotion_apps.view import draw'}) == []
    assert applications_apart({'emotion_apps.game.x': 'from emotion_apps import reading'}) == []
    assert applications_apart({'emotion_apps.viewer.x': 'import emotion_apps.game.screen'}) == []
