# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where speech falters: fillers, repetitions, restarts, and sentences that end in the air.

The kinds are those of the literature on disfluency (H. Bortfeld et al., "Disfluency rates in
conversation", Language and Speech 44(2), 2001), found by rules on the written words and the
pauses between them. No rule understands what is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from emotion_perception.words.language import Language, plain
from emotion_perception.words.transcriber import Word

LONG_PAUSE = 1.0
"""Seconds from which a pause is a long one (E. Campione, J. Véronis, "A large-scale multilingual
study of silent pause duration", Speech Prosody 2002)."""

# Seconds of silence that set a word off from its neighbour, and that break a phrase.
_SET_OFF = 0.2
_BREAK = 0.3
# Words of a phrase that is said twice, or is broken off, at most.
_LONGEST_PHRASE = 4
_LONGEST_FRAGMENT = 3
_PUNCTUATION = re.compile(r'[,.;:?!…—–-]["”)]?$')
_SENTENCE_END = re.compile(r'[.?!]["”)]?$')
_BROKEN_OFF = re.compile(r'(\.\.\.|…|[—–-])["”)]?$')
_CUT = re.compile(r'\w[—–-]$')


class Kind(str, Enum):
    """How speech falters."""

    FILLER = 'filler'
    REPETITION = 'repetition'
    RESTART = 'restart'
    OPEN_END = 'open end'


@dataclass(frozen=True)
class Falter:
    """A place where speech falters: words ``first`` to ``last`` (both included)."""

    kind: Kind
    first: int
    last: int
    text: str


def falters(words: Sequence[Word], language: Language) -> list[Falter]:
    """Return where speech falters, in order.

    :param words: in order of time.
    """
    tokens = [plain(word.text) for word in words]
    found = list(_fillers(words, tokens, language))
    filler = {index for item in found for index in range(item.first, item.last + 1)}
    # What is said twice with a filler in between is said twice.
    said = [index for index in range(len(words)) if index not in filler and tokens[index]]
    found += _repetitions(words, tokens, said, language)
    taken = {index for item in found for index in range(item.first, item.last + 1)}
    found += [item for item in _restarts(words, tokens, said, language) if item.first not in taken]
    found += _openends_sentence(words, tokens, said, language)
    return sorted(found, key=lambda item: (item.first, item.last))


def quote(words: Sequence[Word], first: int, last: int) -> str:
    """Return the words from ``first`` to ``last`` as they were written down."""
    return ' '.join(word.text for word in words[max(0, first) : last + 1])


def pause_after(words: Sequence[Word], index: int) -> float:
    """Return the silence after a word, seconds; 0 after the last one."""
    if index + 1 >= len(words):
        return 0.0
    return max(0.0, words[index + 1].start - words[index].end)


def ends_sentence(word: Word) -> bool:
    """Whether a sentence ends with a word, as it was written down."""
    return bool(_SENTENCE_END.search(word.text)) and not _BROKEN_OFF.search(word.text)


def _fillers(words: Sequence[Word], tokens: Sequence[str], language: Language) -> Iterator[Falter]:
    sounds = {_short(plain(filler)): filler for filler in language.fillers}
    ordinary = {plain(phrase): phrase for phrase in language.ordinary}
    longest = max((len(phrase.split()) for phrase in (*sounds, *ordinary)), default=0)
    index = 0
    while index < len(words):
        step = 1
        for length in range(min(longest, len(words) - index), 0, -1):
            phrase = ' '.join(tokens[index : index + length])
            last = index + length - 1
            if filler := sounds.get(_short(phrase)):
                yield Falter(Kind.FILLER, index, last, filler)
            elif phrase in ordinary and _set_off(words, tokens, index, last, sounds):
                yield Falter(Kind.FILLER, index, last, ordinary[phrase])
            else:
                continue
            step = length
            break
        index += step


def _short(phrase: str) -> str:
    """Return a sound without what was drawn out: "ummm" is "um"."""
    return re.sub(r'(\w)\1+', r'\1', phrase)


def _set_off(
    words: Sequence[Word],
    tokens: Sequence[str],
    first: int,
    last: int,
    sounds: Mapping[str, str],
) -> bool:
    """Whether words stand apart: a single word on both sides, a phrase on one.

    Where the answer begins or ends says nothing about a phrase: "that is what I mean".
    """

    def apart(index: int, other: int) -> bool:
        """Whether there is a break after a word, or next to it a sound that fills one."""
        return (
            bool(_PUNCTUATION.search(words[index].text))
            or pause_after(words, index) >= _SET_OFF
            or _short(tokens[other]) in sounds
        )

    single = first == last
    before = apart(first - 1, first - 1) if first else single
    after = apart(last, last + 1) if last + 1 < len(words) else single
    return (before and after) if single else (before or after)


def _repetitions(
    words: Sequence[Word], tokens: Sequence[str], said: Sequence[int], language: Language
) -> Iterator[Falter]:
    """Yield what is said again at once; of both, the first."""
    at = 0
    while at < len(said):
        step = 1
        for length in range(min(_LONGEST_PHRASE, (len(said) - at) // 2), 0, -1):
            one, two = said[at : at + length], said[at + length : at + 2 * length]
            phrase = [tokens[index] for index in one]
            if phrase != [tokens[index] for index in two]:
                continue
            on_purpose = length == 1 and (phrase[0] in language.doubles or not phrase[0].isalpha())
            # A sentence may begin with the word that the one before ended with.
            if not on_purpose and not ends_sentence(words[one[-1]]):
                yield Falter(Kind.REPETITION, one[0], one[-1], quote(words, one[0], one[-1]))
                step = length
                break
        at += step


def _restarts(
    words: Sequence[Word], tokens: Sequence[str], said: Sequence[int], language: Language
) -> Iterator[Falter]:
    """Yield what is broken off: words cut short, beginnings that are begun anew, corrections."""
    broken_off = -1
    beginnings = language.open_words | language.pronouns
    for at, index in enumerate(said):
        if index <= broken_off:
            continue
        if _CUT.search(words[index].text) and at + 1 < len(said):
            yield Falter(Kind.RESTART, index, index, words[index].text)
            continue
        if tokens[index] not in beginnings:
            continue
        # "I was, um, I went": begun with the same word after a break, and gone on otherwise.
        for again in range(at + 2, min(at + _LONGEST_FRAGMENT, len(said) - 2) + 1):
            one, two = said[again - 1], said[again]
            if (
                tokens[two] == tokens[index]
                and tokens[said[again + 1]] != tokens[said[at + 1]]
                and not any(ends_sentence(words[said[i]]) for i in range(at, again))
                and (two - one > 1 or _broken(words, one))
            ):
                broken_off = one
                yield Falter(Kind.RESTART, index, one, quote(words, index, one))
                break
    for phrase in map(plain, language.corrections):
        length = len(phrase.split())
        for first in range(len(words) - length + 1):
            last = first + length - 1
            if ' '.join(tokens[first : last + 1]) == phrase and _set_off(
                words, tokens, first, last, {}
            ):
                yield Falter(Kind.RESTART, first, last, quote(words, first, last))


def _openends_sentence(
    words: Sequence[Word], tokens: Sequence[str], said: Sequence[int], language: Language
) -> Iterator[Falter]:
    """Yield the last word before a long pause, or the end, that leaves its sentence open."""
    for at, index in enumerate(said):
        # Who says "um" is about to go on.
        going_on = at + 1 < len(said) and said[at + 1] > index + 1
        if going_on or (at + 1 < len(said) and pause_after(words, index) < LONG_PAUSE):
            continue
        text, token = words[index].text, tokens[index]
        # The model ends with a point what no word ends; it does not guess a question so easily.
        if (
            _BROKEN_OFF.search(text)
            or (token in language.open_words and not text.endswith('?'))
            or (token in language.pronouns and not ends_sentence(words[index]))
        ):
            yield Falter(Kind.OPEN_END, index, index, quote(words, index - 4, index))


def _broken(words: Sequence[Word], index: int) -> bool:
    return bool(_BROKEN_OFF.search(words[index].text)) or pause_after(words, index) >= _BREAK
