# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One recording of a sentence: taken from the microphone, judged, played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emotion_perception.audio.level import clipped, level
from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.resample import Mixer
from emotion_perception.audio.source import AudioSource
from emotion_training.common.files import TrainingError

QUIET_DB = -40.0
"""Level below which a take counts as too quiet to be speech, dB of full scale."""

PAUSE = 1.2
"""Seconds of quiet after speech that end a take by themselves."""

SHORTEST = 0.5


@dataclass(frozen=True)
class Take:
    """One recording: float32 (n,) at 16 kHz, and whether the microphone clipped."""

    samples: np.ndarray
    clipping: bool

    @property
    def seconds(self) -> float:
        """Return the length."""
        return self.samples.size / RATE


def bar(decibels: float, width: int = 30) -> str:
    """Draw a level of -60..0 dB of full scale as a bar of text."""
    filled = round(np.clip((decibels + 60.0) / 60.0, 0.0, 1.0) * width)
    return f'[{"#" * filled}{"-" * (width - filled)}] {max(decibels, -99.0):4.0f} dB'


def record_take(
    source: AudioSource, longest: float, stop: Callable[[], bool], show: Callable[[str], None]
) -> Take:
    """Record until the speaker stops, presses Enter, or time is over.

    :param stop: asked after each block.
    :param show: given the level as text about ten times a second.
    :raises AudioSourceError: if the microphone is lost.
    :raises TrainingError: if the source ends without a sample.
    """
    import soxr

    blocks, rate, heard, quiet, shown, block_level = [], RATE, False, 0.0, 0.0, -99.0
    seconds = 0.0
    mixer: Mixer | None = None
    while seconds < longest:
        chunk = source.read()
        if chunk is None:
            break
        rate = chunk.rate
        mixer = mixer or Mixer(rate)
        blocks.append(mixer.push(chunk.samples))
        length = len(chunk.samples) / rate
        seconds += length
        block_level = level(blocks[-1])
        heard = heard or block_level > QUIET_DB + 10
        quiet = quiet + length if block_level < QUIET_DB else 0.0
        if seconds - shown >= 0.1:
            shown = seconds
            show(f'  {bar(block_level)} {seconds:4.1f} s')
        if stop() or (heard and quiet >= PAUSE):
            break
    if not blocks:
        raise TrainingError('the microphone gave no sound')
    samples = np.concatenate(blocks)
    clipping = clipped(samples) > 0.001
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return Take(np.ascontiguousarray(samples, np.float32), clipping)


def complaint(take: Take) -> str:
    """Return what is wrong with a take, for the user; empty if nothing is."""
    if take.seconds < SHORTEST:
        return f'only {take.seconds:.1f} s long'
    frames = take.samples[: take.samples.size // 160 * 160].reshape(-1, 160)
    loudest = max(level(frame) for frame in frames)
    if loudest < QUIET_DB:
        return f'too quiet ({loudest:.0f} dB at its loudest): come closer or raise the gain'
    if take.clipping:
        return 'too loud, it clips: move back or lower the gain'
    return ''


def play(samples: np.ndarray) -> str:
    """Play a take and wait; return why it could not be played, or nothing."""
    try:
        import sounddevice

        sounddevice.play(samples, RATE, blocking=True)
    except Exception as error:
        # PortAudio raises its own errors, a missing library an OSError.
        return f'cannot play here: {error}'
    return ''
