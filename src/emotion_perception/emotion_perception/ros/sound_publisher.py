# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Publish sound as ``audio_capture`` does."""

from __future__ import annotations

import array
from typing import Any

import audio_common_msgs.msg
from rclpy.node import Node
from std_msgs.msg import Header

from emotion_perception.ros import qos
from emotion_perception.ros.sound import need_the_distributions_own


class SoundPublisher:
    """Publishes ``audio/audio_stamped``, ``audio/audio``, and the latched ``audio/audio_info``.

    :param node: that publishes.
    :raises ConfigurationError: if the other ``audio_common_msgs`` is installed.
    :ivar rate: samples per second of the last block; 0 before the first, as ``channels`` is.
    """

    def __init__(self, node: Node) -> None:
        need_the_distributions_own(node)
        self.rate = self.channels = 0
        # Looked up here: the other package has no such names.
        self._kinds: Any = audio_common_msgs.msg
        self._stamped = node.create_publisher(
            self._kinds.AudioDataStamped, 'audio/audio_stamped', qos.AUDIO
        )
        self._plain = node.create_publisher(self._kinds.AudioData, 'audio/audio', qos.AUDIO)
        self._info = node.create_publisher(self._kinds.AudioInfo, 'audio/audio_info', qos.LATCHED)

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to stamped sound."""
        return bool(self._stamped.get_subscription_count())

    def publish(
        self, samples: bytes | memoryview, rate: int, channels: int, header: Header
    ) -> None:
        """Publish a block.

        :param samples: S16LE, channels interleaved.
        :param header: its stamp is the time of the first sample.
        """
        if (rate, channels) != (self.rate, self.channels):
            self.rate, self.channels = rate, channels
            self._info.publish(
                self._kinds.AudioInfo(
                    channels=channels,
                    sample_rate=rate,
                    sample_format='S16LE',
                    bitrate=16 * rate * channels,
                    coding_format='wave',
                )
            )
        data = array.array('B')
        data.frombytes(samples)
        audio = self._kinds.AudioData(data=data)
        self._stamped.publish(self._kinds.AudioDataStamped(header=header, audio=audio))
        if self._plain.get_subscription_count():
            self._plain.publish(audio)
