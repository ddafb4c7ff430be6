# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One emotion reading, as the interactions and the screens take it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from emotion_perception.emotions import EMOTIONS, UNKNOWN, UNKNOWN_LABEL

_UNIFORM = (1 / len(EMOTIONS),) * len(EMOTIONS)


@dataclass(frozen=True)
class Reading:
    """What emotion a face, a voice or both show.

    :param emotion: class constant, or ``UNKNOWN`` for an abstention.
    :param probabilities: six values in the order of ``EMOTIONS``.
    :param stamp: acquisition time of the frame, or end of the utterance; seconds, as it came.
    :param subject: track of the face, or source of the voice.
    :param span: seconds of input that the reading covers, ending at the stamp.
    :param region: where the face is, pixels: x, y, width, height.
    :param stable: whether the label held for the stability window.
    :param sources: the modalities that were used, of a fused reading.
    :param model: name of the model.
    :param reason: why the label is unknown.
    :param arrived: the time of arrival, where the stamp cannot be compared with those of other
        sources (:class:`emotion_perception.timing.Stamps`).
    :param source: the object it was read from; carried along, never looked at.
    """

    emotion: int = UNKNOWN
    probabilities: tuple[float, ...] = _UNIFORM
    stamp: float = 0.0
    subject: str = ''
    span: float = 0.0
    region: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    stable: bool = True
    sources: tuple[str, ...] = ()
    model: str = ''
    reason: str = ''
    arrived: float | None = None
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def known(self) -> bool:
        """Whether it names one of the six classes."""
        return 0 <= self.emotion < len(EMOTIONS)

    @property
    def label(self) -> str:
        """Return the name of the class, or ``'Unknown'``."""
        return EMOTIONS[self.emotion] if self.known else UNKNOWN_LABEL

    @property
    def confidence(self) -> float:
        """Return the probability of the class, 0..1; 0 if unknown."""
        if not self.known:
            return 0.0
        value = float(self.probabilities[self.emotion])
        return 0.0 if math.isnan(value) else value

    @property
    def time(self) -> float:
        """Return when the input that it covers ended, seconds."""
        return self.stamp if self.arrived is None else self.arrived

    @property
    def start(self) -> float:
        """Return when the input that it covers began, seconds."""
        return self.time - self.span
