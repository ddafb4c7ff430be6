# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every transcriber is, and the words it gives; ``whisper`` is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class TranscriptError(RuntimeError):
    """A transcriber cannot be had: the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Word:
    """A word as it was written down, punctuation included.

    :param start: when it begins, seconds; ``end`` when it ends.
    :param probability: that the transcriber gives it, 0 to 1.
    """

    start: float
    end: float
    text: str
    probability: float = 1.0


class Transcriber(Protocol):
    """Writes down what is said."""

    name: str

    def words(self, samples: np.ndarray, start: float) -> tuple[Word, ...]:
        """Return the words of a stretch of speech, in order; none if nothing is understood.

        :param samples: int16 (n,), mono, 16 kHz; half a minute at most is understood as one.
        :param start: acquisition time of the first sample, seconds.
        """
        ...
