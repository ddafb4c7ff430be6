# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What one message may cost: limits, refusals, and losses by number."""

from __future__ import annotations

import array
import math
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from std_msgs.msg import Header, UInt8

from emotion_msgs.msg import EmotionPrediction, Face, Utterance
from emotion_perception.audio.decoders import SoundFormat
from emotion_perception.ros.convert import array_to_image
from emotion_perception.ros.limits import (
    LARGEST_BLOCK,
    LARGEST_CROP,
    LARGEST_EMBEDDING,
    LONGEST_BLOCK,
    LONGEST_TEXT,
    LONGEST_UTTERANCE,
    MOST_FACES,
    MessageError,
    check_block,
    crop_of,
    first,
    probabilities_of,
    samples_of,
    span_of,
)
from emotion_perception.ros.losses import Losses
from emotion_perception.ros.stamps import Stamps
from emotion_perception.vision.encodings import ImageError


@pytest.fixture
def node(ros_domain) -> Iterator[object]:
    context = rclpy.context.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = rclpy.create_node('limits', context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def reading(**fields) -> EmotionPrediction:
    probabilities = np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.1], np.float32)
    return EmotionPrediction(
        **{'subject_id': 'face_1', 'emotion': 2, 'probabilities': probabilities, **fields}
    )


@pytest.mark.parametrize(
    'wrong',
    [
        {'probabilities': np.zeros(6, np.float32)},
        {'probabilities': np.array([math.nan, 0, 0, 0, 0, 1], np.float32)},
        {'probabilities': np.array([math.inf, 0, 0, 0, 0, 1], np.float32)},
        {'probabilities': np.array([-0.5, 1.5, 0, 0, 0, 0], np.float32)},
        {'emotion': 6},
        {'model': 'm' * 5000},
        {'sources': ['face'] * 100},
        {'embedding': array.array('f', bytes(4 * (LARGEST_EMBEDDING + 1)))},
    ],
)
def test_a_reading_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        probabilities_of(reading(**wrong))


def test_probabilities_are_brought_to_sum_one_and_good_ones_stay_as_they_are() -> None:
    good = reading()
    assert probabilities_of(good).tobytes() == good.probabilities.tobytes()
    percent = probabilities_of(reading(probabilities=np.full(6, 50, np.float32)))
    np.testing.assert_allclose(percent, 1 / 6, atol=1e-6)


@pytest.mark.parametrize(
    ('span', 'taken'), [(2.5, 2.5), (math.inf, 0), (math.nan, 0), (-1.0, 0), (1e30, 0)]
)
def test_a_span_is_a_length_of_time_or_nothing(span: float, taken: float) -> None:
    assert span_of(reading(span=span)) == taken


def test_the_first_faces_of_a_crowd_are_read() -> None:
    assert list(first(range(10_000))) == list(range(MOST_FACES))


def test_a_crop_is_square_and_no_larger_than_a_face_needs() -> None:
    crop = np.zeros((LARGEST_CROP, LARGEST_CROP, 3), np.uint8)
    assert crop_of(Face(id='a', crop=array_to_image(crop, Header()))).shape == crop.shape
    for wrong, why in (
        (np.zeros((LARGEST_CROP + 1, LARGEST_CROP + 1, 3), np.uint8), 'more than'),
        (np.zeros((8, 9, 3), np.uint8), 'not square'),
    ):
        with pytest.raises(MessageError, match=why):
            crop_of(Face(id='a', crop=array_to_image(wrong, Header())))
    with pytest.raises(MessageError, match='id'):
        crop_of(Face(id='a' * (LONGEST_TEXT + 1), crop=array_to_image(crop, Header())))
    with pytest.raises(ImageError):
        crop_of(Face(id='a'))


@pytest.mark.parametrize('rate', [0, 10, 8000, 44100])
def test_an_utterance_of_another_rate_is_refused(rate: int) -> None:
    with pytest.raises(MessageError, match=f'{rate} Hz'):
        samples_of(Utterance(sample_rate=rate, samples=array.array('h', bytes(64))))


def test_the_samples_of_an_utterance_are_not_copied_and_have_an_end() -> None:
    message = Utterance(sample_rate=16000, samples=array.array('h', [1, 2, 3]))
    samples = samples_of(message)
    message.samples[0] = 7
    assert samples.tolist() == [7, 2, 3]
    message.samples = array.array('h', bytes(2 * (int(LONGEST_UTTERANCE) * 16000 + 1)))
    with pytest.raises(MessageError, match='3600 s'):
        samples_of(message)


@pytest.mark.parametrize(
    ('size', 'rate', 'channels', 'good'),
    [
        (3200, 16000, 1, True),
        (int(LONGEST_BLOCK) * 32000, 16000, 1, True),
        (int(LONGEST_BLOCK) * 32000 + 2, 16000, 1, False),
        (LARGEST_BLOCK + 2, 384000, 2, False),
        (100, 0, 1, True),  # the rate itself is refused later
        (100, 16000, 0, True),
    ],
)
def test_a_block_of_sound_has_an_end(size: int, rate: int, channels: int, good: bool) -> None:
    form = SoundFormat(rate, channels, 'S16LE')
    if good:
        check_block(size, form)
    else:
        with pytest.raises(MessageError, match='more than'):
            check_block(size, form)


def test_a_frames_name_that_has_no_end_does_not_go_along(node) -> None:
    header = Stamps(node, 'topic').header(Header(frame_id='x' * 10_000_000))
    assert header.frame_id == 'x' * LONGEST_TEXT


def test_lost_messages_are_counted_where_the_numbers_are_certain() -> None:
    publishers = [1]
    counting = SimpleNamespace(
        resolve_topic_name=lambda topic: topic, count_publishers=lambda topic: publishers[0]
    )

    def lost(*numbers: int | None) -> int:
        losses = Losses(counting, 'topic')
        for number in numbers:
            losses.note({'publication_sequence_number': number})
        return losses.count

    assert lost(7, 8, 12, 13, 15) == 3 + 1
    assert lost(7, 8, 1, 2, 3) == 0  # another publisher began
    assert lost(None, None) == 0
    publishers[0] = 2
    assert lost(7, 8, 100, 9, 101) == 0


def test_what_the_middleware_drops_is_lost_by_number(node) -> None:
    """Ten of a hundred messages wait for a receiver that is held up: ninety never arrive."""
    losses = Losses(node, 'many')
    heard: list[int] = []

    def take(message: UInt8, info: object) -> None:
        losses.note(info)
        heard.append(message.data)

    node.create_subscription(UInt8, 'many', take, QoSProfile(depth=10))
    publisher = node.create_publisher(UInt8, 'many', QoSProfile(depth=10))
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    while len(heard) < 3:
        publisher.publish(UInt8())
        executor.spin_once(0.1)
    while publisher.wait_for_all_acked() and heard[-1] != 99:
        publisher.publish(UInt8(data=99))
        executor.spin_once(1.0)
    for number in range(100):
        publisher.publish(UInt8(data=number))
    while heard[-1] != 99 or heard[-2] != 98:
        executor.spin_once(0.1)
    kept = len(heard) - 1 - max(i for i, n in enumerate(heard[:-1]) if n == 99)
    assert losses.count == 100 - kept
    executor.shutdown()
