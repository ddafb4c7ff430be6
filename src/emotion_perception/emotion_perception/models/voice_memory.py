# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a voice, so that emotion is told apart from how somebody always speaks.

Normalisation by the speaker is an old and strong remedy for the differences between voices (for
instance Busso et al., "Iterative feature normalization scheme for automatic emotion detection
from speech", IEEE Trans. Affective Computing 2013). Here it needs no label and no enrolment: mean
and deviation of the embeddings of the last utterances, with their number, go into the model,
which was trained on such profiles of every length.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from emotion_perception.settings import Settings, setting

SESSION = 100
"""Utterances that are remembered by default."""


@dataclass(frozen=True)
class MemorySettings(Settings):
    """How much of a voice is remembered."""

    utterances: int = setting(
        SESSION,
        'Utterances by which the model adapts to the voice it hears, where it can; 0 '
        'judges each by itself.',
        low=0,
        high=1000,
    )
    seconds: float = setting(
        120.0, 'Silence after which the voice is forgotten, s.', low=1.0, high=86400.0
    )


class VoiceMemory:
    """Remembers the embeddings of the last utterances of one voice.

    :param size: utterances that are remembered, at least 1.
    :param seconds: silence after which the voice is forgotten; see :meth:`hear`.
    :raises ValueError: if the size is not positive.
    """

    def __init__(self, size: int, seconds: float = MemorySettings.seconds) -> None:
        if size < 1:
            raise ValueError(f'a memory of {size} utterances remembers nothing')
        self._embeddings: deque[np.ndarray] = deque(maxlen=size)
        self._seconds = seconds
        self._last: float | None = None

    def __len__(self) -> int:
        return len(self._embeddings)

    def hear(self, time: float) -> None:
        """Note that somebody speaks at a time, in seconds; forget the voice after a long silence.

        A clock that was set back starts anew without forgetting.
        """
        if self._last is not None and time - self._last > self._seconds:
            self.clear()
        self._last = time

    def add(self, embedding: np.ndarray) -> None:
        """Remember an utterance by its embedding, float32 (d,)."""
        self._embeddings.append(embedding)

    def clear(self) -> None:
        """Forget the voice."""
        self._embeddings.clear()

    def profile(self) -> np.ndarray | None:
        """Return number, mean and deviation, float32 (1, 1 + 2 d); ``None`` if empty."""
        if not self._embeddings:
            return None
        return profile_of(np.stack(self._embeddings))


def memory_for(profile: int, settings: MemorySettings) -> VoiceMemory | None:
    """Return a memory if one is wanted and the model can make use of it, else ``None``.

    :param profile: of the model; see :attr:`emotion_perception.models.Model.profile`.
    """
    if not settings.utterances or not profile:
        return None
    return VoiceMemory(settings.utterances, settings.seconds)


def profile_of(embeddings: np.ndarray) -> np.ndarray:
    """Return the profile of a voice, float32 (1, 1 + 2 d), from embeddings (n, d), n > 0."""
    return np.concatenate(
        ([np.float32(len(embeddings))], embeddings.mean(axis=0), embeddings.std(axis=0))
    ).astype(np.float32)[None]
