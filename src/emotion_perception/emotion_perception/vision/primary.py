# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which face the robot attends to: the largest, kept by hysteresis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from emotion_perception.timing import Order, TimeLine

SWITCH_RATIO = 1.25
"""Another face takes over when it is this many times as wide as the primary one ..."""

SWITCH_SECONDS = 0.6
"""... and stays so for this time."""

KEEP_SECONDS = 0.8
"""Time for which a primary face out of sight keeps its place."""


class HasBox(Protocol):
    """What :class:`Primary` needs to know of a face."""

    @property
    def id(self) -> str:
        """Return whose it is."""

    @property
    def box(self) -> np.ndarray:
        """Return x, y, width and height, pixels."""


class Primary:
    """Choose one face, and stay with it while there is no good reason to change."""

    def __init__(self) -> None:
        self._line = TimeLine()
        self._id: str | None = None
        self._seen = 0.0
        self._rival: str | None = None
        self._rival_since = 0.0

    def choose(self, faces: Sequence[HasBox], time: float) -> str | None:
        """Return the id of the primary face.

        :param faces: the faces of one frame.
        :param time: of the frame, seconds; a frame out of order changes nothing, a source that
            begins anew makes it forget.
        :return: an id among ``faces``, or ``None`` if there is none or the primary face is out
            of sight and keeps its place.
        """
        widths = {face.id: float(face.box[2]) for face in faces}
        order = self._line.take(time)
        if order is Order.LATE:
            return self._id if self._id in widths else None
        if order is Order.ANEW:
            self._forget()
        if self._id not in widths:
            self._rival = None
            if self._id is not None and time - self._seen <= KEEP_SECONDS:
                return None
            self._id = max(widths, key=widths.__getitem__, default=None)
            self._seen = time
            return self._id
        self._seen = time
        largest = max(widths, key=widths.__getitem__)
        if largest == self._id or (widths[largest] < SWITCH_RATIO * widths[self._id]):
            self._rival = None
        elif largest != self._rival:
            self._rival, self._rival_since = largest, time
        if self._rival is not None and (time - self._rival_since >= SWITCH_SECONDS):
            self._id, self._rival = self._rival, None
        return self._id

    def reset(self) -> None:
        """Forget the primary face, and begin a new time line."""
        self._line.reset()
        self._forget()

    def _forget(self) -> None:
        self._id = self._rival = None
        self._seen = 0.0
