# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a page may say, and what it may not."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_apps.web.limits import LONGEST_PICTURE, LONGEST_SOUND, LONGEST_TEXT, Bucket
from emotion_apps.web.protocol import (
    PictureIn,
    ProtocolError,
    SoundIn,
    encode,
    pack_picture,
    parse_binary,
    parse_text,
)


def _picture(number: int = 3, time: float = 1.5, data: bytes = b'jpeg') -> bytes:
    return struct.pack('<BxHId', 1, 0, number, time) + data


def _sound(channels=1, rate=16000, time=1.0, first=512, data=b'\0\0' * 4) -> bytes:
    return struct.pack('<BBHIdQ', 2, channels, 0, rate, time, first) + data


def test_messages_come_out_as_they_went_in() -> None:
    claim = {'type': 'claim', 'id': 1, 'key': 'k', 'camera': True, 'microphone': False}
    assert parse_text(json.dumps(claim)) == claim
    assert parse_text('{"type":"clock","number":4,"time":2}')['time'] == 2.0
    assert parse_text('{"type":"call","id":1,"place":0,"name":"x"}')['name'] == 'x'


def test_fields_that_nobody_asked_for_are_left_out() -> None:
    assert parse_text('{"type":"away","away":true,"admin":true}') == {'type': 'away', 'away': True}


@pytest.mark.parametrize(
    'text, why',
    [
        ('', 'no JSON'),
        ('[1]', 'no JSON object'),
        ('{"type":"explode"}', "no message is of type 'explode'"),
        ('{"type":["away"]}', 'no message is of type'),
        ('{"type":"away"}', 'away is missing'),
        ('{"type":"away","away":1}', 'not bool'),
        ('{"type":"seen","place":true,"number":1}', 'not int'),
        ('{"type":"seen","place":-1,"number":1}', 'place is -1'),
        ('{"type":"clock","number":1,"time":NaN}', 'NaN is no JSON'),
        ('{"type":"clock","number":1,"time":1e999}', 'a time of inf'),
        ('[' * 5000, 'no JSON'),
        ('"' + 'x' * LONGEST_TEXT + '"', 'allowed are'),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        parse_text(text)


@given(st.text(max_size=200))
def test_no_text_does_more_than_to_be_refused(text: str) -> None:
    try:
        parse_text(text)
    except ProtocolError:
        pass


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_to_be_refused(data: bytes) -> None:
    try:
        parse_binary(data)
    except ProtocolError:
        pass


def test_pictures_and_sound_are_read() -> None:
    picture = parse_binary(_picture())
    assert isinstance(picture, PictureIn)
    assert (picture.number, picture.time, bytes(picture.data)) == (3, 1.5, b'jpeg')
    sound = parse_binary(_sound(channels=2))
    assert isinstance(sound, SoundIn)
    assert (sound.channels, sound.rate, sound.first, sound.count) == (2, 16000, 512, 2)


@pytest.mark.parametrize(
    'data, why',
    [
        (b'', 'begins with 0'),
        (b'\x07abc', 'begins with 7'),
        (_picture(data=b''), 'an empty picture'),
        (_picture(time=math.nan), 'a time of nan'),
        (_picture(data=bytes(LONGEST_PICTURE)), 'allowed are'),
        (_sound(data=b''), 'an empty block'),
        (_sound(channels=0), '0 channels'),
        (_sound(rate=1), '1 samples a second'),
        (_sound(data=b'\0\0\0'), 'ends within a sample'),
        (_sound(first=2**60), 'samples before a block'),
        (_sound(data=bytes(LONGEST_SOUND)), 'allowed are'),
    ],
)
def test_damaged_pictures_and_sound_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        parse_binary(data)


def test_numbers_that_json_does_not_know_become_null() -> None:
    text = encode('state', remaining=math.nan, bars=[1.0, math.inf], inner={'x': -math.inf})
    assert json.loads(text) == {
        'type': 'state', 'remaining': None, 'bars': [1.0, None], 'inner': {'x': None},
    }  # fmt: skip


def test_a_picture_for_the_page_names_place_and_stamp() -> None:
    data = pack_picture(2, 7, (1_700_000_000, 5), (1280, 720), b'jpeg')
    assert struct.unpack_from('<BBHIiIHH', data) == (1, 2, 0, 7, 1_700_000_000, 5, 1280, 720)
    assert data.endswith(b'jpeg')


def test_a_bucket_lets_bursts_through_and_no_more() -> None:
    bucket = Bucket(10.0, 20.0)
    assert sum(bucket.take(1, 0.0) for _ in range(30)) == 20
    assert sum(bucket.take(1, 1.0) for _ in range(30)) == 10
    assert not bucket.take(1, 0.5)
    assert sum(bucket.take(1, 100.0) for _ in range(30)) == 20
