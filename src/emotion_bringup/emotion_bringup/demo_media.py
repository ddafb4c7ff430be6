# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Real input for the demonstration, made at run time of what packages carry.

The face: Eileen Collins (NASA, public domain, in scikit-image), held by hand as it were: the
camera sways, nears, and turns a little. The voice: the recordings of ``alsa-utils`` ("front
center", "rear right", ...), else one that a Python package carries, else ``espeak-ng``.
"""

from __future__ import annotations

import importlib.util
import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotion_perception.audio.resample import mix
from emotion_perception.media.samples import to_int16
from emotion_perception.media.sound import read_sound
from emotion_perception.media.wav import write_wav
from emotion_perception.storage import write_atomically

WIDTH, HEIGHT, FPS = 640, 480, 25
SILENCE = 2.5
"""Seconds of a quiet room before and after the voice."""

# Middle of the face in the portrait, pixels, and the part of the portrait that fills the frame.
_FACE, _SPAN = (222.0, 128.0), 330.0
_ALSA = Path('/usr/share/sounds/alsa')
_ALSA_WORDS = ('Front_Center', 'Rear_Right', 'Side_Left')
# Package and member of the recording ("Ever tried. Ever failed. ..."), and the seconds of it.
_PACKAGE, _MEMBER, _PART = 'moonshine_onnx', 'assets/beckett.wav', (0.2, 2.8)
_SENTENCE = 'I am so glad to see you here today.'
# Amplitude of the room's noise, of 1.
_ROOM = 6e-4


class MissingInputError(RuntimeError):
    """Something that the input is made of is missing; the text says what to install."""


@dataclass(frozen=True)
class Voice:
    """A voice and where it is from.

    :param samples: (n,) float32, -1 to 1.
    :param rate: samples per second.
    :param name: for people.
    """

    samples: np.ndarray
    rate: int
    name: str


def make_film(path: Path, seconds: float) -> str:
    """Write a film of a face before a hand-held camera (Motion JPEG, no sound).

    It ends as it begins, so that it can be played in a loop.

    :param path: ending in ``.avi``.
    :return: who is seen.
    :raises MissingInputError: if the portrait or the encoder is missing.
    """
    try:
        import skimage.data

        portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    except (ImportError, OSError) as error:
        raise MissingInputError(
            f'the portrait is missing: pip install scikit-image ({error})'
        ) from error
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise MissingInputError(f'{path} cannot be written: this OpenCV has no Motion JPEG')
    # One sheet of grain, laid on elsewhere in each frame.
    random = np.random.default_rng(0)
    grain = random.normal(0.0, 2.0, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.float32)
    frames = max(1, round(seconds * FPS))
    for number in range(frames):
        turn = 2 * math.pi * number / frames
        # Whole numbers of swings in the film: its end fits its beginning.
        scale = WIDTH / _SPAN * (1.0 + 0.03 * math.sin(2 * turn))
        matrix = cv2.getRotationMatrix2D(_FACE, 1.5 * math.sin(3 * turn), scale)
        matrix[:, 2] += np.array(
            [
                WIDTH / 2 - _FACE[0] + 8 * math.sin(2 * turn),
                0.46 * HEIGHT - _FACE[1] + 6 * math.sin(3 * turn),
            ]
        )
        frame = cv2.warpAffine(
            portrait,
            matrix,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        top, left = random.integers(0, 64, 2)
        frame = frame + grain[top : top + HEIGHT, left : left + WIDTH]
        writer.write(np.clip(frame, 0, 255).astype(np.uint8))
    writer.release()
    return 'Eileen Collins (NASA, public domain; scikit-image)'


def make_sound(path: Path, voice: Voice) -> float:
    """Write a WAV file: a quiet room, the voice, a quiet room.

    :return: its length in seconds.
    """
    quiet = np.zeros(round(SILENCE * voice.rate), np.float32)
    peak = float(np.abs(voice.samples).max()) or 1.0
    sound = np.concatenate([quiet, voice.samples * (0.6 / peak), quiet])
    sound += np.random.default_rng(0).normal(0.0, _ROOM, sound.size).astype(np.float32)
    write_wav(path, to_int16(sound), voice.rate)
    return sound.size / voice.rate


def find_voice() -> Voice:
    """Return the first voice that this machine has.

    :raises MissingInputError: if it has none.
    """
    for find in (_alsa_voice, _package_voice, _synthetic_voice):
        voice = find()
        if voice is not None:
            return voice
    raise MissingInputError(
        'no voice to play: install alsa-utils or espeak-ng (apt-get install '
        'alsa-utils), or give one with --microphone FILE'
    )


def _alsa_voice() -> Voice | None:
    parts, rate = [], 0
    for word in _ALSA_WORDS:
        path = _ALSA / f'{word}.wav'
        if not path.is_file():
            return None
        samples, rate = _read(path)
        parts += [_trimmed(samples), np.zeros(round(0.15 * rate), np.float32)]
    return Voice(np.concatenate(parts), rate, 'a real voice (alsa-utils)')


def _package_voice() -> Voice | None:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / _MEMBER
    if not path.is_file():
        return None
    samples, rate = _read(path)
    begin, end = (round(second * rate) for second in _PART)
    return Voice(samples[begin:end], rate, 'a voice (useful-moonshine-onnx)')


def _synthetic_voice() -> Voice | None:
    program = shutil.which('espeak-ng')
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'voice.wav'
        done = subprocess.run(
            [program, '-s', '150', '-w', str(path), _SENTENCE],
            capture_output=True,
            timeout=30,
            check=False,
        )
        if done.returncode or not path.is_file():
            return None
        samples, rate = _read(path)
    return Voice(_trimmed(samples), rate, 'a synthetic voice (espeak-ng)')


def _read(path: Path) -> tuple[np.ndarray, int]:
    """Return a recording as float32 (n,), and its rate."""
    samples, rate = read_sound(path)
    return mix(samples), rate


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Return a recording without the silence before and after it."""
    loud = np.nonzero(np.abs(samples) > 0.02 * np.abs(samples).max())[0]
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Save a picture (height, width, 3), BGR, as PNG, whole or not at all.

    :raises SaveError: if it cannot be written.
    """
    write_atomically(path, cv2.imencode('.png', picture)[1].tobytes())
