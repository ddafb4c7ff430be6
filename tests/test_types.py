# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Types: mypy over the packages, with stubs made of the installed ROS interfaces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mypy', reason='mypy is missing: pip install -r requirements/test.txt')
pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

ROOT = Path(__file__).parents[1]
INTERFACES = (
    'action_msgs',
    'audio_common_msgs',
    'builtin_interfaces',
    'diagnostic_msgs',
    'emotion_msgs',
    'foxglove_msgs',
    'geometry_msgs',
    'hri_msgs',
    'lifecycle_msgs',
    'rcl_interfaces',
    'rosgraph_msgs',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'tf2_msgs',
    'vision_msgs',
    'visualization_msgs',
)

# rclpy's and NumPy's own annotations differ between releases: one environment is the reference.
pytestmark = [
    pytest.mark.skipif(
        os.environ.get('ROS_DISTRO', 'jazzy') != 'jazzy' or sys.version_info[:2] != (3, 11),
        reason='types are checked with Jazzy and Python 3.11',
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope='module', autouse=True)
def stubs() -> None:
    """Write the stubs where pyproject.toml looks for them."""
    subprocess.run(
        [
            sys.executable,
            str(ROOT / 'tools' / 'message_stubs.py'),
            str(ROOT / '.emotion' / 'stubs'),
            *INTERFACES,
        ],
        check=True,
    )


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'mypy', *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_the_packages_are_typed() -> None:
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ('code', 'says'),
    [
        ('from emotion_msgs.msg import Face\nFace(colour=1)\n', 'Unexpected keyword'),
        ('from emotion_msgs.msg import Face\nface: str = Face().score\n', 'type "float"'),
        (
            'from emotion_msgs.action import DetectEmotion\nDetectEmotion.Result().winner\n',
            'no attribute "winner"',
        ),
    ],
)
def test_a_field_that_a_message_does_not_have_is_found(
    code: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / 'wrong.py').write_text(code)
    done = check(str(tmp_path / 'wrong.py'))
    assert done.returncode == 1
    assert says in done.stdout
