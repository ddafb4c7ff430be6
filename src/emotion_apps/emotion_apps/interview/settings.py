# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Settings of the mock interview: when a question is answered, and when a hint is given."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.settings import Settings, setting

LONGEST = 86400.0
"""Seconds that an answer, or a silence, may be set to last."""


@dataclass(frozen=True)
class InterviewSettings(Settings):
    """When a question is answered, and when a hint is given."""

    autostart: bool = setting(
        True, 'Begin when a face is seen or a voice is heard; false waits for ~/start.'
    )
    answer_silence: float = setting(
        4.0, 'An answer ends after this much silence, seconds.', low=0.5, high=LONGEST, live=True
    )
    longest_answer: float = setting(
        120.0,
        'An answer ends after this time at the latest, seconds.',
        low=5.0,
        high=LONGEST,
        live=True,
    )
    no_answer: float = setting(
        30.0,
        'A question that nobody answers is passed over after this time, seconds.',
        low=2.0,
        high=LONGEST,
        live=True,
    )
    hint_silence: float = setting(
        10.0,
        'Hint: silent for so long before an answer, seconds; 0 for never.',
        low=0.0,
        high=600.0,
        live=True,
    )
    hint_absent: float = setting(
        5.0, 'Hint: no face for so long, seconds; 0 for never.', low=0.0, high=600.0, live=True
    )
    hint_away: float = setting(
        8.0,
        'Hint: not facing the camera for so long, seconds; 0 for never.',
        low=0.0,
        high=600.0,
        live=True,
    )
    hint_level: float = setting(
        -38.0,
        'Hint: speech quieter than this, dB relative to full scale; -100 for never.',
        low=-100.0,
        high=0.0,
        live=True,
    )
    hint_rate: float = setting(
        6.0, 'Hint: more syllables a second than this; 0 for never.', low=0.0, high=20.0, live=True
    )
    hint_gap: float = setting(
        15.0, 'Least time between two hints, seconds.', low=0.0, high=600.0, live=True
    )


@dataclass(frozen=True)
class InterviewNodeSettings(InterviewSettings):
    """Settings of the node."""

    questions: str = setting('', 'YAML file of questions; empty for the built-in ones.')
    out: str = setting('', 'Folder for the report; nothing is stored if it is empty.')
    speak: bool = setting(False, 'Read the questions aloud, if a synthesiser is installed.')
    transcript: bool = setting(
        False,
        'Write down the words, on this machine alone, for the figures of the report; needs '
        '`./emotion setup --transcript`.',
    )
    transcript_model: str = setting(
        '',
        'Folder of a model for faster-whisper, or the name of one (small, large-v3, ...), which '
        'is fetched once; empty for Whisper tiny.en.',
    )
