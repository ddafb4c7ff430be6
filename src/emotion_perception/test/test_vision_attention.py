# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How often the detector looks."""

from __future__ import annotations

from emotion_perception.vision.attention import PATIENCE, Attention


def looks(attention: Attention, begin: float, end: float, found: bool) -> int:
    """Play pictures at 30 Hz; return at how many it looked."""
    count = 0
    for index in range(round(30 * (end - begin))):
        time = begin + index / 30
        if attention.wants(time):
            attention.looked(time, found)
            count += 1
    return count


def test_every_picture_is_looked_at_while_there_is_a_face() -> None:
    attention = Attention()
    assert looks(attention, 1e9, 1e9 + 4, found=True) == 120


def test_ten_looks_a_second_are_enough_while_nobody_is_there() -> None:
    attention = Attention()
    assert looks(attention, 1e9, 1e9 + PATIENCE, found=False) == 30
    assert 90 <= looks(attention, 1e9 + PATIENCE + 0.1, 1e9 + PATIENCE + 10.1, found=False) <= 110


def test_who_comes_is_seen_at_once_and_then_in_every_picture() -> None:
    attention = Attention()
    looks(attention, 1e9, 1e9 + 5, found=False)
    assert looks(attention, 1e9 + 5, 1e9 + 5.12, found=True) >= 1
    assert looks(attention, 1e9 + 5.2, 1e9 + 6.2, found=True) == 30


def test_a_source_that_begins_anew_is_looked_at() -> None:
    attention = Attention()
    looks(attention, 1e9, 1e9 + 5, found=False)
    attention.reset()
    assert attention.wants(10.0)
