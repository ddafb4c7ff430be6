# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Times of a browser on this machine's clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emotion_apps.web.clock import ClockMap, SampleClock


def _round_trips(
    clock: ClockMap, seconds: float, *, offset: float, drift: float = 0.0, seed: int = 1
) -> None:
    """Play round trips of a real network: 2 ms at least, often much more, on either way."""
    random = np.random.default_rng(seed)
    for local in np.arange(0.0, seconds, 0.5):
        there, back = 0.001 + random.exponential(0.01, 2)
        remote = (local + there - offset) / (1 + drift)
        clock.add(local, remote, local + there + back)


def test_a_browser_is_not_known_before_its_first_answer() -> None:
    clock = ClockMap()
    assert not clock.known
    assert math.isnan(clock.round_trip)
    with pytest.raises(ValueError, match='not known yet'):
        clock.to_local(1.0)


def test_one_round_trip_gives_the_middle() -> None:
    clock = ClockMap()
    clock.add(100.0, 5.0, 100.2)
    assert clock.to_local(5.0) == pytest.approx(100.1)
    assert clock.round_trip == pytest.approx(0.2)


def test_of_jittery_round_trips_the_shortest_count() -> None:
    clock = ClockMap()
    _round_trips(clock, 120.0, offset=1000.0)
    for local in (60.0, 119.0):
        assert clock.to_local(local - 1000.0) == pytest.approx(local, abs=0.003)


@pytest.mark.parametrize('drift', [2e-4, -2e-4])
def test_drift_is_followed_and_foreseen(drift: float) -> None:
    clock = ClockMap()
    _round_trips(clock, 300.0, offset=-50.0, drift=drift)
    assert clock.drift == pytest.approx(drift, abs=6e-5)
    # Ten seconds after the last round trip; not knowing the drift it would be 20 ms off, at 100 s.
    local = 310.0
    assert clock.to_local((local + 50.0) / (1 + drift)) == pytest.approx(local, abs=0.004)


def test_a_clock_that_stood_still_is_learnt_anew_at_once() -> None:
    clock = ClockMap()
    _round_trips(clock, 60.0, offset=0.0)
    # The machine slept for an hour, and performance.now() with it.
    clock.add(3660.0, 60.5, 3660.01)
    assert clock.steps == 1
    assert clock.to_local(60.5) == pytest.approx(3660.005, abs=0.01)


def test_a_slow_answer_is_no_step() -> None:
    clock = ClockMap()
    _round_trips(clock, 20.0, offset=0.0)
    clock.add(20.0, 23.9, 24.0)
    assert clock.steps == 0
    assert clock.to_local(23.9) == pytest.approx(23.9, abs=0.005)


@pytest.mark.parametrize('trip', [(2.0, 0.0, 1.0), (0.0, math.nan, 1.0), (0.0, 0.0, math.inf)])
def test_a_round_trip_that_cannot_be_is_refused(trip) -> None:
    with pytest.raises(ValueError, match='no round trip'):
        ClockMap().add(*trip)


RATE, BLOCK = 16000, 512


def _blocks(count: int, *, drift: float = 0.0, start: float = 10.0, seed: int = 2):
    """Blocks as a page hands them over: up to 30 ms late, each by another time."""
    random = np.random.default_rng(seed)
    for number in range(count):
        first = number * BLOCK
        true = start + first / RATE * (1 + drift)
        stamp = true + BLOCK / RATE + random.uniform(0.0, 0.03)
        yield first, stamp, true


def test_samples_are_timed_by_their_count_and_not_by_when_they_came() -> None:
    clock = SampleClock()
    times = [clock.time(first, BLOCK, RATE, stamp) for first, stamp, _ in _blocks(900)]
    true = [true for _, _, true in _blocks(900)]
    settled = np.array(times[100:]) - np.array(true[100:])
    assert settled.min() > -0.0005
    assert settled.max() < 0.002
    # Blocks join: what the ear of a detector would hear as a gap is not there.
    assert np.abs(np.diff(times)[100:] - BLOCK / RATE).max() < 0.001


def test_a_drifting_sound_card_is_followed() -> None:
    clock = SampleClock()
    errors = [
        clock.time(first, BLOCK, RATE, stamp) - true
        for first, stamp, true in _blocks(9000, drift=1e-4)
    ]
    assert np.abs(errors[3000:]).max() < 0.004


def test_lost_samples_leave_a_gap() -> None:
    clock = SampleClock()
    start = clock.time(0, BLOCK, RATE, 10.0 + BLOCK / RATE)
    later = clock.time(10 * BLOCK, BLOCK, RATE, 10.0 + 11 * BLOCK / RATE)
    assert later - start == pytest.approx(10 * BLOCK / RATE)


def test_sound_that_was_interrupted_is_timed_anew() -> None:
    clock = SampleClock()
    for first, stamp, _ in _blocks(100):
        clock.time(first, BLOCK, RATE, stamp)
    # The system suspended the sound for a minute: the count stood still.
    assert clock.time(100 * BLOCK, BLOCK, RATE, 80.0) == pytest.approx(80.0 - BLOCK / RATE)


def test_another_recording_begins_anew() -> None:
    clock = SampleClock()
    clock.time(0, BLOCK, RATE, 10.0)
    assert clock.time(0, BLOCK, RATE, 50.0) == pytest.approx(50.0 - BLOCK / RATE)
    assert clock.time(BLOCK, BLOCK, 2 * RATE, 60.0) == pytest.approx(60.0 - BLOCK / 2 / RATE)
