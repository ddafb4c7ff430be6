# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How often the detector looks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from emotion_perception.vision.attention import CERTAIN, PATIENCE, PAUSE, Attention

WIDTH, HEIGHT = 640, 480
LONG_AGO = 1e9


def room(noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return a room that nobody is in, as a sensor with noise sees it."""
    generator = np.random.default_rng(seed)
    columns = np.linspace(40, 200, WIDTH)[None, :, None]
    picture = np.repeat(np.repeat(columns, HEIGHT, axis=0), 3, axis=2)
    if noise:
        picture = picture + generator.normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def with_somebody(picture: np.ndarray, side: int = 32) -> np.ndarray:
    """Return the picture with somebody far away in it."""
    picture = picture.copy()
    picture[200 : 200 + side, 310 : 310 + side] += 30
    return picture


EMPTY = room()


def looks(
    attention: Attention,
    begin: float,
    end: float,
    found: bool,
    pictures: Iterable[np.ndarray] = (EMPTY,),
) -> list[float]:
    """Play pictures at 30 Hz, again and again; return when it looked."""
    times = []
    frames = itertools.cycle(pictures)
    for index in range(round(30 * (end - begin))):
        time = begin + index / 30
        picture = next(frames)
        if attention.rest(time) <= 0 and attention.changed(picture, time):
            attention.looked(time, found)
            times.append(time)
    return times


def resting() -> Attention:
    """Return the attention that an empty room gets from PATIENCE + CERTAIN on."""
    attention = Attention()
    looks(attention, LONG_AGO, LONG_AGO + PATIENCE + CERTAIN, found=False)
    return attention


def test_every_picture_is_looked_at_while_there_is_a_face() -> None:
    assert len(looks(Attention(), LONG_AGO, LONG_AGO + 4, found=True)) == 120


def test_every_picture_is_looked_at_for_a_while_after_a_face() -> None:
    assert len(looks(Attention(), LONG_AGO, LONG_AGO + PATIENCE, found=False)) == 30


@pytest.mark.parametrize('noise', [0.0, 8.0])
def test_a_room_in_which_nothing_changes_is_looked_at_once_a_second(noise: float) -> None:
    pictures = [room(noise, seed) for seed in range(8)] if noise else [EMPTY]
    attention = Attention()
    looks(attention, LONG_AGO, LONG_AGO + PATIENCE + 0.1, False, pictures)
    begin = LONG_AGO + PATIENCE + 0.1
    assert 9 <= len(looks(attention, begin, begin + 10, False, pictures)) <= 11


def test_a_room_in_which_something_moves_is_looked_at_ten_times_a_second() -> None:
    attention = resting()
    begin = LONG_AGO + 10
    # Each picture that is taken shows something else than the one before.
    pictures = [with_somebody(EMPTY, side) for side in range(32, 152, 2)]
    assert 90 <= len(looks(attention, begin, begin + 10, False, pictures)) <= 110


@pytest.mark.parametrize(
    'change',
    [with_somebody, lambda picture: picture // 2],
    ids=['far away', 'the light goes out'],
)
def test_who_comes_is_seen_at_once_and_then_in_every_picture(
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    attention = resting()
    comes = LONG_AGO + 10
    looks(attention, LONG_AGO + 5, comes, found=False)
    first = looks(attention, comes, comes + 0.5, found=True, pictures=[change(EMPTY)])
    assert first[0] - comes <= PAUSE + 1e-6
    assert len(first) >= 12


def test_who_turns_away_and_back_is_seen_at_once() -> None:
    attention = resting()
    somebody = [with_somebody(EMPTY)]
    begin = LONG_AGO + 10
    looks(attention, begin, begin + 3, True, somebody)
    # The detector does not see him from behind; then he faces the camera as before.
    looks(attention, begin + 3, begin + 3 + PATIENCE + 0.05, False, [EMPTY])
    back = begin + 3 + PATIENCE + 0.1
    assert looks(attention, back, back + 0.3, True, somebody)[0] - back <= PAUSE + 1e-6


def test_what_appears_little_by_little_is_seen() -> None:
    attention = resting()
    begin = LONG_AGO + 10
    pictures = [(EMPTY + np.uint8(level)) for level in range(30)]
    seen = looks(attention, begin, begin + 1, False, pictures)
    assert len(seen) >= 3


def test_a_picture_of_another_size_is_no_trouble() -> None:
    attention = resting()
    for index, shape in enumerate([(1080, 1920, 3), (24, 16, 3), (1, 1, 3)]):
        time = LONG_AGO + 10 + index
        assert attention.rest(time) == 0
        attention.changed(np.zeros(shape, np.uint8), time)


def test_a_rest_is_never_long_whatever_the_clock_does() -> None:
    attention = resting()
    attention.changed(EMPTY, LONG_AGO + 500)
    assert 0 < attention.rest(LONG_AGO + 500) <= PAUSE
    assert attention.rest(LONG_AGO + 500 + PAUSE) == 0
    # Set back, a little and by more than the time without a face.
    assert attention.rest(LONG_AGO + 100) == PAUSE
    assert attention.rest(LONG_AGO - 100) == 0


def test_a_source_that_begins_anew_is_looked_at() -> None:
    attention = resting()
    attention.reset()
    assert attention.rest(10.0) == 0
    assert attention.changed(EMPTY, 10.0)
