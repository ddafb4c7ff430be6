# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound as drivers publish it: the one module that knows both packages ``audio_common_msgs``.

Two packages have that name. That of every ROS 2 distribution (ros-drivers/audio_common) has
``AudioData``, ``AudioDataStamped`` and ``AudioInfo``; that of github.com/mgonzs13/audio_common
has ``AudioStamped``, which carries its format along, and other messages of the same names.
Whichever is installed hides the other one, so that no node could translate between them: what
listens takes what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import audio_common_msgs.msg
import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header

from emotion_perception.audio.decoders import SoundFormat
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.ros.sources import Way

_KINDS = vars(audio_common_msgs.msg)

DISTRIBUTIONS_OWN = 'AudioDataStamped' in _KINDS
"""Whether the installed ``audio_common_msgs`` is that of the ROS 2 distributions."""

# Fields of the other package's AudioData, of which one is filled, as GStreamer's formats. Its
# releases 2.0 have int24_data, too: the bytes of PortAudio's packed samples, four to a number.
_ARRAYS = {
    'float32_data': ('F32LE', '<f4'),
    'int32_data': ('S32LE', '<i4'),
    'int24_data': ('S24LE', '<i4'),
    'int16_data': ('S16LE', '<i2'),
    'int8_data': ('S8', 'i1'),
    'uint8_data': ('U8', 'u1'),
}


@dataclass(frozen=True)
class Block:
    """A block of sound as it came.

    :param header: with a stamp of zero where the message has none.
    :param form: what its bytes are, where the message says so itself.
    """

    header: Header
    data: memoryview
    form: SoundFormat | None = None


def need_the_distributions_own(node: Node) -> None:
    """Refuse to start a node that publishes sound where it could not.

    :raises ConfigurationError: if the other ``audio_common_msgs`` is installed.
    """
    if not DISTRIBUTIONS_OWN:
        raise ConfigurationError(
            f'{node.get_name()}: the audio_common_msgs that is installed is that of '
            'mgonzs13/audio_common, without AudioDataStamped: run its audio_capturer_node '
            'instead, and name its topic (audio_topic:=/audio)'
        )


def sound_ways(node: Node, topic: str) -> list[Way]:
    """Return how sound may come.

    :param topic: as the node subscribes to it: that of stamped blocks, or whichever a driver has.
    """
    name = node.resolve_topic_name(topic)
    if not DISTRIBUTIONS_OWN:
        return [Way(name, _KINDS['AudioStamped'])]
    stamped, plain = _KINDS['AudioDataStamped'], _KINDS['AudioData']
    ways = [Way(name, stamped), Way(name, plain)]
    if name.endswith('/audio_stamped'):
        # audio_capture publishes both; others the one without stamps alone.
        ways.append(Way(name.removesuffix('_stamped'), plain))
    return ways


def to_block(message: Any) -> Block:
    """Return the sound of a message of any way."""
    if hasattr(message, 'header') and hasattr(message.audio, 'info'):
        return _with_format(message.header, message.audio)
    if hasattr(message, 'header'):
        return Block(message.header, memoryview(message.audio.data))
    return Block(Header(), memoryview(message.data))


def _with_format(header: Header, audio: Any) -> Block:
    """Read the other package's ``Audio``: samples of one type or another, and what they are."""
    data = getattr(audio, 'audio_data', None) or audio.audio
    name = next((name for name in _ARRAYS if len(getattr(data, name, ()))), 'int16_data')
    form, kind = _ARRAYS[name]
    samples = np.asarray(getattr(data, name)).astype(kind, copy=False)
    return Block(
        header,
        memoryview(samples.tobytes()),
        SoundFormat(audio.info.rate, audio.info.channels, form),
    )
