# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every example does what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.faces import astronaut, hopper
from support.fixtures import ROOT
from support.sounds import real_voice

EXAMPLES = ROOT / 'examples'


def run(*command: str | Path, timeout: float = 100, **more) -> str:
    """Run a program of the examples and return what it prints."""
    result = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **more,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('picture') / 'people.png'
    cv2.imwrite(str(path), np.hstack([astronaut(), hopper()[:512]]))
    return path


def test_every_example_is_listed_in_their_readme() -> None:
    listed = (EXAMPLES / 'README.md').read_text()
    for path in EXAMPLES.iterdir():
        if path.name != 'README.md' and not path.name.startswith(('.', '_')):
            assert f']({path.name})' in listed, path


@pytest.mark.parametrize('tool', ['polars', 'pandas'])
def test_tables_of_recordings_answer_questions(tool: str, picture: Path, tmp_path: Path) -> None:
    pytest.importorskip(tool, reason=f'needs {tool}: pip install -r requirements/test.txt')
    pytest.importorskip('pyarrow', reason='needs pyarrow: ./emotion setup --analyze')
    from support.analysis import analyse

    analyse([picture, real_voice()], tmp_path)
    output = run(sys.executable, EXAMPLES / f'tables_{tool}.py', tmp_path)
    assert picture.name in output
    if tool == 'polars':
        assert real_voice().name[:12] in output
    else:
        assert 'face2' in output and 'snr' not in output and 'yaw (degrees)' in output


def test_the_library_tells_a_picture_and_a_recording(picture: Path) -> None:
    output = run(sys.executable, EXAMPLES / 'library.py', picture, real_voice())
    lines = output.splitlines()
    assert lines[0].split() == ['Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise']
    faces = [line for line in lines if line.startswith('face')]
    assert len(faces) == 2
    assert any(line.endswith('Happy') for line in faces)
    spoken = [line for line in lines if ' s ' in line]
    assert len(spoken) == 1
    assert sum(map(float, spoken[0].split()[2:8])) == pytest.approx(1, abs=0.005)


def test_the_library_names_a_file_that_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / 'text.jpg'
    path.write_text('no picture')
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / 'library.py'), str(path), str(real_voice())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert 'text.jpg is no picture' in result.stderr


def test_a_model_of_ones_own_answers_in_the_six_classes(picture: Path, tmp_path: Path) -> None:
    pytest.importorskip('onnx')
    program = EXAMPLES / 'custom_model.py'
    model = Path(run(sys.executable, program, '--out', tmp_path / 'models').strip())
    assert model.is_file() and model.with_suffix('.yaml').is_file()
    lines = run(sys.executable, program, '--model', model, picture).splitlines()
    assert len(lines) == 2
    for line in lines:
        values = json.loads(line[line.index('{') :].replace("'", '"'))
        assert sum(values.values()) == pytest.approx(1, abs=0.005)
        # The label without a place here is dropped, the others are mapped.
        assert {name for name, value in values.items() if value} <= {'Happy', 'Neutral', 'Sad'}


def test_the_greeter_greets_who_smiles(processes, client) -> None:
    from std_msgs.msg import String

    from emotion_msgs.msg import EmotionPrediction

    processes.start(sys.executable, EXAMPLES / 'react_to_a_face.py', name='greeter')
    greetings = client.watch('greeting', String)
    faces = client.publisher('emotion/face', EmotionPrediction)
    face = EmotionPrediction(subject_id='ann', label='Sad', emotion=EmotionPrediction.SAD)
    face.stable, face.confidence = True, 0.9
    faces.publish(face)
    face.emotion, face.label = EmotionPrediction.HAPPY, 'Happy'
    face.stable = False
    faces.publish(face)
    face.subject_id, face.stable = 'bob', True
    faces.publish(face)
    assert greetings.wait().data == 'Hello, bob!'
    assert len(greetings.messages) == 1


@pytest.fixture(scope='module')
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the application in a workspace of its own, on top of this one."""
    if shutil.which('colcon') is None:
        pytest.skip('needs colcon')
    folder = tmp_path_factory.mktemp('lamp')
    colcon(folder, 'build')
    return folder


def colcon(folder: Path, verb: str) -> str:
    """Run colcon on the application as its users do."""
    return run(
        *(sys.executable, '-W', 'ignore', '-m', 'colcon', '--log-base', folder / 'log', verb),
        *('--base-paths', EXAMPLES / 'mood_lamp'),
        *('--build-base', folder / 'build', '--install-base', folder / 'install'),
        cwd=folder,
    )


@pytest.fixture(scope='module')
def lamp(workspace: Path) -> dict[str, str]:
    """Return the environment that has both workspaces."""
    folder = workspace
    script = f'. "{folder}/install/local_setup.sh" && env -0'
    lines = run('bash', '-c', script).split('\0')
    return dict(line.split('=', 1) for line in lines if '=' in line)


def test_an_application_of_another_package_runs_and_draws_its_screen(
    lamp: dict[str, str], processes, client, media: Callable[[str], Path]
) -> None:
    from sensor_msgs.msg import Image
    from std_msgs.msg import ColorRGBA

    from support.client import LATCHED

    executable = next(
        Path(prefix) / 'lib' / 'mood_lamp' / 'mood_lamp_node'
        for prefix in lamp['AMENT_PREFIX_PATH'].split(os.pathsep)
        if (Path(prefix) / 'lib' / 'mood_lamp').is_dir()
    )
    # The tests of a process keep their domain: only the paths of the other workspace count.
    paths = {name: lamp[name] for name in ('PYTHONPATH', 'AMENT_PREFIX_PATH', 'PATH')}
    processes.start(executable, name='mood_lamp_node', env=paths)
    processes.node('view_node', screen='mood_lamp', window='off', env=paths)
    colours = client.watch('emotion/mood_lamp/colour', ColorRGBA, LATCHED)
    film = str(media('one_face_pexels.mp4'))
    processes.node('camera_node', source=film, loop=True)
    processes.node('face_detector_node')
    processes.node('fer_node')
    colour = colours.wait(timeout=60)
    assert colour.a == 1.0 and min(colour.r, colour.g, colour.b) >= 0
    screens = client.watch('emotion/view', Image)
    screen = screens.wait(lambda message: message.header.frame_id == 'mood_lamp/ON', timeout=60)
    frame = np.frombuffer(bytes(screen.data), np.uint8).reshape(screen.height, screen.width, 3)
    # The frame of the picture has one colour all around.
    corners = frame[[5, 5, -5, -5], [5, -5, 5, -5]]
    assert np.ptp(corners, axis=0).max() == 0 and corners.max() > 60


def test_colcon_runs_the_tests_of_the_application(workspace: Path) -> None:
    colcon(workspace, 'test')
    found = xml.parse(workspace / 'build' / 'mood_lamp' / 'pytest.xml').getroot().find('testsuite')
    assert found is not None
    assert int(found.get('tests', 0)) >= 4
    assert found.get('failures') == found.get('errors') == '0'


def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    nbformat = pytest.importorskip('nbformat')
    nbclient = pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    real_voice()  # skips without the recording that it reads
    notebook = nbformat.read(EXAMPLES / 'notebook.ipynb', as_version=4)
    assert all(not cell.get('outputs') for cell in notebook.cells), 'commit it without outputs'
    nbclient.NotebookClient(
        notebook, timeout=100, kernel_name='python3', resources={'metadata': {'path': tmp_path}}
    ).execute()
    printed = ''.join(
        output.get('text', '')
        for cell in notebook.cells
        if cell.cell_type == 'code'
        for output in cell.outputs
    )
    assert 'face1 Happy' in printed
    assert ' s: ' in printed
