# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What was heard in a recording, as it is handed from worker to worker."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emotion_perception.audio import snr
from emotion_perception.models.balance import Mixture
from emotion_perception.voice_emotions import VoiceEmotion


@dataclass(frozen=True)
class Utterance:
    """One utterance and what it expresses; times in seconds.

    :param heard: when it was known that it had ended.
    :param snr: signal-to-noise ratio, dB; NaN if unknown.
    :param reason: why the model abstained; empty if it did not.
    :param probabilities: six, in the order of ``EMOTIONS``.
    :param words: that were understood, in order; ``None`` where nobody was to write them down.
    """

    start: float
    end: float
    heard: float
    snr: float
    reason: str
    probabilities: tuple[float, ...]
    valence: float
    arousal: float
    words: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, item: VoiceEmotion, heard: float, words: tuple[str, ...] | None = None
    ) -> Utterance:
        """Return what is kept of an utterance: not its sound."""
        reading = item.reading
        return cls(
            item.start,
            item.end,
            heard,
            item.snr,
            reading.reason if reading.abstained else '',
            tuple(float(value) for value in reading.probabilities),
            reading.valence,
            reading.arousal,
            words,
        )

    @property
    def seconds(self) -> float:
        """Return how long it lasts."""
        return self.end - self.start

    @property
    def quality(self) -> float:
        """Return how far it can be trusted, 0 to 1; NaN if unknown."""
        return snr.quality(self.snr)


@dataclass(frozen=True)
class Voice:
    """The utterances of a recording, in order.

    :param seconds: that were listened to.
    :param mixture: for which mixture of classes the answers are.
    """

    utterances: tuple[Utterance, ...]
    seconds: float
    mixture: Mixture

    def to_bytes(self, said: list[str]) -> bytes:
        """Return it as a file, with what was lost on the way in words."""
        shares = self.mixture.shares
        return json.dumps(
            {
                'utterances': [asdict(item) for item in self.utterances],
                'seconds': self.seconds,
                'shares': None if shares is None else [float(value) for value in shares],
                'balance': self.mixture.balance,
                'said': said,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> tuple[Voice, list[str]]:
        """Return what :meth:`to_bytes` wrote."""
        found: dict[str, Any] = json.loads(data)
        shares = found['shares']
        utterances = tuple(
            Utterance(
                **{
                    **item,
                    'probabilities': tuple(item['probabilities']),
                    'words': None if item['words'] is None else tuple(item['words']),
                }
            )
            for item in found['utterances']
        )
        mixture = Mixture(
            None if shares is None else np.array(shares, np.float32), found['balance']
        )
        return cls(utterances, found['seconds'], mixture), found['said']


SILENT = Voice((), math.nan, Mixture())
"""Of a recording that nobody listened to."""
