"""Hear speech: voice activity frame by frame, and finished utterances."""

from __future__ import annotations

import array
import time
from typing import Any

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from std_msgs.msg import Header

from emotion_msgs.msg import Utterance, VoiceActivity
from emotion_perception.audio.denoise import Denoiser
from emotion_perception.audio.level import clipped
from emotion_perception.audio.listener import Activity, Heard, Listener
from emotion_perception.audio.pcm import RATE, AudioFormatError, decode
from emotion_perception.audio.segment import EndedBy
from emotion_perception.audio.vads import make_vad
from emotion_perception.nodes.settings import VadNodeSettings
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_seconds, to_stamp
from emotion_perception.ros.lifecycle import ModelNode
from emotion_perception.ros.main import run
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.timer import steady_timer

# Seconds that the first sound waits for its AudioInfo before the defaults count.
_INFO_WAIT = 1.0
# Seconds without sound after which an utterance under way is ended.
_SOURCE_TIMEOUT = 1.0


class VadNode(ModelNode[VadNodeSettings]):
    """Subscribe ``audio/audio_stamped``, publish ``emotion/voice_activity`` and ``.../utterance``.

    The detectors need a tenth to a third of a millisecond for each 32 ms of sound: less than
    handing the sound to another thread, so they run in the subscription's callback.
    """

    # Blocks with a larger share of samples at full scale are worth a warning.
    _CLIPPED = 0.02

    def __init__(self, **arguments: Any) -> None:
        super().__init__('vad_node', VadNodeSettings, **arguments)
        self._listener: Listener | None = None
        self._subscription = None
        self._started = False
        self._info: AudioInfo | None = None
        self._refused = ''
        self._first = self._last = 0.0
        self._frame_id = ''
        self._stamps = Stamps(self, 'audio/audio_stamped')
        self._blocks = self.diagnostics.watch(
            AudioDataStamped, 'audio/audio_stamped', 'blocks of sound'
        )
        self._utterances = 0

    def load(self) -> None:
        """Load the detector, and the noise suppression if it is on."""
        denoiser = Denoiser() if self.settings.noise_suppression == 'rnnoise' else None
        self._listener = Listener(
            make_vad(self.settings.detector), self.settings.segment, denoiser
        )

    def start(self) -> None:
        """Listen."""
        self._activity = self.create_publisher(VoiceActivity, 'emotion/voice_activity', qos.RESULT)
        self._utterance = self.create_publisher(Utterance, 'emotion/utterance', qos.RESULT)
        self._info_subscription = self.create_subscription(
            AudioInfo, 'audio/audio_info', self._on_info, qos.LATCHED
        )
        self._timer = steady_timer(self, _SOURCE_TIMEOUT / 4, self._on_timer)
        self._started = True
        self.switched(self.enabled)

    def stop(self) -> None:
        """End what is under way and stop listening."""
        self.switched(False)
        self._started = False
        self.destroy_timer(self._timer)
        self.destroy_subscription(self._info_subscription)
        self.destroy_publisher(self._activity)
        self.destroy_publisher(self._utterance)
        self._info = None

    def unload(self) -> None:
        """Free the detector."""
        self._listener = None

    def switched(self, enabled: bool) -> None:
        """Subscribe to the sound, or end the utterance under way and leave it."""
        if not self._started:
            return
        if enabled and self._subscription is None:
            self._first = 0.0
            self._subscription = self.create_subscription(
                AudioDataStamped, 'audio/audio_stamped', self._on_audio, qos.AUDIO
            )
        elif not enabled and self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None
            ended = self._listener.stop(EndedBy.REQUEST)
            if self.context.ok():  # else the process is ending, and nobody hears it any more
                self._publish(ended)

    def facts(self) -> dict[str, object]:
        """Return the detector and what it heard, for the diagnostics."""
        dropped = 0 if self._listener is None else self._listener.segmenter.dropped
        return {
            'model': self.settings.detector.vad,
            'device': 'cpu',
            'utterances': self._utterances,
            'too_short': dropped,
            'warnings': self.report.warnings,
        }

    def apply(self, settings: VadNodeSettings) -> None:
        """Cut utterances by other settings from now on."""
        if self._listener is not None:
            self._listener.segmenter.settings = settings.segment

    def _on_info(self, message: AudioInfo) -> None:
        if message == self._info:
            return
        self._info = message
        self._refused = ''
        if message.coding_format.lower() not in ('', 'wave', 'wav', 'raw', 'pcm'):
            self._refused = (
                f'the sound is coded as {message.coding_format!r}, and only raw samples can be '
                'heard: start audio_capture with format:=wave'
            )
            self.get_logger().error(self._refused)
            self.diagnostics.error(self._refused)
            self._publish(self._listener.stop(EndedBy.SOURCE))
        else:
            self.diagnostics.ok()

    def _on_audio(self, message: AudioDataStamped) -> None:
        self._blocks.came()
        self._last = time.monotonic()
        self._first = self._first or self._last
        if self._refused:
            return
        if self._info is None:
            if self._last - self._first < _INFO_WAIT:
                return
            self._assume()
        if not message.audio.data:
            self._blocks.refused('they are empty')
            self.report.warn('empty', 'a message without sound came; it is left out')
            return
        self._frame_id = message.header.frame_id
        try:
            samples = decode(message.audio.data, self._info.sample_format, self._info.channels)
            events = self._listener.hear(
                samples, self._info.sample_rate, self._begin(message.header, len(samples))
            )
        except AudioFormatError as error:
            self._blocks.refused(str(error))
            self.report.warn('format', f'bad sound: {error}; it is left out')
            return
        self._blocks.taken()
        share = clipped(samples)
        if share > self._CLIPPED:
            self.report.warn(
                'clipping',
                f'the sound clips ({share:.0%} of a block at full '
                'scale): lower the gain of the microphone',
            )
        self._publish(events)

    def _begin(self, header: Header, samples: int) -> float:
        """Return when the first sample of a block was taken, seconds."""
        usable = self._stamps.header(header)
        time = to_seconds(usable.stamp)
        # What arrives now ended just now.
        return time if usable is header else time - samples / self._info.sample_rate

    def _assume(self) -> None:
        """Take the format from the parameters."""
        settings = self.settings
        self._info = AudioInfo(
            channels=settings.default_channels,
            sample_rate=settings.default_rate,
            sample_format=settings.default_format,
        )
        self.get_logger().warning(
            f'sound comes without audio/audio_info: taken as {settings.default_format}, '
            f'{settings.default_rate} Hz, {settings.default_channels} channel(s)'
        )

    def _on_timer(self) -> None:
        if self._listener.speaking and time.monotonic() - self._last > _SOURCE_TIMEOUT:
            self._publish(self._listener.stop(EndedBy.SOURCE))

    def _publish(self, events: list[Activity | Heard]) -> None:
        for event in events:
            if isinstance(event, Activity):
                self._activity.publish(
                    VoiceActivity(
                        header=self._header(event.time),
                        probability=event.probability,
                        speaking=event.speaking,
                        level=event.level,
                        duration=event.duration,
                    )
                )
                self.diagnostics.tick(now(self) - event.time)
            else:
                self._publish_utterance(event)

    def _publish_utterance(self, heard: Heard) -> None:
        segment = heard.segment
        samples = array.array('h')
        samples.frombytes(segment.samples.tobytes())
        message = Utterance(
            header=self._header(segment.end),
            start=to_stamp(max(0.0, segment.start)),
            ended_by=int(segment.ended_by),
            sample_rate=RATE,
            samples=samples,
            speech_seconds=segment.speech_seconds,
            snr=heard.snr,
        )
        message.end = message.header.stamp
        self._utterance.publish(message)
        self._utterances += 1

    def _header(self, seconds: float) -> Header:
        return Header(stamp=to_stamp(max(0.0, seconds)), frame_id=self._frame_id)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(VadNode, args)
