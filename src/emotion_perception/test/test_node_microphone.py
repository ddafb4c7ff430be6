# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The microphone node as a real process, heard over DDS."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray

from emotion_perception.audio.source import BLOCK
from support.client import LATCHED, RELIABLE
from support.sounds import pulse_server, real_voice


def seconds(stamp) -> float:
    return stamp.sec + stamp.nanosec * 1e-9


def samples(message: AudioDataStamped) -> np.ndarray:
    return np.frombuffer(message.audio.data, '<i2')


def test_a_file_is_published_as_audio_capture_does(processes, client) -> None:
    heard = client.watch('audio/audio_stamped', AudioDataStamped, RELIABLE)
    plain = client.watch('audio/audio', AudioData, RELIABLE)
    node = processes.node(
        'microphone_node',
        source=str(real_voice()),
        pause=0.2,
        frame_id='head_microphone',
    )
    node.wait_for_output('is at its end')
    voice, rate = soundfile.read(real_voice(), dtype='int16')
    block = round(BLOCK * rate)
    silent = -(-round(0.2 * rate) // block)
    count = -(-voice.size // block) + silent
    messages = heard.wait_count(count)
    published = np.concatenate([samples(message) for message in messages])
    assert np.array_equal(published[: voice.size], voice)
    assert not published[voice.size :].any()
    assert {message.header.frame_id for message in messages} == {'head_microphone'}
    stamps = [seconds(message.header.stamp) for message in messages]
    assert np.allclose(np.diff(stamps)[: -silent - 1], BLOCK, atol=1e-3)
    # The stamp is that of the first sample: a block's length and a little before it came.
    ages = np.array(heard.times[:count]) - np.array(stamps)
    assert 0.0 < np.median(ages) < 0.2
    assert np.array_equal(np.frombuffer(plain.wait().data, '<i2'), samples(messages[0]))
    # Who comes late still learns the format.
    info = client.watch('audio/audio_info', AudioInfo, LATCHED).wait()
    assert (info.channels, info.sample_rate, info.sample_format, info.coding_format) == (
        1,
        48000,
        'S16LE',
        'wave',
    )
    assert info.bitrate == 48000 * 16
    assert node.running


def test_a_folder_of_different_files_announces_each_format(
    processes, client, tmp_path: Path
) -> None:
    for name, rate, channels in (('a', 16000, 1), ('b', 44100, 2)):
        soundfile.write(tmp_path / f'{name}.flac', np.zeros((rate // 2, channels)), rate)
    infos = client.watch('audio/audio_info', AudioInfo, LATCHED)
    client.watch('audio/audio_stamped', AudioDataStamped)
    processes.node('microphone_node', source=str(tmp_path), pause=0.0)
    found = infos.wait_count(2)
    assert [(info.sample_rate, info.channels) for info in found] == [(16000, 1), (44100, 2)]


def test_a_missing_file_is_named_and_played_once_it_is_there(
    processes, client, tmp_path: Path
) -> None:
    heard = client.watch('audio/audio_stamped', AudioDataStamped, RELIABLE)
    reports = client.watch('/diagnostics', DiagnosticArray)
    node = processes.node('microphone_node', source=str(tmp_path / 'voice.wav'))
    node.wait_for_output('voice.wav is not there; next try in 0.5 s')
    reports.wait(lambda report: 'voice.wav is not there' in report.status[0].message)
    shutil.copy(real_voice(), tmp_path / 'voice.wav')
    heard.wait()
    reports.wait(lambda report: report.status[0].message == 'running')


def test_without_portaudio_the_node_says_what_to_install_and_lives(
    processes, client, tmp_path: Path
) -> None:
    import os

    # What sounddevice does at import where the library is missing.
    (tmp_path / 'sounddevice.py').write_text("raise OSError('PortAudio library not found')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    node = processes.node('microphone_node', env={'PYTHONPATH': path})
    output = node.wait_for_output('next try in')
    assert 'apt-get install libportaudio2' in output
    reports = client.watch('/diagnostics', DiagnosticArray)
    reports.wait(lambda report: 'PortAudio' in report.status[0].message)
    assert node.running


def test_an_impossible_parameter_ends_the_node_with_one_clear_line(processes) -> None:
    node = processes.node('microphone_node', may_end=True, pause=70.0)
    assert node.wait() == 2
    assert 'pause' in node.output()
    assert 'Traceback' not in node.output()


def test_a_device_that_vanishes_is_opened_again_when_it_returns(processes, client) -> None:
    pytest.importorskip('sounddevice', reason='needs sounddevice and PortAudio', exc_type=OSError)
    with pulse_server() as server:
        heard = client.watch('audio/audio_stamped', AudioDataStamped, RELIABLE)
        node = processes.node('microphone_node', env=server.env)
        heard.wait()
        server.play(real_voice())
        heard.wait(lambda message: np.abs(samples(message)).max() > 3000)
        server.kill()
        node.wait_for_output('has given no sound', timeout=30)
        heard.clear()
        server.start()
        heard.wait(timeout=40)
        server.play(real_voice())
        heard.wait(lambda message: np.abs(samples(message)).max() > 3000)
        assert node.running


def test_ctrl_c_in_the_midst_of_a_file_ends_the_node_without_a_word(processes, client) -> None:
    heard = client.watch('audio/audio_stamped', AudioDataStamped, RELIABLE)
    node = processes.node('microphone_node', source=str(real_voice()), loop=True)
    heard.wait()
    assert node.stop()
    assert node.returncode == 0
    assert 'Traceback' not in node.output()
