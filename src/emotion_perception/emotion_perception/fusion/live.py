# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fusion as time goes by: which faces belong to an utterance, what each modality counts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from emotion_perception.emotions import EMOTIONS, distribution
from emotion_perception.fusion.combine import LEARNT, CombineSettings, combine, reliability
from emotion_perception.fusion.learnt import LearntFusion
from emotion_perception.models.balance import (
    BALANCED,
    UNKNOWN_MIXTURE,
    BalanceSettings,
    Mixture,
)
from emotion_perception.settings import part, setting
from emotion_perception.timing import UNDER_WAY, Order, TimeLine

# A modality that counts less than this is left out.
LEAST_WEIGHT = 0.05
# Faces are remembered for so many seconds: the longest utterance that finds its faces.
HISTORY = 30.0
# Between utterances the faces of the last so many seconds are averaged.
FACE_WINDOW = 0.5


@dataclass(frozen=True)
class FusionSettings(CombineSettings):
    """How face and voice are brought together in time."""

    balance: BalanceSettings = part(BalanceSettings, prefix='')
    face_half_life: float = setting(
        1.0,
        'A face that is not seen any more counts half after this time, seconds.',
        low=0.05,
        high=60.0,
        live=True,
    )
    voice_half_life: float = setting(
        4.0, 'An utterance counts half after this time, seconds.', low=0.05, high=600.0, live=True
    )


@dataclass(frozen=True)
class Reading:
    """A prediction of one modality.

    :param time: seconds: acquisition of the frame, or end of the utterance.
    :param subject: whose emotion.
    :param probabilities: (6,), sums to 1.
    :param quality: 0 to 1, or NaN if not measured.
    :param span: seconds covered, ending at ``time``; 0 for a frame.
    :param model: that made it; empty if unknown.
    :param embedding: (d,) float32, what that model makes of the input; empty where it gives none.
    :param mixture: for which mixture of classes the probabilities answer.
    """

    time: float
    subject: str
    probabilities: np.ndarray
    quality: float = math.nan
    span: float = 0.0
    model: str = ''
    embedding: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    mixture: Mixture = UNKNOWN_MIXTURE

    @property
    def balanced(self) -> np.ndarray:
        """Return the probabilities for equally common classes, float32 (6,).

        What answers for an unknown mixture is taken as it is.
        """
        return self.mixture.rebalance(self.probabilities, BALANCED)


@dataclass(frozen=True)
class Fused:
    """Face and voice as one.

    :param time: of the newest reading that was used.
    :param subject: of the face, or of the voice where no face was used.
    :param sources: which modalities were used: ``'face'``, ``'voice'``.
    :param weights: how much each of them counted, 0 to 1.
    :param quality: the weighted mean of their qualities, 0 to 1.
    :param method: that made it: the one that was set, or ``product`` where the trained network
        cannot judge these readings.
    :param problem: why it cannot, and what to do; empty otherwise.
    :param mixture: for which mixture of classes the probabilities answer; of the shares that were
        used the mean, by weight, and unknown where one of them is.
    """

    time: float
    subject: str
    probabilities: np.ndarray
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    quality: float
    span: float
    method: str
    problem: str = ''
    mixture: Mixture = UNKNOWN_MIXTURE


class LiveFusion:
    """Take readings as they come, in any order, and fuse what belongs together.

    An utterance is fused with the faces of the person who was seen most while it was spoken, and
    never with the last frame alone. Between utterances the newest faces are fused with the last
    utterance, which counts less and less.

    :raises ModelError: if the method is a trained one whose file is missing or damaged.
    """

    def __init__(self, settings: FusionSettings = FusionSettings()) -> None:
        self._learnt: LearntFusion | None = None
        self._settings = FusionSettings()
        self.settings = settings
        self._faces: deque[Reading] = deque()
        self._face_line = TimeLine()
        # The faces of before the source began anew, and the first time of the line since then:
        # an utterance that was under way belongs to them.
        self._former: deque[Reading] = deque()
        self._begun = -math.inf
        self._voice: Reading | None = None
        self._voice_line = TimeLine()

    @property
    def settings(self) -> FusionSettings:
        """Return the settings; new ones may be set at any time.

        The old ones stay if a new method has no file.
        """
        return self._settings

    @settings.setter
    def settings(self, settings: FusionSettings) -> None:
        if settings.method not in LEARNT:
            self._learnt = None
        elif self._learnt is None or settings.method != self._settings.method:
            self._learnt = LearntFusion(LEARNT[settings.method])
        self._settings = settings

    def add_face(self, reading: Reading) -> Fused | None:
        """Take a face; return both as one at its time, or ``None`` if it comes out of order.

        One out of order is sorted in, for the utterance that covers it. When the source begins
        anew, the faces of before count no more but for an utterance that was under way, and an
        utterance that would lie in the future is forgotten.

        :raises ValueError: if its probabilities are none, or its time or span is not finite.
        """
        _check(reading)
        order = self._face_line.take(reading.time)
        if order is Order.ANEW:
            self._former, self._faces = self._faces, deque()
            self._begun = reading.time
            if self._voice is not None and self._voice.time > reading.time:
                self._forget_voice()
        elif reading.time > self._begun + UNDER_WAY:
            self._former.clear()
        self._insert(reading)
        return None if order is Order.LATE else self._fuse_now(reading)

    def add_voice(self, reading: Reading) -> Fused:
        """Take an utterance; return it as one with the faces seen while it was spoken.

        One out of order is answered, but the later one stays the last. So is one that was
        spoken before the source of the faces began anew, with the faces of then.

        :raises ValueError: if its probabilities are none, or its time or span is not finite.
        """
        _check(reading)
        start = reading.time - reading.span
        if self._former and reading.time > self._face_line.newest:
            faces = _leading(self._former, start, reading.time)
            if faces:
                return self._fuse(faces, 0.0, reading, 0.0, reading.time)
        if self._voice_line.take(reading.time) is not Order.LATE:
            self._voice = reading
        faces = _leading(self._faces, start, reading.time)
        gap = 0.0
        if not faces:
            # Nobody was seen while speaking: the last face before counts, the less the older.
            earlier = [face for face in self._faces if face.time < start]
            if earlier:
                last = earlier[-1]
                faces = _leading(self._faces, last.time - FACE_WINDOW, last.time)
                gap = start - last.time
        return self._fuse(faces, gap, reading, 0.0, reading.time)

    def clear(self) -> None:
        """Forget everything."""
        self._faces.clear()
        self._former.clear()
        self._face_line.reset()
        self._forget_voice()

    def _forget_voice(self) -> None:
        self._voice = None
        self._voice_line.reset()

    def _insert(self, reading: Reading) -> None:
        at = len(self._faces)
        while at and self._faces[at - 1].time > reading.time:
            at -= 1
        self._faces.insert(at, reading)
        limit = self._faces[-1].time - HISTORY
        while self._faces[0].time < limit:
            self._faces.popleft()

    def _fuse_now(self, newest: Reading) -> Fused:
        recent = _leading(self._faces, newest.time - FACE_WINDOW, newest.time)
        faces = [face for face in recent if face.subject == newest.subject] or [newest]
        age = newest.time - self._voice.time if self._voice else 0.0
        # An utterance from the future (another clock) has no age.
        return self._fuse(faces, 0.0, self._voice, max(age, 0.0), newest.time)

    def _fuse(
        self,
        faces: list[Reading],
        face_age: float,
        voice: Reading | None,
        voice_age: float,
        now: float,
    ) -> Fused:
        settings = self.settings
        used: list[_Side] = []
        if faces:
            used.append(
                _Side(
                    'face',
                    faces[-1],
                    np.mean([face.balanced for face in faces], axis=0),
                    _mean_embedding(faces),
                    _mean_quality(faces),
                    0.5 ** (face_age / settings.face_half_life),
                    settings.face_trust,
                    settings.face_temperature,
                )
            )
        if voice is not None:
            used.append(
                _Side(
                    'voice',
                    voice,
                    voice.balanced,
                    np.asarray(voice.embedding, np.float32),
                    _mean_quality([voice]),
                    0.5 ** (voice_age / settings.voice_half_life),
                    settings.voice_trust,
                    settings.voice_temperature,
                )
            )
        strong = [side for side in used if side.weight >= LEAST_WEIGHT]
        # With nothing strong the best of the weak still is the best that is known.
        used = strong or [max(used, key=lambda side: side.weight)]
        vector, method, problem = self._join(used)
        mixture = Mixture(_mean_shares(used), BALANCED)
        vector = mixture.rebalance(vector, settings.balance.class_balance)
        face = next((side for side in used if side.name == 'face'), used[0])
        total = max(sum(side.weight for side in used), 1e-8)
        quality = sum(side.weight * _mean_quality([side.newest]) for side in used) / total
        start = min(side.newest.time - side.newest.span for side in used)
        return Fused(
            now,
            face.newest.subject,
            vector,
            tuple(side.name for side in used),
            tuple(side.weight for side in used),
            quality,
            max(0.0, now - start),
            method,
            problem,
            Mixture(mixture.shares, settings.balance.class_balance),
        )

    def _join(self, used: list[_Side]) -> tuple[np.ndarray, str, str]:
        """Return the fused vector, the method that made it, and why it is not the one set.

        The vector is for equally common classes.
        """
        settings, problem = self._settings, ''
        if self._learnt is not None:
            problem = next(
                filter(
                    None,
                    (
                        self._learnt.objection(side.name, side.newest.model, side.embedding)
                        for side in used
                    ),
                ),
                '',
            )
        if self._learnt is None or problem:
            if problem:
                settings = replace(settings, method='product')
            return (
                combine(
                    [side.vector for side in used],
                    [side.weight for side in used],
                    [side.temperature for side in used],
                    settings,
                ),
                settings.method,
                problem,
            )
        sides = {side.name: side for side in used}
        none = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)
        face, voice = (
            np.asarray(sides[name].vector if name in sides else none)[None]
            for name in ('face', 'voice')
        )
        weights = [sides[name].standing if name in sides else 0.0 for name in ('face', 'voice')]
        return (
            self._learnt(
                face,
                voice,
                np.array([weights]),
                {name: side.embedding[None] for name, side in sides.items()},
            )[0],
            settings.method,
            '',
        )


@dataclass(frozen=True)
class _Side:
    """What one modality brings to a result.

    :param vector: (6,), for equally common classes.
    :param freshness: 0 to 1, less with age.
    """

    name: str
    newest: Reading
    vector: np.ndarray
    embedding: np.ndarray
    quality: float
    freshness: float
    trust: float
    temperature: float

    @property
    def weight(self) -> float:
        """Return how much it counts, 0 to 1."""
        return float(reliability(self.quality, self.trust)) * self.freshness

    @property
    def standing(self) -> float:
        """Return what a trained combination is told of it: its quality, less with age."""
        return float(reliability(self.quality, 1.0)) * self.freshness


def _leading(faces: Iterable[Reading], start: float, end: float) -> list[Reading]:
    """Return the faces between two times, of the person who has most of them."""
    inside = [face for face in faces if start <= face.time <= end]
    counts: dict[str, int] = {}
    for face in inside:
        counts[face.subject] = counts.get(face.subject, 0) + 1
    if not counts:
        return []
    # The later one wins a tie.
    subject = max(
        counts,
        key=lambda name: (counts[name], [f.subject for f in inside][::-1].index(name) * -1),
    )
    return [face for face in inside if face.subject == subject]


def _mean_quality(readings: list[Reading]) -> float:
    """Return the mean quality; a reading without one counts as good."""
    return float(
        np.mean(
            [
                1.0 if math.isnan(item.quality) else min(max(item.quality, 0.0), 1.0)
                for item in readings
            ]
        )
    )


def _mean_shares(sides: list[_Side]) -> np.ndarray | None:
    """Return the mean class shares by weight, float32 (6,); ``None`` if one of them is unknown."""
    shares = [
        side.newest.mixture.shares for side in sides if side.newest.mixture.shares is not None
    ]
    if len(shares) < len(sides):
        return None
    weights = np.array([max(side.weight, 1e-6) for side in sides])
    return np.asarray(np.average(np.stack(shares), axis=0, weights=weights), np.float32)


def _mean_embedding(readings: list[Reading]) -> np.ndarray:
    """Return the mean embedding of those that have one of the newest's size; (0,) for none."""
    size = np.size(readings[-1].embedding)
    same = [item.embedding for item in readings if np.size(item.embedding) == size]
    return np.asarray(np.mean(same, axis=0, dtype=np.float32))


def _check(reading: Reading) -> None:
    try:
        distribution(reading.probabilities)
    except ValueError as error:
        raise ValueError(f'a reading of {reading.subject!r}: {error}') from None
    if not math.isfinite(reading.time) or not 0.0 <= reading.span < math.inf:
        raise ValueError(f'a reading of {reading.subject!r} has no finite time or span')
    if not np.isfinite(reading.embedding).all():
        raise ValueError(f'the embedding of {reading.subject!r} is not finite')
