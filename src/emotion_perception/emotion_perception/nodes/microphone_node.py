# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Publish sound as ``audio_capture`` does: from a microphone, a file, a folder or a video."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header

from emotion_perception.audio.level import level
from emotion_perception.audio.pcm import to_s16le
from emotion_perception.audio.source import AudioSource
from emotion_perception.audio.sources import open_source
from emotion_perception.media.backoff import Backoff
from emotion_perception.media.errors import MediaError
from emotion_perception.media.sound import AudioChunk
from emotion_perception.nodes.settings import MicrophoneSettings
from emotion_perception.ros.convert import to_stamp
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.main import run
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.sound_publisher import SoundPublisher


class MicrophoneNode(Node):
    """Publish ``audio/audio_stamped``, ``audio/audio`` and the latched ``audio/audio_info``.

    Samples are S16LE at the source's own rate; the stamp is the acquisition time of a block's
    first sample. A device that is missing or lost is tried again with growing pauses.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('microphone_node', **arguments)
        self._settings = Parameters(self, MicrophoneSettings).value
        self._report = Reporter(self)
        self._name = ''
        self._level = 0.0
        self._diagnostics = Diagnostics(self, self._facts)
        self._sound = SoundPublisher(self)
        self._stop = threading.Event()
        self._source: AudioSource | None = None
        self._thread = threading.Thread(target=self._run, name='microphone', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Let go of the device before the publishers go."""
        self._stop.set()
        source = self._source
        if source is not None:
            source.close()
        self._thread.join()
        super().destroy_node()

    def _facts(self) -> dict[str, object]:
        return {
            'device': self._name,
            'sample_rate': self._sound.rate,
            'channels': self._sound.channels,
            'level_db': f'{self._level:.1f}',
        }

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _run(self) -> None:
        """Read the source until it ends; open it again when it is lost."""
        if self._settings.wait and self._settings.source != 'microphone':
            self._await_listener()
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._source = open_source(
                    self._settings,
                    self._now,
                    lambda text: self._report.warn('source trouble', text),
                )
                try:
                    self._play(self._source, backoff)
                finally:
                    self._source.close()
                break
            except MediaError as error:
                wait = backoff.next()
                self._report.warn('source', f'{error}; next try in {wait:g} s')
                self._diagnostics.error(str(error))
                self._stop.wait(wait)
            except Exception:
                if not self.context.ok():
                    return  # The process is ending, and nothing can be published any more.
                raise

    def _await_listener(self) -> None:
        self._diagnostics.ok('waiting for a subscriber')
        while not self._stop.is_set() and not self._sound.wanted:
            self._stop.wait(0.05)

    def _play(self, source: AudioSource, backoff: Backoff) -> None:
        """Publish what the source gives; return at its end."""
        self._name = source.name
        first = True
        while not self._stop.is_set():
            chunk = source.read()
            if chunk is None:
                break
            if first:
                first = False
                backoff.reset()
                self._diagnostics.ok()
                self.get_logger().info(
                    f'{source.name}: {chunk.rate} Hz, {chunk.channels} channel(s)'
                )
            self._publish(chunk)
        if not self._stop.is_set():
            self.get_logger().info(f'{source.name} is at its end')
            self._diagnostics.ok('the source is at its end')

    def _publish(self, chunk: AudioChunk) -> None:
        header = Header(stamp=to_stamp(max(0.0, chunk.time)), frame_id=self._settings.frame_id)
        self._sound.publish(to_s16le(chunk.samples), chunk.rate, chunk.channels, header)
        self._level = level(chunk.samples)
        self._diagnostics.tick(self._now() - chunk.end)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(MicrophoneNode, args)
