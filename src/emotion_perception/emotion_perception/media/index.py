# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""When a recording's pictures are shown and where reading may begin, without decoding any."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np

from emotion_perception.media.container import (
    BEYOND,
    LONGEST_GAP,
    describe,
    open_container,
    packets,
    picture_stream,
)
from emotion_perception.media.pictures import LEAST, NEW_CLOCK


@dataclass(frozen=True)
class PictureIndex:
    """The pictures of a recording by the times that its packets carry.

    :param times: float64 (n,), rising, seconds on the clock of :class:`~.container.Contents`.
    :param keys: float64 (k,), rising: pictures from which decoding gives every later one.
    :param regular: whether :class:`~.pictures.PictureReader` will give exactly these times,
        wherever it begins: all are there, and the clock never steps.
    """

    times: np.ndarray
    keys: np.ndarray
    regular: bool

    def pieces(self, seconds: float) -> list[tuple[float, float]]:
        """Return spans of about so many seconds, each from a key picture to the next span's.

        The first begins at minus infinity, the last ends at infinity. One span, if the index is
        not regular or there is nothing to gain.
        """
        borders = [-math.inf]
        if self.regular and self.times.size:
            wanted = float(self.times[0]) + seconds
            # A last piece of less than half the length is not worth its own.
            limit = float(self.times[-1]) - seconds / 2
            for key in self.keys:
                if wanted <= key <= limit:
                    borders.append(float(key))
                    wanted = float(key) + seconds
        return list(zip(borders, [*borders[1:], math.inf]))


def index_pictures(source: str | os.PathLike[str]) -> PictureIndex:
    """Go through a recording's packets.

    :raises MediaError: if it cannot be opened or holds no picture that can be decoded.
    """
    with open_container(source) as container:
        contents = describe(container, source)
        stream = picture_stream(container, contents.picture().index)
        tick = float(stream.time_base or 1e-3)
        stamps: list[float] = []
        keys: list[int] = []
        dated = True
        lost: list[str] = []
        for packet in packets(container, [stream], lost.append):
            if packet.is_discard:
                continue
            if packet.pts is None:
                dated = False
                continue
            if packet.is_keyframe:
                keys.append(len(stamps))
            stamps.append(packet.pts * tick - contents.origin)
    given = np.array(stamps, np.float64)
    if not given.size:
        return PictureIndex(given, given, False)
    before = np.concatenate([[-np.inf], np.maximum.accumulate(given)[:-1]])
    times = np.sort(given)
    end = contents.end
    longest = LONGEST_GAP if math.isnan(end) else np.maximum(0.0, end - times[:-1]) + BEYOND
    steps = np.diff(times)
    regular = (
        dated
        and not lost
        and bool((given > before - NEW_CLOCK).all())
        and bool((steps >= LEAST).all())
        and bool((steps <= longest).all())
    )
    starts = [float(given[place]) for place in keys if given[place] > before[place]]
    return PictureIndex(times, np.array(starts, np.float64), regular)
