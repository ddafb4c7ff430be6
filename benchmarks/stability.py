# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How steady the label of a still face is, and how soon a change of expression shows.

``./emotion exec python benchmarks/stability.py CLIP [CLIP ...]`` takes the largest face of some
frames of each clip and makes two kinds of film of them, 30 frames a second: one face held still
before a camera (sensor noise, a hand that shakes, light that flickers), and a face that changes
from one expression to another between two frames. Both go through detector, tracker, model and
smoother as in the graph. It prints label changes a minute and the delay until the new label shows,
without smoothing, with the default, and with time constants given by ``--time-constant``.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from emotion_perception.face_emotions import FaceEmotions
from emotion_perception.vision.smooth import Smoother, SmoothSettings

FPS = 30.0
SIDE = 240
PICTURE = (320, 320)
SURE = 0.55
"""Least probability of a frame's label to take part in a change of expression."""


def faces_of(clip: Path, count: int, finder: FaceEmotions) -> list[np.ndarray]:
    """Return the canonical crops of the largest face in some frames, evenly spread."""
    capture = cv2.VideoCapture(str(clip))
    frames = []
    while True:
        good, frame = capture.read()
        if not good:
            break
        frames.append(frame)
    capture.release()
    kept = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int)) if frames else ()
    found = [finder.picture(frames[index]) for index in kept]
    return [faces[0].face.crop for faces in found if faces]


def scene(crop: np.ndarray) -> np.ndarray:
    """Return a picture with a face in its middle."""
    face = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    edge = (PICTURE[0] - SIDE) // 2
    return cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE)


def shaken(picture: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """Return what a camera makes of a still scene from one frame to the next."""
    turn, grow = source.normal(0, 0.3), 1 + source.normal(0, 0.003)
    centre = (PICTURE[1] / 2, PICTURE[0] / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, turn, grow), np.float64)
    matrix[:, 2] += source.normal(0, 0.7, 2)
    moved = cv2.warpAffine(picture, matrix, PICTURE[::-1], borderMode=cv2.BORDER_REPLICATE)
    light = 1 + source.normal(0, 0.02)
    noisy = moved.astype(np.float32) * light + source.normal(0, 5, moved.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def film(pictures: Sequence[np.ndarray], frames: int, seed: int) -> Iterator[np.ndarray]:
    """Yield each picture, held for a number of frames before a camera."""
    source = np.random.default_rng(seed)
    for picture in pictures:
        for _ in range(frames):
            yield shaken(picture, source)


def answers(reader: FaceEmotions, pictures: Iterator[np.ndarray]) -> list[np.ndarray | None]:
    """Return the model's answer to the largest face of each frame; ``None`` where there is none.

    The reader does not smooth: what smoothing makes of the answers is looked at afterwards, for
    every way of smoothing alike.
    """
    reader.finder.reset()
    reader.reader.reset()
    said = []
    for number, picture in enumerate(pictures):
        faces = reader.frame(picture, 1000.0 + number / FPS)
        said.append(faces[0].probabilities if faces else None)
    return said


def labels(said: Sequence[np.ndarray | None], smooth: SmoothSettings) -> list[str]:
    """Return the label that shows in each frame; empty where there is no face."""
    smoother = Smoother(smooth)
    return [
        '' if row is None else smoother.update('face', row, 1000.0 + number / FPS).emotion.label
        for number, row in enumerate(said)
    ]


def changes(said: Sequence[str]) -> int:
    """Count changes between labels that follow one another."""
    known = [label for label in said if label]
    return sum(one != other for one, other in itertools.pairwise(known))


def delay(said: Sequence[str], start: int, wanted: str) -> float:
    """Return the seconds from a frame until a label shows; NaN if it never does."""
    later = [number for number, label in enumerate(said[start:]) if label == wanted]
    return later[0] / FPS if later else float('nan')


@dataclasses.dataclass
class Films:
    """What the model said to every film.

    :param still: of each still face, its frames.
    :param changing: of each change, its frames and the label it ends with.
    :param hold: frames before a change.
    """

    still: list[list[np.ndarray | None]]
    changing: list[tuple[list[np.ndarray | None], str]]
    hold: int


def watch(crops: Sequence[np.ndarray], balance: float, seconds: float, most: int) -> Films:
    """Make the films and ask the model."""
    plain = SmoothSettings(method='none')
    reader = FaceEmotions(smooth=plain, class_balance=balance)
    scenes = [scene(crop) for crop in crops]
    still = [
        answers(reader, film([picture], int(seconds * FPS), number))
        for number, picture in enumerate(scenes)
    ]
    sure = []
    for picture in scenes:
        faces = reader.picture(picture)
        if faces and faces[0].confidence >= SURE:
            sure.append((picture, faces[0].label))
    pairs = [pair for pair in itertools.permutations(sure, 2) if pair[0][1] != pair[1][1]][:most]
    hold = int(1.2 * FPS)
    changing = [
        (answers(reader, film([before, after], hold, number)), wanted)
        for number, ((before, _), (after, wanted)) in enumerate(pairs)
    ]
    return Films(still, changing, hold)


def measure(films: Films, smooth: SmoothSettings) -> dict[str, float]:
    """Return the figures of one way of smoothing."""
    minutes = sum(len(film) for film in films.still) / FPS / 60
    flicker = sum(changes(labels(film, smooth)) for film in films.still) / minutes
    delays = [delay(labels(film, smooth), films.hold, wanted) for film, wanted in films.changing]
    known = [1000 * value for value in delays if np.isfinite(value)]
    return {
        'stills': len(films.still),
        'changes_per_minute': round(flicker, 2),
        'expressions_changed': len(delays),
        'never_shown': len(delays) - len(known),
        'delay_ms_median': round(float(np.median(known))) if known else float('nan'),
        'delay_ms_most': round(max(known)) if known else float('nan'),
    }


def main() -> None:
    """Measure and print."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument('clips', nargs='+', type=Path)
    made.add_argument('--frames', type=int, default=3, help='of each clip (default: %(default)s)')
    made.add_argument('--seconds', type=float, default=10.0, help='a still face is held')
    made.add_argument('--changes', type=int, default=12, help='of expression, at most')
    made.add_argument('--class-balance', type=float, default=0.0)
    made.add_argument('--time-constant', type=float, action='append', default=[])
    made.add_argument('--json', type=Path)
    options = made.parse_args()
    finder = FaceEmotions()
    crops = [crop for clip in options.clips for crop in faces_of(clip, options.frames, finder)]
    default = SmoothSettings()
    ways = {
        'none': dataclasses.replace(default, method='none'),
        f'default ({default.time_constant:g} s)': default,
    }
    ways |= {
        f'{value:g} s': dataclasses.replace(default, time_constant=value)
        for value in options.time_constant
    }
    films = watch(crops, options.class_balance, options.seconds, options.changes)
    rows = {}
    for name, smooth in ways.items():
        rows[name] = measure(films, smooth)
        print(
            f'{name:<18}' + ', '.join(f'{key} {value}' for key, value in rows[name].items()),
            flush=True,
        )
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
    main()
