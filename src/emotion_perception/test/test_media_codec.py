# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Sound through a codec."""

import numpy as np

from emotion_perception.media.codec import coded

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def test_a_codec_keeps_length_and_place():
    heard = coded(TONE, RATE, 'libopus', 12000)
    assert heard.shape == TONE.shape
    assert heard.dtype == np.float32
    assert not np.allclose(heard, TONE, atol=1e-4)
    middle = slice(RATE // 4, -RATE // 4)
    assert np.corrcoef(heard[middle], TONE[middle])[0, 1] > 0.95
