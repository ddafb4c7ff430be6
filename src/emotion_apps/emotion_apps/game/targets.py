# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The targets of a game, and their order: shuffled, seedable, never the same twice in a row."""

from __future__ import annotations

import random
from collections.abc import Sequence

from emotion_perception.emotions import EMOTIONS, Emotion, emotion_of


def emotions_of(names: Sequence[str]) -> tuple[Emotion, ...]:
    """Return the classes that a list of target names stands for, without doubles.

    :raises ValueError: if the list is empty or a name is not one of the six classes.
    """
    emotions = []
    for name in names:
        emotion = emotion_of(name)
        if emotion is None:
            raise ValueError(f'{name!r} is not a target; allowed: {list(EMOTIONS)}')
        if emotion not in emotions:
            emotions.append(emotion)
    if not emotions:
        raise ValueError(f'no target named; allowed: {list(EMOTIONS)}')
    return tuple(emotions)


class TargetOrder:
    """An endless order of targets.

    Targets are dealt like cards: each comes once before any comes again, so that a short game
    is as varied as it can be, and a new deal does not begin with the last card of the old one.

    :param emotions: the targets, without doubles; a single one repeats, for want of another.
    :param seed: the same seed gives the same order; negative for a random one.
    """

    def __init__(self, emotions: Sequence[Emotion], seed: int) -> None:
        self._emotions = tuple(emotions)
        self._seed = seed if seed >= 0 else random.SystemRandom().getrandbits(62)
        self.rewind()

    def rewind(self) -> None:
        """Begin the same order anew."""
        self._random = random.Random(self._seed)
        self._dealt: list[Emotion] = []
        self._last: Emotion | None = None

    def __next__(self) -> Emotion:
        """Return the next target."""
        if not self._dealt:
            self._dealt = list(self._emotions)
            self._random.shuffle(self._dealt)
            if self._dealt[-1] == self._last:
                self._dealt.insert(0, self._dealt.pop())
        self._last = self._dealt.pop()
        return self._last
