# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Real and synthetic voices, and a sound server of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_ALSA = Path('/usr/share/sounds/alsa/Front_Center.wav')


def real_voice() -> Path:
    """Return a recording of a real voice, "front center": 48 kHz mono, 1.4 s; skip without it."""
    if not _ALSA.is_file():
        pytest.skip(f'needs {_ALSA} (a real voice; Debian package alsa-utils)')
    return _ALSA


def spoken(text: str, folder: Path) -> Path:
    """Return a WAV file in which espeak-ng says a text (22.05 kHz mono); skip without it."""
    program = shutil.which('espeak-ng')
    if program is None:
        pytest.skip('needs espeak-ng to make speech (Debian package espeak-ng)')
    path = folder / 'spoken.wav'
    subprocess.run([program, '-s', '150', '-w', str(path), text], check=True, timeout=30)
    return path


def read_16k(path: Path) -> np.ndarray:
    """Return a file's sound as int16 mono at 16 kHz."""
    import soundfile

    from emotion_perception.audio.resample import to_mono16k
    from emotion_perception.media.samples import to_int16

    samples, rate = soundfile.read(path, dtype='float32', always_2d=True)
    return to_int16(to_mono16k(samples, rate))


def to_mp3(samples: np.ndarray, rate: int = 16000) -> bytes:
    """Return int16 samples (n,) as ``audio_capture`` codes them by default."""
    av = pytest.importorskip('av')
    codec = av.CodecContext.create('libmp3lame', 'w')
    codec.sample_rate, codec.layout, codec.format = rate, 'mono', 's16p'
    codec.bit_rate = 64000
    data = b''
    for at in range(0, len(samples) - 575, 576):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 576], 's16p', 'mono')
        frame.sample_rate, frame.pts = rate, at
        data += b''.join(bytes(packet) for packet in codec.encode(frame))
    return data + b''.join(bytes(packet) for packet in codec.encode(None))


def with_silence(
    samples: np.ndarray,
    before: float = 1.0,
    after: float = 1.0,
    noise: float = 20.0,
    seed: int = 0,
) -> np.ndarray:
    """Return 16 kHz samples with a quiet room around them: white noise of that deviation."""
    room = np.random.default_rng(seed).normal(
        0.0, noise, round(before * 16000) + samples.size + round(after * 16000)
    )
    start = round(before * 16000)
    room[start : start + samples.size] += samples
    return np.clip(np.rint(room), -32768, 32767).astype(np.int16)


class PulseServer:
    """A PulseAudio server whose only devices are a virtual loudspeaker and its monitor.

    It uses a folder of its own for everything, so that the user's sound server is not touched.
    """

    def __init__(self, folder: Path) -> None:
        self.socket = folder / 'native'
        self.env = {
            'XDG_RUNTIME_DIR': str(folder),
            'XDG_CONFIG_HOME': str(folder),
            'HOME': str(folder),
            'PULSE_RUNTIME_PATH': str(folder / 'run'),
            'PULSE_STATE_PATH': str(folder / 'state'),
            'PULSE_COOKIE': str(folder / 'cookie'),
            'PULSE_SERVER': f'unix:{self.socket}',
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                'pulseaudio',
                '-n',
                '--daemonize=no',
                '--exit-idle-time=-1',
                '--use-pid-file=no',
                '--disable-shm=yes',
                '--log-target=stderr',
                '-L',
                f'module-native-protocol-unix socket={self.socket} auth-anonymous=1',
                '-L',
                'module-null-sink sink_name=virtual rate=48000 channels=2',
            ],
            env={**os.environ, **self.env},
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while self.run('pactl', 'set-default-source', 'virtual.monitor').returncode != 0:
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                pytest.skip('PulseAudio does not start on this machine')
            time.sleep(0.05)

    def run(self, *command: str) -> subprocess.CompletedProcess[Any]:
        """Run one of PulseAudio's programs against this server."""
        return subprocess.run(
            command,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def play(self, path: Path) -> None:
        """Play a file into the virtual loudspeaker, to its end."""
        played = self.run('paplay', str(path))
        assert played.returncode == 0, played.stderr

    def kill(self) -> None:
        """End it as a pulled plug does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def pulse_server() -> Iterator[PulseServer]:
    """Run a sound server with a virtual microphone; skip where PulseAudio is not installed."""
    for program in ('pulseaudio', 'pactl', 'paplay'):
        if shutil.which(program) is None:
            pytest.skip(f'needs {program} (Debian packages pulseaudio, pulseaudio-utils)')
    if (
        not any(
            Path(root).glob('*/alsa-lib/libasound_module_pcm_pulse.so')
            for root in ('/usr/lib', '/usr/lib64')
        )
        or sys.platform != 'linux'
    ):
        pytest.skip('needs the bridge from ALSA to PulseAudio (Debian package libasound2-plugins)')
    # Not pytest's folder: the path of a socket may have 107 characters at most.
    with tempfile.TemporaryDirectory(prefix='sound', ignore_cleanup_errors=True) as folder:
        server = PulseServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
