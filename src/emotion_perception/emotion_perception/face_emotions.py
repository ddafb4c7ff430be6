# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From pictures to faces and what they show, in one object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from emotion_perception.emotions import Emotion
from emotion_perception.models import FaceEmotionRecognizer, ModelSettings, load_model
from emotion_perception.models.balance import UNKNOWN_MIXTURE, BalanceSettings, Mixture
from emotion_perception.models.face import FacePredictions
from emotion_perception.timing import Order, TimeLine
from emotion_perception.vision.finder import FaceFinder, FinderSettings, FoundFace
from emotion_perception.vision.primary import HasBox, Primary
from emotion_perception.vision.smooth import Smoother, SmoothSettings


class HasCrop(HasBox, Protocol):
    """What :class:`FaceReader` needs to know of a face: whose it is, where, and its crop."""

    @property
    def crop(self) -> np.ndarray:
        """Return the aligned crop, BGR uint8."""


_Face = TypeVar('_Face', bound=HasCrop)


@dataclass(frozen=True)
class FaceReading:
    """What one face shows.

    :param probabilities: (6,) float32 in the order of ``EMOTIONS``, sums to 1; smoothed over the
        frames of a film.
    :param emotion: the label; smoothing may let it trail the largest probability a little.
    :param stable: whether the label has held; ``False`` for a picture by itself.
    :param span: seconds of input that went in.
    :param valence: -1..1, NaN where the model gives none.
    :param arousal: -1..1, NaN where the model gives none.
    :param embedding: (d,) float32; d is 0 where the model gives none.
    :param mixture: for which mixture of classes the probabilities answer.
    """

    probabilities: np.ndarray
    emotion: Emotion
    stable: bool = False
    span: float = 0.0
    valence: float = math.nan
    arousal: float = math.nan
    embedding: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    mixture: Mixture = UNKNOWN_MIXTURE

    @property
    def confidence(self) -> float:
        """Return the probability of the label, 0 to 1."""
        return float(self.probabilities[self.emotion])


class FaceHistory:
    """What earlier frames say: smooth each person's readings, and choose the face that counts.

    :param smooth: how readings are smoothed over time.
    """

    def __init__(self, smooth: SmoothSettings | None = None) -> None:
        self.smoother = Smoother(smooth or SmoothSettings())
        self.primary = Primary()
        self._balance: float | None = None

    def take(
        self, faces: Sequence[HasBox], read: FacePredictions, time: float
    ) -> tuple[list[FaceReading], str | None]:
        """Return what the faces of one frame show, and the id of the primary face.

        :param faces: tracked faces; may be empty.
        :param read: what the model says of each of them.
        :param time: of the frame, seconds.
        :return: a reading for each face, and an id among them or ``None``.
        """
        if read.mixture.balance != self._balance:
            # What was smoothed so far answers for another mixture.
            self._balance = read.mixture.balance
            self.smoother.reset()
        readings = []
        for index, face in enumerate(faces):
            smoothed = self.smoother.update(
                face.id,
                read.probabilities[index],
                time,
                float(read.valence[index]),
                float(read.arousal[index]),
            )
            readings.append(
                FaceReading(
                    smoothed.probabilities,
                    smoothed.emotion,
                    smoothed.stable,
                    smoothed.span,
                    smoothed.valence,
                    smoothed.arousal,
                    read.embedding[index],
                    read.mixture,
                )
            )
        self.smoother.expire(time)
        return readings, self.primary.choose(faces, time)

    def reset(self) -> None:
        """Forget everybody."""
        self.smoother.reset()
        self.primary.reset()


class FaceReader:
    """Recognise faces that were found already, smooth each person's readings, and choose one.

    :param recognizer: the model.
    :param smooth: how readings are smoothed over time.
    """

    def __init__(
        self,
        recognizer: FaceEmotionRecognizer,
        smooth: SmoothSettings | None = None,
    ) -> None:
        self.recognizer = recognizer
        self.history = FaceHistory(smooth)

    def warm_up(self) -> None:
        """Run once: the first inference allocates, and a face should not wait for that."""
        self.recognizer.predict([np.zeros((128, 128, 3), np.uint8)])

    def read(self, faces: Sequence[HasCrop], time: float) -> tuple[list[FaceReading], str | None]:
        """Return what the faces of one frame show, and the id of the primary face.

        :param faces: tracked faces; may be empty.
        :param time: of the frame, seconds.
        :return: a reading for each face, and an id among them or ``None``.
        """
        read = self.recognizer.predict([face.crop for face in faces])
        return self.history.take(faces, read, time)

    def read_alone(self, faces: Sequence[HasCrop]) -> list[FaceReading]:
        """Return what some faces show, each by itself: no past, no smoothing."""
        read = self.recognizer.predict([face.crop for face in faces])
        return [
            FaceReading(
                read.probabilities[index],
                Emotion(int(read.probabilities[index].argmax())),
                valence=float(read.valence[index]),
                arousal=float(read.arousal[index]),
                embedding=read.embedding[index],
                mixture=read.mixture,
            )
            for index in range(len(faces))
        ]

    def reset(self) -> None:
        """Forget everybody."""
        self.history.reset()


@dataclass(frozen=True)
class FaceEmotion:
    """One face of a picture and what it shows.

    :param face: where it is, whose it is (``id``), its landmarks, quality and aligned crop.
    :param reading: the emotion with all probabilities.
    :param primary: whether it is the face that counts: the largest, kept by hysteresis.
    """

    face: FoundFace
    reading: FaceReading
    primary: bool

    @property
    def id(self) -> str:
        """Return whose face it is."""
        return self.face.id

    @property
    def box(self) -> np.ndarray:
        """Return the face's place, float32 (4,): x, y, width, height, pixels."""
        return self.face.box

    @property
    def emotion(self) -> Emotion:
        """Return the class."""
        return self.reading.emotion

    @property
    def label(self) -> str:
        """Return the name of the class, for instance ``'Happy'``."""
        return self.emotion.label

    @property
    def confidence(self) -> float:
        """Return the probability of the label, 0 to 1."""
        return self.reading.confidence

    @property
    def probabilities(self) -> np.ndarray:
        """Return the probabilities, (6,) float32 in the order of ``EMOTIONS``."""
        return self.reading.probabilities


class FaceEmotions:
    """Find the faces of pictures and say what each shows.

    ::

        faces = FaceEmotions()
        for face in faces.picture(read_image(Path('people.jpg'))):
            print(face.id, face.label, face.probabilities)

    :param model: a name of the catalogue, a path, or a hub id; empty for the embedded default.
    :param finder: how faces are found and followed.
    :param models: where the model runs and where its files are kept.
    :param smooth: how readings are smoothed over the frames of a film.
    :param class_balance: mixture of classes to answer for: 0 as in the training data, 1 all
        equally common, or between.
    :raises ModelError: if the model cannot be used; the message says what to do.
    :raises DetectorError: if the face detector cannot be made; so does this one.
    """

    def __init__(
        self,
        model: str = '',
        *,
        finder: FinderSettings | None = None,
        models: ModelSettings | None = None,
        smooth: SmoothSettings | None = None,
        class_balance: float = BalanceSettings.class_balance,
    ) -> None:
        self._line = TimeLine()
        self.finder = FaceFinder(finder or FinderSettings())
        self.reader = FaceReader(
            FaceEmotionRecognizer(load_model(model, 'fer', models), class_balance),
            smooth,
        )

    def picture(self, picture: np.ndarray) -> list[FaceEmotion]:
        """Return the faces of a picture that stands by itself, largest first.

        Nothing is remembered; the ids only number the faces of this picture.

        :param picture: (height, width, 3), BGR uint8, as `read_image` gives it.
        :raises ValueError: if it is anything else.
        """
        faces = self.finder.look(picture)
        readings = self.reader.read_alone(faces)
        return [
            FaceEmotion(face, reading, index == 0)
            for index, (face, reading) in enumerate(zip(faces, readings))
        ]

    def frame(self, picture: np.ndarray, time: float) -> list[FaceEmotion]:
        """Return the faces of the next frame of a film or camera, largest first.

        A face keeps its id from frame to frame, its readings are smoothed, and a new face is
        reported once it was seen in two frames.

        :param picture: (height, width, 3), BGR uint8.
        :param time: of its acquisition, seconds; a frame out of order gives nothing, and a film
            that begins anew makes it forget everybody (:mod:`emotion_perception.timing`).
        :raises ValueError: if the picture is anything else.
        """
        order = self._line.take(time)
        if order is Order.LATE:
            return []
        if order is Order.ANEW:
            self.finder.reset()
            self.reader.reset()
        faces = self.finder.find(picture, time) or []
        readings, primary = self.reader.read(faces, time)
        return [
            FaceEmotion(face, reading, face.id == primary)
            for face, reading in zip(faces, readings)
        ]

    def reset(self) -> None:
        """Forget everybody: the next frame belongs to another film."""
        self._line.reset()
        self.finder.reset()
        self.reader.reset()
