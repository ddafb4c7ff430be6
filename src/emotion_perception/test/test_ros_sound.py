# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Both packages that are named ``audio_common_msgs``."""

from __future__ import annotations

import array
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioData, AudioDataStamped
from std_msgs.msg import Header

from emotion_perception.audio.decoders import SoundFormat, make_decoder
from emotion_perception.ros.sound import to_block

# What the other package offers; the real one cannot be installed beside the distribution's.
OTHER = """
class AudioData: pass
class AudioInfo: pass
class Audio: pass
class AudioStamped: pass
"""
PROBE = """
from types import SimpleNamespace
from emotion_perception.nodes import microphone_node, vad_node
from emotion_apps.web.graph import devices
from emotion_perception.ros import sound
from emotion_perception.ros.parameters import ConfigurationError
node = SimpleNamespace(resolve_topic_name=lambda name: '/' + name, get_name=lambda: 'microphone')
[way] = sound.sound_ways(node, 'audio')
print(way.topic, way.type_name)
try:
    sound.need_the_distributions_own(node)
except ConfigurationError as error:
    print(error)
"""


def other(**arrays: object) -> SimpleNamespace:
    """Return an ``AudioStamped`` of mgonzs13/audio_common."""
    empty = {
        name: array.array('h')
        for name in ('float32_data', 'int32_data', 'int16_data', 'int8_data', 'uint8_data')
    }
    info = SimpleNamespace(rate=44100, channels=2, chunk=2, format=8)
    data = SimpleNamespace(**{**empty, **arrays})
    return SimpleNamespace(
        header=Header(frame_id='mic'), audio=SimpleNamespace(audio_data=data, info=info)
    )


@pytest.mark.parametrize(
    ('name', 'values', 'heard'),
    [
        ('int16_data', array.array('h', [16384, -32768]), [0.5, -1.0]),
        # Twelve bytes: four samples of three.
        (
            'int24_data',
            array.array('i', b'\0\0\x40\0\0\x80\0\0\x20\0\0\xe0'),
            [0.5, -1.0, 0.25, -0.25],
        ),
        ('float32_data', array.array('f', [0.25, -0.5]), [0.25, -0.5]),
        ('int32_data', array.array('i', [2**30, -(2**31)]), [0.5, -1.0]),
        ('int8_data', array.array('b', [64, -128]), [0.5, -1.0]),
        ('uint8_data', array.array('B', [192, 0]), [0.5, -1.0]),
    ],
)
def test_the_other_packages_blocks_bring_their_format_along(name, values, heard) -> None:
    block = to_block(other(**{name: values}))
    assert (block.form.rate, block.form.channels) == (44100, 2)
    assert block.header.frame_id == 'mic'
    samples, rate = make_decoder(block.form).push(block.data)
    assert (samples.shape, rate) == ((len(heard) // 2, 2), 44100)
    np.testing.assert_allclose(samples.ravel(), heard, atol=1e-6)


def test_the_distributions_blocks_come_with_stamps_or_without() -> None:
    plain = AudioData(data=array.array('B', b'1234'))
    stamped = AudioDataStamped(header=Header(frame_id='mic'), audio=plain)
    assert (to_block(stamped).header.frame_id, bytes(to_block(stamped).data)) == ('mic', b'1234')
    assert to_block(plain).header == Header()
    assert bytes(to_block(plain).data) == b'1234' and to_block(plain).form is None
    assert SoundFormat(1, 1, 'S8').coding == 'wave'


def test_nothing_fails_where_the_other_package_hides_the_distributions(tmp_path) -> None:
    package = tmp_path / 'audio_common_msgs' / 'msg'
    package.mkdir(parents=True)
    (package.parent / '__init__.py').touch()
    (package / '__init__.py').write_text(OTHER)
    code = f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROBE}'
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    way, refusal = done.stdout.splitlines()
    assert way == '/audio audio_common_msgs/msg/AudioStamped'
    assert 'run its audio_capturer_node instead, and name its topic' in refusal
