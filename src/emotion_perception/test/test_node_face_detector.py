# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The face detector node as a process: pictures in, tracked faces out."""

from __future__ import annotations

import array
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from emotion_msgs.msg import FaceArray
from emotion_perception.ros.convert import array_to_image, image_to_array, to_seconds, to_stamp
from support.client import RELIABLE
from support.faces import background, crossing, hopper, pass_by, paste, portraits


class Camera:
    """Publishes pictures and waits for what the detector says to each."""

    def __init__(self, client, qos: QoSProfile | None = None) -> None:
        self.client = client
        self.answers = client.watch('emotion/detections', FaceArray, RELIABLE)
        client.until(lambda: client.node.count_publishers('/emotion/detections') == 1, 30)
        self.publisher = client.publisher(
            'camera/image_raw', Image, **({} if qos is None else {'qos': qos})
        )
        self.time = time.time()

    def image(self, picture: np.ndarray) -> Image:
        self.time += 0.033
        return array_to_image(picture, Header(stamp=to_stamp(self.time), frame_id='head'))

    def ask(self, picture: np.ndarray | Image) -> FaceArray:
        message = picture if isinstance(picture, Image) else self.image(picture)
        self.publisher.publish(message)
        return self.answers.wait(lambda answer: answer.header.stamp == message.header.stamp)

    def until(self, picture: np.ndarray, accept: Callable[[FaceArray], bool]) -> FaceArray:
        for _ in range(50):
            answer = self.ask(picture)
            if accept(answer):
                return answer
        raise AssertionError(f'the last answer was {answer.faces}')


@pytest.fixture
def node(processes):
    return processes.node('face_detector_node')


@pytest.fixture
def camera(node, client) -> Camera:
    return Camera(client)


def test_a_face_comes_with_id_box_landmarks_quality_and_aligned_crop(camera: Camera) -> None:
    answer = camera.until(hopper(), lambda message: bool(message.faces))
    assert answer.header.frame_id == 'head'
    assert (answer.image_width, answer.image_height) == (512, 600)
    face = answer.faces[0]
    assert face.id == 'face_1'
    region = face.region
    assert abs(region.x_offset - 159) < 20 and abs(region.width - 209) < 30
    points = np.array(face.landmarks).reshape(4, 2)
    assert points[0, 0] < points[3, 0] < points[1, 0]
    assert points[0, 1] < points[3, 1] < points[2, 1]
    assert 0.5 < face.score <= 1 and 0.5 < face.quality <= 1
    assert (face.crop.width, face.crop.height, face.crop.encoding) == (128, 128, 'bgr8')
    # The crop is the canonical one: brows to chin fill it, eyes are dark, cheeks are bright.
    crop = cv2.cvtColor(image_to_array(face.crop), cv2.COLOR_BGR2GRAY)
    assert crop[44:51, 40:50].mean() < crop[62:72, 36:50].mean()


@pytest.mark.parametrize(
    'encoding, change',
    [
        ('rgb8', lambda p: p[..., ::-1]),
        ('bgra8', lambda p: np.dstack([p, np.full(p.shape[:2], 255, np.uint8)])),
        ('mono8', lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)),
        ('yuv422_yuy2', lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2YUV_YUY2)),
    ],
)
def test_pictures_of_the_common_encodings_are_read(
    camera: Camera, encoding: str, change: Callable
) -> None:
    picture = np.ascontiguousarray(change(hopper()))

    def image() -> Image:
        message = camera.image(hopper())
        message.encoding, message.step = encoding, picture[0].nbytes
        message.data = array.array('B', picture.tobytes())
        return message

    camera.ask(image())
    answer = camera.ask(image())
    assert len(answer.faces) == 1
    assert abs(answer.faces[0].region.x_offset - 159) < 20


def test_bad_pictures_are_left_out_with_a_warning_and_good_ones_go_on(
    camera: Camera, node
) -> None:
    def spoiled(**fields) -> Image:
        message = camera.image(background())
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    for message, warning in (
        (spoiled(encoding='secret16'), "unknown encoding 'secret16'"),
        (spoiled(step=7), 'step is 7 bytes'),
        (spoiled(data=array.array('B', [1, 2, 3])), '3 bytes of data'),
        (spoiled(width=0), 'the image is 0x480'),
        (spoiled(encoding='32FC1'), '32FC1'),
    ):
        # Warnings of one kind are throttled: each gets a fresh picture of what is wrong.
        camera.publisher.publish(message)
        if 'secret16' in warning:
            node.wait_for_output(warning)
    assert camera.ask(background()).faces == []
    assert len(camera.until(hopper(), lambda message: bool(message.faces)).faces) == 1
    assert node.output().count('a picture was left out') == 1
    assert node.running


def test_a_picture_without_faces_gets_an_empty_array(camera: Camera) -> None:
    answer = camera.ask(background())
    assert answer.faces == []
    assert (answer.image_width, answer.image_height) == (640, 480)


def test_after_a_while_without_anybody_who_comes_is_found_in_the_next_picture(
    camera: Camera,
) -> None:
    empty = np.full_like(hopper(), 90)
    for _ in range(20):
        camera.time += 0.1
        assert not camera.ask(empty).faces
    camera.time += 0.1
    camera.ask(hopper())
    # The second picture comes 33 ms later: at rest it would get no answer.
    assert len(camera.ask(hopper()).faces) == 1


def test_forty_faces_are_limited_to_the_largest_sixteen(camera: Camera) -> None:
    picture = background(1280, 720).copy()
    for i in range(40):
        paste(picture, portraits()[i % 2], 80 + 160 * (i % 8), 72 + 144 * (i // 8), 150)
    answer = camera.until(picture, lambda message: len(message.faces) > 10)
    assert len(answer.faces) <= 16
    assert len({face.id for face in answer.faces}) == len(answer.faces)


def test_a_picture_of_one_pixel_or_a_changing_size_is_no_problem(camera: Camera, node) -> None:
    assert camera.ask(np.zeros((1, 1, 3), np.uint8)).faces == []
    assert len(camera.until(hopper(), lambda message: bool(message.faces)).faces) == 1
    assert camera.ask(background(64, 48)).faces == []
    assert 'left out' not in node.output()


def test_two_people_who_cross_keep_their_ids(camera: Camera) -> None:
    left, right = [], []
    for _, picture, places in crossing([portraits()[0]], [portraits()[1]], 1.5, pass_by):
        answer = camera.ask(picture)
        if abs(places[0] - places[1]) < 110:
            continue
        for face in answer.faces:
            middle = face.region.x_offset + face.region.width / 2
            near = left if abs(places[0] - middle) < abs(places[1] - middle) else right
            near.append(face.id)
    assert len(set(left)) == 1 and len(set(right)) == 1
    assert set(left) != set(right)
    assert min(len(left), len(right)) > 30


def test_disabled_it_rests_and_enabled_it_works_again(camera: Camera, client) -> None:
    camera.ask(background())
    answer = client.call(SetBool, '/face_detector_node/enable', SetBool.Request(data=False))
    assert answer.success and answer.message == 'disabled'
    camera.answers.clear()
    for _ in range(5):
        camera.publisher.publish(camera.image(background()))
    # The report of a whole period in which it had pictures and gave nothing.
    reports = client.watch('/diagnostics', DiagnosticArray)
    reports.wait_count(2, lambda message: message.status[0].message == 'disabled')
    assert camera.answers.messages == []
    client.call(SetBool, '/face_detector_node/enable', SetBool.Request(data=True))
    assert camera.ask(background()).faces == []


def test_a_driver_that_offers_best_effort_only_is_heard(node, client) -> None:
    camera = Camera(client, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    picture = background(160, 120)
    deadline = time.monotonic() + 20
    while not camera.answers.messages and time.monotonic() < deadline:
        camera.publisher.publish(camera.image(picture))
        time.sleep(0.05)
    assert camera.answers.messages


def test_a_driver_without_stamps_gets_faces_with_the_time_of_arrival(camera: Camera, node) -> None:
    def unstamped() -> Image:
        return array_to_image(hopper(), Header(frame_id='head'))

    for _ in range(50):
        before = time.time()
        camera.publisher.publish(unstamped())
        answer = camera.answers.wait()
        camera.answers.clear()
        assert before <= to_seconds(answer.header.stamp) <= time.time()
        if answer.faces:
            break
    assert answer.faces[0].id == 'face_1'
    assert node.output().count('comes without a time stamp') == 1


def test_with_a_missing_detector_file_it_waits_and_can_be_configured_later(
    processes, client, tmp_path: Path
) -> None:
    node = processes.node(
        'face_detector_node', detector='yunet', model=str(tmp_path / 'none.onnx')
    )
    node.wait_for_output('none.onnx not found')
    assert client.lifecycle_state('/face_detector_node') == 'unconfigured'
    assert client.set_parameter('/face_detector_node', 'detector', 'blazeface').successful
    assert client.set_parameter('/face_detector_node', 'model', '').successful
    assert client.transition('/face_detector_node', 'configure')
    client.wait_for_state('/face_detector_node', 'active')
    camera = Camera(client)
    assert camera.until(hopper(), lambda message: bool(message.faces))


def test_it_can_be_deactivated_cleaned_up_and_started_again(camera: Camera, client) -> None:
    name = '/face_detector_node'
    for label, state in (('deactivate', 'inactive'), ('cleanup', 'unconfigured')):
        assert client.transition(name, label)
        assert client.lifecycle_state(name) == state
    assert client.transition(name, 'configure')
    client.wait_for_state(name, 'active')
    client.until(lambda: camera.publisher.get_subscription_count() == 1)
    client.until(lambda: client.node.count_publishers('/emotion/detections') == 1)
    assert camera.until(hopper(), lambda message: bool(message.faces))


def test_frames_out_of_order_are_left_out_and_end_no_track(camera: Camera) -> None:
    camera.until(hopper(), lambda message: bool(message.faces))
    camera.answers.clear()
    asked = []
    for i in range(12):
        first, second = camera.image(hopper()), camera.image(hopper())
        for message in (second, first) if i % 3 == 0 else (first, second):
            camera.publisher.publish(message)
            if message is not first or i % 3:
                asked.append(
                    camera.answers.wait(
                        lambda answer, stamp=message.header.stamp: answer.header.stamp == stamp
                    )
                )
    camera.ask(hopper())
    answers = camera.answers.messages
    assert len(answers) == 12 * 2 - 4 + 1
    stamps = [to_seconds(answer.header.stamp) for answer in answers]
    assert stamps == sorted(stamps)
    assert {face.id for answer in answers for face in answer.faces} == {'face_1'}


@pytest.mark.parametrize('back', [500.0, 0.5])
def test_a_film_that_starts_over_is_followed_at_once(camera: Camera, node, back: float) -> None:
    camera.until(hopper(), lambda message: bool(message.faces))
    for _ in range(5):
        camera.ask(hopper())
    camera.time -= back
    camera.answers.clear()
    unanswered = -1
    while not camera.answers.messages and unanswered < 20:
        unanswered += 1
        camera.publisher.publish(camera.image(hopper()))
        # A step back as small as frames out of order is known for one after a few frames.
        with contextlib.suppress(AssertionError):
            camera.answers.wait(timeout=1.0)
    assert unanswered <= (3 if back < 1 else 0)
    answer = camera.until(hopper(), lambda message: bool(message.faces))
    assert answer.faces[0].id == 'face_2'
    assert 'everything begins anew' in node.output()
