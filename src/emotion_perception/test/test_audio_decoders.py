# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Streams of raw samples and of MP3, block by block."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.audio.decoders import SoundFormat, make_decoder
from emotion_perception.audio.pcm import AudioFormatError, decode
from support.sounds import to_mp3

RATE = 16000


def test_mp3_is_heard_in_blocks_of_any_size() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = (12000 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.int16)
    data = to_mp3(tone)
    decoder = make_decoder(SoundFormat(RATE, 1, 'S16LE', 'mp3'))
    parts = []
    for at in range(0, len(data), 100):
        samples, rate = decoder.push(memoryview(data)[at : at + 100])
        parts.append(samples)
        assert rate in (RATE, 1) and samples.shape[1] == 1
    heard = np.concatenate(parts)[:, 0]
    # Encoder and decoder delay the sound by about a tenth of a second.
    assert abs(len(heard) - len(tone)) < 0.2 * RATE
    delay = int(np.argmax(np.correlate(heard[: RATE + 2000], tone[:RATE] / 32768.0, 'valid')))
    assert delay < 0.1 * RATE
    part = heard[delay : delay + RATE]
    assert np.corrcoef(part, tone[:RATE])[0, 1] > 0.99
    assert np.abs(part).max() == pytest.approx(12000 / 32768, rel=0.1)


def test_noise_for_mp3_is_refused_or_silent_and_the_stream_goes_on() -> None:
    decoder = make_decoder(SoundFormat(RATE, 1, 'S16LE', 'mp3'))
    noise = np.random.default_rng(0).integers(0, 255, 4000).astype(np.uint8).tobytes()
    try:
        decoder.push(memoryview(noise))
    except AudioFormatError as error:
        assert 'no MP3' in str(error)
    good = to_mp3(np.random.default_rng(1).normal(0, 3000, RATE).astype(np.int16))
    count = 0
    for at in range(0, len(good), 300):
        try:
            count += len(decoder.push(memoryview(good)[at : at + 300])[0])
        except AudioFormatError:
            continue
    assert count > RATE / 2


def test_another_coding_is_refused_with_the_way_out() -> None:
    with pytest.raises(AudioFormatError, match=r"'opus'.*only raw samples and mp3.*format:=wave"):
        make_decoder(SoundFormat(RATE, 1, 'S16LE', 'opus'))


@pytest.mark.parametrize('form', ['S24LE', 'S24BE', 'S24_32LE', 'S24_32BE'])
def test_24_bits_are_read_in_three_bytes_and_in_four(form: str) -> None:
    values = np.array([0, 1, -1, 2**23 - 1, -(2**23), 123456], np.int32)
    order = 'little' if form.endswith('LE') else 'big'
    width = 3 if form in ('S24LE', 'S24BE') else 4
    data = b''.join(int(value).to_bytes(width, order, signed=True) for value in values)
    found = decode(data, form, 2)
    np.testing.assert_allclose(found.ravel() * 2**23, values, atol=1)
    if width == 4:
        # The fourth byte may hold anything.
        dirty = bytearray(data)
        for at in range(3 if order == 'little' else 0, len(dirty), 4):
            dirty[at] ^= 0x55
        np.testing.assert_array_equal(decode(dirty, form, 2), found)
    with pytest.raises(AudioFormatError, match=f'multiple of {2 * width}'):
        decode(data[:-1], form, 2)
