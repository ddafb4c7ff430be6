# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Colours of the screens: safe for colour-blind eyes, and never the only carrier of meaning.

The hues are those of Okabe and Ito's palette (Color Universal Design, 2008), which stay apart
under protanopia, deuteranopia and tritanopia; they are lightened where the original would be too
dark on a dark screen. Every class also has its name written beside its colour.

All colours are (blue, green, red), 0 to 255, as OpenCV takes them.
"""

from __future__ import annotations

from emotion_perception.emotions import UNKNOWN, Emotion

Colour = tuple[int, int, int]


def _bgr(code: str) -> Colour:
    """Return the colour of ``'#rrggbb'``."""
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


BACKGROUND = _bgr('#0e1218')
"""Behind everything."""
PANEL = _bgr('#1a2029')
"""A panel on the background, or (translucent) on a picture."""
TRACK = _bgr('#323b48')
"""The empty part of a bar or ring; thin lines."""
TEXT = _bgr('#f4f7fa')
"""What is to be read from afar."""
MUTED = _bgr('#a7b1bf')
"""What may be read from near."""
SHADOW = _bgr('#05070a')
"""Under bright lines and text on a picture."""
ACCENT = _bgr('#7fd1ff')
"""What the user should look at; speech that is heard."""
WARNING = _bgr('#ffb454')
"""What is missing or wrong."""

PLAYERS: tuple[Colour, Colour] = (_bgr('#e69f00'), _bgr('#56b4e9'))
"""Player 1 (orange) and player 2 (sky blue)."""

EMOTION_COLOURS: dict[int, Colour] = {
    Emotion.ANGRY: _bgr('#f0702a'),  # vermillion
    Emotion.FEAR: _bgr('#dc78b4'),  # reddish purple
    Emotion.HAPPY: _bgr('#f0e442'),  # yellow
    Emotion.NEUTRAL: _bgr('#d3d9e0'),  # grey
    Emotion.SAD: _bgr('#56b4e9'),  # sky blue
    Emotion.SURPRISE: _bgr('#10bd8f'),  # bluish green
    UNKNOWN: _bgr('#8a94a3'),
}
"""Colour of each class constant, :data:`~emotion_perception.emotions.UNKNOWN` included."""


def emotion_colour(emotion: int) -> Colour:
    """Return the colour of a class constant; the one of UNKNOWN for any other number."""
    return EMOTION_COLOURS.get(int(emotion), EMOTION_COLOURS[UNKNOWN])
