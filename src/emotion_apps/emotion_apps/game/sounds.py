# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sounds of the game: made here, played by the system's own player. Off unless asked for."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from emotion_apps.game.states import GameState, Outcome, Phase

RATE = 44100

# Each cue as notes: (frequencies in Hz that sound together, seconds).
CUES: dict[str, tuple[tuple[tuple[float, ...], float], ...]] = {
    'tick': (((660.0,), 0.08),),
    'go': (((990.0,), 0.35),),
    'round_won': (((523.3,), 0.10), ((659.3,), 0.10), ((784.0,), 0.25)),
    'round_tied': (((523.3,), 0.15), ((523.3,), 0.25)),
    'pause': (((440.0,), 0.12), ((330.0,), 0.25)),
    'game_won': (
        ((523.3,), 0.12),
        ((659.3,), 0.12),
        ((784.0,), 0.12),
        ((523.3, 659.3, 784.0, 1046.5), 0.7),
    ),
    'game_over': (((392.0,), 0.2), ((330.0,), 0.2), ((262.0,), 0.5)),
}
"""The sounds by name."""

# Players of the system, best first, with the arguments that make them play one file and end.
_PLAYERS = (
    ('pw-play',),
    ('paplay',),
    ('aplay', '-q'),
    ('afplay',),
    ('play', '-q'),
    ('ffplay', '-nodisp', '-autoexit', '-loglevel', 'quiet'),
)


def cue(previous: GameState | None, state: GameState) -> str | None:
    """Return the name of the sound that the step from one state to the next calls for."""
    if previous is None:
        return None
    if state.phase == Phase.COUNTDOWN:
        before = previous.remaining if previous.phase == Phase.COUNTDOWN else math.inf
        whole = math.ceil(state.remaining)
        return 'tick' if 0 < whole <= 3 and whole < before else None
    if state.phase == previous.phase:
        return None
    if state.phase == Phase.ROUND:
        return 'go'
    if state.phase == Phase.PAUSED:
        return 'pause'
    if state.phase == Phase.ROUND_RESULT:
        return 'round_won' if state.results[-1].winner else 'round_tied'
    if state.phase == Phase.FINAL:
        return 'game_won' if state.outcome is Outcome.FINISHED else 'game_over'
    return None


def synthesize(name: str) -> np.ndarray:
    """Return the samples of a cue, int16 mono at :data:`RATE`."""
    notes = []
    for frequencies, seconds in CUES[name]:
        time = np.arange(round(seconds * RATE)) / RATE
        tone = sum(np.sin(2 * math.pi * frequency * time) for frequency in frequencies)
        # A soft start and end: a tone that is cut clicks.
        fade = np.minimum(1.0, np.minimum(time, seconds - time) / 0.01)
        notes.append(tone / len(frequencies) * fade * np.exp(-2 * time / seconds))
    return (np.concatenate(notes) * 0.5 * 32767).astype(np.int16)


class SoundPlayer:
    """Play cues with the first system player there is.

    :param command: player and arguments; the file is appended. ``None`` looks for one.
    """

    def __init__(self, command: tuple[str, ...] | None = None) -> None:
        self.command = command or next(
            (player for player in _PLAYERS if shutil.which(player[0])), None
        )
        """The player, or ``None`` if the system has none: then nothing sounds."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._running: subprocess.Popen[bytes] | None = None

    def play(self, name: str) -> None:
        """Start a cue and return at once; it is left out while another one sounds.

        :raises OSError: if the player cannot be started.
        """
        if self.command is None or (self._running and self._running.poll() is None):
            return
        self._running = subprocess.Popen(
            [*self.command, str(self._file(name))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """Let a cue that sounds end, and remove the files."""
        if self._running is not None:
            try:
                self._running.wait(timeout=3.0)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
            self._running = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _file(self, name: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix='emotion_sounds_')
        path = Path(self._folder.name) / f'{name}.wav'
        if not path.exists():
            with wave.open(str(path), 'wb') as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(synthesize(name).tobytes())
        return path
