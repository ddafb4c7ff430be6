# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which pictures a slow machine shows: films of 60 a second, by a clock that is made up."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.vision.pace import ASLEEP, MOST_SKIPPED, TOO_LATE, Pace

PERIOD = 1 / 60
LENGTH = 30.0


def play(decode: float, show: float, keys: float, spared: float = 1.0) -> tuple[float, np.ndarray]:
    """Play a film; return the share of pictures that were shown, and how late each was, seconds.

    :param decode: cost of a picture in periods, without showing it; ``show`` is that of showing.
    :param keys: seconds between key pictures.
    :param spared: share of the cost of decoding that is left where the reader leaves out what no
        picture is made from.
    """
    pace, now, late = Pace(), 0.0, []
    start, place, count = 0.0, 0, round(LENGTH / PERIOD)
    while place < count:
        offset = place * PERIOD
        behind = offset < pace.wanted
        now += decode * PERIOD * (spared if behind else 1.0)
        delay = now - (start + offset)
        if pace.shows(offset, delay, PERIOD):
            if delay > TOO_LATE:
                start += delay
            late.append(max(0.0, delay))
            # Nothing is shown before its time.
            now = max(now + show * PERIOD, start + offset)
        place += 1
        # The reader goes on at the last key picture before what is wanted.
        key = np.floor(pace.wanted / keys) * keys
        if key > place * PERIOD:
            place = round(key / PERIOD)
    return len(late) / count, np.array(late)


def test_a_machine_that_is_fast_enough_shows_everything_on_time() -> None:
    share, late = play(decode=0.5, show=0.4, keys=4.0)
    assert share == 1.0
    assert late.max() < PERIOD


def test_a_machine_that_is_slightly_too_slow_loses_a_few_pictures() -> None:
    share, late = play(decode=0.5, show=0.55, keys=4.0)
    assert share > 0.85
    assert late.max() < 0.1


def test_where_showing_costs_most_the_newest_is_shown_as_often_as_there_is_time() -> None:
    # Each picture that is shown needs five that are not to make good for it.
    share, late = play(decode=0.7, show=1.8, keys=4.0)
    assert 0.7 * 0.3 / 1.8 < share < 0.3 / 1.8 * 1.1
    assert np.median(late) < 0.1


@pytest.mark.parametrize(('decode', 'least'), [(1.05, 0.8), (1.3, 0.6), (2.0, 0.35)])
def test_where_decoding_is_too_slow_pictures_are_not_left_out_for_nothing(
    decode: float, least: float
) -> None:
    share, late = play(decode, show=0.1, keys=1.0)
    assert share > least
    assert late.max() < TOO_LATE + 0.1


def test_a_reader_that_may_decode_less_keeps_such_a_film_on_time() -> None:
    share, late = play(1.2, show=0.1, keys=1e9, spared=0.5)
    assert share > 0.5
    assert np.percentile(late, 95) < 0.15


def test_without_key_pictures_the_delay_has_an_end_all_the_same() -> None:
    share, late = play(1.3, show=0.1, keys=1e9)
    assert share > 0.9
    assert late.max() < TOO_LATE + 0.1


def test_a_machine_that_slept_goes_on_where_it_was() -> None:
    pace = Pace()
    assert pace.shows(0.0, 0.0, PERIOD)
    shown = [pace.shows(PERIOD, ASLEEP + 1, PERIOD) for _ in range(MOST_SKIPPED + 1)]
    assert shown[-1]
    assert pace.wanted == 0.0
