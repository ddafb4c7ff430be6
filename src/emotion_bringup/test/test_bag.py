# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Bags: recorded from real publishers, read by others' readers, and played to real subscribers."""

from __future__ import annotations

import array
import sys
from pathlib import Path

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioInfo
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header, String

from emotion_bringup.bag.command import main
from emotion_bringup.bag.definitions import definition
from emotion_bringup.bag.offers import from_text, override, to_play, to_record, to_text
from emotion_bringup.bag.reader import BagReader
from emotion_bringup.bag.selection import PROFILES, Selection, profile_patterns
from emotion_bringup.bag.writer import BagWriter
from emotion_msgs.msg import EmotionPrediction
from emotion_perception.ros.convert import to_stamp
from support.client import LATCHED, RELIABLE

BAG = (sys.executable, '-m', 'emotion_bringup.bag')
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
STARTED = 1_700_000_000


def prediction(number: int) -> EmotionPrediction:
    return EmotionPrediction(
        header=Header(stamp=to_stamp(STARTED + number / 10), frame_id='camera'),
        subject_id=f'face_{number}',
        probabilities=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1],
        class_shares=array.array('f', [0.25, 0.75]),
        sources=['face', 'voice'],
    )


@pytest.fixture(scope='module')
def serialised():
    """Return a function from a message to its bytes."""
    from rclpy.serialization import serialize_message

    return serialize_message


@pytest.fixture
def bag(tmp_path: Path, serialised) -> Path:
    """Return a bag of ten predictions, a tenth of a second apart, after a latched description."""
    writer = BagWriter(tmp_path / 'bag', 'jazzy', 'zstd')
    for topic, kind, profile in (
        ('/audio/audio_info', 'audio_common_msgs/msg/AudioInfo', LATCHED),
        ('/emotion/face', 'emotion_msgs/msg/EmotionPrediction', BEST_EFFORT),
        ('/clock', 'rosgraph_msgs/msg/Clock', RELIABLE),
    ):
        writer.add_topic(topic, kind, definition(kind), to_text([profile]))
    begin = STARTED * 10**9
    writer.write('/audio/audio_info', serialised(AudioInfo(sample_rate=48000)), begin, begin)
    for number in range(10):
        taken = begin + number * 10**8
        writer.write('/emotion/face', serialised(prediction(number)), taken, taken)
        writer.write('/clock', serialised(Clock()), taken, taken)
    writer.close()
    return tmp_path / 'bag'


def test_what_is_recorded_is_read_by_the_readers_of_others(processes, client, tmp_path) -> None:
    faces = client.publisher('/emotion/face', EmotionPrediction, subscribers=0)
    infos = client.node.create_publisher(AudioInfo, '/audio/audio_info', LATCHED)
    infos.publish(AudioInfo(sample_rate=44100))
    sensor = client.node.create_publisher(String, '/sensor', BEST_EFFORT)
    client.node.create_publisher(String, '/other', RELIABLE)
    client.node.create_publisher(String, '/_hidden', RELIABLE)
    target = tmp_path / 'bag'
    recorder = processes.start(
        *BAG, 'record', '-o', target, '-e', '.', '-x', 'other|rosout|parameter|diagnostics',
        name='record',
    )  # fmt: skip
    client.until(
        lambda: faces.get_subscription_count() and sensor.get_subscription_count(),
        60.0,
        'the recorder',
    )
    for number in range(20):
        faces.publish(prediction(number))
    sensor.publish(String(data='best effort'))
    client.until(
        lambda: faces.wait_for_all_acked(rclpy.duration.Duration(seconds=1)), 20.0, 'delivery'
    )
    recorder.wait_for_output('recording into')
    recorder.signal(2)
    assert recorder.wait(30.0) == 0, recorder.output()

    with (target / 'bag_0.mcap').open('rb') as stream:
        read = list(
            make_reader(stream, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
        )
    found = [item.decoded_message for item in read if item.channel.topic == '/emotion/face']
    assert [message.subject_id for message in found] == [f'face_{n}' for n in range(20)]
    assert found[3].header.stamp.nanosec == prediction(3).header.stamp.nanosec
    assert list(found[3].class_shares) == [0.25, 0.75]
    assert {item.channel.topic for item in read} == {
        '/emotion/face', '/audio/audio_info', '/sensor',
    }  # fmt: skip
    for item in read:
        assert 0 <= item.message.log_time - item.message.publish_time < 60 * 10**9

    with AnyReader([target]) as reader:
        assert reader.message_count == len(read)
        connections = {item.topic: item for item in reader.connections}
        assert connections['/sensor'].ext.offered_qos_profiles[0].reliability.name == 'BEST_EFFORT'
        info = connections['/audio/audio_info']
        assert info.ext.offered_qos_profiles[0].durability.name == 'TRANSIENT_LOCAL'
        [(_, _, raw)] = reader.messages([info])
        assert reader.deserialize(raw, info.msgtype).sample_rate == 44100


def test_a_replay_sends_what_was_recorded_by_the_clock_of_the_bag(processes, client, bag) -> None:
    faces = client.watch('/replayed', EmotionPrediction)
    infos = client.watch('/audio/audio_info', AudioInfo, LATCHED)
    clock = client.watch('/clock', Clock)
    # When they were sent: a busy machine may hand several over at once.
    sent: list[float] = []
    client.node.create_subscription(
        EmotionPrediction,
        '/replayed',
        lambda _, info: sent.append(info['source_timestamp'] * 1e-9),
        BEST_EFFORT,
    )
    player = processes.start(
        *BAG, 'play', bag, '--clock', '100', '--rate', '2', '--start-offset', '0.45',
        '-m', 'emotion/face:=/replayed', name='play', may_end=True,
    )  # fmt: skip
    faces.wait_count(5, timeout=60.0)
    assert player.wait(30.0) == 0, player.output()
    assert [message.subject_id for message in faces.messages] == [
        f'face_{n}' for n in range(5, 10)
    ]
    client.until(lambda: len(sent) == 5, 20.0, 'when they were sent')
    # Half a second of the bag in half that time; a busy machine may take longer, never less.
    assert sent[-1] - sent[0] > 0.15
    # What was latched before the offset holds all the same.
    assert [message.sample_rate for message in infos.messages] == [48000]
    seconds = [message.clock.sec + message.clock.nanosec * 1e-9 for message in clock.messages]
    assert seconds == sorted(seconds)
    # The clock that was recorded (all zero) keeps silent.
    assert seconds[0] > STARTED + 0.4 and seconds[-1] <= STARTED + 0.9 + 1e-6


def test_a_loop_begins_again_until_it_is_told_to_end(processes, client, bag) -> None:
    faces = client.watch('/emotion/face', EmotionPrediction)
    player = processes.start(*BAG, 'play', bag, '--loop', '--rate', '5', name='play')
    faces.wait_count(3, lambda message: message.subject_id == 'face_9', timeout=60.0)
    player.signal(15)
    assert player.wait(30.0) == 0, player.output()


def test_a_full_disk_ends_the_recording_and_keeps_what_was_written(
    processes, client, tmp_path
) -> None:
    text = client.publisher('/text', String, subscribers=0)
    target = tmp_path / 'bag'
    limited = f'ulimit -f 1024; exec "{sys.executable}" -m emotion_bringup.bag "$@"'
    recorder = processes.start(
        'bash', '-c', limited, '-', 'record', '/text', '-o', target, name='record', may_end=True
    )
    client.until(lambda: text.get_subscription_count() > 0, 60.0, 'the recorder')
    message = String(data='x' * 100_000)

    def full() -> bool:
        text.publish(message)
        return not recorder.running

    client.until(full, 60.0, 'the end of the disk')
    assert recorder.wait(10.0) == 1
    assert 'File too large' in recorder.output()
    reader = BagReader(target)
    assert not reader.finished
    assert 0 < reader.count == len(list(reader.messages(['/text'])))


def test_a_recording_that_was_cut_off_is_read_up_to_there(bag, capsys) -> None:
    file = bag / 'bag_0.mcap'
    data = file.read_bytes()
    whole = BagReader(bag)
    assert (whole.finished, whole.count) == (True, 21)
    # The chunk that is under way when the process is killed, and with it the summary, are missing.
    (bag / 'metadata.yaml').unlink()
    from mcap.writer import Writer

    with file.open('wb') as stream:
        writer = Writer(stream, chunk_size=1)
        writer.start('ros2')
        schema = writer.register_schema('std_msgs/msg/Header', 'ros2msg', b'string frame_id')
        channel = writer.register_channel('/header', 'cdr', schema)
        for number in range(3):
            writer.add_message(channel, number + 1, b'1234', number + 1)
        size = stream.tell()
        writer.finish()
    file.write_bytes(file.read_bytes()[: size + 5])
    cut = BagReader(bag)
    assert (cut.finished, cut.count, cut.start, cut.end) == (False, 3, 1, 3)
    assert [message.taken for message in cut.messages(['/header'])] == [1, 2, 3]
    assert main(['info', str(bag)]) == 0
    assert 'was not finished' in capsys.readouterr().out
    file.write_bytes(data[:300])
    assert BagReader(bag).count == 0


def test_info_names_what_a_bag_holds(bag, capsys) -> None:
    assert main(['info', str(bag)]) == 0
    shown = capsys.readouterr().out
    assert 'bag_0.mcap (mcap)' in shown
    assert 'duration:  0:00.9' in shown
    assert 'messages:  21' in shown
    assert '/audio/audio_info  audio_common_msgs/msg/AudioInfo  1 messages, reliable, latched' in (
        shown
    )
    assert (
        '/emotion/face  emotion_msgs/msg/EmotionPrediction  10 messages, 11.1 Hz, best_effort'
        in shown
    )


@pytest.mark.parametrize(
    ('arguments', 'what'),
    [
        (['record'], 'what is to be recorded?'),
        (['record', '-a', '-o', '{tmp}'], 'exists already'),
        (['record', '-e', '(', '-o', '{tmp}/new'], "'(' is no regular expression"),
        (['record', '-a', '-o', '{tmp}/new', '--qos-profile-overrides-path', '{tmp}/no'],
         'No such file'),
        (['record', '-a', '-o', '{tmp}/new', '--qos-profile-overrides-path', '{tmp}/qos'],
         "reliability: there is no 'perfect'; allowed: "),
        (['play', '{tmp}/nothing'], 'there is no bag'),
        (['play', '{tmp}'], 'only MCAP is read here'),
        (['info', '{tmp}/qos'], 'cannot be read as MCAP'),
        (['play', '{bag}', '-m', 'a=b'], 'has the form /old:=/new'),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_at_once(arguments, what, bag, tmp_path, capsys) -> None:
    (tmp_path / 'qos').write_text('/a: {reliability: perfect}')
    given = [text.format(tmp=tmp_path, bag=bag) for text in arguments]
    assert main(given) == 2
    assert what in capsys.readouterr().err
    assert not (tmp_path / 'new').exists()


def test_profiles_take_what_they_say() -> None:
    takes = {name: Selection(patterns=profile_patterns(name)).takes for name in PROFILES}
    for topic in (
        '/emotion/face', '/emotion/fused', '/robot/emotion/faces', '/emotion/voice_activity',
        '/emotion/multimodal/state', '/emotion/interview/state', '/diagnostics',
    ):  # fmt: skip
        assert all(take(topic) for take in takes.values()), topic
    sound = ('/audio/audio_stamped', '/audio/audio_info', '/emotion/utterance')
    pictures = ('/camera/image_raw', '/emotion/detections', '/emotion/view')
    for topic in (*sound, *pictures):
        assert not takes['results'](topic), topic
        assert takes['everything'](topic), topic
        assert takes['sound'](topic) == (topic in sound), topic
    assert not takes['everything']('/emotion/detect/_action/feedback')


def test_what_is_asked_for_reaches_every_publisher() -> None:
    reliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    assert to_record([reliable]).reliability == ReliabilityPolicy.RELIABLE
    assert to_record([reliable, BEST_EFFORT]).reliability == ReliabilityPolicy.BEST_EFFORT
    assert to_record([LATCHED]).durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert to_record([LATCHED, reliable]).durability == DurabilityPolicy.VOLATILE
    assert to_play([]).reliability == ReliabilityPolicy.RELIABLE
    assert to_play([reliable, BEST_EFFORT]).reliability == ReliabilityPolicy.RELIABLE
    # rosbag2's numbers before version 9 of its metadata, and its words since then.
    for text in (
        to_text([BEST_EFFORT]),
        '- {reliability: best_effort, durability: volatile, history: keep_last}',
    ):
        [read] = from_text(text)
        assert (read.reliability, read.durability) == (
            ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE,
        )  # fmt: skip
    assert from_text('nonsense: [') == []
    deep = override(BEST_EFFORT, {'depth': 77, 'durability': 'transient_local'})
    assert (deep.depth, deep.durability) == (77, DurabilityPolicy.TRANSIENT_LOCAL)
    assert deep.reliability == ReliabilityPolicy.BEST_EFFORT


def test_a_definition_brings_those_that_it_uses() -> None:
    text = definition('emotion_msgs/msg/FaceArray')
    heads = [line for line in text.splitlines() if line.startswith('MSG: ')]
    assert heads == [
        'MSG: std_msgs/Header', 'MSG: emotion_msgs/Face', 'MSG: builtin_interfaces/Time',
        'MSG: sensor_msgs/RegionOfInterest', 'MSG: sensor_msgs/Image',
    ]  # fmt: skip
