# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound from a capture device."""

from __future__ import annotations

import queue
import threading
import time as system_time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from emotion_perception.audio.source import BLOCK, AudioSourceError, SourceSettings
from emotion_perception.media.sound import AudioChunk


class Microphone:
    """A capture device through PortAudio, at its own rate unless another is asked for.

    :raises AudioSourceError: without PortAudio, without the device, or if it refuses.
    """

    # A device that gives nothing for so long, seconds, is gone: PortAudio often does not say so.
    # The first block may take longer: sound servers wake the device up.
    _LOST = 2.0
    _FIRST = 5.0

    def __init__(
        self,
        settings: SourceSettings,
        clock: Callable[[], float] = system_time.time,
        warn: Callable[[str], None] = warnings.warn,
    ) -> None:
        self._clock, self._warn = clock, warn
        self._sounddevice = import_sounddevice()
        self._queue: queue.SimpleQueue[AudioChunk | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._patience = self._FIRST
        device = self._find(settings.device)
        self.name = device['name']
        self.rate = settings.rate or int(device['default_samplerate'])
        self._stream = self._open(device, settings)

    def read(self) -> AudioChunk | None:
        """Return the next block; ``None`` after :meth:`close`.

        :raises AudioSourceError: if the device gives no sound any more.
        """
        if self._closed:
            return None
        try:
            chunk = self._queue.get(timeout=self._patience)
        except queue.Empty:
            raise AudioSourceError(
                f'the microphone {self.name!r} has given no sound for {self._patience:g} s: is '
                'it unplugged?'
            ) from None
        self._patience = self._LOST
        return chunk

    def close(self) -> None:
        """Let go of the device; any thread may call it, and more than once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._stream.close()
            except self._sounddevice.PortAudioError:
                pass  # It is gone already.
        self._queue.put(None)

    def _find(self, wanted: str) -> dict[str, Any]:
        """Return PortAudio's description of the device that is asked for."""
        sd = self._sounddevice
        # PortAudio lists devices once, at its start: only a new start sees one that came back.
        sd._terminate()
        sd._initialize()
        key: int | str | None = wanted or None
        if wanted.lstrip('-').isdigit():
            key = int(wanted)
        try:
            return sd.query_devices(key, kind='input')
        except (ValueError, sd.PortAudioError) as error:
            inputs = [
                f'{item["index"]}: {item["name"]}'
                for item in sd.query_devices()
                if item['max_input_channels'] > 0
            ]
            asked = f'no microphone {wanted!r}' if wanted else 'no default microphone'
            raise AudioSourceError(
                f'{asked} ({error}); capture devices here: {"; ".join(inputs) or "none"}'
            ) from error

    def _open(self, device: dict[str, Any], settings: SourceSettings) -> Any:
        """Start the stream; ask for the device's own channels if it refuses ours."""
        sd = self._sounddevice
        most = device['max_input_channels']
        reasons = []
        for channels in dict.fromkeys((min(settings.channels, most), min(2, most), most)):
            try:
                stream = sd.InputStream(
                    device=device['index'],
                    samplerate=self.rate,
                    channels=channels,
                    dtype='int16',
                    blocksize=max(1, round(BLOCK * self.rate)),
                    callback=self._on_block,
                )
                stream.start()
                return stream
            except sd.PortAudioError as error:
                reasons.append(f'{channels} channel(s) at {self.rate} Hz: {error}')
        raise AudioSourceError(
            f'the microphone {self.name!r} cannot be opened: {"; ".join(reasons)}'
        )

    def _on_block(self, samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
        """Take a block from PortAudio, in its thread."""
        if status.input_overflow:
            self._warn(f'the microphone {self.name!r} lost sound: the machine is too busy')
        # Some backends give no times, or impossible ones: then the block was full just now.
        age = times.currentTime - times.inputBufferAdcTime
        if not frames / self.rate <= age < 1.0:
            age = frames / self.rate
        self._queue.put(AudioChunk(samples.copy(), self.rate, self._clock() - age))


def import_sounddevice() -> Any:
    """Import sounddevice, which needs the system's PortAudio.

    :raises AudioSourceError: if either is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise AudioSourceError(
            'a microphone needs the package sounddevice; install it with '
            '`pip install sounddevice`, or give a sound file as source'
        ) from error
    except OSError as error:
        raise AudioSourceError(
            f'a microphone needs the library PortAudio ({error}); install it '
            'with `apt-get install libportaudio2`, or give a sound file as '
            'source'
        ) from error
    return sounddevice
