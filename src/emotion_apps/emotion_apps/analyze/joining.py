# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From what pictures show and what was heard to people over time, face and voice as one.

Everything that remembers is here, and nothing else is: workers may look at the pieces of a film
in any order, on any machine, and what is made of them here is what one look from beginning to
end would have given.
"""

from __future__ import annotations

import math

import numpy as np

from emotion_apps.analyze.figures import Figures
from emotion_apps.analyze.sights import Frame, Sights
from emotion_apps.analyze.tables import TableWriter
from emotion_apps.analyze.voice import Utterance, Voice
from emotion_perception.emotions import EMOTIONS
from emotion_perception.face_emotions import FaceHistory, FaceReading
from emotion_perception.fusion.live import Fused, LiveFusion, Reading
from emotion_perception.models.face import FacePredictions
from emotion_perception.vision.headpose import head_pose
from emotion_perception.vision.track import Track, Tracker

_NONE = (None,) * len(EMOTIONS)


class Joiner:
    """Follows the faces of one recording, fuses them with its voice, and writes the rows.

    :param name: of the recording, as the rows give it.
    :param voice: what was heard; known before the first picture is joined.
    :param faces: table of faces.
    :param utterances: table of utterances.
    :param fer: name of the model of faces; ``ser`` of that of voices.
    """

    def __init__(
        self,
        name: str,
        voice: Voice,
        faces: TableWriter,
        utterances: TableWriter,
        figures: Figures,
        fer: str,
        ser: str,
    ) -> None:
        self._name, self._voice = name, voice
        self._faces, self._utterances = faces, utterances
        self._figures = figures
        self._fer, self._ser = fer, ser
        self._tracker = Tracker()
        self._history = FaceHistory()
        self._fusion = LiveFusion()
        self._told = 0

    def add(self, sights: Sights) -> None:
        """Take in the next pictures of a film."""
        for frame in sights.frames():
            self._hear_until(frame.time)
            self._frame(frame)

    def add_picture(self, sights: Sights) -> None:
        """Take in a picture that stands by itself: its faces are numbered, largest first."""
        for frame in sights.frames():
            order = sorted(
                range(len(frame.detections)),
                key=lambda place: (
                    -float(frame.detections[place].box[2] * frame.detections[place].box[3])
                ),
            )
            tracks = [
                Track(
                    f'face{number}',
                    frame.detections[place].box,
                    frame.detections[place].score,
                    frame.detections[place].landmarks,
                    place,
                    0.0,
                )
                for number, place in enumerate(order, 1)
            ]
            readings, _ = FaceHistory().take(tracks, _chosen(frame, tracks), frame.time)
            self._figures.picture(frame.time, tracks, readings, 'face1')
            for track, reading in zip(tracks, readings):
                self._row(frame, track, reading, track.id == 'face1', None)

    def finish(self) -> None:
        """Take in the utterances that ended behind the last picture."""
        self._hear_until(math.inf)

    def _frame(self, frame: Frame) -> None:
        tracks = self._tracker.update(frame.detections, frame.time, frame.size, frame.looks) or []
        readings, primary = self._history.take(tracks, _chosen(frame, tracks), frame.time)
        self._figures.picture(frame.time, tracks, readings, primary)
        for track, reading in zip(tracks, readings):
            fused = None
            if track.id == primary:
                fused = self._fusion.add_face(
                    Reading(
                        frame.time,
                        track.id,
                        reading.probabilities,
                        frame.qualities[track.index],
                        reading.span,
                        self._fer,
                        mixture=reading.mixture,
                    )
                )
            self._row(frame, track, reading, track.id == primary, fused)

    def _row(
        self,
        frame: Frame,
        track: Track,
        reading: FaceReading,
        primary: bool,
        fused: Fused | None,
    ) -> None:
        self._faces.add(
            self._name,
            frame.number,
            frame.time,
            track.id,
            primary,
            *track.box,
            track.score,
            frame.qualities[track.index],
            *track.landmarks.ravel(),
            *head_pose(track.landmarks),
            reading.emotion.label,
            reading.stable,
            *reading.probabilities,
            reading.valence,
            reading.arousal,
            *(fused.probabilities if fused is not None and 'voice' in fused.sources else _NONE),
        )

    def _hear_until(self, time: float) -> None:
        """Take in the utterances that were known to have ended by a time."""
        utterances = self._voice.utterances
        while self._told < len(utterances) and utterances[self._told].heard <= time:
            self._utterance(self._told, utterances[self._told])
            self._told += 1

    def _utterance(self, number: int, item: Utterance) -> None:
        fused = None
        if not item.reason:
            fused = self._fusion.add_voice(
                Reading(
                    item.end,
                    'voice',
                    _vector(item.probabilities),
                    item.quality,
                    item.seconds,
                    self._ser,
                    mixture=self._voice.mixture,
                )
            )
        label = EMOTIONS[int(_vector(item.probabilities).argmax())] if not item.reason else None
        seen = fused is not None and 'face' in fused.sources
        self._figures.utterance(item, label, fused)
        self._utterances.add(
            self._name,
            number,
            item.start,
            item.end,
            item.snr,
            label,
            item.reason or None,
            *item.probabilities,
            item.valence,
            item.arousal,
            fused.subject if fused is not None and seen else None,
            EMOTIONS[int(fused.probabilities.argmax())] if fused is not None else None,
            *(fused.probabilities if fused is not None else _NONE),
            None if item.words is None else len(item.words),
            None if item.words is None else ' '.join(item.words),
        )


def _vector(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


def _chosen(frame: Frame, tracks: list[Track]) -> FacePredictions:
    """Return the predictions of a frame's tracks, in their order."""
    rows = [track.index for track in tracks]
    found = frame.predictions
    return FacePredictions(
        found.probabilities[rows],
        found.valence[rows],
        found.arousal[rows],
        found.embedding[rows],
        found.mixture,
    )
