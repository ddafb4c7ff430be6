# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Read sound of any usual format as 16 kHz mono, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.resample import mix
from emotion_perception.media.errors import MediaError
from emotion_perception.media.sound import read_sound as read_media
from emotion_training.common.files import TrainingError

LONGEST = 60.0
"""Seconds read of one clip: an utterance that is longer is a wrong file or a whole session."""


def read_native(
    path: Path, longest: float = LONGEST, say: Callable[[str], None] = lambda _: None
) -> tuple[np.ndarray, int]:
    """Return the first ``longest`` seconds of a file as one channel.

    Any number of channels, sampling rate and sample format that the reader of media knows; values
    beyond full scale are clipped, values that are not finite become silence.

    :param say: told of what was cut, lost or repaired.
    :return: float32 (n,) in -1..1, and the file's own rate in Hz.
    :raises TrainingError: if the file cannot be read or holds no sample.
    """
    try:
        samples, rate = read_media(Path(path), say, longest)
    except MediaError as error:
        raise TrainingError(str(error)) from error
    return np.ascontiguousarray(mix(samples), np.float32), rate


def read_sound(path: Path, rate: int = RATE, longest: float = LONGEST) -> np.ndarray:
    """Return the same at another rate, float32 (n,); see :func:`read_native`."""
    samples, own = read_native(path, longest)
    if own != rate:
        import soxr

        samples = soxr.resample(samples, own, rate)
    return np.ascontiguousarray(samples, np.float32)
