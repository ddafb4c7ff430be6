# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The interview's node, and a transcriber that takes its time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from emotion_apps.interview import delivery
from emotion_apps.interview import node as module
from emotion_apps.interview.node import InterviewNode
from emotion_msgs.msg import InterviewState, Utterance
from emotion_msgs.srv import GetReport
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_seconds, to_stamp
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.words.transcriber import Word
from support.speech import said

LONG = 60.0


class Slow:
    """A transcriber that writes down the same words when it may."""

    name = 'slow'

    def __init__(self) -> None:
        self.may = threading.Event()

    def words(self, samples: np.ndarray, start: float) -> tuple[Word, ...]:
        self.may.wait(LONG)
        return tuple(said('Um, I led a small team of very good people.', start))


class Bench:
    """The node under test, one that speaks to it, and what it answers."""

    def __init__(self, domain: int, out: Path) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        values = {'transcript': True, 'out': str(out), 'autostart': False}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        try:
            self.interview = InterviewNode(context=self.context, parameter_overrides=overrides)
        except ConfigurationError:
            self.context.try_shutdown()
            raise
        self.node = rclpy.create_node('tester', context=self.context)
        self.states: list[InterviewState] = []
        self.node.create_subscription(
            InterviewState, 'emotion/interview/state', self.states.append, qos.LATCHED
        )
        self.utterances = self.node.create_publisher(Utterance, 'emotion/utterance', qos.RESULT)
        self.executor = SingleThreadedExecutor(context=self.context)
        for node in (self.interview, self.node):
            self.executor.add_node(node)

    def call(self, kind: type, name: str) -> object:
        client = self.node.create_client(kind, f'/interview_node/{name}')
        assert client.wait_for_service(LONG)
        future = client.call_async(kind.Request())
        self.executor.spin_until_future_complete(future, LONG)
        assert future.done()
        return future.result()

    def until(self, wanted) -> InterviewState:
        clock = self.node.get_clock()
        end = clock.now().nanoseconds + LONG * 1e9
        while not (self.states and wanted(self.states[-1])):
            assert clock.now().nanoseconds < end, self.states[-1:]
            self.executor.spin_once(timeout_sec=0.1)
        return self.states[-1]

    def speak(self) -> None:
        """Say something that ends now."""
        while not self.utterances.get_subscription_count():
            self.executor.spin_once(timeout_sec=0.1)
        stamp = self.node.get_clock().now().to_msg()
        message = Utterance(
            end=stamp,
            start=to_stamp(to_seconds(stamp) - 0.5),
            sample_rate=16000,
            samples=[1] * 8000,
        )
        message.header.stamp = stamp
        self.utterances.publish(message)


@pytest.fixture
def slow(monkeypatch) -> Slow:
    """Let the node have a transcriber that takes its time."""
    found = Slow()
    monkeypatch.setattr(module, 'missing', lambda model, language: '')
    monkeypatch.setattr(module, 'Whisper', lambda model, language: found)
    return found


@pytest.fixture
def bench(slow, ros_domain, tmp_path) -> Iterator[Bench]:
    found = Bench(ros_domain, tmp_path / 'report')
    yield found
    slow.may.set()
    found.interview.destroy_node()
    found.node.destroy_node()
    found.context.try_shutdown()


def test_the_report_waits_for_the_words_that_were_said_last(bench, slow, tmp_path) -> None:
    assert bench.call(Trigger, 'start').success
    bench.speak()
    bench.until(lambda state: state.transcribing == 1)
    assert bench.call(Trigger, 'stop').success
    early = bench.call(GetReport, 'report')
    assert not early.success
    assert 'the last words are being written down' in early.message
    assert not (tmp_path / 'report').exists()
    slow.may.set()
    final = bench.until(lambda state: state.report != '')
    assert final.phase == InterviewState.FINISHED
    report = bench.call(GetReport, 'report')
    assert report.success
    assert report.markdown.startswith('# Mock interview')
    (answer,) = json.loads(report.json)['answers']
    assert answer['verbal']['fillers'] == {'um': 1}
    assert json.loads((tmp_path / 'report' / 'interview.json').read_text()) == json.loads(
        report.json
    )


def test_an_interview_that_is_begun_meanwhile_does_not_cost_the_one_before(
    bench, slow, tmp_path
) -> None:
    assert bench.call(Trigger, 'start').success
    bench.speak()
    bench.until(lambda state: state.transcribing == 1)
    assert bench.call(Trigger, 'stop').success
    assert bench.call(Trigger, 'start').success
    data = json.loads((tmp_path / 'report' / 'interview.json').read_text())
    assert data['left_out'] == ['the words of 1 stretch of speech: there was no time for them']
    slow.may.set()
    bench.until(lambda state: state.transcribing == 0)
    bench.speak()
    shown = bench.until(lambda state: state.fillers == 1)
    assert (shown.phase, shown.question) == (InterviewState.QUESTION, 1)


def test_a_report_for_which_there_is_no_room_is_kept_and_saved_when_there_is(
    bench, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(delivery, '_RETRY', 0.1)
    (tmp_path / 'report').write_text('in the way')
    assert bench.call(Trigger, 'start').success
    assert bench.call(Trigger, 'stop').success
    assert bench.until(lambda state: state.phase == InterviewState.FINISHED).report == ''
    assert bench.call(GetReport, 'report').success
    (tmp_path / 'report').unlink()
    found = bench.until(lambda state: state.report != '').report
    assert Path(found).read_bytes().endswith(b'</html>\n')


def test_a_transcript_that_cannot_be_had_ends_the_start_with_what_to_do(
    ros_domain, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(module, 'missing', lambda model, language: 'run `./emotion setup`')
    with pytest.raises(ConfigurationError, match=r'parameter transcript: run `\./emotion setup`'):
        Bench(ros_domain, tmp_path)
