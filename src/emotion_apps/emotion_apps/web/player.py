# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Play a film or a sound file through the graph, as if it were taken now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from emotion_apps.web.publisher import Publisher
from emotion_perception.audio.pcm import to_s16le
from emotion_perception.audio.source import AudioSource
from emotion_perception.audio.source import SourceSettings as SoundSettings
from emotion_perception.audio.sources import open_source
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import FILM_SUFFIXES, SOUND_SUFFIXES
from emotion_perception.vision.source import SourceSettings
from emotion_perception.vision.sources import Source

SUFFIXES = (*SOUND_SUFFIXES, *FILM_SUFFIXES)
"""Files that can be played."""


class Player:
    """Plays one file, in threads of its own, and removes it afterwards.

    :param path: of the file; it belongs to the player.
    :param on_end: called once, in a thread of the player, with what went wrong ('' if nothing).
    """

    def __init__(self, path: Path, devices: Publisher, on_end: Callable[[str], None]) -> None:
        self._path = path
        self._devices = devices
        self._on_end = on_end
        self._stop = threading.Event()
        self._picture: Source | None = None
        self._sound: AudioSource | None = None
        self._trouble: list[str] = []
        is_film = path.suffix.lower() not in SOUND_SUFFIXES
        parts = []
        if is_film and devices.camera:
            parts.append(self._play_pictures)
        if devices.microphone:
            parts.append(self._play_sound)
        self._film = is_film and devices.camera
        self._threads = [
            threading.Thread(target=part, name=part.__name__, daemon=True) for part in parts
        ]
        self._watcher = threading.Thread(target=self._watch, name='player', daemon=True)

    def start(self) -> None:
        """Begin to play."""
        for thread in self._threads:
            thread.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop soon; ``on_end`` is still called."""
        self._stop.set()
        for source in (self._picture, self._sound):
            if source is not None:
                source.close()

    def join(self) -> None:
        """Stop, and wait until the file is gone."""
        self.stop()
        self._watcher.join()

    def _watch(self) -> None:
        for thread in self._threads:
            thread.join()
        self._path.unlink(missing_ok=True)
        self._on_end('' if self._stop.is_set() else '; '.join(self._trouble))

    def _play_pictures(self) -> None:
        try:
            self._picture = Source(SourceSettings(source=str(self._path)), lambda text: None)
            while not self._stop.is_set():
                frame = self._picture.read()
                if frame is None:
                    break
                self._devices.publish_picture(frame.image, frame.time)
        except (MediaError, OSError) as error:
            self._note(error)
        finally:
            if self._picture is not None:
                self._picture.close()

    def _play_sound(self) -> None:
        try:
            settings = SoundSettings(source=str(self._path))
            self._sound = open_source(settings, time.monotonic, lambda text: None)
            while not self._stop.is_set():
                chunk = self._sound.read()
                if chunk is None:
                    break
                self._devices.publish_sound(
                    to_s16le(chunk.samples), chunk.rate, chunk.channels, chunk.time
                )
        except (MediaError, OSError) as error:
            # A film may have no sound.
            if not self._film:
                self._note(error)
        finally:
            if self._sound is not None:
                self._sound.close()

    def _note(self, error: Exception) -> None:
        # The path is one of this machine's, and no business of the page.
        self._trouble.append(str(error).replace(str(self._path), 'the file'))
