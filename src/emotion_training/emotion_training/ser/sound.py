"""Read sound of any usual format as 16 kHz mono, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotion_perception.audio.pcm import to_float
from emotion_perception.audio.sources import AudioSourceError, decode_file
from emotion_training.common.files import TrainingError
from emotion_training.ser.frontend import RATE

LONGEST = 60.0
"""Seconds read of one clip: an utterance that is longer is a wrong file or a whole session."""


def read_native(path: Path, longest: float = LONGEST,
                say: Callable[[str], None] = lambda _: None) -> tuple[np.ndarray, int]:
    """Return the first ``longest`` seconds of a file as the mean of its channels.

    Any number of channels, sampling rate and sample format that libsndfile or ffmpeg reads;
    values beyond full scale are clipped, values that are not finite become silence.

    :param say: told of what was cut or repaired.
    :return: float32 (n,) in -1..1, and the file's own rate in Hz.
    :raises TrainingError: if the file cannot be read or holds no sample.
    """
    blocks, rate, seconds = [], RATE, 0.0
    try:
        for block, rate in decode_file(Path(path), 1.0, say):
            blocks.append(to_float(block).mean(axis=1))
            seconds += len(block) / rate
            if seconds >= longest:
                if seconds > longest or len(block) == round(rate):
                    say(f'{path}: only its first {longest:.0f} s are used')
                break
    except AudioSourceError as error:
        raise TrainingError(str(error)) from error
    if not blocks:
        raise TrainingError(f'{path}: holds no sample')
    samples = np.concatenate(blocks)[:round(longest * rate)]
    return np.ascontiguousarray(samples, np.float32), rate


def read_sound(path: Path, rate: int = RATE, longest: float = LONGEST) -> np.ndarray:
    """Return the same at another rate, float32 (n,); see :func:`read_native`."""
    samples, own = read_native(path, longest)
    if own != rate:
        import soxr
        samples = soxr.resample(samples, own, rate)
    return np.ascontiguousarray(samples, np.float32)
