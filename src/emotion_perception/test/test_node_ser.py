# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The speech emotion node as a real process, with a small model whose answers are known."""

from __future__ import annotations

import array
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from emotion_msgs.msg import EmotionPrediction, Utterance
from support.client import RELIABLE
from support.models import voice_model
from support.sounds import read_16k, real_voice

LABELS = ['Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise']


@pytest.fixture
def model(tmp_path: Path, write_onnx) -> Path:
    """Return a speech model that always says Sad."""
    path = write_onnx(tmp_path / 'voice.onnx', ['n', 't'], (0, 0, 0, 0, 4, 0))
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {
                'task': 'ser',
                'backend': 'onnx',
                'labels': LABELS,
                'abstain': {'min_peak_db': -30.0},
                'input': {'rate': 16000, 'min_seconds': 0.5},
            }
        )
    )
    return path


@pytest.fixture(scope='module')
def voice() -> np.ndarray:
    return read_16k(real_voice())


class Bench:
    """Sends utterances to the node and keeps its answers."""

    def __init__(self, client, processes, model: Path, **parameters) -> None:
        self.client = client
        self.node = processes.node('ser_node', model=str(model), device='cpu', **parameters)
        self.answers = client.watch('emotion/voice', EmotionPrediction, RELIABLE)
        self.utterances = client.publisher('emotion/utterance', Utterance)
        # Only what the node publishes after it has found us comes here: ask until it answers.
        silence = np.zeros(0)
        client.until(lambda: self.send(silence, 98) or self.answers.messages)
        self.send(silence, 99)
        self.answers.wait(lambda message: message.header.stamp.sec == 99)
        self.answers.clear()

    def send(
        self, samples: np.ndarray, second: int = 100, snr: float = 15.0, rate: int = 16000
    ) -> None:
        stamp = Time(sec=second, nanosec=5)
        self.utterances.publish(
            Utterance(
                header=Header(stamp=stamp, frame_id='microphone'),
                end=stamp,
                sample_rate=rate,
                samples=array.array('h', samples.astype(np.int16).tolist()),
                snr=snr,
            )
        )


@pytest.fixture
def bench(client, processes, model: Path):
    return lambda model=model, **parameters: Bench(client, processes, model, **parameters)


def test_an_utterance_is_answered_once_with_its_own_stamp(
    bench, model: Path, voice: np.ndarray
) -> None:
    ser = bench()
    ser.send(voice)
    answer = ser.answers.wait()
    assert (answer.header.stamp.sec, answer.header.stamp.nanosec) == (100, 5)
    assert answer.header.frame_id == 'microphone'
    assert answer.modality == EmotionPrediction.VOICE
    assert answer.subject_id == 'voice'
    assert (answer.emotion, answer.label) == (EmotionPrediction.SAD, 'Sad')
    assert answer.confidence == pytest.approx(math.exp(4) / (math.exp(4) + 5), abs=1e-4)
    assert sum(answer.probabilities) == pytest.approx(1.0, abs=1e-5)
    assert answer.probabilities[4] == pytest.approx(answer.confidence)
    assert math.isnan(answer.valence)
    assert answer.stable
    assert answer.quality == pytest.approx(0.75)
    assert answer.span == pytest.approx(voice.size / 16000)
    assert answer.model == str(model)
    assert answer.reason == ''
    reports = ser.client.watch('/diagnostics', DiagnosticArray)
    values = {
        value.key: value.value
        for value in reports.wait(lambda report: report.status[0].name == 'ser_node')
        .status[0]
        .values
    }
    assert values['model'] == str(model)
    assert 'cpu' in values['device'].lower()
    assert len(ser.answers.messages) == 1


def test_every_utterance_of_a_burst_is_answered(bench, voice: np.ndarray) -> None:
    ser = bench()
    for second in range(100):
        ser.send(voice, second)
    answers = ser.answers.wait_count(100, timeout=60)
    assert sorted(answer.header.stamp.sec for answer in answers) == list(range(100))
    known = [answer for answer in answers if answer.emotion != EmotionPrediction.UNKNOWN]
    assert [answer.header.stamp.sec for answer in known] == sorted(
        answer.header.stamp.sec for answer in known
    )
    for answer in answers:
        assert answer.label == 'Sad' or 'too slow' in answer.reason


@pytest.mark.parametrize(
    ('samples', 'rate', 'why'),
    [
        (np.zeros(0), 16000, 'empty'),
        (np.full(1600, 1000), 16000, 'too short'),
        (np.zeros(16000), 16000, 'silent'),
        (np.sign(np.sin(np.arange(16000))) * 32767, 16000, 'clipped'),
        (np.full(16000, 1000), 0, '0 Hz'),
        (np.full(16000, 1000), 10, '10 Hz'),
    ],
)
def test_sound_that_says_nothing_is_answered_with_unknown_and_why(
    bench, voice: np.ndarray, samples: np.ndarray, rate: int, why: str
) -> None:
    ser = bench()
    ser.send(samples, rate=rate, snr=math.nan)
    answer = ser.answers.wait()
    assert (answer.emotion, answer.label) == (EmotionPrediction.UNKNOWN, 'Unknown')
    assert why in answer.reason
    assert answer.confidence == 0.0
    assert np.allclose(answer.probabilities, 1 / 6)
    assert math.isnan(answer.quality)
    ser.send(voice, 101)
    assert ser.answers.wait(lambda message: message.header.stamp.sec == 101).label == 'Sad'


def test_noise_suppression_cleans_before_the_model_hears(bench, voice: np.ndarray) -> None:
    import importlib.util

    if importlib.util.find_spec('pyrnnoise') is None:
        pytest.skip('needs the package pyrnnoise (optional): pip install --no-deps pyrnnoise')
    hiss = np.random.default_rng(0).normal(0, 400, 32000)
    ser = bench(noise_suppression='rnnoise')
    ser.send(hiss)
    # Nothing is left of it for the model.
    answer = ser.answers.wait()
    assert answer.label == 'Unknown'
    assert 'silent' in answer.reason
    ser.send(voice, 101)
    assert ser.answers.wait(lambda message: message.header.stamp.sec == 101).label == 'Sad'


def test_the_embedding_is_published_where_it_is_asked_for(
    bench, voice: np.ndarray, tmp_path: Path
) -> None:
    ser = bench(voice_model(tmp_path, embedding=True), embedding=True)
    ser.send(voice)
    assert len(ser.answers.wait().embedding) == 6
    assert ser.client.set_parameter('/ser_node', 'embedding', False).successful
    ser.send(voice, 101)
    assert not ser.answers.wait(lambda message: message.header.stamp.sec == 101).embedding


def test_it_answers_for_the_mixture_that_is_asked_for_and_says_which(
    bench, voice: np.ndarray, tmp_path: Path
) -> None:
    shares = np.array([0.2, 0.02, 0.2, 0.5, 0.05, 0.03], np.float32)
    likely = np.exp([0.0, 0.0, 0.2, 0.5, 2.0, 0.0])
    ser = bench(voice_model(tmp_path, shares=shares), class_balance=1.0)
    ser.send(voice)
    answer = ser.answers.wait()
    assert (answer.label, answer.class_balance) == ('Sad', 1.0)
    np.testing.assert_allclose(answer.probabilities, likely / likely.sum(), atol=2e-3)
    np.testing.assert_allclose(answer.class_shares, shares, atol=1e-6)
    assert ser.client.set_parameter('/ser_node', 'class_balance', 0.0).successful
    ser.send(voice, 101)
    answer = ser.answers.wait(lambda message: message.header.stamp.sec == 101)
    assert (answer.label, answer.class_balance) == ('Neutral', 0.0)
    ser.send(np.zeros(0), 102)
    nothing = ser.answers.wait(lambda message: message.header.stamp.sec == 102)
    assert math.isnan(nothing.class_balance) and len(nothing.class_shares) == 0


def test_a_voice_model_of_unknown_shares_answers_as_it_is_and_that_is_said(
    bench, voice: np.ndarray
) -> None:
    ser = bench(class_balance=1.0)
    ser.node.wait_for_output('does not say which class shares')
    ser.send(voice)
    answer = ser.answers.wait()
    assert answer.label == 'Sad' and math.isnan(answer.class_balance)


def test_a_disabled_node_answers_nothing_until_it_is_enabled(bench, voice: np.ndarray) -> None:
    ser = bench()
    ser.client.call(SetBool, '/ser_node/enable', SetBool.Request(data=False))
    ser.send(voice, 1)
    ser.client.call(SetBool, '/ser_node/enable', SetBool.Request(data=True))
    ser.send(voice, 2)
    ser.answers.wait(lambda message: message.header.stamp.sec == 2)
    assert len(ser.answers.messages) == 1


def test_the_node_adapts_to_a_voice_until_it_is_told_to_forget(
    bench, tmp_path: Path, write_onnx
) -> None:
    path = write_onnx(
        tmp_path / 'known.onnx',
        ['n', 't'],
        (3, 0, 0, 0, 0, 0),
        weight=[0, 50, 0, 0, 0, 0],
        adapts=True,
        reduce='ReduceMax',
    )
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {'task': 'ser', 'backend': 'onnx', 'labels': LABELS, 'input': {'rate': 16000}}
        )
    )
    ser = bench(model=path, **{'memory.utterances': 5, 'memory.seconds': 60.0})
    usual = 5000 * np.sin(np.arange(16000))
    # By the second utterance the voice is known; a minute of silence forgets it.
    for second, label in (
        (100, 'Fear'),
        (101, 'Angry'),
        (102, 'Angry'),
        (200, 'Fear'),
        (201, 'Angry'),
    ):
        ser.send(usual, second)
        answer = ser.answers.wait(
            lambda message, second=second: message.header.stamp.sec == second
        )
        assert answer.label == label
    answer = ser.client.call(Trigger, '/ser_node/forget', Trigger.Request())
    assert (answer.success, answer.message) == (True, '2 utterances forgotten')
    ser.send(usual, 202)
    assert ser.answers.wait(lambda message: message.header.stamp.sec == 202).label == 'Fear'


def test_without_a_memory_there_is_nothing_to_forget(bench) -> None:
    answer = bench(**{'memory.utterances': 0}).client.call(
        Trigger, '/ser_node/forget', Trigger.Request()
    )
    assert not answer.success
    assert 'nothing is remembered' in answer.message


def test_missing_weights_leave_the_node_unconfigured_until_they_are_there(
    client, processes, model: Path, voice: np.ndarray, tmp_path: Path
) -> None:
    hidden = model.rename(tmp_path / 'hidden.onnx')
    node = processes.node('ser_node', model=str(model), device='cpu')
    output = node.wait_for_output('not configured')
    assert str(model) in output
    assert client.lifecycle_state('/ser_node') == 'unconfigured'
    assert not client.transition('/ser_node', 'configure')
    hidden.rename(model)
    assert client.transition('/ser_node', 'configure')
    client.wait_for_state('/ser_node', 'active')
    answers = client.watch('emotion/voice', EmotionPrediction, RELIABLE)
    utterances = client.publisher('emotion/utterance', Utterance)
    utterance = Utterance(sample_rate=16000, samples=array.array('h', voice.tolist()))
    client.until(lambda: utterances.publish(utterance) or answers.messages)
    assert answers.wait().label == 'Sad'


def test_a_damaged_model_file_is_named(client, processes, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:50])
    node = processes.node('ser_node', model=str(model), device='cpu')
    assert 'voice.onnx' in node.wait_for_output('not configured')
    assert client.lifecycle_state('/ser_node') == 'unconfigured'
