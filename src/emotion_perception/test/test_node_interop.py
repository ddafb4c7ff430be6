# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The node that speaks in the messages of others, as a real process before real listeners."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')
for package in ('visualization_msgs', 'foxglove_msgs', 'vision_msgs', 'hri_msgs', 'tf2_msgs'):
    pytest.importorskip(f'{package}.msg', reason=f'{package} is not installed')

from diagnostic_msgs.msg import DiagnosticArray
from foxglove_msgs.msg import ImageAnnotations, PointsAnnotation
from hri_msgs.msg import Expression, FacialLandmarks, IdsList, NormalizedRegionOfInterest2D
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Bool, Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray
from visualization_msgs.msg import ImageMarker

from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    Face,
    FaceArray,
    VoiceActivity,
)
from emotion_perception.ros.convert import array_to_image, to_stamp
from emotion_perception.ros.interop import markers
from support.client import RELIABLE

SHARES = [0.05, 0.5, 0.1, 0.2, 0.1, 0.05]


class Robot:
    """Publishes what detector, FER and VAD would, frame after frame, until it is answered."""

    def __init__(self, client, processes) -> None:
        self.client = client
        self.node = processes.node('interop_node')
        self.time = 1000.0
        self.ids = ['face_1', 'face_2']
        make = client.node.create_publisher
        self._faces = make(FaceArray, 'emotion/detections', RELIABLE)
        self._emotions = make(EmotionPredictionArray, 'emotion/faces', RELIABLE)
        self._activity = make(VoiceActivity, 'emotion/voice_activity', RELIABLE)
        self._infos = make(CameraInfo, 'camera/camera_info', RELIABLE)

    def watch(self, topic: str, kind: type):
        return self.client.watch(topic, kind, RELIABLE)

    def show(self) -> None:
        """Publish one frame: faces of the emotion Fear, of which the second is not judged."""
        self.time += 0.1
        header = Header(stamp=to_stamp(self.time), frame_id='camera')
        crop = array_to_image(np.full((8, 8, 3), 7, np.uint8), header)
        faces, predictions = [], []
        for number, name in enumerate(self.ids):
            left = 100 + 200 * number
            region = RegionOfInterest(x_offset=left, y_offset=60, width=80, height=120)
            eyes = [left + 20.0, 100.0, left + 60.0, 100.0, left + 40.0, 142.0, math.nan, math.nan]
            if not number:
                eyes[6:] = [left + 40.0, 124.0]
            faces.append(Face(id=name, region=region, score=0.9, landmarks=eyes, crop=crop))
            known = number == 0
            predictions.append(
                EmotionPrediction(
                    header=header,
                    subject_id=name,
                    emotion=EmotionPrediction.FEAR if known else EmotionPrediction.UNKNOWN,
                    label='Fear' if known else 'Unknown',
                    confidence=0.5 if known else 0.0,
                    probabilities=SHARES,
                    valence=-0.6,
                    arousal=math.nan,
                )
            )
        k = [600.0, 0.0, 320.0, 0.0, 600.0, 240.0, 0.0, 0.0, 1.0]
        self._infos.publish(CameraInfo(header=header, k=k))
        # Either may come first.
        emotions = EmotionPredictionArray(header=header, predictions=predictions)
        if round(self.time * 10) % 2:
            self._emotions.publish(emotions)
        self._faces.publish(
            FaceArray(header=header, image_width=640, image_height=480, faces=faces)
        )
        if not round(self.time * 10) % 2:
            self._emotions.publish(emotions)
        self._activity.publish(VoiceActivity(header=header, speaking=True))

    def answer(self, watch, accept=lambda _: True):
        """Show frames until a message comes that is accepted."""

        def came() -> bool:
            self.show()
            return any(map(accept, watch.messages))

        self.client.until(came, 60.0, watch.topic)
        return next(filter(accept, watch.messages))

    def heard(self) -> int:
        return self.client.node.count_subscribers('/emotion/detections')


@pytest.fixture
def robot(client, processes) -> Robot:
    return Robot(client, processes)


def test_boxes_landmarks_and_labels_stand_over_the_picture(robot: Robot) -> None:
    annotations = robot.watch('emotion/annotations', ImageAnnotations)
    markers = robot.watch('emotion/markers', ImageMarker)
    message = robot.answer(annotations, lambda message: len(message.texts) == 2)
    assert [text.text for text in message.texts] == ['face_1 Fear 50%', 'face_2']
    boxes = [item for item in message.points if item.type == PointsAnnotation.LINE_LOOP]
    assert [(point.x, point.y) for point in boxes[0].points] == [
        (100, 60), (180, 60), (180, 180), (100, 180),
    ]  # fmt: skip
    dots = [item for item in message.points if item.type == PointsAnnotation.POINTS]
    assert [len(item.points) for item in dots] == [4, 3]
    assert message.points[0].timestamp == message.texts[0].timestamp
    # Known emotions have a colour, an unknown one is white.
    colours = [(item.text_color.r, item.text_color.g, item.text_color.b) for item in message.texts]
    assert colours[1] == (1.0, 1.0, 1.0) != colours[0]

    box = robot.answer(markers, lambda item: (item.ns, item.id) == ('face_2', 0))
    assert (box.type, box.header.frame_id, len(box.points)) == (
        ImageMarker.LINE_STRIP,
        'camera',
        5,
    )
    assert box.points[0] == box.points[-1]
    assert 0 < box.lifetime.nanosec < 10**9
    # What is gone is taken away at once.
    robot.ids.remove('face_2')
    gone = robot.answer(markers, lambda item: item.action == ImageMarker.REMOVE)
    assert gone.ns == 'face_2'


def test_detections_carry_the_six_hypotheses(robot: Robot) -> None:
    watch = robot.watch('emotion/faces/detections_2d', Detection2DArray)
    message = robot.answer(watch, lambda message: len(message.detections) == 2)
    first, second = message.detections
    assert (first.id, first.header) == ('face_1', message.header)
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (140, 120)
    assert (first.bbox.size_x, first.bbox.size_y) == (80, 120)
    found = [(item.hypothesis.class_id, item.hypothesis.score) for item in first.results]
    assert found[0] == ('Fear', pytest.approx(0.5)) and found[1][0] == 'Neutral'
    assert sorted(score for _, score in found) == pytest.approx(sorted(SHARES))
    # A model that abstained has no hypotheses.
    assert (second.id, second.results) == ('face_2', [])


def test_a_ros4hri_robot_finds_faces_and_voice_under_humans(robot: Robot) -> None:
    tracked = robot.watch('/humans/faces/tracked', IdsList)
    assert list(robot.answer(tracked, lambda item: len(item.ids) == 2).ids) == robot.ids
    base = '/humans/faces/face_1'
    region = robot.answer(robot.watch(f'{base}/roi', NormalizedRegionOfInterest2D))
    assert (region.xmin, region.xmax) == pytest.approx((100 / 640, 180 / 640))
    assert (region.ymin, region.ymax, region.c) == pytest.approx((60 / 480, 180 / 480, 0.9))
    crop = robot.answer(robot.watch(f'{base}/cropped', Image))
    assert (crop.width, crop.encoding, set(crop.data)) == (8, 'bgr8', {7})
    points = robot.answer(robot.watch(f'{base}/landmarks', FacialLandmarks))
    assert (points.width, points.height, len(points.landmarks)) == (640, 480, 70)
    right = points.landmarks[FacialLandmarks.RIGHT_PUPIL]
    assert (right.x, right.y, right.c) == pytest.approx((120 / 640, 100 / 480, 0.9))
    assert points.landmarks[FacialLandmarks.LEFT_PUPIL].x > right.x
    assert points.landmarks[0].c == 0
    shown = robot.answer(robot.watch(f'{base}/expression', Expression))
    assert (shown.expression, shown.confidence) == ('scared', 0.5)
    assert shown.valence == pytest.approx(-0.6) and math.isnan(shown.arousal)
    assert shown.header.frame_id == 'camera'

    voices = robot.watch('/humans/voices/tracked', IdsList)
    speaking = robot.watch('/humans/voices/voice/is_speaking', Bool)
    assert robot.answer(voices).ids == ['voice']
    assert robot.answer(speaking).data is True
    # A face that left takes its topics along.
    robot.ids.remove('face_2')
    robot.answer(tracked, lambda item: list(item.ids) == ['face_1'])
    robot.client.until(lambda: not robot.client.node.count_publishers('/humans/faces/face_2/roi'))


def test_heads_are_frames_before_a_calibrated_camera(robot: Robot) -> None:
    watch = robot.watch('/tf', TFMessage)
    # Of the other one a landmark is missing.
    [head] = robot.answer(watch).transforms
    assert (head.header.frame_id, head.child_frame_id) == ('camera', 'face_face_1')
    # Eyes 40 of 600 pixels apart.
    assert head.transform.translation.z == pytest.approx(0.063 * 600 / 40, rel=0.02)
    assert head.transform.translation.x < 0 and head.transform.translation.y < 0


def test_nobody_who_listens_is_nothing_that_is_done(robot: Robot) -> None:
    reports = robot.watch('/diagnostics', DiagnosticArray)

    def outputs(message: DiagnosticArray) -> str:
        values = {item.key: item.value for item in message.status[0].values}
        return values['outputs']

    assert outputs(reports.wait(timeout=60.0)) == 'none'
    assert robot.heard() == 0
    watch = robot.client.node.create_subscription(
        ImageMarker, 'emotion/markers', lambda _: None, RELIABLE
    )
    reports.wait(lambda message: outputs(message) == 'visualization_msgs', 60.0)
    robot.client.until(lambda: robot.heard() == 1)
    robot.client.node.destroy_subscription(watch)
    robot.client.until(lambda: robot.heard() == 0, 60.0)


def test_markers_have_the_topic_of_annotations_where_foxglove_msgs_is_missing(monkeypatch) -> None:
    assert markers.topic() == 'emotion/markers'
    monkeypatch.setattr(markers.importlib.util, 'find_spec', lambda _: None)
    assert markers.topic() == 'emotion/annotations'
