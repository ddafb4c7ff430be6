# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which pictures of a film are looked at."""

from __future__ import annotations

import copy
import math

import numpy as np

from emotion_apps.analyze.options import Every
from emotion_perception.media.index import PictureIndex

# Two pictures have more than this between them, seconds; what is nearer is the same one.
_SAME = 0.5e-3


class Sampler:
    """Say of each picture, as they come, whether it is looked at, and its number in the film.

    By an index it knows that of every picture alone, wherever reading begins; without one it
    counts from the film's first picture.

    :param every: what is wanted.
    :param index: of the film; one that is not regular is of no use.
    """

    def __init__(self, every: Every, index: PictureIndex) -> None:
        self._every = every
        self._count = 0
        self._slot = -1
        self._begin: float | None = None
        # Of the pictures that it knows: the number of the first, the times of all, and the places
        # among them of those that are looked at.
        self._first = 0
        self._times = index.times if index.regular else None
        if self._times is not None:
            if every.seconds:
                slots = np.floor((self._times - self._times[0]) / every.seconds + 1e-6)
                self._chosen = np.unique(slots, return_index=True)[1]
            else:
                self._chosen = np.arange(0, len(self._times), every.pictures)

    def part(self, begin: float, end: float) -> Sampler:
        """Return what it knows of the pictures of a span: little enough to go with a task.

        :param begin: seconds; minus infinity for the first picture.
        :param end: time of the first picture behind it; infinity for all.
        :raises ValueError: if it knows no picture's time.
        """
        if self._times is None:
            raise ValueError('without a regular index there are no parts')
        first, last = np.searchsorted(self._times, np.array([begin, end]) - _SAME)
        part = copy.copy(self)
        part._first = self._first + int(first)
        part._times = self._times[first:last].copy()
        part._chosen = self._chosen[(self._chosen >= first) & (self._chosen < last)] - first
        return part

    def take(self, time: float) -> int | None:
        """Return the number of the picture of a time, from 0; ``None`` if it is left out."""
        if self._times is None:
            return self._counted(time)
        number = int(np.searchsorted(self._times, time - _SAME))
        place = int(np.searchsorted(self._chosen, number))
        wanted = place < len(self._chosen) and self._chosen[place] == number
        return self._first + number if wanted else None

    def next_after(self, time: float) -> float:
        """Return a time before which no picture is looked at, as far as that is known."""
        if self._times is None:
            return -math.inf
        number = int(np.searchsorted(self._times, time + _SAME))
        place = int(np.searchsorted(self._chosen, number))
        if place >= len(self._chosen):
            return math.inf
        return float(self._times[self._chosen[place]]) - _SAME

    def _counted(self, time: float) -> int | None:
        number = self._count
        self._count += 1
        if not self._every.seconds:
            return number if number % self._every.pictures == 0 else None
        if self._begin is None:
            self._begin = time
        slot = math.floor((time - self._begin) / self._every.seconds + 1e-6)
        if slot == self._slot:
            return None
        self._slot = slot
        return number
