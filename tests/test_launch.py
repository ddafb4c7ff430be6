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

import psutil
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from emotion_bringup.demo_media import find_voice, make_film, make_sound
from emotion_bringup.graphs import COMMON, GRAPHS
from emotion_msgs.msg import EmotionPrediction, FaceArray, MultimodalState
from support.client import Client
from support.processes import Process, ProcessGroup

pytestmark = pytest.mark.skipif(
    shutil.which('ros2') is None,
    reason='needs `ros2 launch` (ros2cli and launch_ros), which PyPI lacks: runs wherever a '
    'ROS 2 distribution is sourced',
)

COMPOSED = pytest.mark.parametrize('composed', ['true', 'false'])


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


def until_said(client: Client, processes: ProcessGroup, texts: set[str], *words: str) -> None:
    """Ask a ros2 command until it says all of that.

    Some look around for half a second only: on a busy machine they may need another look.
    """

    def all_said() -> bool:
        said = ros2(processes, *words)
        return all(text in said for text in texts)

    client.until(all_said, 90, f'{words} to say {texts}')


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


def launch_faces(processes: ProcessGroup, composed: str, *arguments: str, may_end: bool = False):
    """Start emotion from faces without a screen, on a film or films that go on for ever."""
    common = ('loop:=true', 'view:=false', f'composed:={composed}')
    return launch(processes, 'face', *arguments, *common, may_end=may_end)


@pytest.mark.parametrize('graph', GRAPHS)
def test_every_argument_is_shown_with_its_description(processes, graph: str) -> None:
    shown = ros2(processes, 'launch', 'emotion_bringup', f'{graph}.launch.py', '--show-args')
    for argument in (*GRAPHS[graph].arguments, *COMMON):
        assert f"'{argument.name}':" in shown
        assert argument.doc in shown
    assert "'composed':" in shown
    assert "'respawn':" in shown


def test_a_wrong_value_ends_the_launch_with_what_is_allowed(processes) -> None:
    process = launch(processes, 'multimodal', 'vad:=magic', may_end=True)
    assert process.wait(60) != 0
    assert 'silero' in process.output()


def started(process: Process) -> dict[str, int]:
    """Return name and process id of what a launch has started."""
    found = re.findall(r'\[(\w+)-\d+\]: process started with pid \[(\d+)\]', process.output())
    return {name: int(pid) for name, pid in found}


@COMPOSED
def test_the_multimodal_graph_answers_the_ros2_commands(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path], composed: str
) -> None:
    video, sound = sources
    process = launch(
        processes,
        'multimodal',
        f'camera:={video}',
        f'microphone:={sound}',
        'loop:=true',
        'window:=off',
        f'composed:={composed}',
    )
    face = client.wait_for('/emotion/face', EmotionPrediction, timeout=90)
    assert sum(face.probabilities) == pytest.approx(1, abs=1e-3)
    client.wait_for(
        '/emotion/multimodal/state',
        MultimodalState,
        lambda state: state.phase == MultimodalState.SHOW_RESULT,
        timeout=90,
    )
    until_said(
        client,
        processes,
        {'label:', 'probabilities:'},
        *('topic', 'echo', '--once', '/emotion/face'),
    )
    nodes = {entry.name for entry in GRAPHS['multimodal'].nodes if not entry.on_demand}
    assert set(started(process)) == ({'multimodal'} if composed == 'true' else nodes)
    until_said(client, processes, {f'/{name}\n' for name in nodes}, 'node', 'list')
    until_said(
        client, processes, {'segment.hangover', 'segment.pre_roll'}, 'param', 'list', '/vad_node'
    )
    until_said(
        client, processes, {'Seconds'}, 'param', 'describe', '/vad_node', 'segment.hangover'
    )
    until_said(client, processes, {'active'}, 'lifecycle', 'get', '/fer_node')
    ros2(processes, 'service', 'call', '/orchestrator_node/stop', 'std_srvs/srv/Trigger')
    goal = ros2(
        processes,
        'action',
        'send_goal',
        '/emotion/detect',
        'emotion_msgs/action/DetectEmotion',
        # The sound in a loop has words once in nine seconds.
        '{speech_timeout: 60.0}',
        timeout=120,
    )
    assert 'SUCCEEDED' in goal
    assert 'has_face: true' in goal


@COMPOSED
def test_namespace_remapping_and_file_of_parameters_reach_every_node(
    processes: ProcessGroup,
    client: Client,
    sources: tuple[Path, Path],
    tmp_path: Path,
    composed: str,
) -> None:
    config = tmp_path / 'config.yaml'
    config.write_text(
        '/**:\n  fer_node:\n    ros__parameters: {smoother: {window: 15}}\n'
        '  camera_node:\n    ros__parameters: {frame_id: head, rate: 12.5}\n'
    )
    # As a robot's own launch file includes ours.
    (tmp_path / 'robot.launch.xml').write_text(
        f"""<launch><group>
        <push-ros-namespace namespace="robot_1"/>
        <set_remap from="emotion/face" to="mood"/>
        <include file="$(find-pkg-share emotion_bringup)/launch/face.launch.py">
            <arg name="camera" value="{sources[0]}"/>
            <arg name="loop" value="true"/>
            <arg name="rate" value="10"/>
            <arg name="view" value="false"/>
            <arg name="config" value="{config}"/>
            <arg name="composed" value="{composed}"/>
        </include></group></launch>"""
    )
    processes.start('ros2', 'launch', tmp_path / 'robot.launch.xml', name='robot')
    face = client.wait_for('/robot_1/mood', EmotionPrediction, timeout=90)
    assert face.header.frame_id == 'head'
    client.wait_for('/robot_1/emotion/detections', FaceArray, timeout=90)
    wanted = {(name, '/robot_1') for name in ('camera_node', 'face_detector_node', 'fer_node')}
    client.until(
        lambda: wanted <= set(client.node.get_node_names_and_namespaces()),
        60,
        'every node in the namespace',
    )
    assert client.parameter('/robot_1/fer_node', 'smoother.window') == 15
    assert client.parameter('/robot_1/camera_node', 'rate') == 10


@COMPOSED
def test_several_cameras_have_names_of_their_own_in_the_namespace(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path], composed: str
) -> None:
    cameras = f'cameras:={{front: {sources[0]}, rear: {sources[0]}}}'
    launch_faces(processes, composed, cameras, 'namespace:=robot_1')
    for name in ('front', 'rear'):
        topic = f'/robot_1/{name}/emotion/face'
        face = client.wait_for(topic, EmotionPrediction, timeout=90)
        assert face.header.frame_id == name


@COMPOSED
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_no_camera_stays_on_when_a_launch_is_killed(
    processes: ProcessGroup,
    client: Client,
    sources: tuple[Path, Path],
    composed: str,
    number: signal.Signals,
) -> None:
    process = launch_faces(processes, composed, f'camera:={sources[0]}', may_end=True)
    client.wait_for('/emotion/face', EmotionPrediction, timeout=90)
    children = [psutil.Process(pid) for pid in started(process).values()]
    # To the launch alone, as `kill` does it; a terminal's Ctrl-C goes to all.
    os.kill(process.pid, number)
    process.wait(60)
    assert psutil.wait_procs(children, timeout=60)[1] == []


@COMPOSED
def test_what_dies_comes_back_with_respawn(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path], composed: str
) -> None:
    process = launch_faces(processes, composed, f'camera:={sources[0]}', 'respawn:=true')
    client.wait_for('/emotion/face', EmotionPrediction, timeout=90)
    before = started(process)
    name = 'face' if composed == 'true' else 'fer_node'
    os.kill(before[name], signal.SIGKILL)
    client.until(lambda: started(process)[name] != before[name], 30, f'{name} to come back')
    # The dead one's services linger in discovery; what the new one says is what counts.
    back = client.node.get_clock().now().nanoseconds * 1e-9
    client.wait_for(
        '/emotion/face', EmotionPrediction, lambda face: face.header.stamp.sec > back, timeout=90
    )
    others = set(before) - {name}
    assert {other: started(process)[other] for other in others} == {
        other: before[other] for other in others
    }


@COMPOSED
def test_a_launch_puts_its_processes_into_enclaves(
    processes: ProcessGroup, client: Client, sources: tuple[Path, Path], composed: str
) -> None:
    _, sound = sources
    launch(
        processes,
        'voice',
        f'microphone:={sound}',
        'enclave:=/robot/',
        'namespace:=r2',
        f'composed:={composed}',
    )
    names = ('microphone_node', 'vad_node', 'ser_node')
    wanted = {
        (name, '/r2', '/robot' if composed == 'true' else f'/robot/r2/{name}') for name in names
    }

    def seen() -> bool:
        return wanted <= set(client.node.get_node_names_and_namespaces_with_enclaves())

    client.until(seen, 90, 'every node in its enclave')
