# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Speak a text through a synthesiser of the system, and do not take it for an answer."""

from __future__ import annotations

import math
import shutil
import subprocess

import numpy as np

from emotion_perception.audio.pcm import RATE

# Each with the arguments that make it wait until it has spoken.
_PROGRAMS = (('espeak-ng',), ('espeak',), ('spd-say', '--wait'), ('say',))


class Speaker:
    """A synthesiser, if one is installed (:attr:`program` is empty if not)."""

    def __init__(self) -> None:
        self._command = next(
            (list(command) for command in _PROGRAMS if shutil.which(command[0])), []
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def program(self) -> str:
        """Return the program's name, or an empty text."""
        return self._command[0] if self._command else ''

    @property
    def speaking(self) -> bool:
        """Return whether it speaks now."""
        return self._process is not None and self._process.poll() is None

    def say(self, text: str) -> None:
        """Begin to speak, instead of what is spoken now."""
        self.stop()
        if self._command:
            self._process = subprocess.Popen(
                # After "--" a text that begins with a dash is no option.
                [*self._command, '--', text],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        """Be silent."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait()


class Overheard:
    """What the microphone hears of the synthesiser.

    It is asked now and then whether that speaks; what it says begins at most :data:`_LATE` seconds
    before that is noticed.
    """

    _LATE = 0.5

    def __init__(self) -> None:
        self._begun = self._ended = -math.inf
        self._speaking = False

    def note(self, time: float, speaking: bool) -> None:
        """Take note of whether the synthesiser speaks at a time, seconds."""
        if speaking:
            if not self._speaking:
                self._begun = time
            self._ended = time
        self._speaking = speaking

    def rest(self, start: float, samples: np.ndarray) -> np.ndarray:
        """Return what somebody else says in an utterance: what comes after the synthesiser.

        :param start: time of the first sample, seconds.
        :param samples: (n,) mono at 16 kHz.
        """
        if start < self._begun - self._LATE or start >= self._ended:
            return samples
        return samples[math.ceil((self._ended - start) * RATE) :]
