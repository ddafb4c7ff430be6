# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The faces of some pictures as each picture alone shows them, before anybody is followed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_perception.models import FaceEmotionRecognizer
from emotion_perception.models.balance import Mixture
from emotion_perception.models.face import FacePredictions
from emotion_perception.vision.detect import Detection
from emotion_perception.vision.finder import Sight
from emotion_perception.vision.track import appearance


@dataclass(frozen=True)
class Frame:
    """One picture that was looked at.

    :param number: in the film, from 0.
    :param time: seconds.
    :param size: width and height, pixels.
    :param looks: what each face looks like, for following it.
    :param predictions: what the model says of each face.
    """

    number: int
    time: float
    size: tuple[int, int]
    detections: Sequence[Detection]
    qualities: Sequence[float]
    looks: Sequence[np.ndarray]
    predictions: FacePredictions


@dataclass(frozen=True)
class Sights:
    """Some pictures one after the other, and the faces in all of them, as arrays.

    :param numbers: int64 (f,), of the pictures in the film.
    :param times: float64 (f,), seconds.
    :param sizes: int32 (f, 2), width and height, pixels.
    :param counts: int32 (f,), faces in each picture.
    :param faces: float32 (n, FACE_WIDTH): box, score, landmarks, quality, probabilities, valence,
        arousal.
    :param looks: float32 (n, d), what each face looks like.
    :param shares: float32 (6,), of the model; (0,) if not known.
    :param balance: class balance that the probabilities answer for.
    """

    numbers: np.ndarray
    times: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    faces: np.ndarray
    looks: np.ndarray
    shares: np.ndarray
    balance: float

    def frames(self) -> Iterator[Frame]:
        """Yield the pictures."""
        mixture = Mixture(self.shares if self.shares.size else None, self.balance)
        ends = np.cumsum(self.counts)
        for place, end in enumerate(ends):
            rows = self.faces[end - self.counts[place] : end]
            yield Frame(
                int(self.numbers[place]),
                float(self.times[place]),
                (int(self.sizes[place, 0]), int(self.sizes[place, 1])),
                [Detection(row[:4], float(row[4]), row[5:13].reshape(4, 2)) for row in rows],
                [float(row[13]) for row in rows],
                list(self.looks[end - self.counts[place] : end]),
                FacePredictions(
                    rows[:, 14:20],
                    rows[:, 20],
                    rows[:, 21],
                    np.empty((len(rows), 0), np.float32),
                    mixture,
                ),
            )

    @classmethod
    def joined(cls, blocks: Sequence[Sights]) -> Sights:
        """Return some that follow one another as one; at least one."""
        names = ('numbers', 'times', 'sizes', 'counts', 'faces')
        arrays = {name: np.concatenate([getattr(b, name) for b in blocks]) for name in names}
        looks = [block.looks for block in blocks if len(block.looks)]
        return cls(
            **arrays,
            looks=np.concatenate(looks) if looks else np.empty((0, 0), np.float32),
            shares=blocks[0].shares,
            balance=blocks[0].balance,
        )

    def to_bytes(self, said: Sequence[str]) -> bytes:
        """Return it as a file, with what was lost on the way in words."""
        file = io.BytesIO()
        np.savez(
            file,
            numbers=self.numbers,
            times=self.times,
            sizes=self.sizes,
            counts=self.counts,
            faces=self.faces,
            looks=self.looks,
            shares=self.shares,
            balance=np.float64(self.balance),
            said=np.frombuffer(json.dumps(list(said)).encode(), np.uint8),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> tuple[Sights, list[str]]:
        """Return what :meth:`to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        said = json.loads(arrays.pop('said').tobytes())
        return cls(**{**arrays, 'balance': float(arrays['balance'])}), said


FACE_WIDTH = 22
"""Columns of :attr:`Sights.faces`."""


# So many faces the model is asked about at once: a sixth less work a face than one by one, and
# hardly any memory.
_TOGETHER = 8


class SightsBuilder:
    """Collects pictures, and asks the model about their faces.

    :param recognizer: of the faces' emotions.
    """

    def __init__(self, recognizer: FaceEmotionRecognizer) -> None:
        self._recognizer = recognizer
        self._frames: list[tuple[int, float, int, int, int]] = []
        self._faces: list[np.ndarray] = []
        self._looks: list[np.ndarray] = []
        # Of the last faces, which the model was not asked about yet.
        self._crops: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, number: int, time: float, size: tuple[int, int], seen: Sequence[Sight]) -> None:
        """Take a picture in.

        :param number: in the film, from 0.
        :param time: seconds.
        :param size: width and height, pixels.
        :param seen: its faces.
        """
        self._frames.append((number, time, *size, len(seen)))
        for sight in seen:
            item = sight.detection
            row = np.full(FACE_WIDTH, np.nan, np.float32)
            row[:4], row[4], row[5:13] = item.box, item.score, item.landmarks.ravel()
            row[13] = sight.quality
            self._faces.append(row)
            self._looks.append(appearance(sight.crop))
            self._crops.append(sight.crop)
        if len(self._crops) >= _TOGETHER:
            self._ask()

    def _ask(self) -> None:
        """Let the model say what the last faces show."""
        if not self._crops:
            return
        found = self._recognizer.predict(self._crops)
        for place, row in enumerate(self._faces[-len(self._crops) :]):
            row[14:20] = found.probabilities[place]
            row[20], row[21] = found.valence[place], found.arousal[place]
        self._crops = []

    def build(self) -> Sights:
        """Return what was collected."""
        self._ask()
        frames = np.array(self._frames, np.float64).reshape(-1, 5)
        shares = self._recognizer.model.shares
        return Sights(
            frames[:, 0].astype(np.int64),
            frames[:, 1],
            frames[:, 2:4].astype(np.int32),
            frames[:, 4].astype(np.int32),
            np.array(self._faces, np.float32).reshape(-1, FACE_WIDTH),
            np.array(self._looks, np.float32).reshape(len(self._looks), -1),
            np.empty(0, np.float32) if shares is None else np.asarray(shares, np.float32),
            self._recognizer.class_balance,
        )
