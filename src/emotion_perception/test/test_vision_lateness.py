# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How late pictures of a stream are, told from two clocks that know nothing of each other."""

from __future__ import annotations

import pytest

from emotion_perception.vision.lateness import Lateness


def test_pictures_are_late_against_the_quickest() -> None:
    lateness = Lateness()
    late = [lateness.of(place / 10, now) for place, now in enumerate((5.3, 5.2, 5.5, 5.5))]
    # The second came soonest, 0.1 s after which the third was due.
    assert late == pytest.approx([0.0, 0.0, 0.2, 0.1])


def test_a_delay_that_grows_is_told_in_full() -> None:
    lateness = Lateness()
    late = [lateness.of(0.1 * place, 0.16 * place) for place in range(100)]
    assert late == pytest.approx([0.06 * place for place in range(100)])


def test_a_clock_that_runs_slower_makes_no_picture_late() -> None:
    lateness = Lateness()
    # One in ten thousand, for three hours: a second in all.
    late = [lateness.of(place * (1 - 1e-4), float(place)) for place in range(3 * 3600)]
    assert max(late) < 0.01


def test_what_is_forgiven_is_on_time_from_then_on() -> None:
    lateness = Lateness()
    lateness.of(0.0, 0.0)
    assert lateness.of(1.0, 6.0) == pytest.approx(5.0)
    lateness.forgive(1.0, 6.0)
    assert lateness.of(2.0, 7.0) == pytest.approx(0.0)


def test_the_first_picture_of_a_recording_says_when_the_others_are_due() -> None:
    lateness = Lateness(steady=True)
    assert [lateness.of(time, 100.0) for time in (0.0, 1.0, 200.0)] == [0.0, -1.0, -200.0]
    assert lateness.of(201.0, 302.0) == pytest.approx(1.0)
