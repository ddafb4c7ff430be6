"""Read sound of any usual format as 16 kHz mono, or say why not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from emotion_training.common.files import TrainingError
from emotion_training.ser.frontend import RATE

LONGEST = 60.0
"""Seconds read of one clip; a labelled utterance that is longer is a wrong file."""


def read_sound(path: Path, rate: int = RATE, longest: float = LONGEST) -> np.ndarray:
    """Return the first ``longest`` seconds of a file.

    Any number of channels (their mean), any sampling rate, integer or float samples.

    :return: float32 (n,), -1..1 for integer files; float files keep their own range.
    :raises TrainingError: if the file cannot be read, is empty, or holds values that are not
        finite.
    """
    samples, own = read_native(path, longest)
    if own != rate:
        import soxr
        samples = soxr.resample(samples, own, rate)
    return np.ascontiguousarray(samples, np.float32)


def read_native(path: Path, longest: float = LONGEST) -> tuple[np.ndarray, int]:
    """Return (samples float32 (n,), rate) at the file's own rate; see :func:`read_sound`."""
    path = Path(path)
    try:
        with soundfile.SoundFile(path) as file:
            own = file.samplerate
            samples = file.read(int(longest * own), dtype='float32', always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        if path.suffix.lower() not in ('.mp4', '.m4a', '.avi', '.mkv', '.mov'):
            raise TrainingError(f'{path}: not readable as sound: {error}') from error
        samples, own = _with_ffmpeg(path, longest)
    samples = samples.mean(axis=1)
    if samples.size == 0:
        raise TrainingError(f'{path}: holds no sample')
    if not np.isfinite(samples).all():
        raise TrainingError(f'{path}: holds values that are not finite')
    return samples, own


def _with_ffmpeg(path: Path, longest: float) -> tuple[np.ndarray, int]:
    if shutil.which('ffmpeg') is None:
        raise TrainingError(f'{path}: ffmpeg is needed to read the sound of a film; install it '
                            '(apt-get install ffmpeg)')
    command = ['ffmpeg', '-v', 'error', '-i', str(path), '-t', str(longest), '-ac', '1',
               '-ar', str(RATE), '-f', 'f32le', '-']
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors='replace').strip().splitlines()
        raise TrainingError(f'{path}: ffmpeg cannot read it: {reason[-1] if reason else ""}')
    return np.frombuffer(done.stdout, np.float32)[:, None], RATE
