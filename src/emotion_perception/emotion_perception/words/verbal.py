# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Figures of an answer, from its words with their times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_perception.words.fluency import Falter, Kind, falters, pause_after
from emotion_perception.words.language import Language, plain
from emotion_perception.words.transcriber import Word

# A rate over less would say nothing: words, and seconds.
_FEWEST_WORDS = 5
_SHORTEST = 3.0
# A key word of so many letters is also found in longer words that begin with it.
_STEM = 4


@dataclass(frozen=True)
class Verbal:
    """How an answer was worded.

    :param words: number of words, fillers not counted.
    :param words_per_minute: from the beginning of the first word to the end of the last one,
        pauses included; NaN for fewer than five words or less than three seconds.
    :param fillers: how often each was said.
    :param longest_pause: silence between two words, seconds; 0 for fewer than two.
    :param longest_pause_at: index of the word before it; -1 for none.
    :param key_words: whether each came up.
    :param confidence: mean probability of the words, 0 to 1; NaN without words.
    :param falters: each place where speech falters, in order.
    """

    words: int
    words_per_minute: float
    fillers: dict[str, int]
    longest_pause: float
    longest_pause_at: int
    key_words: dict[str, bool]
    confidence: float
    falters: tuple[Falter, ...]

    def count(self, kind: Kind) -> int:
        """Return how often speech faltered in one way."""
        return sum(item.kind is kind for item in self.falters)

    def per_hundred(self, kind: Kind) -> float:
        """Return how often speech faltered in one way, for a hundred words; NaN without words."""
        return 100.0 * self.count(kind) / self.words if self.words else math.nan


def measure(words: Sequence[Word], language: Language, key_words: Sequence[str] = ()) -> Verbal:
    """Return the figures of an answer.

    :param words: of the answer, in order of time.
    :param key_words: words or phrases that an answer might name; a word of four letters or more
        is also found where a longer word begins with it ("manage" in "managed").
    """
    found = falters(words, language)
    fillers = [item for item in found if item.kind is Kind.FILLER]
    count = len(words) - sum(item.last - item.first + 1 for item in fillers)
    seconds = words[-1].end - words[0].start if words else 0.0
    enough = count >= _FEWEST_WORDS and seconds >= _SHORTEST
    pauses = [pause_after(words, index) for index in range(len(words) - 1)]
    longest = max(range(len(pauses)), key=pauses.__getitem__, default=-1)
    tokens = [token for word in words for token in plain(word.text).split()]
    return Verbal(
        count,
        60.0 * count / seconds if enough else math.nan,
        dict(Counter(item.text for item in fillers).most_common()),
        pauses[longest] if pauses else 0.0,
        longest,
        {key: _came_up(plain(key).split(), tokens) for key in key_words},
        sum(word.probability for word in words) / len(words) if words else math.nan,
        tuple(found),
    )


def _came_up(key: Sequence[str], tokens: Sequence[str]) -> bool:
    def same(wanted: str, token: str) -> bool:
        return token == wanted or (len(wanted) >= _STEM and token.startswith(wanted))

    return bool(key) and any(
        all(map(same, key, tokens[at : at + len(key)])) for at in range(len(tokens) - len(key) + 1)
    )
