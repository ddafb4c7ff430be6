# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Films of 1080p30, 4K30 and 4K60 as the camera node plays them, beside the decoder's own floor.

``films.py --json OUT``: for each film what the decoder alone needs for a picture, with one thread
(bare, and with the conversion to BGR), and then, at the film's own speed, how many pictures are
shown, how late they are, and what that costs. Films have pictures that no other is made from
(``b``), as telephones write them, or none (``p``), as screen recorders do, and a key picture
every second. In the last (``n``) no picture is like the one before: its decoder alone is slower
than the film.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from emotion_perception.media.pictures import PictureReader
from emotion_perception.vision.source import SourceSettings
from emotion_perception.vision.sources import Source

SIZES = {
    '1080p30': (1920, 1080, 30),
    '4K30': (3840, 2160, 30),
    '4K60': (3840, 2160, 60),
}
FILMS = [f'{size} {kind}' for size in SIZES for kind in 'bp'] + ['4K60 n']


def write(path: Path, size: tuple[int, int, int], seconds: float, kind: str) -> None:
    """Write an H.264 film of a picture that moves.

    :param size: width, height, pictures a second.
    :param kind: ``b``, ``p`` or ``n``.
    """
    width, height, rate = size
    rng = np.random.default_rng(0)
    side = 4 if kind == 'n' else 8
    small = rng.integers(60, 196, (height // side + 100, width // side + 100), np.uint8)
    large = np.kron(small, np.ones((side, side), np.uint8))
    with av.open(str(path), 'w') as film:
        stream = film.add_stream('libx264', rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        between = 2 if kind == 'b' else 0
        stream.options = {'preset': 'ultrafast', 'bf': str(between), 'g': str(rate), 'crf': '30'}
        grey = np.full((height // 2, width), 128, np.uint8)
        for number in range(round(seconds * rate)):
            x, y = rng.integers(0, 300, 2) if kind == 'n' else (2 * number % 300, number % 300)
            planes = np.concatenate((large[y : y + height, x : x + width], grey))
            frame = av.VideoFrame.from_ndarray(planes, format='yuv420p')
            frame.pts, frame.time_base = number, Fraction(1, rate)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def floor(path: Path, convert: bool) -> float:
    """Return what the decoder needs for one picture, ms of processor time."""
    count, begin = 0, time.process_time()
    with PictureReader(path) as reader:
        for picture in reader:
            count += 1
            if convert:
                picture.image()
    return round(1000 * (time.process_time() - begin) / count, 2)


def played(path: Path, rate: int, seconds: float) -> dict[str, Any]:
    """Play it at its own speed; return what was shown, how late, and what it cost."""
    source = Source(SourceSettings(source=str(path), loop=True))
    shown, late = 0, []
    begin, cost = time.monotonic(), time.process_time()
    while (passed := time.monotonic() - begin) < seconds:
        frame = source.read()
        if frame is None:
            break
        shown += 1
        late.append(time.monotonic() - frame.time)
    source.close()
    return {
        'shown_hz': round(shown / passed, 1),
        'shown_share': round(shown / passed / rate, 3),
        'late_ms': {f'p{p}': round(1000 * float(np.percentile(late, p)), 1) for p in (50, 95)},
        'cpu_percent': round(100 * (time.process_time() - cost) / passed, 1),
    }


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, help='file for the results')
    parser.add_argument('--seconds', type=float, default=15.0, help='of each measurement')
    parser.add_argument('--length', type=float, default=2.0, help='of each film, seconds')
    parser.add_argument('--only', nargs='+', default=FILMS, help='those of these names')
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for film in options.only:
            name, kind = film.split()
            path = Path(folder, 'film.mp4')
            write(path, SIZES[name], options.length, kind)
            rate = SIZES[name][2]
            rows.append(
                {
                    'film': film,
                    'period_ms': round(1000 / rate, 2),
                    'decoder_ms': floor(path, convert=False),
                    'decoder_and_bgr_ms': floor(path, convert=True),
                    **played(path, rate, options.seconds),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
