# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screens' colours as CSS variables, for dark and for light."""

from __future__ import annotations

from emotion_apps.view import theme
from emotion_apps.view.theme import Colour
from emotion_perception.emotions import EMOTIONS

_LIGHT = {
    'background': '#eef1f5',
    'panel': '#ffffff',
    'track': '#d5dbe3',
    'text': '#12171e',
    'muted': '#4d5764',
}
# Least contrast of a bar or line with what it lies on (WCAG 2.2, 1.4.11), and of text (1.4.3).
_GRAPHICS = 3.0
_TEXT = 4.5


def css() -> str:
    """Return the style sheet: variables ``--emotion-0``..., ``--panel``, ``--accent``, ..."""
    dark = {
        'background': code(theme.BACKGROUND),
        'panel': code(theme.PANEL),
        'track': code(theme.TRACK),
        'text': code(theme.TEXT),
        'muted': code(theme.MUTED),
    }
    return (
        ':root{color-scheme:dark;' + _block(dark) + '}\n'
        '@media(prefers-color-scheme:light){:root:not([data-theme=dark]){color-scheme:light;'
        + _block(_LIGHT)
        + '}}\n:root[data-theme=light]{color-scheme:light;'
        + _block(_LIGHT)
        + '}\n'
    )


def code(colour: Colour) -> str:
    """Return a colour as ``'#rrggbb'``."""
    blue, green, red = colour
    return f'#{red:02x}{green:02x}{blue:02x}'


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: Colour, ground: Colour, least: float) -> Colour:
    """Return the colour, darkened until it stands out from a light ground."""
    share = 1.0
    shade = colour
    while contrast(shade, ground) < least and share > 0:
        share -= 0.02
        blue, green, red = (round(part * share) for part in colour)
        shade = blue, green, red
    return shade


def _block(base: dict[str, str]) -> str:
    ground = _parse(base['panel'])
    light = _luminance(ground) > 0.5

    def fitted(colour: Colour, least: float) -> str:
        return code(readable(colour, ground, least) if light else colour)

    values = dict(base)
    values['accent'] = fitted(theme.ACCENT, _TEXT)
    values['warning'] = fitted(theme.WARNING, _TEXT)
    for number, colour in enumerate(theme.PLAYERS, 1):
        values[f'player-{number}'] = fitted(colour, _GRAPHICS)
    for number in range(len(EMOTIONS)):
        values[f'emotion-{number}'] = fitted(theme.emotion_colour(number), _GRAPHICS)
    values['emotion-255'] = fitted(theme.emotion_colour(255), _GRAPHICS)
    # On a picture the ground is dark, whatever the page is.
    for number in (*range(len(EMOTIONS)), 255):
        values[f'picture-{number}'] = code(theme.emotion_colour(number))
    for number, colour in enumerate(theme.PLAYERS, 1):
        values[f'picture-player-{number}'] = code(colour)
    return ''.join(f'--{name}:{value};' for name, value in values.items())


def _parse(text: str) -> Colour:
    return int(text[5:7], 16), int(text[3:5], 16), int(text[1:3], 16)


def _luminance(colour: Colour) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in reversed(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
