# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The facial emotion node as a process: tracked faces in, emotions out."""

from __future__ import annotations

import math
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Face, FaceArray
from emotion_perception.nodes.camera_node import CameraNode
from emotion_perception.nodes.face_detector_node import FaceDetectorNode
from emotion_perception.nodes.fer_node import FerNode
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import array_to_image, to_stamp
from support.faces import background, paste, portraits
from support.models import face_model

# White crops are happy, black ones sad: (logits are weight * brightness + bias)
ENTRY = {
    'task': 'fer',
    'backend': 'onnx',
    'file': 'bright.onnx',
    'labels': ['Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise'],
    'input': {
        'size': 8,
        'window': [0.1, 0.1, 0.9, 0.9],
        'colour': 'grey',
        'mean': [0.0],
        'std': [1.0],
    },
}
WHITE, BLACK = 255, 0


@pytest.fixture
def model(tmp_path: Path, write_onnx) -> Path:
    path = write_onnx(
        tmp_path / 'bright.onnx', ['n', 1, 8, 8], [0, 0, 0, 0, 3, 0], weight=[0, 0, 6, 0, 0, 0]
    )
    path.with_suffix('.yaml').write_text(yaml.safe_dump(ENTRY))
    return path


class Detector:
    """Publishes faces and waits for what the node says to each frame."""

    def __init__(self, client) -> None:
        self.client = client
        self.all = client.watch('emotion/faces', EmotionPredictionArray)
        self.one = client.watch('emotion/face', EmotionPrediction)
        client.until(
            lambda: (
                client.node.count_publishers('/emotion/faces') == 1
                and client.node.count_publishers('/emotion/face') == 1
            ),
            30,
        )
        self.publisher = client.publisher('emotion/detections', FaceArray)
        self.time = time.time()

    def ask(self, *faces: Face) -> EmotionPredictionArray:
        self.time += 0.033
        message = FaceArray(
            header=Header(stamp=to_stamp(self.time), frame_id='head'),
            image_width=640,
            image_height=480,
            faces=list(faces),
        )
        self.publisher.publish(message)
        return self.all.wait(lambda answer: answer.header.stamp == message.header.stamp)


def face(id: str, level: int, width: int = 100, side: int = 128) -> Face:
    crop = array_to_image(np.full((side, side, 3), level, np.uint8), Header())
    return Face(
        id=id,
        region=RegionOfInterest(x_offset=5, y_offset=6, width=width, height=width),
        score=0.9,
        quality=0.75,
        crop=crop,
    )


@pytest.fixture
def node(processes, model: Path):
    return processes.node('fer_node', model=str(model), threads=1)


@pytest.fixture
def detector(node, client) -> Detector:
    return Detector(client)


def test_each_face_gets_its_emotion_and_the_largest_one_is_primary(detector: Detector) -> None:
    answer = detector.ask(face('face_1', WHITE, 120), face('face_2', BLACK, 80))
    assert answer.header.frame_id == 'head'
    assert answer.primary_id == 'face_1'
    happy, sad = answer.predictions
    assert (happy.subject_id, happy.label, happy.emotion) == (
        'face_1',
        'Happy',
        EmotionPrediction.HAPPY,
    )
    assert (sad.subject_id, sad.label, sad.emotion) == ('face_2', 'Sad', EmotionPrediction.SAD)
    expected = np.exp([0, 0, 6, 0, 3, 0]) / np.exp([0, 0, 6, 0, 3, 0]).sum()
    assert np.allclose(happy.probabilities, expected, atol=1e-4)
    assert happy.confidence == pytest.approx(expected[2], abs=1e-4)
    assert happy.modality == EmotionPrediction.FACE
    assert happy.header.stamp == answer.header.stamp
    assert (happy.region.x_offset, happy.region.width) == (5, 120)
    assert happy.quality == 0.75
    assert happy.model.endswith('bright.onnx')
    assert math.isnan(happy.valence) and math.isnan(happy.arousal)
    assert not happy.stable
    primary = detector.one.wait()
    assert (primary.subject_id, primary.header.stamp) == ('face_1', answer.header.stamp)


def test_labels_become_stable_and_do_not_flicker(detector: Detector) -> None:
    for i in range(40):
        answer = detector.ask(face('face_1', BLACK if i % 8 == 7 else WHITE))
        assert answer.predictions[0].label == 'Happy'
    assert answer.predictions[0].stable
    # Three time constants of the smoothing.
    assert 0.4 < answer.predictions[0].span < 0.5


def test_two_people_are_smoothed_apart(detector: Detector) -> None:
    for _ in range(20):
        answer = detector.ask(face('face_1', WHITE), face('face_2', BLACK))
    assert [item.label for item in answer.predictions] == ['Happy', 'Sad']
    assert all(item.confidence > 0.75 for item in answer.predictions)


def test_a_frame_without_faces_gives_an_empty_array_and_no_primary_face(
    detector: Detector,
) -> None:
    answer = detector.ask()
    assert answer.predictions == [] and answer.primary_id == ''
    detector.ask(face('face_1', WHITE))
    detector.one.wait()
    assert len(detector.one.messages) == 1


def test_the_primary_face_is_kept_over_a_short_loss(detector: Detector) -> None:
    detector.ask(face('face_1', WHITE, 120), face('face_2', BLACK, 80))
    assert detector.ask(face('face_2', BLACK, 80)).primary_id == ''
    assert (
        detector.ask(face('face_1', WHITE, 80), face('face_2', BLACK, 90)).primary_id == 'face_1'
    )
    detector.time += 5
    assert detector.ask(face('face_2', BLACK, 80)).primary_id == 'face_2'


def test_forty_faces_are_one_batch(detector: Detector) -> None:
    answer = detector.ask(*(face(f'face_{i}', WHITE if i % 2 else BLACK) for i in range(40)))
    assert len(answer.predictions) == 40
    assert [item.label for item in answer.predictions] == ['Sad', 'Happy'] * 20


def test_a_bad_crop_is_left_out_and_the_others_are_answered(detector: Detector, node) -> None:
    broken = face('face_2', WHITE)
    broken.crop = Image(height=128, width=128, encoding='bgr8', step=384)
    answer = detector.ask(face('face_1', WHITE), broken)
    assert [item.subject_id for item in answer.predictions] == ['face_1']
    node.wait_for_output('face_2 was left out')
    oblong = face('face_3', WHITE)
    oblong.crop = array_to_image(np.zeros((64, 128, 3), np.uint8), Header())
    tiny = face('face_4', WHITE, side=1)
    answer = detector.ask(oblong, tiny, face('face_1', WHITE, side=48))
    assert 'face_1' in [item.subject_id for item in answer.predictions]
    assert 'face_3' not in [item.subject_id for item in answer.predictions]
    assert node.running


def test_disabled_it_rests_and_enabled_it_works_again(detector: Detector, client) -> None:
    detector.ask(face('face_1', WHITE))
    assert client.call(SetBool, '/fer_node/enable', SetBool.Request(data=False)).success
    detector.all.clear()
    detector.publisher.publish(FaceArray(faces=[face('face_1', WHITE)]))
    # The report of a whole period in which it had a face and said nothing.
    reports = client.watch('/diagnostics', DiagnosticArray)
    reports.wait_count(2, lambda message: message.status[0].message == 'disabled')
    assert detector.all.messages == []
    client.call(SetBool, '/fer_node/enable', SetBool.Request(data=True))
    assert detector.ask(face('face_1', WHITE)).primary_id == 'face_1'


def test_smoothing_can_be_changed_while_it_runs(detector: Detector, client) -> None:
    assert client.set_parameter('/fer_node', 'smoother.method', 'none').successful
    labels = [
        detector.ask(face('face_1', WHITE if i % 2 else BLACK)).predictions[0].label
        for i in range(6)
    ]
    assert labels == ['Sad', 'Happy'] * 3
    assert not client.set_parameter('/fer_node', 'smoother.method', 'guess').successful


def test_embeddings_are_published_where_they_are_asked_for(
    processes, client, tmp_path: Path
) -> None:
    processes.node('fer_node', model=str(face_model(tmp_path, embedding=True)), threads=1)
    detector = Detector(client)
    assert not detector.ask(face('face_1', WHITE)).predictions[0].embedding
    assert client.set_parameter('/fer_node', 'embedding', True).successful
    white, black = detector.ask(face('face_1', WHITE), face('face_2', BLACK)).predictions
    assert len(white.embedding) == len(black.embedding) == 6
    assert white.embedding[0] > black.embedding[0]


def test_a_model_without_an_embedding_gives_an_empty_one(detector: Detector, client) -> None:
    assert client.set_parameter('/fer_node', 'embedding', True).successful
    assert not detector.ask(face('face_1', WHITE)).predictions[0].embedding


SHARES = np.array([0.09, 0.03, 0.28, 0.34, 0.14, 0.12], np.float32)


def test_it_answers_for_the_mixture_that_is_asked_for_and_says_which(
    processes, client, tmp_path: Path
) -> None:
    fair = face_model(tmp_path, name='fair.onnx')
    likely = np.exp([0.0, 0.0, 2.5, 0.5, 0.0, 0.2])
    skewed = face_model(tmp_path, shares=SHARES)
    assert fair != skewed
    node = processes.node('fer_node', model=str(skewed), threads=1, class_balance=1.0)
    detector = Detector(client)
    grey = 127
    answer = detector.ask(face('face_1', grey)).predictions[0]
    np.testing.assert_allclose(answer.probabilities, likely / likely.sum(), atol=2e-3)
    assert answer.class_balance == 1.0
    np.testing.assert_allclose(answer.class_shares, SHARES, atol=1e-6)
    # At once: what was smoothed so far was for another mixture.
    assert client.set_parameter('/fer_node', 'class_balance', 0.0).successful
    answer = detector.ask(face('face_1', grey)).predictions[0]
    np.testing.assert_allclose(
        answer.probabilities, likely * SHARES / (likely * SHARES).sum(), atol=2e-3
    )
    assert answer.class_balance == 0.0
    assert not client.set_parameter('/fer_node', 'class_balance', 1.5).successful
    assert 'class shares' not in node.output()


def test_a_model_of_unknown_shares_answers_as_it_is_and_that_is_said(
    processes, client, tmp_path: Path
) -> None:
    node = processes.node(
        'fer_node', model=str(face_model(tmp_path)), threads=1, class_balance=1.0
    )
    detector = Detector(client)
    likely = np.exp([0.0, 0.0, 2.5, 0.5, 0.0, 0.2])
    for _ in range(3):
        answer = detector.ask(face('face_1', 127)).predictions[0]
    np.testing.assert_allclose(answer.probabilities, likely / likely.sum(), atol=2e-3)
    assert math.isnan(answer.class_balance) and len(answer.class_shares) == 0
    node.wait_for_output('does not say which class shares')
    assert node.output().count('does not say which class shares') == 1


def test_with_missing_weights_it_waits_and_can_be_configured_later(
    processes, client, model: Path
) -> None:
    away = model.rename(model.with_suffix('.away'))
    node = processes.node('fer_node', model=str(model), threads=1)
    node.wait_for_output('bright.onnx')
    node.wait_for_output('ros2 lifecycle set /fer_node configure')
    assert client.lifecycle_state('/fer_node') == 'unconfigured'
    assert not client.transition('/fer_node', 'configure')
    away.rename(model)
    assert client.transition('/fer_node', 'configure')
    client.wait_for_state('/fer_node', 'active')
    assert Detector(client).ask(face('face_1', WHITE)).predictions[0].label == 'Happy'


def test_a_damaged_model_is_said_and_kills_nothing(processes, client, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:100])
    node = processes.node('fer_node', model=str(model))
    node.wait_for_output('not configured')
    assert 'bright.onnx' in node.output()
    assert client.lifecycle_state('/fer_node') == 'unconfigured'
    assert node.running


def test_the_vision_nodes_of_one_process_hand_pictures_over_without_dds(
    client, ros_domain: int, model: Path, tmp_path: Path
) -> None:
    scene = background().copy()
    paste(scene, portraits()[0], 320, 240, 200)
    cv2.imwrite(str(tmp_path / 'scene.png'), scene)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)

    def arguments(**parameters: object) -> dict[str, object]:
        words = [word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')]
        return {'context': context, 'cli_args': ['--ros-args', *words]}

    heard = client.watch('emotion/face', EmotionPrediction)
    nodes = [
        CameraNode(**arguments(source=tmp_path / 'scene.png', rate=20.0)),
        FaceDetectorNode(**arguments()),
        FerNode(**arguments(model=model, threads=1)),
    ]
    executor = SingleThreadedExecutor(context=context)
    inside: list[FaceArray] = []
    listener = rclpy.create_node('listener', context=context)
    taken = BusSubscription(listener, FaceArray, 'emotion/detections', inside.append)
    for node in (*nodes, listener):
        executor.add_node(node)
    try:
        end = time.monotonic() + 30
        while len(heard.messages) < 20 and time.monotonic() < end:
            executor.spin_once(0.05)
        assert len(heard.messages) >= 20
        assert {message.subject_id for message in heard.messages} == {'face_1'}
        stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in inside}
        assert all((m.header.stamp.sec, m.header.stamp.nanosec) in stamps for m in heard.messages)
        # Pictures never touched DDS: nobody outside listens to them.
        assert client.node.count_subscribers('/camera/image_raw') == 0
    finally:
        executor.shutdown()
        taken.destroy()
        for node in (*nodes, listener):
            node.destroy_node()
        context.try_shutdown()
