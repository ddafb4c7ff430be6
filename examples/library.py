#!/usr/bin/env python3
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The library without ROS: the faces of a picture, the utterances of a sound file.

::

    pip install ./src/emotion_perception
    python examples/library.py people.jpg talk.wav
"""

from __future__ import annotations

import argparse
import sys
import wave
from pathlib import Path

import cv2
import numpy as np

from emotion_perception import EMOTIONS, FaceEmotions, VoiceEmotions


def main(arguments: list[str] | None = None) -> int:
    """Print what a picture and a recording show; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('picture', type=Path, help='any picture that OpenCV reads')
    parser.add_argument('sound', type=Path, help='a WAV file of 16-bit samples')
    options = parser.parse_args(arguments)

    picture = cv2.imread(str(options.picture))
    if picture is None:
        print(f'error: {options.picture} is no picture that OpenCV reads', file=sys.stderr)
        return 1
    print('           ' + ''.join(f'{name:>10}' for name in EMOTIONS))
    for face in FaceEmotions().picture(picture):
        print(f'{face.id:<11}{row(face.probabilities)}  {face.label}')

    samples, rate = read_wav(options.sound)
    for utterance in VoiceEmotions().recording(samples, rate):
        when = f'{utterance.start:.1f}-{utterance.end:.1f} s'
        print(f'{when:<11}{row(utterance.probabilities)}  {utterance.label}')
    return 0


def row(probabilities: np.ndarray) -> str:
    """Return six probabilities as a line of a table."""
    return ''.join(f'{value:10.3f}' for value in probabilities)


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Return int16 samples (n, channels) and their rate; any other source of samples does."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples.reshape(-1, file.getnchannels()), file.getframerate()


if __name__ == '__main__':
    sys.exit(main())
