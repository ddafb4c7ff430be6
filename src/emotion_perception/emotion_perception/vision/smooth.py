# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Smoothing of probabilities over time, for each person alone."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from emotion_perception.emotions import Emotion
from emotion_perception.settings import Settings, setting
from emotion_perception.timing import Order, TimeLine

# Exponential: a new label must be this much more probable than the present one.
MARGIN = 0.05
# Without the face for so many seconds its past is forgotten.
FORGET_SECONDS = 1.5


@dataclass(frozen=True)
class SmoothSettings(Settings):
    """How the labels of a face are kept from flickering."""

    method: str = setting(
        'exponential',
        'Smoothing over time: exponential, majority (of the last frames) or none.',
        choices=('exponential', 'majority', 'none'),
        live=True,
    )
    time_constant: float = setting(
        0.15,
        'Exponential: seconds after which an old reading counts a third.',
        low=0.01,
        high=30.0,
        live=True,
    )
    window: int = setting(9, 'Majority: number of frames that vote.', low=1, high=300, live=True)
    stable_seconds: float = setting(
        0.5, 'Seconds that a label must hold to count as stable.', low=0.0, high=30.0, live=True
    )


@dataclass(frozen=True)
class Smoothed:
    """One smoothed reading.

    :param probabilities: (6,) float32, sums to 1.
    :param emotion: the label; with a margin it may trail the largest probability a little.
    :param stable: whether the label has held for ``stable_seconds``.
    :param span: seconds of input that went in.
    :param valence: as given, smoothed alike; NaN if not given.
    :param arousal: as given, smoothed alike; NaN if not given.
    """

    probabilities: np.ndarray
    emotion: Emotion
    stable: bool
    span: float
    valence: float = math.nan
    arousal: float = math.nan


@dataclass
class _Person:
    values: np.ndarray
    last: float
    first: float
    label: int
    since: float
    line: TimeLine = field(default_factory=TimeLine)
    history: deque[tuple[float, np.ndarray]] = field(default_factory=deque)


class Smoother:
    """Smooth the readings of several people, each by his own id."""

    def __init__(self, settings: SmoothSettings = SmoothSettings()) -> None:
        self.settings = settings
        self._people: dict[str, _Person] = {}

    def update(
        self,
        id: str,
        probabilities: np.ndarray,
        time: float,
        valence: float = math.nan,
        arousal: float = math.nan,
    ) -> Smoothed:
        """Take one reading of one person.

        :param id: whose.
        :param probabilities: (6,), sums to 1.
        :param time: of the frame, seconds; a reading out of order changes nothing (what is known
            is returned), a source that begins anew makes it forget everybody.
        :raises ValueError: if the probabilities are not six finite numbers.
        """
        values = np.array([*np.ravel(probabilities), valence, arousal], np.float64)
        if values.shape != (8,) or not np.isfinite(values[:6]).all():
            raise ValueError(f'six finite probabilities are needed, got {probabilities}')
        person = self._people.get(id)
        if person is not None:
            order = person.line.take(time)
            if order is Order.LATE:
                return self._reading(person)
            if order is Order.ANEW:
                self.reset()
                person = None
        if person is None or time - person.last > FORGET_SECONDS:
            label = int(values[:6].argmax())
            person = _Person(values, time, time, label, time)
            person.line.take(time)
            self._people[id] = person
        return self._step(person, values, time)

    def expire(self, time: float) -> None:
        """Forget everybody who was not seen for :data:`FORGET_SECONDS`."""
        self._people = {
            id: person
            for id, person in self._people.items()
            if abs(time - person.last) <= FORGET_SECONDS
        }

    def reset(self) -> None:
        """Forget everybody."""
        self._people.clear()

    def __contains__(self, id: str) -> bool:
        return id in self._people

    def _step(self, person: _Person, values: np.ndarray, time: float) -> Smoothed:
        method = self.settings.method
        if method == 'majority':
            result, label = self._majority(person, values, time)
        else:
            keep = (
                0.0
                if method == 'none'
                else math.exp(-(time - person.last) / self.settings.time_constant)
            )
            # A value that was unknown until now starts with what is known.
            before = np.where(np.isfinite(person.values), person.values, values)
            result = keep * before + (1 - keep) * values
            label = int(result[:6].argmax())
            margin = 0.0 if method == 'none' else MARGIN
            if result[label] - result[person.label] < margin:
                label = person.label
        person.values, person.last = result, time
        if label != person.label:
            person.label, person.since = label, time
        return self._reading(person)

    def _reading(self, person: _Person) -> Smoothed:
        """Return what is known of a person as of the last reading."""
        values, time = person.values, person.last
        total = max(float(values[:6].sum()), 1e-9)
        return Smoothed(
            (values[:6] / total).astype(np.float32),
            Emotion(person.label),
            time - person.since >= self.settings.stable_seconds,
            self._span(person, time),
            float(values[6]),
            float(values[7]),
        )

    def _majority(
        self, person: _Person, values: np.ndarray, time: float
    ) -> tuple[np.ndarray, int]:
        history = person.history
        history.append((time, values))
        while len(history) > self.settings.window:
            history.popleft()
        rows = np.stack([row for _, row in history])
        votes = np.bincount(rows[:, :6].argmax(axis=1), minlength=6)
        # A tie stays with the present label, else goes to the more probable one.
        votes = votes + 0.5 * (np.arange(6) == person.label) + rows[:, :6].mean(axis=0) / 4
        label = int(votes.argmax())
        # The mean of those who voted for the label: its probability is the largest, too.
        return rows[rows[:, :6].argmax(axis=1) == label].mean(axis=0), label

    def _span(self, person: _Person, time: float) -> float:
        if self.settings.method == 'none':
            return 0.0
        if self.settings.method == 'majority':
            return time - person.history[0][0]
        return min(time - person.first, 3 * self.settings.time_constant)
