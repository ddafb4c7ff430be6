# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the entry script makes: the executables, the packages, and processes that end cleanly."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.fixtures import ROOT

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from ament_index_python.packages import get_package_share_directory
from std_msgs.msg import String

from emotion_bringup.graphs import PACKAGES
from emotion_bringup.process import executable

TALKER = """
import rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('talker')
publisher = node.create_publisher(String, 'chatter', 10)
node.create_timer(0.05, lambda: publisher.publish(String(data='hello')))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
"""


@pytest.mark.parametrize('name', sorted(PACKAGES))
def test_every_executable_is_installed_where_ros2_run_looks(name: str) -> None:
    path = executable(PACKAGES[name], name)
    assert os.access(path, os.X_OK), f'{path} is missing'


def test_the_launch_files_and_the_configuration_are_installed() -> None:
    share = Path(get_package_share_directory('emotion_bringup'))
    source = ROOT / 'src' / 'emotion_bringup'
    for folder in ('launch', 'config'):
        names = {path.name for path in (source / folder).iterdir() if path.suffix != '.pyc'}
        assert {path.name for path in (share / folder).iterdir()} >= names - {'__pycache__'}


def test_the_nodes_import_neither_pytorch_nor_the_training() -> None:
    code = (
        'import sys\n'
        'from importlib.metadata import entry_points\n'
        'assert [point.load() for point in entry_points(group="emotion.nodes")]\n'
        'heavy = {"torch", "transformers", "faster_whisper", "emotion_training"}\n'
        'print(sorted(heavy & set(sys.modules)))\n'
    )
    result = subprocess.run(
        ['python', '-c', code], capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '[]'


def test_what_one_process_says_reaches_the_test(processes, client) -> None:
    processes.start('python', '-c', TALKER, name='talker')
    assert client.wait_for('chatter', String).data == 'hello'


def test_a_process_that_dies_fails_the_wait_at_once(processes, client) -> None:
    process = processes.start('python', '-c', 'raise SystemExit(3)', name='short')
    watch = client.watch('chatter', String)
    with pytest.raises(AssertionError, match=r'short ended by itself \(3\)'):
        watch.wait(timeout=60)
    process.may_end = True


def test_the_repair_of_the_wheels_names_this_machines_headers() -> None:
    import sys

    sys.path.insert(0, str(ROOT / 'tools'))
    try:
        from repair_wheels import repair
    finally:
        sys.path.pop(0)
    text = (
        'set(a "/opt/python/cp312-cp312/include/python3.12;'
        '/tmp/x/lib/python3.12/site-packages/numpy/_core/include;/usr/include")'
    )
    assert repair(text, '/here/py', '/here/np') == 'set(a "/here/py;/here/np;/usr/include")'


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
@pytest.mark.parametrize('arguments', [[], ['dance'], ['setup', '--more'], ['exec']])
def test_the_entry_script_answers_a_wrong_call_with_its_usage(arguments: list[str]) -> None:
    result = subprocess.run(
        [str(ROOT / 'emotion'), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert 'usage: ./emotion VERB' in result.stderr


@pytest.mark.parametrize(
    ('arguments', 'environment', 'told'),
    [
        ('voice rate:=1', '', 'LOCALHOST|voice rate:=1'),
        ('voice network:=true', '', '|voice'),
        ('network:=false voice', '', 'LOCALHOST|voice'),
        ('voice', 'ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET', 'SUBNET|voice'),
        ('voice', 'ROS_DISTRO=humble', '|voice'),
        ('voice network:=maybe', '', None),
    ],
)
def test_what_the_entry_script_starts_is_seen_by_this_machine_alone(
    arguments: str, environment: str, told: str | None
) -> None:
    script = (
        'set -eu; unset ROS_AUTOMATIC_DISCOVERY_RANGE ROS_DISTRO; ROOT=.\n'
        f'{environment}\n'
        f'. {ROOT}/tools/workspace.sh; keep_here {arguments}\n'
        'echo "${ROS_AUTOMATIC_DISCOVERY_RANGE:-}|${REST[*]}"'
    )
    done = subprocess.run(['bash', '-c', script], capture_output=True, text=True)
    if told is None:
        assert done.returncode == 1 and 'network:=true or network:=false' in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout == told + '\n'


def test_the_entry_script_refuses_a_python_that_it_cannot_use(tmp_path: Path) -> None:
    old = tmp_path / 'python2'
    old.write_text('#!/bin/sh\necho 2.7\n')
    old.chmod(0o755)
    env = {key: value for key, value in os.environ.items() if key != 'EMOTION_ENV'}
    for name in ('ROS_DISTRO', 'AMENT_PREFIX_PATH'):
        env.pop(name, None)
    result = subprocess.run(
        [str(ROOT / 'emotion'), 'setup'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**env, 'EMOTION_PYTHON': str(old)},
    )
    assert result.returncode == 1
    assert 'needs Python 3.10 to 3.13' in result.stderr and '2.7' in result.stderr


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
@pytest.mark.parametrize(
    'arguments',
    [
        ['run', 'nosuchgraph'],
        ['demo', '--help'],
        ['interview', '--help'],
        ['train', '--help'],
        ['exec', 'true'],
        # What a launch file starts.
        ['exec', 'GRAPH', 'voice', '--show-args'],
    ],
    ids=lambda words: words[-1] if 'GRAPH' in words else words[0],
)
def test_the_entry_script_runs_nothing_that_lies_in_the_current_directory(
    arguments: list[str], tmp_path: Path
) -> None:
    trap = f'open({str(tmp_path / "sprung")!r}, "a").write(__file__ + chr(10))\n'
    for name in ('yaml', 'cv2', 'numpy', 'rclpy', 'pip', 'runpy', 'argparse', 'sitecustomize'):
        (tmp_path / f'{name}.py').write_text(trap)
    graph = str(executable('emotion_bringup', 'graph'))
    result = subprocess.run(
        [str(ROOT / 'emotion'), *(graph if word == 'GRAPH' else word for word in arguments)],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': f'.::{os.environ.get("PYTHONPATH", "")}:'},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not (tmp_path / 'sprung').exists(), (tmp_path / 'sprung').read_text()
    assert result.returncode == (2 if arguments[0] == 'run' else 0), result.stderr


# `python -m` and `python -c` look there first; with -I, or through tools/start.py, they do not.
STARTS = re.compile(
    r"""(?i:python)[\d."]*\s+(?:-W\s+\w+\s+)?-[mc]\b"""
    r"""|sys\.executable,\s*'-[mc]'"""
)
# Names in a folder that all users share, which somebody may have taken before.
SHARED = re.compile(r"""['"]/(?:var/)?tmp/|tempfile\.mktemp\(|gettempdir\(""")


def code() -> list[Path]:
    """Return the scripts and modules that users run, tests aside."""
    found = [ROOT / 'emotion', ROOT / '.ci' / 'run', *(ROOT / 'tools').iterdir()]
    for folder in ('src', 'benchmarks', 'examples'):
        found += [path for path in (ROOT / folder).rglob('*.py') if 'test' not in path.parts]
    assert len(found) > 100
    return [path for path in found if path.suffix in ('.py', '.sh', '')]


def offending(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return the lines of code that match: no comment, no documentation."""
    return [
        f'{path}: {line.strip()}'
        for path in paths
        if path.is_file()
        for line in path.read_text(encoding='utf-8').splitlines()
        if pattern.search(line)
        and not line.lstrip().startswith('#')
        and '`' not in line
        and './emotion exec' not in line
        and "prog='python -m" not in line
    ]


def test_no_start_of_python_looks_into_the_current_directory() -> None:
    starts = offending(STARTS, code())
    # The one look whether a Python has rclpy needs PYTHONPATH; it takes the empty path out itself.
    assert [line for line in starts if 'sys.path[:] = filter(None, sys.path)' not in line] == []
    assert len(starts) == 1


def test_nothing_has_a_predictable_name_in_a_shared_folder() -> None:
    tests = [path for path in (ROOT / 'tests').rglob('*.py') if path.name != 'test_workspace.py']
    tests += (ROOT / 'src').glob('*/test/*.py')
    assert offending(SHARED, code()) == []
    assert offending(re.compile(r'tempfile\.mktemp\(|gettempdir\('), tests) == []


@pytest.mark.parametrize(
    ('pattern', 'line'),
    [
        (STARTS, 'exec python -m emotion_bringup.runner'),
        (STARTS, 'python3.12 -c "import yaml"'),
        (STARTS, '"$PYTHON" -m venv'),
        (STARTS, "run([sys.executable, '-m', 'pip'])"),
        (SHARED, "open('/tmp/log', 'w')"),
        (SHARED, 'Path(tempfile.gettempdir(), name)'),
    ],
)
def test_a_line_that_does_either_is_found(
    pattern: re.Pattern[str], line: str, tmp_path: Path
) -> None:
    (tmp_path / 'tool.py').write_text(f'# {line}\n{line}\n')
    assert len(offending(pattern, [tmp_path / 'tool.py'])) == 1
