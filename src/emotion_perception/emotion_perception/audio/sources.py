"""Where sound comes from: a microphone, a file, a folder of files, or a video's sound track.

Every source gives blocks of int16 samples at its own rate, with the time at which the first
sample was acquired. Files are paced in real time: to what follows, they are a microphone.
"""

from __future__ import annotations

import importlib.util
import queue
import shutil
import struct
import subprocess
import threading
import time as system_time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from emotion_perception.audio.pcm import to_int16
from emotion_perception.settings import setting, validate

AUDIO_SUFFIXES: tuple[str, ...] = ('.wav', '.flac', '.ogg', '.oga', '.opus', '.mp3', '.aiff',
                                   '.aif', '.au', '.w64')
"""Files that a folder is searched for."""

VIDEO_SUFFIXES: tuple[str, ...] = ('.mp4', '.mkv', '.mov', '.avi', '.mpg', '.mpeg', '.webm',
                                   '.m4a', '.aac', '.m4v', '.wmv')
"""Files whose sound only ffmpeg reads."""


class AudioSourceError(RuntimeError):
    """A source that cannot be opened or was lost: the message says which, why, and what to do."""


@dataclass(frozen=True)
class AudioChunk:
    """A block of sound as it was acquired.

    :param samples: int16 (n, channels).
    :param rate: samples per second and channel.
    :param time: acquisition time of the first sample, seconds.
    """

    samples: np.ndarray
    rate: int
    time: float

    @property
    def channels(self) -> int:
        """Return the number of channels."""
        return self.samples.shape[1]

    @property
    def end(self) -> float:
        """Return the time just after the last sample, seconds."""
        return self.time + len(self.samples) / self.rate


class AudioSource(Protocol):
    """An open source. ``read`` waits for the next block; ``None`` means that the source ended."""

    name: str

    def read(self) -> AudioChunk | None:
        """Return the next block, or ``None`` at the end.

        :raises AudioSourceError: if the source was lost or a file cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the device or file; a ``read`` under way returns ``None`` soon."""
        ...


@dataclass(frozen=True)
class SourceSettings:
    """Which source, and how it is read."""

    source: str = setting(
        'microphone', 'Where sound comes from: "microphone", or the path of a sound file, of a '
        'folder of sound files, or of a video with sound.')
    device: str = setting(
        '', 'Microphone by name (a part of it is enough) or index; empty for the default one.')
    channels: int = setting(
        1, 'Channels asked from the microphone; a device with other channels only gives what it '
        'has.', low=1, high=32)
    rate: int = setting(
        0, 'Samples per second asked from the microphone; 0 for its own rate.',
        low=0, high=384000)
    block: float = setting(
        0.032, 'Seconds of sound in one message (the default detector hears 32 ms at once).',
        low=0.005, high=0.5)
    loop: bool = setting(False, 'Begin a file or folder anew at its end.')
    pause: float = setting(
        1.0, 'Seconds of silence after each file, so that what is said in it ends.',
        low=0.0, high=60.0)

    def __post_init__(self) -> None:
        validate(self)


def open_source(settings: SourceSettings, clock: Callable[[], float] = system_time.time,
                warn: Callable[[str], None] = warnings.warn) -> AudioSource:
    """Return the source that the settings name, open.

    :param clock: gives the present time in seconds, for the stamps.
    :param warn: told of trouble that the source survives.
    :raises AudioSourceError: if it cannot be opened.
    """
    if settings.source == 'microphone':
        return Microphone(settings, clock, warn)
    return FileSource(settings, clock, warn)


class Microphone:
    """A capture device through PortAudio, at its own rate unless another is asked for.

    :raises AudioSourceError: without PortAudio, without the device, or if it refuses.
    """

    # A device that gives nothing for so long, seconds, is gone: PortAudio often does not say so.
    # The first block may take longer: sound servers wake the device up.
    _LOST = 2.0
    _FIRST = 5.0

    def __init__(self, settings: SourceSettings, clock: Callable[[], float] = system_time.time,
                 warn: Callable[[str], None] = warnings.warn) -> None:
        self._clock, self._warn = clock, warn
        self._sounddevice = _import_sounddevice()
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
                'it unplugged?') from None
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
            inputs = [f'{item["index"]}: {item["name"]}' for item in sd.query_devices()
                      if item['max_input_channels'] > 0]
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
                    device=device['index'], samplerate=self.rate, channels=channels,
                    dtype='int16', blocksize=max(1, round(settings.block * self.rate)),
                    callback=self._on_block)
                stream.start()
                return stream
            except sd.PortAudioError as error:
                reasons.append(f'{channels} channel(s) at {self.rate} Hz: {error}')
        raise AudioSourceError(f'the microphone {self.name!r} cannot be opened: '
                               f'{"; ".join(reasons)}')

    def _on_block(self, samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
        """Take a block from PortAudio, in its thread."""
        if status.input_overflow:
            self._warn(f'the microphone {self.name!r} lost sound: the machine is too busy')
        # Some backends give no times, or impossible ones: then the block was full just now.
        age = times.currentTime - times.inputBufferAdcTime
        if not frames / self.rate <= age < 1.0:
            age = frames / self.rate
        self._queue.put(AudioChunk(samples.copy(), self.rate, self._clock() - age))


class FileSource:
    """Sound files, paced in real time, each followed by a pause.

    :raises AudioSourceError: if there is nothing to play.
    """

    # Behind by more than this (the machine slept): go on from now instead of catching up.
    _LATE = 0.5

    # Two clocks are read together if no more than this passes; the process may be held up between.
    _AT_ONCE = 1e-4
    _LOOKS = 10

    def __init__(self, settings: SourceSettings, clock: Callable[[], float] = system_time.time,
                 warn: Callable[[str], None] = warnings.warn,
                 monotonic: Callable[[], float] = system_time.monotonic,
                 sleep: Callable[[float], None] = system_time.sleep) -> None:
        self._settings = settings
        self._clock, self._warn = clock, warn
        self._monotonic, self._sleep = monotonic, sleep
        self._closed = False
        self.name = settings.source
        self._files = _files_of(Path(settings.source).expanduser())
        self._blocks = self._play()
        self._due: float | None = None

    def read(self) -> AudioChunk | None:
        """Return the next block at the time a microphone would; ``None`` at the end.

        :raises AudioSourceError: if a file cannot be read.
        """
        if self._closed:
            return None
        item = next(self._blocks, None)
        if item is None:
            return None
        samples, rate = item
        length = len(samples) / rate
        now = self._monotonic()
        if self._due is None or now - self._due > self._LATE:
            self._due = now
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

    def _play(self) -> Iterator[tuple[np.ndarray, int]]:
        """Yield blocks of int16 (n, channels) and their rate, over all files."""
        while True:
            played = 0
            for path in self._files:
                try:
                    yield from self._play_file(path)
                    played += 1
                except AudioSourceError as error:
                    if len(self._files) == 1:
                        raise
                    self._warn(f'{error}; left out')
            if not played:
                raise AudioSourceError(f'no file in {self.name} can be read')
            if not self._settings.loop:
                return

    def _play_file(self, path: Path) -> Iterator[tuple[np.ndarray, int]]:
        """Yield the blocks of one file and of the pause after it."""
        block = self._settings.block
        rate = channels = 0
        for samples, rate in decode_file(path, block, self._warn):
            channels = samples.shape[1]
            yield samples, rate
        if not rate:
            raise AudioSourceError(f'{path} holds no sound')
        size = max(1, round(block * rate))
        for _ in range(round(self._settings.pause * rate / size)):
            yield np.zeros((size, channels), np.int16), rate


def decode_file(path: Path, block: float, warn: Callable[[str], None] = warnings.warn
                ) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the sound of a file in blocks: int16 (n, channels) at the file's own rate.

    libsndfile reads sound files; ffmpeg reads the sound of videos and whatever else it knows.

    :param block: seconds of sound in a block.
    :param warn: told of values that are not finite; they become silence.
    :raises AudioSourceError: if the file cannot be read.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise AudioSourceError(f'sound files need the package soundfile ({error}); install it '
                               'with `pip install soundfile`') from error
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        try:
            with _forward_only(soundfile)(path) as file:
                size = max(1, round(block * file.samplerate))
                # Integers come out exactly: libsndfile scales by powers of two.
                while len(samples := file.read(size, 'float32', always_2d=True)):
                    if not np.isfinite(samples).all():
                        warn(f'{path} contains values that are not finite (NaN or infinity)')
                    yield to_int16(samples), file.samplerate
            return
        except soundfile.LibsndfileError as error:
            if shutil.which('ffmpeg') is None:
                raise AudioSourceError(f'{path} cannot be read: {error}') from error
    yield from _decode_with_ffmpeg(path, block)


def _forward_only(soundfile: ModuleType) -> type:
    """Return a SoundFile class that never seeks.

    The usual one seeks to where it is after each block, and libsndfile 1.2 gives silence instead
    of MP3 after that.
    """

    class ForwardOnly(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return ForwardOnly


def _decode_with_ffmpeg(path: Path, block: float) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the first sound track of a file through the program ffmpeg."""
    command = [_ffmpeg(), '-nostdin', '-v', 'error', '-i', str(path), '-map', '0:a:0',
               '-c:a', 'pcm_s16be', '-f', 'au', 'pipe:1']
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        # AU: the simplest header that tells rate and channels (big-endian, 24 bytes or more).
        head = process.stdout.read(24)
        if len(head) < 24:
            reason = process.communicate()[1].decode(errors='replace').strip().splitlines()
            raise AudioSourceError(f'{path} has no sound that ffmpeg can read: '
                                   f'{reason[-1] if reason else "no reason given"}')
        _, offset, _, _, rate, channels = struct.unpack('>4s5I', head)
        process.stdout.read(offset - 24)
        size = max(1, round(block * rate)) * channels * 2
        while data := process.stdout.read(size):
            whole = len(data) - len(data) % (2 * channels)
            samples = np.frombuffer(data[:whole], '>i2').reshape(-1, channels)
            yield samples.astype(np.int16), rate
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()


def _ffmpeg() -> str:
    """Return the program ffmpeg: the system's, or the one that imageio-ffmpeg carries."""
    found = shutil.which('ffmpeg')
    if found is None and importlib.util.find_spec('imageio_ffmpeg') is not None:
        import imageio_ffmpeg
        try:
            found = imageio_ffmpeg.get_ffmpeg_exe()
        except RuntimeError:
            found = None  # The package carries no program for this machine.
    if found is None:
        raise AudioSourceError('the sound of a video needs ffmpeg: install it with `apt-get '
                               'install ffmpeg` or `pip install imageio-ffmpeg`')
    return found


def _files_of(path: Path) -> list[Path]:
    """Return the files that a source path stands for, in order."""
    if path.is_dir():
        files = sorted(item for item in path.iterdir()
                       if item.suffix.lower() in AUDIO_SUFFIXES + VIDEO_SUFFIXES)
        if not files:
            raise AudioSourceError(f'the folder {path} holds no sound files '
                                   f'({", ".join(AUDIO_SUFFIXES)})')
        return files
    if not path.is_file():
        raise AudioSourceError(f'the sound file {path} is missing')
    return [path]


def _import_sounddevice() -> Any:
    """Import sounddevice, which needs the system's PortAudio.

    :raises AudioSourceError: if either is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise AudioSourceError('a microphone needs the package sounddevice; install it with '
                               '`pip install sounddevice`, or give a sound file as source'
                               ) from error
    except OSError as error:
        raise AudioSourceError(f'a microphone needs the library PortAudio ({error}); install it '
                               'with `apt-get install libportaudio2`, or give a sound file as '
                               'source') from error
    return sounddevice


class Backoff:
    """How long to wait before the next try: from ``first`` doubling up to ``longest`` seconds."""

    def __init__(self, first: float = 0.5, longest: float = 10.0) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait, self._next = self._next, min(self._longest, 2 * self._next)
        return wait

    def reset(self) -> None:
        """Start anew: the last try succeeded."""
        self._next = self._first
