# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The figures of one recording, summed up as it goes by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_apps.analyze.columns import CLASSES
from emotion_apps.analyze.voice import Utterance
from emotion_perception.emotions import EMOTIONS
from emotion_perception.face_emotions import FaceReading
from emotion_perception.fusion.live import Fused
from emotion_perception.vision.track import Track

# A picture counts for the time since the one before, but not for longer than this, seconds.
_LONGEST = 1.0
# A time line has so many points at most, and a point covers at least so much, seconds.
POINTS = 120
_PART = 0.25


class _Person:
    def __init__(self, time: float) -> None:
        self.first = self.last = time
        self.seconds = 0.0
        self.pictures = 0
        self.labels = np.zeros(len(EMOTIONS))
        self.total = np.zeros(len(EMOTIONS))


class Figures:
    """Counts what :class:`~.joining.Joiner` finds."""

    def __init__(self) -> None:
        self.pictures = self.with_face = 0
        self._people: dict[str, _Person] = {}
        self._primary = _Person(0.0)
        self._before: float | None = None
        self._parts: dict[int, np.ndarray] = {}
        self._utterances: list[tuple[float, float]] = []
        self._voice = np.zeros(len(EMOTIONS))
        self._fused = np.zeros(len(EMOTIONS))
        self._abstained = 0

    def picture(
        self,
        time: float,
        tracks: Sequence[Track],
        readings: Sequence[FaceReading],
        primary: str | None,
    ) -> None:
        """Count one picture."""
        step = 0.0 if self._before is None else min(time - self._before, _LONGEST)
        self._before = time
        self.pictures += 1
        self.with_face += bool(tracks)
        part = self._parts.setdefault(math.floor(time / _PART), np.zeros(2 + len(EMOTIONS)))
        part[0] += 1
        for track, reading in zip(tracks, readings):
            person = self._people.setdefault(track.id, _Person(time))
            people = [person]
            if track.id == primary:
                people.append(self._primary)
                part[1] += 1
                part[2:] += reading.probabilities
            for item in people:
                item.last = time
                item.seconds += step
                item.pictures += 1
                item.labels[reading.emotion] += 1
                item.total += reading.probabilities

    def utterance(self, item: Utterance, label: str | None, fused: Fused | None) -> None:
        """Count one utterance."""
        self._utterances.append((item.start, item.end))
        if label is None:
            self._abstained += 1
            return
        self._voice += item.seconds * np.array(item.probabilities)
        if fused is not None:
            self._fused += item.seconds * fused.probabilities

    def summary(self, begin: float, end: float) -> dict[str, Any]:
        """Return the figures of a recording from its begin to its end, seconds, for JSON."""
        talk = sum(end - start for start, end in self._utterances)
        return {
            'pictures': self.pictures,
            'pictures_with_face': self.with_face,
            'people': {
                name: {
                    'first': round(person.first, 3),
                    'last': round(person.last, 3),
                    'seconds': round(person.seconds, 3),
                    'pictures': person.pictures,
                    'labels': _shares(person.labels),
                    'mean': _shares(person.total),
                }
                for name, person in self._people.items()
            },
            'face': {
                'pictures': self._primary.pictures,
                'labels': _shares(self._primary.labels),
                'mean': _shares(self._primary.total),
            },
            'voice': {
                'utterances': len(self._utterances),
                'abstained': self._abstained,
                'talk_seconds': round(talk, 3),
                'mean': _shares(self._voice),
            },
            'fused': {'mean': _shares(self._fused)},
            'timeline': self._timeline(begin, end),
        }

    def _timeline(self, begin: float, end: float) -> dict[str, Any] | None:
        """Return means over equal parts of a recording; ``None`` for a picture."""
        if not end > begin:
            return None
        count = max(1, min(POINTS, round((end - begin) / _PART)))
        width = (end - begin) / count
        faces = np.zeros((count, 2 + len(EMOTIONS)))
        for part, sums in self._parts.items():
            place = int(((part + 0.5) * _PART - begin) / width)
            faces[min(max(place, 0), count - 1)] += sums
        spoken = np.zeros(count)
        edges = begin + width * np.arange(count + 1)
        for start, stop in self._utterances:
            spoken += np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None)
        return {
            'begin': round(begin, 3),
            'step': round(width, 6),
            'classes': [
                [round(float(value), 4) for value in row[2:] / row[1]] if row[1] else None
                for row in faces
            ],
            'speech': [round(float(min(1.0, value / width)), 3) for value in spoken],
        }


def _shares(values: np.ndarray) -> dict[str, float] | None:
    """Return parts of the whole by class; ``None`` of nothing."""
    total = float(values.sum())
    if not total:
        return None
    return {name: round(float(value) / total, 4) for name, value in zip(CLASSES, values)}
