# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound files, films and streams as if they were microphones."""

from __future__ import annotations

import math
import time as system_time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from emotion_perception.audio.source import BLOCK, SourceSettings
from emotion_perception.media import together
from emotion_perception.media.container import measured_seconds
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import (
    FILM_SUFFIXES,
    SOUND_SUFFIXES,
    check_file,
    files_in,
    local_path,
)
from emotion_perception.media.sound import AudioChunk, SoundReader


class FileSource:
    """Sound files, paced in real time, each followed by a pause.

    The sound of a film begins when its first picture is due and, in a loop, lasts as long as the
    film: played by another source of this process at the same time, both stay together.

    :raises MediaError: if there is nothing to play.
    """

    # Behind by more than this (the machine slept): go on from now instead of catching up.
    _LATE = 0.5

    # Two clocks are read together if no more than this passes; the process may be held up between.
    _AT_ONCE = 1e-4
    _LOOKS = 10

    def __init__(
        self,
        settings: SourceSettings,
        clock: Callable[[], float] = system_time.time,
        warn: Callable[[str], None] = warnings.warn,
        monotonic: Callable[[], float] = system_time.monotonic,
        sleep: Callable[[float], None] = system_time.sleep,
    ) -> None:
        self._settings = settings
        self._clock, self._warn = clock, warn
        self._monotonic, self._sleep = monotonic, sleep
        self._closed = False
        self.name = settings.source
        self._files = _files_of(local_path(settings.source))
        self._told: set[str] = set()
        self._film: together.Playback | None = None
        self._blocks = self._play()
        self._due: float | None = None
        self._patience = self._LATE

    def read(self) -> AudioChunk | None:
        """Return the next block at the time a microphone would; ``None`` at the end.

        :raises MediaError: if a file cannot be read.
        """
        if self._closed:
            return None
        item = next(self._blocks, None)
        if item is None:
            return None
        samples, rate = item
        length = len(samples) / rate
        now = self._monotonic()
        if self._due is None or now - self._due > self._patience:
            self._due = now
        elif now <= self._due:
            self._patience = self._LATE
        # A block is there once its last sample is.
        self._due += length
        if self._due > now:
            self._sleep(self._due - now)
        if self._closed:
            return None
        return AudioChunk(samples, rate, self._due - length + self._offset())

    def _offset(self) -> float:
        """Return what the clock of the stamps is ahead of the monotonic one, in seconds."""
        for _ in range(self._LOOKS):
            before = self._monotonic()
            now = self._clock()
            if self._monotonic() - before < self._AT_ONCE:
                break
        return now - before

    def close(self) -> None:
        """Stop playing."""
        self._closed = True
        if self._film is not None:
            self._film.end()

    def _say(self, text: str) -> None:
        """Warn once of each thing, however often a file is played."""
        if text not in self._told:
            self._told.add(text)
            self._warn(text)

    def _play(self) -> Iterator[tuple[np.ndarray, int]]:
        """Yield blocks of int16 (n, channels) and their rate, over all files."""
        while True:
            played = 0
            for path in self._files:
                try:
                    yield from self._play_file(path)
                    played += 1
                except MediaError as error:
                    if len(self._files) == 1:
                        raise
                    self._say(f'{error}; left out')
            if not played:
                raise MediaError(f'no file in {self.name} can be read')
            if not self._settings.loop:
                return

    def _play_file(self, path: Path) -> Iterator[tuple[np.ndarray, int]]:
        """Yield the blocks of one file and of the silence after it."""
        count = 0
        with SoundReader(path, BLOCK, self._say, whole=True) as reader:
            film = bool(reader.contents.pictures) and len(self._files) == 1
            length = math.inf
            if film and self._due is None:
                self._join(path)
            if film and self._settings.loop:
                length = measured_seconds(path, reader.contents)
            for chunk in reader:
                left = round(length * chunk.rate) - count if length < math.inf else math.inf
                samples = chunk.samples[: max(0, min(left, len(chunk.samples)))]
                count += len(samples)
                if len(samples):
                    yield samples, chunk.rate
            rate, channels = reader.rate, reader.channels
        missing = round(self._settings.pause * rate)
        if length < math.inf:
            missing = round(length * rate) - count
        size = max(1, round(BLOCK * rate))
        while missing > 0:
            yield np.zeros((min(size, missing), channels), np.int16), rate
            missing -= size

    def _join(self, path: Path) -> None:
        """Begin now, or with the film's pictures, if they began just before."""
        now = self._monotonic()
        self._film = together.begin(path, 'sound', now)
        self._due = self._film.start
        self._patience = max(self._LATE, now - self._due + self._LATE)


class StreamSource:
    """The sound of a stream, as it comes; of a recording on a server, paced.

    :raises MediaError: if it cannot be opened or has no sound.
    """

    def __init__(
        self,
        settings: SourceSettings,
        clock: Callable[[], float] = system_time.time,
        warn: Callable[[str], None] = warnings.warn,
    ) -> None:
        self.name = settings.source
        self._clock = clock
        self._closed = False
        self._reader = SoundReader(settings.source, BLOCK, warn, live=True)
        self._chunks = iter(self._reader)
        self._recorded = not math.isnan(self._reader.contents.seconds)
        self._start: float | None = None

    def read(self) -> AudioChunk | None:
        """Return the next block; ``None`` after :meth:`close`.

        :raises MediaError: if the stream is lost or at its end.
        """
        chunk = None if self._closed else next(self._chunks, None)
        if chunk is None:
            self._reader.close()
            if self._closed:
                return None
            raise MediaError(f'stream {self.name} gives no more sound')
        if self._start is None:
            self._start = system_time.monotonic() - chunk.time
        ahead = self._start + chunk.end - system_time.monotonic()
        if self._recorded and ahead > 0:
            system_time.sleep(ahead)
        length = len(chunk.samples) / chunk.rate
        return AudioChunk(chunk.samples, chunk.rate, self._clock() - length)

    def close(self) -> None:
        """Stop; a read under way ends at the next block, or when the stream's patience ends."""
        self._closed = True


def _files_of(path: Path) -> list[Path]:
    """Return the files that a source path stands for, in order."""
    if path.is_dir():
        files = files_in(path, SOUND_SUFFIXES + FILM_SUFFIXES)
        if not files:
            raise MediaError(
                f'the folder {path} holds no sound files ({", ".join(SOUND_SUFFIXES)})'
            )
        return files
    check_file(path)
    return [path]
