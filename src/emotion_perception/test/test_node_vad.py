# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The voice activity node as a real process, on a real voice."""

from __future__ import annotations

import array
import time
from pathlib import Path

import numpy as np
import pytest
import soxr

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from emotion_msgs.msg import Utterance, VoiceActivity
from emotion_perception.audio.pcm import to_s16le
from emotion_perception.ros.convert import to_seconds, to_stamp
from support.client import ANY, LATCHED, RELIABLE
from support.sounds import read_16k, real_voice, to_mp3, with_silence


class Room:
    """Publishes sound as a driver would, and keeps what the node makes of it."""

    def __init__(self, client, processes, *, info: bool = True, **parameters) -> None:
        self.client = client
        self.node = processes.node('vad_node', **parameters)
        self.utterances = client.watch('emotion/utterance', Utterance, RELIABLE)
        self.activity = client.watch('emotion/voice_activity', VoiceActivity, RELIABLE)
        self.infos = client.publisher('audio/audio_info', AudioInfo, LATCHED) if info else None
        self.sound = client.publisher('audio/audio_stamped', AudioDataStamped)
        # Only what the node publishes after it has found us comes here: play silence until it
        # says something. What follows is later than a pause, and so a new stream.
        self.time = 900.0
        if info:
            self.announce()
        client.until(lambda: self.send(bytes(9600)) or self.activity.messages)
        client.until(lambda: self.caught_up())
        self.activity.clear()
        self.time = 1000.0

    def caught_up(self) -> bool:
        """Tell whether the node has heard all that was sent."""
        last = to_seconds(self.activity.messages[-1].header.stamp)
        return last >= self.time - 0.2

    def announce(
        self,
        rate: int = 16000,
        channels: int = 1,
        sample_format: str = 'S16LE',
        coding: str = 'wave',
    ) -> None:
        self.infos.publish(
            AudioInfo(
                channels=channels,
                sample_rate=rate,
                sample_format=sample_format,
                coding_format=coding,
            )
        )
        # Two topics: the format has to be there before its sound.
        assert self.infos.wait_for_all_acked()

    def send(self, data: bytes, length: float = 0.1) -> None:
        message = AudioDataStamped(
            header=Header(stamp=to_stamp(self.time), frame_id='microphone'),
            audio=AudioData(data=array.array('B', data)),
        )
        self.sound.publish(message)
        self.time += length

    def play(self, samples: np.ndarray, rate: int = 16000, speed: float = 10.0) -> None:
        """Send int16 (n,) or (n, channels) in blocks of 0.1 s, faster than it was spoken."""
        for start in range(0, len(samples), rate // 10):
            block = samples[start : start + rate // 10]
            self.send(to_s16le(block), len(block) / rate)
            time.sleep(0.1 / speed)


@pytest.fixture
def room(client, processes):
    return lambda **arguments: Room(client, processes, **arguments)


@pytest.fixture(scope='module')
def voice() -> np.ndarray:
    """Return a second of quiet room, the voice (1.43 s), and a second of room: int16, 16 kHz."""
    return with_silence(read_16k(real_voice()))


@pytest.mark.parametrize('vad', ['silero', 'webrtc', 'rms'])
def test_a_voice_becomes_activity_and_one_utterance(room, voice: np.ndarray, vad: str) -> None:
    ears = room(vad=vad)
    ears.announce()
    ears.play(voice)
    heard = ears.utterances.wait()
    assert heard.ended_by == Utterance.END_SILENCE
    assert heard.sample_rate == 16000
    assert heard.header.stamp == heard.end
    assert heard.header.frame_id == 'microphone'
    start, end = to_seconds(heard.start), to_seconds(heard.end)
    assert start == pytest.approx(1000.75, abs=0.15)
    assert end == pytest.approx(1002.55, abs=0.15)
    assert len(heard.samples) == round((end - start) * 16000)
    first = round((start - 1000.0) * 16000)
    assert np.array_equal(heard.samples, voice[first : first + len(heard.samples)])
    assert 1.0 < heard.speech_seconds < 1.6
    assert heard.snr > 30
    ears.activity.wait(lambda message: message.speaking and message.level > -25)
    ears.activity.wait(
        lambda message: not message.speaking and to_seconds(message.header.stamp) > end
    )
    assert len(ears.utterances.messages) == 1


@pytest.mark.parametrize(('rate', 'channels'), [(48000, 1), (44100, 2), (8000, 1)])
def test_other_rates_and_channels_are_heard_alike(
    room, voice: np.ndarray, rate: int, channels: int
) -> None:
    ears = room()
    ears.announce(rate, channels)
    other = soxr.resample(voice, 16000, rate)
    ears.play(np.repeat(other[:, None], channels, axis=1), rate)
    heard = ears.utterances.wait()
    assert to_seconds(heard.start) == pytest.approx(1000.75, abs=0.15)
    assert to_seconds(heard.end) == pytest.approx(1002.55, abs=0.15)


def test_without_audio_info_the_defaults_count_and_are_named(room, voice: np.ndarray) -> None:
    ears = room(info=False, default_rate=48000, default_channels=2)
    wide = np.repeat(soxr.resample(voice, 16000, 48000)[:, None], 2, axis=1)
    ears.play(np.concatenate([wide[:48000], wide]), 48000)
    heard = ears.utterances.wait()
    assert to_seconds(heard.end) == pytest.approx(1003.55, abs=0.15)
    output = ears.node.wait_for_output('without audio/audio_info')
    assert 'taken as S16LE, 48000 Hz, 2 channel(s)' in output


def test_a_coding_that_is_unknown_is_refused_once_and_mp3_is_heard_afterwards(
    room, voice: np.ndarray
) -> None:
    ears = room()
    ears.announce(coding='opus')
    ears.node.wait_for_output("coded as 'opus'")
    for _ in range(5):
        ears.send(b'OpusHead' + bytes(100))
        ears.announce(coding='opus')
    ears.announce(coding='mp3')
    ears.time = 1000.0
    data = to_mp3(voice)
    # Blocks of a tenth of a second of 64 kbit/s: never whole frames.
    for at in range(0, len(data), 800):
        ears.send(data[at : at + 800])
        time.sleep(0.01)
    heard = ears.utterances.wait()
    assert to_seconds(heard.start) == pytest.approx(1000.8, abs=0.25)
    assert to_seconds(heard.end) == pytest.approx(1002.6, abs=0.25)
    assert ears.node.output().count('opus') == 1
    assert 'format:=wave' in ears.node.output()


def test_plain_sound_without_stamps_from_a_driver_that_promises_little_is_heard(
    client, processes, voice: np.ndarray
) -> None:
    processes.node('vad_node')
    utterances = client.watch('emotion/utterance', Utterance, RELIABLE)
    infos = client.publisher('audio/audio_info', AudioInfo, ANY)
    sound = client.publisher('audio/audio', AudioData, ANY)
    infos.publish(AudioInfo(channels=1, sample_rate=16000, sample_format='S24LE'))
    begun = time.time()
    # What is not stamped was taken when it arrives: as fast as it is spoken.
    for number, at in enumerate(range(0, len(voice), 1600)):
        wide = voice[at : at + 1600].astype('<i4') << 8
        data = wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        time.sleep(max(0.0, begun + 0.1 * (number + 1) - time.time()))
        sound.publish(AudioData(data=array.array('B', data)))
    heard = utterances.wait()
    assert to_seconds(heard.start) == pytest.approx(begun + 0.75, abs=0.5)
    assert 1.0 < heard.speech_seconds < 1.6


def test_bad_messages_are_left_out_with_a_warning_and_the_next_are_heard(
    room, voice: np.ndarray
) -> None:
    ears = room()
    ears.announce(sample_format='F32LE')
    ears.send(np.full(1600, np.nan, '<f4').tobytes())
    ears.node.wait_for_output('not finite')
    ears.announce(sample_format='S16LE')
    ears.send(b'odd')
    ears.send(b'')
    ears.node.wait_for_output('a message without sound')
    ears.announce(rate=0)
    ears.send(bytes(3200))
    reports = ears.client.watch('/diagnostics', DiagnosticArray)
    reports.wait(
        lambda report: any(
            value.key == 'warnings' and value.value == '4' for value in report.status[0].values
        )
    )
    ears.announce(sample_format='F32LE')
    good = (voice / 32768).astype('<f4')
    for start in range(0, good.size, 1600):
        ears.send(good[start : start + 1600].tobytes())
        time.sleep(0.01)
    assert ears.utterances.wait().ended_by == Utterance.END_SILENCE


def test_sound_that_clips_is_warned_of_and_heard(room, voice: np.ndarray) -> None:
    ears = room()
    ears.announce()
    ears.play(np.clip(voice.astype(np.int32) * 30, -32768, 32767).astype(np.int16))
    ears.utterances.wait()
    ears.node.wait_for_output('lower the gain')


def test_a_format_that_changes_ends_the_utterance_and_the_next_is_heard(
    room, voice: np.ndarray
) -> None:
    ears = room()
    ears.announce()
    ears.play(voice[: round(1.9 * 16000)])
    ears.activity.wait(lambda message: message.speaking)
    ears.client.until(ears.caught_up)
    ears.announce(48000)
    ears.play(soxr.resample(voice, 16000, 48000), 48000)
    first, second = ears.utterances.wait_count(2)
    assert first.ended_by == Utterance.END_SOURCE
    assert second.ended_by == Utterance.END_SILENCE


def test_sound_that_stops_ends_the_utterance(room, voice: np.ndarray) -> None:
    ears = room()
    ears.announce()
    ears.play(voice[: round(1.9 * 16000)])
    heard = ears.utterances.wait()
    assert heard.ended_by == Utterance.END_SOURCE
    assert to_seconds(heard.end) == pytest.approx(1001.9, abs=0.05)
    ears.activity.wait(lambda message: not message.speaking and message.duration == 0.0)


def test_long_speech_comes_in_pieces_of_the_maximum_length(room, voice: np.ndarray) -> None:
    ears = room(**{'segment.maximum': 1.2})
    ears.announce()
    ears.play(voice)
    first = ears.utterances.wait()
    assert first.ended_by == Utterance.END_MAXIMUM
    assert len(first.samples) == pytest.approx(1.2 * 16000, abs=512)


def test_disabling_ends_the_utterance_and_enabling_hears_again(room, voice: np.ndarray) -> None:
    ears = room()
    ears.announce()
    ears.play(voice[: round(1.9 * 16000)])
    ears.activity.wait(lambda message: message.speaking)
    answer = ears.client.call(SetBool, '/vad_node/enable', SetBool.Request(data=False))
    assert answer.success
    assert ears.utterances.wait().ended_by == Utterance.END_REQUEST
    ears.client.until(lambda: ears.sound.get_subscription_count() == 0)
    ears.client.call(SetBool, '/vad_node/enable', SetBool.Request(data=True))
    ears.client.until(lambda: ears.sound.get_subscription_count() == 1)
    ears.utterances.clear()
    ears.time += 10.0
    ears.play(voice)
    assert ears.utterances.wait().ended_by == Utterance.END_SILENCE


def test_a_live_setting_holds_at_once_and_an_impossible_one_is_refused(
    room, voice: np.ndarray
) -> None:
    ears = room()
    assert ears.client.set_parameter('/vad_node', 'segment.pre_roll', 0.0).successful
    refused = ears.client.set_parameter('/vad_node', 'segment.maximum', 0.0)
    assert not refused.successful
    refused = ears.client.set_parameter('/vad_node', 'segment.minimum', 20.0)
    assert not refused.successful
    assert 'more than pre_roll and minimum together' in refused.reason
    refused = ears.client.set_parameter('/vad_node', 'vad', 'rms')
    assert not refused.successful
    assert 'ros2 lifecycle set /vad_node deactivate' in refused.reason
    ears.announce()
    ears.play(voice)
    heard = ears.utterances.wait()
    assert to_seconds(heard.start) == pytest.approx(1001.05, abs=0.15)


def test_a_missing_model_leaves_the_node_unconfigured_until_it_is_there(
    client, processes, tmp_path: Path, voice: np.ndarray
) -> None:
    node = processes.node('vad_node', silero_model=str(tmp_path / 'none.onnx'))
    output = node.wait_for_output('not configured')
    assert 'none.onnx is missing' in output
    assert client.lifecycle_state('/vad_node') == 'unconfigured'
    assert client.set_parameter('/vad_node', 'silero_model', '').successful
    assert client.transition('/vad_node', 'configure')
    client.wait_for_state('/vad_node', 'active')
    heard = client.watch('emotion/voice_activity', VoiceActivity, RELIABLE)
    client.publisher('audio/audio_info', AudioInfo, LATCHED).publish(
        AudioInfo(channels=1, sample_rate=16000, sample_format='S16LE', coding_format='wave')
    )
    sound = client.publisher('audio/audio_stamped', AudioDataStamped)
    block = AudioDataStamped(audio=AudioData(data=to_s16le(voice[:16000])))
    client.until(lambda: sound.publish(block) or heard.messages)


def test_deactivation_and_activation_again_work_while_somebody_speaks(
    room, voice: np.ndarray
) -> None:
    ears = room()
    ears.announce()
    ears.play(voice[: round(1.9 * 16000)])
    ears.activity.wait(lambda message: message.speaking)
    assert ears.client.transition('/vad_node', 'deactivate')
    assert ears.client.transition('/vad_node', 'activate')
    ears.utterances.clear()
    ears.client.until(
        lambda: (
            ears.sound.get_subscription_count() == 1 and ears.infos.get_subscription_count() == 1
        )
    )
    ears.announce()
    ears.time += 10.0
    ears.play(voice)
    assert ears.utterances.wait().ended_by == Utterance.END_SILENCE
