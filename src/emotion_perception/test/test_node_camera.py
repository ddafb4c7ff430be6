# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The camera node as a process."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image

from emotion_perception.ros.convert import image_to_array, to_seconds
from support.faces import write_video

CALIBRATION = """
image_width: 320
image_height: 240
camera_matrix: {data: [300, 0, 160, 0, 300, 120, 0, 0, 1]}
distortion_coefficients: {data: [0, 0, 0, 0, 0]}
rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {data: [300, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0]}
"""


def number_of(message: Image) -> int:
    return round((float(image_to_array(message).mean()) - 10) / 4)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = [np.full((120, 160, 3), 10 + 4 * i, np.uint8) for i in range(25)]
    return write_video(tmp_path / 'film.avi', frames, rate=25.0)


def test_a_film_waits_for_a_listener_and_is_published_from_its_first_frame(
    processes, client, film: Path
) -> None:
    node = processes.node('camera_node', source=str(film), frame_id='head')
    client.until(lambda: client.node.count_publishers('/camera/image_raw') == 1)
    watch = client.watch('camera/image_raw', Image)
    node.wait_for_output('is at its end')
    first, last = watch.messages[0], watch.messages[-1]
    assert len(watch.messages) > 12
    assert number_of(first) <= 4
    assert (first.encoding, first.width, first.height, first.step) == ('bgr8', 160, 120, 480)
    assert first.header.frame_id == 'head'
    elapsed = to_seconds(last.header.stamp) - to_seconds(first.header.stamp)
    assert elapsed == pytest.approx((number_of(last) - number_of(first)) / 25, abs=0.01)
    # A stamp tells when the frame was due: it is never later than the arrival.
    assert all(
        to_seconds(message.header.stamp) <= arrival + 0.002
        for message, arrival in zip(watch.messages, watch.times)
    )
    assert node.output().count('is at its end') == 1
    assert node.running


def test_a_film_that_loops_goes_on(processes, client, film: Path) -> None:
    processes.node('camera_node', source=str(film), loop=True, rate=25.0)
    watch = client.watch('camera/image_raw', Image)
    messages = watch.wait_count(60, timeout=30)
    stamps = [to_seconds(message.header.stamp) for message in messages]
    assert min(np.diff(stamps)) > 0.02
    assert sum(number_of(b) < number_of(a) for a, b in itertools.pairwise(messages)) >= 1


def test_the_calibration_is_published_with_each_picture_in_its_size(
    processes, client, film: Path, tmp_path: Path
) -> None:
    calibration = tmp_path / 'head.yaml'
    calibration.write_text(CALIBRATION)
    infos = client.watch('camera/camera_info', CameraInfo)
    images = client.watch('camera/image_raw', Image)
    processes.node('camera_node', source=str(film), calibration=str(calibration), loop=True)
    info = infos.wait()
    image = images.wait(lambda message: message.header.stamp == info.header.stamp)
    assert (info.width, info.height) == (image.width, image.height) == (160, 120)
    assert list(info.k) == [150, 0, 80, 0, 150, 60, 0, 0, 1]
    assert info.distortion_model == 'plumb_bob'


def test_without_a_calibration_there_is_no_camera_info(processes, client, film: Path) -> None:
    processes.node('camera_node', source=str(film), loop=True)
    client.wait_for('camera/image_raw', Image)
    assert client.node.count_publishers('/camera/camera_info') == 0


def test_a_wrong_calibration_or_setting_ends_the_start_with_one_clear_line(
    processes, film: Path, tmp_path: Path
) -> None:
    for parameters, text in (
        ({'calibration': str(tmp_path / 'none.yaml')}, 'none.yaml cannot be read'),
        ({'format': 'MJPEG'}, 'four letters'),
        ({'rate': -3.0}, 'rate'),
    ):
        node = processes.node(
            'camera_node', may_end=True, parameters={'source': str(film), **parameters}
        )
        assert node.wait() == 2
        assert text in node.output()
        assert 'Traceback' not in node.output()


def test_a_file_that_is_not_there_is_named_and_played_once_it_is(
    processes, client, film: Path, tmp_path: Path
) -> None:
    late = tmp_path / 'late.avi'
    watch = client.watch('camera/image_raw', Image)
    node = processes.node('camera_node', source=str(late))
    node.wait_for_output('late.avi is not there')
    shutil.copy(film, tmp_path / 'copy.avi')
    (tmp_path / 'copy.avi').rename(late)
    watch.wait()


def test_a_camera_that_is_not_there_is_said_once_and_reported_on_the_diagnostics(
    processes, client
) -> None:
    node = processes.node('camera_node', source='/dev/video_none')
    diagnostics = client.watch('/diagnostics', DiagnosticArray)
    status = diagnostics.wait(
        lambda message: message.status[0].level == DiagnosticStatus.WARN
    ).status[0]
    assert status.name == 'camera_node'
    assert '/dev/video_none is not there' in status.message
    diagnostics.clear()
    diagnostics.wait()
    assert node.output().count('is not there') == 1


@pytest.mark.skipif(shutil.which('ffmpeg') is None, reason='needs ffmpeg to serve a stream')
def test_a_stream_that_vanishes_and_returns_is_published_again(
    processes, client, film: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{probe.getsockname()[1]}/live'

    def serve() -> subprocess.Popen:
        return processes.start(
            'ffmpeg',
            '-loglevel',
            'error',
            '-re',
            '-stream_loop',
            '-1',
            '-i',
            film,
            '-c:v',
            'mpeg1video',
            '-f',
            'mpegts',
            '-listen',
            '1',
            url,
            may_end=True,
        )

    server = serve()
    node = processes.node('camera_node', source=url)
    images = client.watch('camera/image_raw', Image)
    diagnostics = client.watch('/diagnostics', DiagnosticArray)
    images.wait()
    server.kill()
    diagnostics.wait(lambda message: message.status[0].level == DiagnosticStatus.WARN)
    images.clear()
    serve()
    images.wait(timeout=30)
    diagnostics.clear()
    diagnostics.wait(lambda message: message.status[0].level == DiagnosticStatus.OK)
    assert node.running


def test_pictures_of_a_folder_are_scaled_to_the_wanted_size(
    processes, client, tmp_path: Path
) -> None:
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for i in range(3):
        cv2.imwrite(str(folder / f'{i}.png'), np.full((100, 200, 3), 60 + i, np.uint8))
    processes.node('camera_node', source=str(folder), rate=20.0, width=100, loop=True)
    messages = client.watch('camera/image_raw', Image).wait_count(5)
    assert {(message.width, message.height) for message in messages} == {(100, 50)}


def test_a_namespace_moves_the_topics(processes, client, film: Path) -> None:
    processes.node('camera_node', namespace='/left', source=str(film), loop=True)
    client.wait_for('/left/camera/image_raw', Image)
