# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one graph."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from emotion_bringup.demo_media import make_film
from emotion_bringup.graphs import GRAPHS, ArgumentError, resolve
from emotion_bringup.process import GraphProcess
from emotion_bringup.runner import namespace_of
from emotion_msgs.msg import EmotionPrediction
from support.client import Client


def test_each_camera_has_its_nodes_under_its_name() -> None:
    setups = {item.path: item for item in resolve(GRAPHS['perception'], {'cameras': 'front,rear'})}
    for number, name in enumerate(('front', 'rear')):
        camera = setups[f'{name}/camera_node']
        assert camera.parameters == {'source': str(number), 'frame_id': name}
        assert setups[f'{name}/face_detector_node'].remappings == {}
        assert f'{name}/fer_node' in setups
    assert 'camera_node' not in setups
    # What is there once follows the first camera.
    for name in ('fusion_node', 'view_node'):
        assert setups[name].remappings['emotion/face'] == 'front/emotion/face'
        assert setups[name].remappings['camera/image_raw'] == 'front/camera/image_raw'


def test_the_rest_of_an_argument_holds_for_every_camera() -> None:
    values = {'cameras': '{left: a.mp4, right: "2"}', 'loop': 'true', 'fer_model': 'fer-2013'}
    setups = {item.path: item.parameters for item in resolve(GRAPHS['face'], values)}
    assert setups['left/camera_node'] == {'source': 'a.mp4', 'frame_id': 'left', 'loop': True}
    assert setups['right/camera_node'] == {'source': '2', 'frame_id': 'right', 'loop': True}
    assert setups['left/fer_node'] == setups['right/fer_node'] == {'model': 'fer-2013'}


def test_drivers_of_several_cameras_are_named_relative_to_each() -> None:
    values = {'cameras': 'front,rear', 'camera_topic': 'image_raw'}
    setups = {item.path: item for item in resolve(GRAPHS['face'], values)}
    assert 'front/camera_node' not in setups
    assert setups['rear/face_detector_node'].remappings == {'camera/image_raw': 'image_raw'}
    assert setups['view_node'].remappings['camera/image_raw'] == 'front/image_raw'
    with pytest.raises(ArgumentError, match='without / in front'):
        resolve(GRAPHS['face'], {**values, 'camera_topic': '/front/image_raw'})


def test_the_cameras_of_the_robot_stand_in_for_that_of_the_page() -> None:
    setups = {item.path: item for item in resolve(GRAPHS['web'], {'cameras': 'front,rear'})}
    assert 'rear/camera_node' in setups
    assert setups['web_node'].parameters == {'microphone': True}
    assert setups['web_node'].remappings['emotion/faces'] == 'front/emotion/faces'


@pytest.mark.parametrize(
    'text, why',
    [
        ('front,2nd', "'2nd' cannot name a camera"),
        ('front,front', 'a name of its own'),
        ('{front', 'NAME: SOURCE'),
        ('{}', 'at least one'),
    ],
)
def test_wrong_cameras_are_refused(text: str, why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        resolve(GRAPHS['face'], {'cameras': text})


@pytest.mark.parametrize('other', ['camera', 'video'])
def test_one_camera_beside_several_is_refused(other: str) -> None:
    with pytest.raises(ArgumentError, match=f'leave out {other}:='):
        resolve(GRAPHS['perception'], {'cameras': 'front,rear', other: 'a.mp4'})


def test_the_namespace_of_the_graph_is_the_first_that_is_given() -> None:
    assert namespace_of(['--ros-args', '-r', 'a:=b', '-r', '__ns:=/x', '-r', '__ns:=/y']) == '/x'
    assert namespace_of(['--ros-args', '-p', '__ns:=/x']) == ''


def test_two_cameras_in_one_process_share_a_model(client: Client, tmp_path: Path) -> None:
    film = tmp_path / 'face.avi'
    make_film(film, 2.0)
    cameras = f'{{front: {film}, rear: {film}}}'
    setups = resolve(GRAPHS['face'], {'cameras': cameras, 'loop': 'true', 'view': 'false'})
    watches = {
        name: client.watch(f'/robot/{name}/emotion/face', EmotionPrediction)
        for name in ('front', 'rear')
    }
    process = GraphProcess(setups, client.context, namespace='/robot')
    try:
        for name, watch in watches.items():
            assert watch.wait(timeout=90).header.frame_id == name
        front, rear = (process.nodes[f'{name}/fer_node'] for name in watches)
        assert front.loaded.recognizer.model is rear.loaded.recognizer.model
        assert front.loaded.history.smoother is not rear.loaded.history.smoother
    finally:
        process.close()
