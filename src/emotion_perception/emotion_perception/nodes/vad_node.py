# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Hear speech: voice activity frame by frame, and finished utterances."""

from __future__ import annotations

import time
from typing import Any

from audio_common_msgs.msg import AudioInfo
from std_msgs.msg import Header

from emotion_msgs.msg import Utterance, VoiceActivity
from emotion_perception.audio.decoders import Decoder, SoundFormat, make_decoder
from emotion_perception.audio.denoise import Denoiser
from emotion_perception.audio.level import clipped
from emotion_perception.audio.listener import Activity, Heard, Listener, joined
from emotion_perception.audio.pcm import AudioFormatError
from emotion_perception.audio.segment import EndedBy
from emotion_perception.audio.source import BLOCK
from emotion_perception.audio.vads import make_vad
from emotion_perception.nodes.settings import VadNodeSettings
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import to_activity, to_seconds, to_utterance
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.limits import LONGEST_TEXT, MessageError, check_block
from emotion_perception.ros.losses import Losses
from emotion_perception.ros.main import run
from emotion_perception.ros.sound import DISTRIBUTIONS_OWN, sound_ways, to_block
from emotion_perception.ros.sources import AnySubscription
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.timer import steady_timer

# Seconds that the first sound waits for its AudioInfo before the defaults count.
_INFO_WAIT = 1.0
# Seconds without sound after which an utterance under way is ended.
_SOURCE_TIMEOUT = 1.0
# Blocks with a larger share of samples at full scale are worth a warning.
_CLIPPED = 0.02


class VadNode(ModelNode[VadNodeSettings, Listener]):
    """Subscribe ``audio/audio_stamped``, publish ``emotion/voice_activity`` and ``.../utterance``.

    The detectors need a tenth to a third of a millisecond for each 32 ms of sound: less than
    handing the sound to another thread, so they run in the subscription's callback.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('vad_node', VadNodeSettings, **arguments)

    def load(self, settings: VadNodeSettings) -> Listener:
        """Load the detector, and the noise suppression if it is on."""
        denoiser = Denoiser() if settings.noise_suppression == 'rnnoise' else None
        return Listener(make_vad(settings.detector), settings.segment, denoiser)

    def start(self, loaded: Listener) -> Work:
        """Listen."""
        return _Listening(self, loaded)

    def apply(self, loaded: Listener, settings: VadNodeSettings) -> None:
        """Cut utterances by other settings from now on."""
        loaded.segmenter.settings = settings.segment

    def facts(self, loaded: Listener | None) -> dict[str, object]:
        """Return the detector and what it left out, for the diagnostics."""
        dropped = loaded.segmenter.dropped if loaded else 0
        return {'model': self.settings.detector.vad, 'device': 'cpu', 'too_short': dropped}


class _Listening(Work):
    """Listens while the node is active; while it is switched off it leaves the sound alone."""

    def __init__(self, node: VadNode, listener: Listener) -> None:
        self._node = node
        self._listener = listener
        self._subscription: AnySubscription | None = None
        self._form: SoundFormat | None = None
        self._decoder: Decoder | None = None
        self._first = self._last = 0.0
        self._frame_id = ''
        self._stamps = Stamps(node, 'audio/audio_stamped')
        self._ways = sound_ways(node, 'audio/audio_stamped')
        self._blocks = node.diagnostics.watch_any(self._ways, 'blocks of sound')
        self._losses = Losses(node, 'audio/audio_stamped')
        self._utterances = 0
        self._activity = node.create_publisher(VoiceActivity, 'emotion/voice_activity', qos.RESULT)
        self._utterance = node.create_publisher(Utterance, 'emotion/utterance', qos.UTTERANCE)
        # The messages of the other package carry their format along.
        self._infos = (
            BusSubscription(node, AudioInfo, 'audio/audio_info', self._on_info, qos.LATCHED)
            if DISTRIBUTIONS_OWN
            else None
        )
        self._timer = steady_timer(node, _SOURCE_TIMEOUT / 4, self._on_timer)
        self.switched(node.enabled)

    def stop(self) -> None:
        """End what is under way and stop listening."""
        self.switched(False)
        self._node.destroy_timer(self._timer)
        if self._infos is not None:
            self._infos.destroy()
        self._node.destroy_publisher(self._activity)
        self._node.destroy_publisher(self._utterance)
        self._node.diagnostics.leave(self._blocks)

    def switched(self, enabled: bool) -> None:
        """Subscribe to the sound, or end the utterance under way and leave it."""
        if enabled and self._subscription is None:
            self._first = 0.0
            self._subscription = AnySubscription(self._node, self._ways, self._on_audio, qos.AUDIO)
        elif not enabled and self._subscription is not None:
            self._subscription.destroy()
            self._subscription = None
            ended = self._listener.stop(EndedBy.REQUEST)
            if self._node.context.ok():  # else the process ends, and nobody hears it any more
                self._publish(ended)

    def facts(self) -> dict[str, object]:
        """Return how many utterances were heard, and how many blocks of sound never arrived."""
        return {'utterances': self._utterances, 'lost': self._losses.count}

    def _on_info(self, message: AudioInfo) -> None:
        self._take_format(
            SoundFormat(
                message.sample_rate,
                message.channels,
                message.sample_format,
                message.coding_format,
            )
        )

    def _take_format(self, form: SoundFormat) -> None:
        """Read what comes from now on in another form."""
        if form == self._form:
            return
        self._form, self._decoder = form, None
        try:
            self._decoder = make_decoder(form)
        except AudioFormatError as error:
            self._node.get_logger().error(str(error))
            self._node.diagnostics.error(str(error))
            self._publish(self._listener.stop(EndedBy.SOURCE))
        else:
            self._node.diagnostics.ok()

    def _on_audio(self, message: Any) -> None:
        self._blocks.came()
        lost = self._losses.note(self._subscription.info if self._subscription else None)
        if lost:
            self._node.report.warn(
                'lost',
                f'{lost} blocks of sound never arrived ({self._losses.count} so far): this '
                'process was held up, or the network is',
            )
        self._last = time.monotonic()
        self._first = self._first or self._last
        block = to_block(message)
        if block.form is not None:
            self._take_format(block.form)
        elif self._form is None:
            if self._last - self._first < _INFO_WAIT:
                return
            self._assume()
        if self._decoder is None or self._form is None:
            return
        if not block.data.nbytes:
            self._blocks.refused('they are empty')
            self._node.report.warn('empty', 'a message without sound came; it is left out')
            return
        self._frame_id = block.header.frame_id[:LONGEST_TEXT]
        try:
            check_block(block.data.nbytes, self._form)
            samples, rate = self._decoder.push(block.data)
            begin = self._begin(block.header, len(samples) / max(1, rate))
            events = self._listener.hear(samples, rate, begin) if len(samples) else []
        except (AudioFormatError, MessageError) as error:
            self._blocks.refused(str(error))
            self._node.report.warn('format', f'bad sound: {error}; it is left out')
            return
        self._blocks.taken()
        share = clipped(samples) if len(samples) else 0.0
        if share > _CLIPPED:
            self._node.report.warn(
                'clipping',
                f'the sound clips ({share:.0%} of a block at full '
                'scale): lower the gain of the microphone',
            )
        self._publish(events)

    def _begin(self, header: Header, seconds: float) -> float:
        """Return when the first sample of a block of so many seconds was taken, seconds."""
        usable = self._stamps.header(header)
        time = to_seconds(usable.stamp)
        # What arrives now ended just now.
        return time if usable is header else time - seconds

    def _assume(self) -> None:
        """Take the format from the parameters."""
        settings = self._node.settings
        self._node.get_logger().warning(
            f'sound comes without audio/audio_info: taken as {settings.default_format}, '
            f'{settings.default_rate} Hz, {settings.default_channels} channel(s)'
        )
        self._take_format(
            SoundFormat(settings.default_rate, settings.default_channels, settings.default_format)
        )

    def _on_timer(self) -> None:
        if self._listener.speaking and time.monotonic() - self._last > _SOURCE_TIMEOUT:
            self._publish(self._listener.stop(EndedBy.SOURCE))

    def _publish(self, events: list[Activity | Heard]) -> None:
        for event in joined(events, BLOCK):
            if isinstance(event, Activity):
                self._activity.publish(to_activity(event, self._frame_id))
                self._node.diagnostics.tick(now(self._node) - event.time)
            else:
                self._utterance.publish(to_utterance(event, self._frame_id))
                self._utterances += 1


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(VadNode, args)
