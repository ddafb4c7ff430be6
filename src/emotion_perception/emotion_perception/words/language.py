# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What has to be known of a language to tell fillers, repetitions and broken sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

PLAIN_CHARACTERS = re.compile(r"[^\w'’-]+")


@dataclass(frozen=True)
class Language:
    """Lists of words of one language, in small letters.

    :param code: as ISO 639-1 has it (``en``).
    :param fillers: sounds and words that fill a pause wherever they stand.
    :param ordinary: words that may be fillers and mostly are none ("like"): they count only
        where they are set off by commas or pauses.
    :param doubles: words that are said twice on purpose ("very very").
    :param open_words: words that no sentence ends with, whatever was written behind them.
    :param pronouns: words that sentences begin with, and rarely end.
    :param corrections: what somebody says who begins again.
    """

    code: str
    fillers: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    doubles: frozenset[str] = frozenset()
    open_words: frozenset[str] = frozenset()
    pronouns: frozenset[str] = frozenset()
    corrections: tuple[str, ...] = ()

    def with_fillers(self, fillers: tuple[str, ...]) -> Language:
        """Return the language with another list of fillers.

        Of these, the words that are known to be ordinary ones count only where they are set off.
        """
        known = {plain(word) for word in self.ordinary}
        return replace(
            self,
            fillers=tuple(word for word in fillers if plain(word) not in known),
            ordinary=tuple(word for word in fillers if plain(word) in known),
        )


def plain(text: str) -> str:
    """Return a word or a phrase in small letters, without punctuation at its words' ends."""
    words = (part.strip("'’-") for part in PLAIN_CHARACTERS.split(text.lower()))
    return ' '.join(word.replace('’', "'") for word in words if word)


def language(code: str) -> Language:
    """Return what is known of a language; of one without lists, its code alone."""
    return _LANGUAGES.get(code, Language(code))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LANGUAGES = {
    item.code: item
    for item in (
        Language(
            'en',
            ('um', 'uh', 'uhm', 'er', 'erm', 'hmm', 'mm'),
            (
                'like', 'you know', 'I mean', 'sort of', 'kind of', 'basically', 'actually',
                'literally',
            ),
            _words('very really so no yes yeah had that many much far long ha bye'),
            _words(
                "a an the and but or because if although whether my your our their i'm we're "
                "they're"
            ),
            _words('i we they he she it you'),
            ('no wait', 'sorry', 'or rather', 'let me rephrase', 'let me start again'),
        ),
        Language(
            'de',
            ('äh', 'ähm', 'öh', 'öhm', 'hm', 'mhm'),
            (
                'halt', 'eben', 'sozusagen', 'quasi', 'also', 'irgendwie', 'na ja', 'ich meine',
                'weißt du',
            ),
            _words('sehr ganz ja nein die das der so viel lange'),
            _words('ein eine einen einem einer und aber weil wenn obwohl mein meine unser unsere'),
            _words('ich wir sie er es du ihr'),
            ('nein warte', 'entschuldigung', 'beziehungsweise', 'besser gesagt', 'noch einmal'),
        ),
    )
}  # fmt: skip
