# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the page and the server say to each other.

Text messages are JSON objects with a ``type``. Pictures and sound are binary, little-endian: a
header, then JPEG or S16LE. The page's side stands in ``static/js/wire.js``.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotion_apps.web.limits import LONGEST_PICTURE, LONGEST_SOUND, LONGEST_TEXT

VERSION = 1
"""Of what is said; a page of another version asks to be loaded again."""

PICTURE, SOUND, UTTERANCE = 1, 2, 3
"""First byte of a binary message."""

# kind, -, -, number, time
_PICTURE_IN = struct.Struct('<BxHId')
# kind, channels, -, rate, time, samples before
_SOUND_IN = struct.Struct('<BBHIdQ')
# kind, place, -, number, stamp in seconds and nanoseconds, size of the picture itself
_PICTURE_OUT = struct.Struct('<BBHIiIHH')
# kind, place, -, rate
_UTTERANCE_OUT = struct.Struct('<BBHI')


class ProtocolError(ValueError):
    """A message that makes no sense; the text says why."""


@dataclass(frozen=True)
class PictureIn:
    """A picture from a browser.

    :param number: counted by the browser.
    :param time: when it was taken, seconds of the browser's clock.
    :param data: JPEG.
    """

    number: int
    time: float
    data: memoryview


@dataclass(frozen=True)
class SoundIn:
    """A block of sound from a browser.

    :param first: samples (of one channel) before it.
    :param time: when it was handed over, seconds of the browser's clock.
    :param data: S16LE, channels interleaved.
    """

    channels: int
    rate: int
    time: float
    first: int
    data: memoryview

    @property
    def count(self) -> int:
        """Return the number of samples of one channel."""
        return len(self.data) // (2 * self.channels)


# Fields of each text message: name -> type; a name with '?' may be missing.
_TEXTS: Mapping[str, Mapping[str, type]] = {
    'watch': {'places': dict, 'recording?': bool},
    'seen': {'place': int, 'number': int},
    'clock': {'number': int, 'time': float},
    'claim': {'id': int, 'key': str, 'camera': bool, 'microphone': bool},
    'release': {'id': int},
    'away': {'away': bool},
    'call': {'id': int, 'place': int, 'name': str, 'values?': dict},
}


def parse_text(text: str) -> dict[str, Any]:
    """Return a text message, with the fields that its type has.

    :raises ProtocolError: if it is no such message.
    """
    if len(text) > LONGEST_TEXT:
        raise ProtocolError(f'a text of {len(text)} characters; allowed are {LONGEST_TEXT}')
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f'no JSON: {error}') from None
    if not isinstance(message, dict):
        raise ProtocolError('no JSON object')
    kind = message.get('type')
    if not isinstance(kind, str) or kind not in _TEXTS:
        raise ProtocolError(f'no message is of type {str(kind)[:40]!r}')
    fields = _TEXTS[kind]
    parsed: dict[str, Any] = {'type': kind}
    for field, expected in fields.items():
        name = field.rstrip('?')
        if name not in message:
            if field.endswith('?'):
                continue
            raise ProtocolError(f'{kind}: {name} is missing')
        parsed[name] = _typed(kind, name, message[name], expected)
    return parsed


def parse_binary(data: bytes) -> PictureIn | SoundIn:
    """Return a picture or a block of sound.

    :raises ProtocolError: if it is neither.
    """
    kind = data[0] if data else 0
    body = memoryview(data)
    if kind == PICTURE:
        if len(data) > LONGEST_PICTURE:
            raise ProtocolError(f'a picture of {len(data)} bytes; allowed are {LONGEST_PICTURE}')
        if len(data) <= _PICTURE_IN.size:
            raise ProtocolError('an empty picture')
        _, _, number, time = _PICTURE_IN.unpack_from(data)
        _finite(time)
        return PictureIn(number, time, body[_PICTURE_IN.size :])
    if kind == SOUND:
        if len(data) > LONGEST_SOUND:
            raise ProtocolError(f'a block of {len(data)} bytes; allowed are {LONGEST_SOUND}')
        if len(data) <= _SOUND_IN.size:
            raise ProtocolError('an empty block of sound')
        _, channels, _, rate, time, first = _SOUND_IN.unpack_from(data)
        _finite(time)
        if not 1 <= channels <= 8:
            raise ProtocolError(f'{channels} channels of sound; allowed are 1 to 8')
        if not 8000 <= rate <= 192000:
            raise ProtocolError(f'{rate} samples a second; allowed are 8000 to 192000')
        if (len(data) - _SOUND_IN.size) % (2 * channels):
            raise ProtocolError('a block of sound ends within a sample')
        if first >= 2**53:
            raise ProtocolError(f'{first} samples before a block')
        return SoundIn(channels, rate, time, first, body[_SOUND_IN.size :])
    raise ProtocolError(f'no binary message begins with {kind}')


def pack_picture(
    place: int, number: int, stamp: tuple[int, int], size: tuple[int, int], jpeg: bytes
) -> bytes:
    """Return a picture for the page.

    :param place: its number in the list of places.
    :param number: to be told when the page has shown it.
    :param stamp: of the frame: seconds, nanoseconds.
    :param size: width and height of the frame; the JPEG may be smaller.
    """
    return _PICTURE_OUT.pack(PICTURE, place, 0, number, *stamp, *size) + jpeg


def pack_utterance(place: int, rate: int, samples: bytes) -> bytes:
    """Return an utterance for the page: mono S16LE."""
    return _UTTERANCE_OUT.pack(UTTERANCE, place, 0, rate) + samples


def encode(kind: str, **fields: Any) -> str:
    """Return a text message; numbers that are not finite become ``null``."""
    return json.dumps(
        _plain({'type': kind, **fields}),
        separators=(',', ':'),
        ensure_ascii=False,
        allow_nan=False,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _typed(kind: str, name: str, value: Any, expected: type) -> Any:
    if expected is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    if type(value) is not expected:
        raise ProtocolError(f'{kind}: {name} is {str(value)[:40]!r}, not {expected.__name__}')
    if isinstance(value, float):
        _finite(value)
    if expected is int and isinstance(value, int) and not 0 <= value < 2**53:
        raise ProtocolError(f'{kind}: {name} is {str(value)[:40]}')
    return value


def _finite(value: float) -> None:
    if not math.isfinite(value):
        raise ProtocolError(f'a time of {value}')


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no JSON')
