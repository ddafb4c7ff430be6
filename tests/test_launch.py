# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The launch files, with the real ``ros2 launch`` and the real ``ros2`` commands."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from emotion_bringup.demo_media import find_voice, make_film, make_sound
from emotion_bringup.graphs import COMMON, GRAPHS
from emotion_msgs.msg import EmotionPrediction, FaceArray, MultimodalState
from support.client import Client
from support.processes import ProcessGroup

pytestmark = pytest.mark.skipif(
    shutil.which('ros2') is None,
    reason='needs `ros2 launch` (ros2cli and launch_ros), which PyPI lacks: runs wherever a '
    'ROS 2 distribution is sourced',
)

LAUNCHED = ('perception', 'multimodal', 'game', 'interview')


@pytest.fixture(scope='module')
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a video of a face and a sound file with speech, made from what packages carry."""
    folder = tmp_path_factory.mktemp('media')
    make_film(folder / 'face.avi', 8.0)
    make_sound(folder / 'voice.wav', find_voice())
    return folder / 'face.avi', folder / 'voice.wav'


def ros2(processes: ProcessGroup, *words: str, timeout: float = 60.0) -> str:
    """Run a ros2 command on the test's domain and return what it printed."""
    done = subprocess.run(
        ['ros2', *words],
        env=processes.environment(),
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def launch(processes: ProcessGroup, graph: str, *arguments: str, may_end: bool = False):
    """Start a launch file."""
    return processes.start(
        'ros2',
        'launch',
        'emotion_bringup',
        f'{graph}.launch.py',
        *arguments,
        name=f'launch-{graph}',
        may_end=may_end,
    )


@pytest.mark.parametrize('graph', LAUNCHED)
def test_every_argument_is_shown_with_its_description(processes, graph: str) -> None:
    shown = ros2(processes, 'launch', 'emotion_bringup', f'{graph}.launch.py', '--show-args')
    for argument in (*GRAPHS[graph].arguments, *COMMON):
        assert f"'{argument.name}':" in shown
        assert argument.doc in shown
    assert "'respawn':" in shown


def test_a_wrong_value_ends_the_launch_with_what_is_allowed(processes) -> None:
    process = launch(processes, 'multimodal', 'vad:=magic', may_end=True)
    assert process.wait(60) != 0
    assert 'silero' in process.output()


def test_the_multimodal_graph_answers_the_ros2_commands(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path]
) -> None:
    video, sound = sources
    launch(
        processes,
        'multimodal',
        f'camera:={video}',
        f'microphone:={sound}',
        'loop:=true',
        'window:=off',
    )
    face = client.wait_for('/emotion/face', EmotionPrediction, timeout=90)
    assert sum(face.probabilities) == pytest.approx(1, abs=1e-3)
    client.wait_for(
        '/emotion/multimodal/state',
        MultimodalState,
        lambda state: state.phase == MultimodalState.SHOW_RESULT,
        timeout=90,
    )
    echo = ros2(processes, 'topic', 'echo', '--once', '/emotion/face')
    assert 'label:' in echo and 'probabilities:' in echo
    # The command looks around for half a second: a busy machine may need another look.
    client.until(lambda: 'vad_node' in ros2(processes, 'node', 'list'), 60, 'the list of nodes')
    listed = ros2(processes, 'param', 'list', '/vad_node')
    assert 'hangover' in listed and 'pre_roll' in listed
    assert 'Seconds' in ros2(processes, 'param', 'describe', '/vad_node', 'hangover')
    assert 'active' in ros2(processes, 'lifecycle', 'get', '/fer_node')
    ros2(processes, 'service', 'call', '/orchestrator_node/stop', 'std_srvs/srv/Trigger')
    goal = ros2(
        processes,
        'action',
        'send_goal',
        '/emotion/detect',
        'emotion_msgs/action/DetectEmotion',
        '{}',
        timeout=120,
    )
    assert 'SUCCEEDED' in goal
    assert 'has_face: true' in goal


def test_a_namespace_moves_every_node_and_topic(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path]
) -> None:
    launch(
        processes,
        'perception',
        f'camera:={sources[0]}',
        f'microphone:={sources[1]}',
        'loop:=true',
        'window:=off',
        'namespace:=robot_1',
    )
    client.wait_for('/robot_1/emotion/detections', FaceArray, timeout=90)
    client.wait_for('/robot_1/emotion/face', EmotionPrediction, timeout=90)
    wanted = {(entry.name, '/robot_1') for entry in GRAPHS['perception'].nodes}
    client.until(
        lambda: wanted <= set(client.node.get_node_names_and_namespaces()),
        60,
        'every node in the namespace',
    )


def test_a_node_that_dies_comes_back_with_respawn(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path]
) -> None:
    process = launch(
        processes,
        'perception',
        f'camera:={sources[0]}',
        f'microphone:={sources[1]}',
        'loop:=true',
        'window:=off',
        'respawn:=true',
    )
    client.wait_for('/emotion/face', EmotionPrediction, timeout=90)
    started = process.wait_for_output('fer_node')
    pid = int(re.search(r'\[fer_node-\d+\]: process started with pid \[(\d+)\]', started)[1])
    os.kill(pid, signal.SIGKILL)
    process.wait_for_output('process has died', timeout=30)
    client.until(
        lambda: (
            process.output().count('process started with pid') > len(GRAPHS['perception'].nodes)
        ),
        30,
        'the node to come back',
    )
    # The dead one's services linger in discovery; what the new one says is what counts.
    back = client.node.get_clock().now().nanoseconds * 1e-9
    client.wait_for(
        '/emotion/face', EmotionPrediction, lambda face: face.header.stamp.sec > back, timeout=90
    )
