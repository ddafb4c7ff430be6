# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The fusion node on real topics."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction
from emotion_perception.models.balance import Mixture
from emotion_perception.nodes.fusion_node import FusionNode
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_prediction, to_stamp
from support.models import write_network


class Client:
    """Publishes faces and voices, keeps what is fused."""

    def __init__(self, *arguments: str) -> None:
        self.context = rclpy.context.Context()
        rclpy.init(context=self.context)
        self.fusion = FusionNode(context=self.context, cli_args=['--ros-args', *arguments])
        self.node = rclpy.create_node('client', context=self.context)
        self.heard: list[EmotionPrediction] = []
        self.node.create_subscription(
            EmotionPrediction, 'emotion/fused', self.heard.append, qos.RESULT
        )
        self.face = self.node.create_publisher(EmotionPrediction, 'emotion/face', qos.RESULT)
        self.voice = self.node.create_publisher(EmotionPrediction, 'emotion/voice', qos.RESULT)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.fusion)
        self.executor.add_node(self.node)
        assert self.until(
            lambda: (
                self.face.get_subscription_count()
                and self.voice.get_subscription_count()
                and self.node.count_publishers('emotion/fused')
            )
        )

    def until(self, done, timeout: float = 10.0) -> bool:
        end = time.monotonic() + timeout
        while not done() and time.monotonic() < end:
            self.executor.spin_once(0.05)
        return bool(done())

    def set(self, name: str, value: object) -> None:
        results = self.fusion.set_parameters([Parameter(name, value=value)])
        assert all(result.successful for result in results), results

    def close(self) -> None:
        self.executor.shutdown()
        self.fusion.destroy_node()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def prediction(modality: int, time: float, emotion: int, **fields) -> EmotionPrediction:
    vector = np.full(6, 0.08, np.float32)
    vector[emotion] = 0.6
    subject = 'face_1' if modality == EmotionPrediction.FACE else 'voice'
    return to_prediction(
        Header(stamp=to_stamp(time)), modality, subject, vector, model='m', **fields
    )


def test_an_utterance_is_answered_with_its_own_stamp_and_both_sources(client: Client) -> None:
    for i in range(10):
        client.face.publish(prediction(EmotionPrediction.FACE, 100 + i / 10, 4))
    assert client.until(lambda: len(client.heard) >= 9)
    client.voice.publish(prediction(EmotionPrediction.VOICE, 101.0, 4, span=1.0))
    assert client.until(lambda: 'voice' in client.heard[-1].sources)
    fused = client.heard[-1]
    assert fused.header.stamp.sec == 101
    assert fused.modality == EmotionPrediction.FUSED
    assert list(fused.sources) == ['face', 'voice']
    assert fused.label == 'Sad'
    assert fused.confidence > 0.75
    assert sum(fused.probabilities) == pytest.approx(1, abs=1e-4)


def test_an_abstention_is_no_reading(client: Client) -> None:
    client.voice.publish(prediction(EmotionPrediction.VOICE, 100.0, 0, unknown='too short'))
    client.face.publish(prediction(EmotionPrediction.FACE, 100.1, 2))
    assert client.until(lambda: client.heard)
    assert list(client.heard[-1].sources) == ['face']


def test_a_reading_of_nan_is_left_out_and_the_node_goes_on(client: Client) -> None:
    bad = prediction(EmotionPrediction.FACE, 100.0, 2)
    bad.probabilities = np.full(6, np.nan, np.float32)
    client.face.publish(bad)
    assert client.until(lambda: client.fusion.report.warnings == 1)
    client.face.publish(prediction(EmotionPrediction.FACE, 100.1, 2))
    assert client.until(lambda: client.heard)
    assert client.heard[-1].label == 'Happy'


def test_the_method_may_be_given_at_the_start_and_changed() -> None:
    client = Client('-p', 'method:=stacker')
    try:
        client.face.publish(prediction(EmotionPrediction.FACE, 100.0, 2))
        assert client.until(lambda: client.heard)
        assert client.heard[-1].model.startswith('stacker(')
        assert client.heard[-1].label == 'Happy'
        client.set('method', 'product')
        client.face.publish(prediction(EmotionPrediction.FACE, 101.0, 2))
        assert client.until(lambda: client.heard[-1].model.startswith('product('))
    finally:
        client.close()


def test_it_answers_for_the_mixture_that_is_asked_for_and_says_which(client: Client) -> None:
    shares = np.array([0.1, 0.02, 0.3, 0.4, 0.1, 0.08], np.float32)
    fear = {}
    for second, balance in ((100, 1.0), (101, 0.5), (102, 0.0)):
        client.set('class_balance', balance)
        client.face.publish(
            prediction(EmotionPrediction.FACE, second, 1, mixture=Mixture(shares, 0.25))
        )
        assert client.until(
            lambda at=second: client.heard[-1:] and client.heard[-1].header.stamp.sec == at
        )
        assert client.heard[-1].class_balance == balance
        np.testing.assert_allclose(client.heard[-1].class_shares, shares, atol=1e-6)
        fear[balance] = client.heard[-1].probabilities[1]
    assert fear[1.0] > 0.75 > fear[0.5] > fear[0.0]


def test_a_face_of_unknown_shares_gives_a_result_that_says_so(client: Client) -> None:
    client.face.publish(prediction(EmotionPrediction.FACE, 100.0, 2))
    assert client.until(lambda: client.heard)
    assert np.isnan(client.heard[-1].class_balance)
    assert len(client.heard[-1].class_shares) == 0


def test_the_network_gets_embeddings_through_real_messages_and_says_what_it_lacks(
    tmp_path, monkeypatch
) -> None:
    write_network(
        tmp_path / 'fusion_network.onnx',
        {
            'face': {'model': 'm', 'sha256': '', 'size': 2},
            'voice': {'model': 'm', 'sha256': '', 'size': 3},
        },
    )
    monkeypatch.setattr('emotion_perception.fusion.learnt.weights_directories', lambda: [tmp_path])
    client = Client('-p', 'method:=network')
    try:
        client.face.publish(prediction(EmotionPrediction.FACE, 100.0, 2))
        assert client.until(lambda: client.heard)
        assert client.heard[-1].model == 'product(m)'
        assert client.fusion.report.warnings == 1
        client.face.publish(
            prediction(EmotionPrediction.FACE, 101.0, 2, embedding=np.array([1.0, 1.0]))
        )
        assert client.until(lambda: client.heard[-1].model == 'network(m)')
        client.voice.publish(
            prediction(
                EmotionPrediction.VOICE, 101.1, 2, span=0.5, embedding=np.array([0.5, 0.5, 0.5])
            )
        )
        assert client.until(lambda: client.heard[-1].model == 'network(m+m)')
        found = np.log(client.heard[-1].probabilities[0] / client.heard[-1].probabilities[1])
        assert found == pytest.approx(3.5, abs=1e-3)
        assert client.fusion.report.warnings == 1
    finally:
        client.close()


@pytest.mark.parametrize('back', [100.0, 5.0, 0.6])
def test_a_recording_that_starts_over_is_fused_on_at_once(client: Client, back: float) -> None:
    for i in range(30):
        client.face.publish(prediction(EmotionPrediction.FACE, 1000 + i / 10, 4))
        count = i
        assert client.until(lambda count=count: len(client.heard) > count)
    client.voice.publish(prediction(EmotionPrediction.VOICE, 1002.9, 4, span=1.0))
    assert client.until(lambda: 'voice' in client.heard[-1].sources)
    client.heard.clear()
    begin = 1002.9 - back
    for i in range(8):
        client.face.publish(prediction(EmotionPrediction.FACE, begin + i / 10, 2))
        client.until(lambda: client.heard, 0.2)
    assert client.until(lambda: len(client.heard) >= 4)
    # A step back as small as frames out of order is known for one after the fourth frame.
    first = client.heard[0].header.stamp
    assert first.sec + first.nanosec * 1e-9 <= begin + 0.31
    assert {message.label for message in client.heard} == {'Happy'}
    # An utterance of the future would be one of before.
    assert list(client.heard[0].sources) == ['face']


def test_faces_that_carry_no_stamp_are_fused_as_they_come(client: Client) -> None:
    for _ in range(3):
        count = len(client.heard)
        time.sleep(0.12)  # The node answers ten times a second at most.
        client.face.publish(prediction(EmotionPrediction.FACE, 0.0, 2))
        assert client.until(lambda count=count: len(client.heard) > count)
    client.voice.publish(prediction(EmotionPrediction.VOICE, 0.0, 2, span=1.0))
    assert client.until(lambda: list(client.heard[-1].sources) == ['face', 'voice'])
