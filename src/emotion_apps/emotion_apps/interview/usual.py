# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is usual for the figures of words, and where that is written.

The figures are of adults who speak English as their first language, in talk that was recorded
for research: a place to compare with, no norm.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usual:
    """What is usual of a figure.

    :param text: in words, with the unit.
    :param low: bounds from and to which a figure is unremarkable.
    :param source: where that is written: a key of :data:`SOURCES`.
    """

    text: str
    low: float
    high: float
    source: str


WORDS_PER_MINUTE = Usual(
    '125 to 160 in lectures, 160 to 210 in interviews',
    125.0,
    210.0,
    'Tauroza and Allison 1990',
)
_BORTFELD = 'Bortfeld et al. 2001'
FILLERS = Usual('about 2.6 in 100 words of conversation', 0.0, 5.2, _BORTFELD)
REPETITIONS = Usual('about 1.5 in 100 words of conversation', 0.0, 3.0, _BORTFELD)
RESTARTS = Usual('about 1.9 in 100 words of conversation', 0.0, 3.8, _BORTFELD)
LONGEST_PAUSE = Usual(
    'up to 1 s; longer ones occur in spontaneous speech only',
    0.0,
    3.0,
    'Campione and Véronis 2002',
)

SOURCES = {
    WORDS_PER_MINUTE.source: 'S. Tauroza, D. Allison, "Speech Rates in British English", Applied '
    'Linguistics 11(1), 1990',
    _BORTFELD: 'H. Bortfeld, S. D. Leon, J. E. Bloom, M. F. Schober, S. E. Brennan, "Disfluency '
    'Rates in Conversation: Effects of Age, Relationship, Topic, Role, and Gender", Language and '
    'Speech 44(2), 2001',
    LONGEST_PAUSE.source: 'E. Campione, J. Véronis, "A Large-Scale Multilingual Study of Silent '
    'Pause Duration", Speech Prosody 2002',
}
"""What the usual figures were taken from, in full."""
