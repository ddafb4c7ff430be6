# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tracking of faces: the same id for the same person from frame to frame.

Each track predicts where its face will be (a Kalman filter with constant velocity) and knows what
it looks like (a small picture and the colours of its aligned crop). Faces and tracks are matched
all at once at the least total cost (H. W. Kuhn, "The Hungarian method for the assignment
problem", 1955), as SORT does it (A. Bewley et al., ICIP 2016). Where people are far apart motion
decides; where two come near each other it cannot, and appearance does (the idea of DeepSORT,
N. Wojke et al., ICIP 2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from emotion_perception.settings import Settings, setting
from emotion_perception.timing import Order, TimeLine
from emotion_perception.vision.detect import Detection, iou

# Cost of a pair that cannot be.
IMPOSSIBLE = 1e6
# Cost of a face without a detection and a detection without a face, instead of a pair.
NO_PAIR = 5.0
# Part of a new look that enters a track's long memory, per frame.
LEARNING = 0.1
# Difference to its own looks from which a face among others counts as partly covered.
COVERED = 0.15
# Difference in appearance (0 same, 1 nothing in common) above which two faces cannot be the same
# person.
MAX_DIFFERENCE = 0.45
# How far from its predicted place a face may be, in face widths.
REACH = 0.7
# Seconds that a face keeps its id while another one hides it.
HIDDEN_SECONDS = 4.0


@dataclass(frozen=True)
class TrackSettings(Settings):
    """How ids are given and kept."""

    keep_seconds: float = setting(
        1.5, 'Seconds that a lost face keeps its id.', low=0.0, high=30.0
    )
    confirm_frames: int = setting(
        2, 'Frames in which a new face must be seen before it is reported.', low=1, high=30
    )


@dataclass(frozen=True)
class Track:
    """A tracked face as it was seen in one frame.

    :param id: stays with the person; a letter first.
    :param box: float32 (4,): x, y, width, height, pixels, as detected.
    :param score: the detector's confidence.
    :param landmarks: float32 (4, 2), as in :class:`~emotion_perception.vision.detect.Detection`.
    :param index: place of its detection in the list given to :meth:`Tracker.update`.
    :param age: seconds since it was first seen.
    """

    id: str
    box: np.ndarray
    score: float
    landmarks: np.ndarray
    index: int
    age: float


def appearance(crop: np.ndarray) -> np.ndarray:
    """Describe what an aligned crop looks like.

    :param crop: (size, size, 3) canonical crop, BGR uint8.
    :return: float32 vector of length 1. The scalar product of two of them is about 1 for the
        same face a moment later, and clearly less for another one.
    """
    small = cv2.resize(crop, (16, 16), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float32) - 128
    # Light changes as a face moves; its pattern and its colours change less.
    grey = lab[..., 0] - lab[..., 0].mean()
    grey /= max(float(np.linalg.norm(grey)), 1e-6)
    colour = lab[::2, ::2, 1:].ravel()
    colour /= max(float(np.linalg.norm(colour)), 40.0)
    level = np.array([lab[..., 0].mean() / 128], np.float32)
    vector = np.concatenate([grey.ravel() * 0.75, colour * 0.6, level * 0.28])
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return how much two appearances differ, 0 (same) to 1 (nothing in common)."""
    return min(max(1.0 - float(a @ b), 0.0), 1.0)


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """Match rows with columns at the least total cost.

    The Hungarian method with potentials, O(n^3) (the matrices here have a few rows; a library
    would cost more to import than this does to run).

    :param cost: (n, m), finite.
    :return: min(n, m) pairs (row, column), by row.
    """
    cost = np.asarray(cost, np.float64)
    if cost.size == 0:
        return []
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T))
    rows, columns = cost.shape
    row_potential = np.zeros(rows + 1)
    potential = np.zeros(columns + 1)
    # match[j]: row (from 1) of column j; column 0 is a helper that holds the row to place.
    match = np.zeros(columns + 1, int)
    for row in range(1, rows + 1):
        match[0] = row
        column = 0
        slack = np.full(columns + 1, np.inf)
        way = np.zeros(columns + 1, int)
        used = np.zeros(columns + 1, bool)
        while match[column]:
            used[column] = True
            current = match[column]
            reduced = cost[current - 1] - row_potential[current] - potential[1:]
            better = ~used[1:] & (reduced < slack[1:])
            slack[1:][better] = reduced[better]
            way[1:][better] = column
            open_slack = np.where(used[1:], np.inf, slack[1:])
            nearest = int(open_slack.argmin()) + 1
            delta = open_slack[nearest - 1]
            row_potential[match[used]] += delta
            potential[used] -= delta
            slack[~used] -= delta
            column = nearest
        while column:
            match[column] = match[way[column]]
            column = way[column]
    return sorted((int(match[j]) - 1, j - 1) for j in range(1, columns + 1) if match[j])


class Motion:
    """Place and size of a face: Kalman filters, with constant velocity for the place.

    :param box: first box (4,).
    :param time: of its frame, seconds.
    """

    # Standard deviations in face widths: of a detection, of one that another face covers in
    # part, of the acceleration (1/s^2), and of the size after a second.
    NOISE = 0.05
    COVERED_NOISE = 0.3
    ACCELERATION = 6.0
    GROWTH = 0.5

    def __init__(self, box: np.ndarray, time: float) -> None:
        # Rows: centre x, centre y, size; columns: value, velocity per second.
        self._state = np.zeros((3, 2))
        self._state[:, 0] = _place(box)
        side = self._state[2, 0]
        self._cover = np.tile(np.diag([(self.NOISE * side) ** 2, (1.5 * side) ** 2]), (3, 1, 1))
        # A size with a velocity would shrink to nothing while its face is covered.
        self._cover[2, 1, 1] = 0.0
        self._time = time

    @property
    def box(self) -> np.ndarray:
        """Return the box (4,) at the time of the last step."""
        x, y, side = self._state[:, 0]
        side = max(side, 1.0)
        return np.array([x - side / 2, y - side / 2, side, side])

    @property
    def spread(self) -> float:
        """Return the standard deviation of the place, in face widths."""
        return math.sqrt(self._cover[:2, 0, 0].max()) / max(float(self._state[2, 0]), 1.0)

    def predict(self, time: float) -> None:
        """Go on to a later time; the velocity of a face that is not seen dies down."""
        step = max(0.0, time - self._time)
        self._time = time
        side = max(self._state[2, 0], 1.0)
        move = np.array([[1.0, step], [0.0, 0.35**step]])
        accelerate = (self.ACCELERATION * side) ** 2 * np.array(
            [[step**4 / 4, step**3 / 2], [step**3 / 2, step**2]]
        )
        self._state = self._state @ move.T
        self._cover = move @ self._cover @ move.T
        self._cover[:2] += accelerate
        self._cover[2, 0, 0] += (self.GROWTH * side) ** 2 * step

    def correct(self, box: np.ndarray, covered: bool) -> None:
        """Take a detection of the present time in.

        :param covered: another face covers it in part, so its box is not to be trusted.
        """
        measured = _place(box)
        noise = ((self.COVERED_NOISE if covered else self.NOISE) * measured[2]) ** 2
        gain = self._cover[:, :, 0] / (self._cover[:, 0, 0] + noise)[:, None]
        self._state += gain * (measured - self._state[:, 0])[:, None]
        self._cover = self._cover - gain[:, :, None] * self._cover[:, None, 0, :]


@dataclass
class _Face:
    motion: Motion
    first: float
    seen: float
    box: np.ndarray
    looks: np.ndarray | None
    last_look: np.ndarray | None  # None where `looks` is
    hits: int = 1
    id: str = ''

    def difference(self, look: np.ndarray | None) -> float | None:
        if look is None or self.looks is None or self.last_look is None:
            return None
        return min(difference(self.looks, look), difference(self.last_look, look) + 0.02)


class Tracker:
    """Give faces ids that last.

    A detection goes to a track whose predicted place is near and whose appearance fits; a track
    without a detection is kept for ``keep_seconds`` and may be taken up again, the farther from
    its place the longer it was lost.
    """

    def __init__(self, settings: TrackSettings = TrackSettings()) -> None:
        self.settings = settings
        self._faces: list[_Face] = []
        self._count = 0
        self._line = TimeLine()
        self._time = -np.inf

    def update(
        self,
        detections: Sequence[Detection],
        time: float,
        image_size: tuple[int, int] | None = None,
        appearances: Sequence[np.ndarray | None] | None = None,
    ) -> list[Track] | None:
        """Take the detections of one frame.

        :param detections: the faces that were found.
        :param time: of the frame, seconds; a source that begins anew ends all tracks.
        :param image_size: width and height: a lost face predicted outside cannot come back
            inside.
        :param appearances: :func:`appearance` of each detection's crop (``None`` where there is
            no crop); without them motion alone decides.
        :return: the confirmed tracks seen in this frame, largest first; ``None`` for a frame out
            of order, which is left out.
        """
        order = self._line.take(time)
        if order is Order.LATE:
            return None
        if order is Order.ANEW:
            self._faces.clear()
            self._time = -np.inf
        looks: list[np.ndarray | None] = [None] * len(detections)
        if appearances is not None:
            looks = list(appearances)
        self._faces = [face for face in self._faces if self._lives(face, time)]
        self._time = time
        for face in self._faces:
            face.motion.predict(time)
        places = np.array([face.motion.box for face in self._faces]).reshape(-1, 4)
        crowded = _overlapping(detections)
        pairs = self._match(places, detections, looks, crowded, time, image_size)
        if pairs:
            near = self._near_another(places)
            for row, column in pairs:
                self._take(
                    self._faces[row],
                    detections[column],
                    looks[column],
                    time,
                    bool(crowded[column] or near[row]),
                )
        taken = {column for _, column in pairs}
        owners = {column: self._faces[row] for row, column in pairs}
        for column, detection in enumerate(detections):
            if column not in taken:
                face = _Face(
                    Motion(detection.box, time),
                    time,
                    time,
                    detection.box,
                    looks[column],
                    looks[column],
                )
                self._faces.append(face)
                owners[column] = face
        return self._report(detections, owners, time)

    def reset(self) -> None:
        """End all tracks; numbers go on."""
        self._faces.clear()
        self._line.reset()
        self._time = -np.inf

    def _lives(self, face: _Face, time: float) -> bool:
        """Tell whether a face may still be seen again at a time."""
        lost = time - face.seen
        if face.seen == self._time or lost <= 0:
            return True
        if not face.id:
            # Most of those that were seen once only are false: they have a moment.
            return lost <= min(0.2, self.settings.keep_seconds)
        limit = self.settings.keep_seconds
        if lost > limit and self._hidden(face):
            limit = max(limit, HIDDEN_SECONDS)
        return lost <= limit

    def _hidden(self, face: _Face) -> bool:
        """Tell whether somebody seen in the last frame stands where a lost face may be."""
        others = [other.box for other in self._faces if other.seen == self._time]
        places = np.stack([face.box, face.motion.box])
        return bool(others) and bool((_nearness(places, np.stack(others)) < 0.55).any())

    def _match(
        self,
        places: np.ndarray,
        detections: Sequence[Detection],
        looks: list[np.ndarray | None],
        crowded: np.ndarray,
        time: float,
        image_size: tuple[int, int] | None,
    ) -> list[tuple[int, int]]:
        """Return the pairs (index of a face, index of a detection).

        :param places: (n, 4) predicted boxes of the faces.
        """
        faces, count = self._faces, len(detections)
        if not faces or not count:
            return []
        boxes = np.stack([item.box for item in detections]).astype(np.float64)
        motion = self._motion_cost(places, boxes, time, image_size)
        # Where a face could be of several tracks (or a track's of several faces), places are
        # nearly alike and looks must decide.
        possible = motion < IMPOSSIBLE
        contested = possible & (
            (possible.sum(axis=0)[None, :] > 1) | (possible.sum(axis=1)[:, None] > 1)
        )
        cost = np.full_like(motion, IMPOSSIBLE)
        for row, column in np.argwhere(possible):
            face = faces[row]
            unlike = face.difference(looks[column])
            if unlike is None:
                cost[row, column] = motion[row, column]
                continue
            lost = time - face.seen
            # Seen a moment ago at the same place: the same person, however the light changed.
            sure = lost < 0.15 and motion[row, column] < 0.5 and not contested[row, column]
            # The crop of a face half hidden by another one shows both.
            limit = MAX_DIFFERENCE + (0.3 if crowded[column] else 0.0)
            if unlike > limit and not sure:
                continue
            weight = 6.0 if contested[row, column] else 1.0
            cost[row, column] = motion[row, column] + weight * unlike
        return _pairs(cost)

    def _motion_cost(
        self,
        places: np.ndarray,
        boxes: np.ndarray,
        time: float,
        image_size: tuple[int, int] | None,
    ) -> np.ndarray:
        """Return the cost (n, m) of n faces and m boxes, 0 to 1 at the edge of what can be."""
        lost = np.array([time - face.seen for face in self._faces])[:, None]
        side = places[:, 2, None]
        expected = _centres(places)
        if image_size is not None:
            # Who left the picture comes back at its edge.
            expected = np.where(lost > 0.3, np.clip(expected, 0, image_size), expected)
        # It went on, or stopped, or turned back.
        seen = _centres(np.array([face.box for face in self._faces], np.float64))
        found = _centres(boxes)
        distance = np.minimum(
            *(
                np.hypot(*(found[None] - centres[:, None]).transpose(2, 0, 1))
                for centres in (expected, seen)
            )
        )
        size = np.maximum(side, boxes[None, :, 2])
        spread = np.array([face.motion.spread for face in self._faces])[:, None]
        reach = REACH + np.minimum(1.5, 2.0 * spread)
        resized = np.abs(np.log(boxes[None, :, 2] / side))
        return np.where(
            (distance > reach * size) | (resized > math.log(1.7) + lost),
            IMPOSSIBLE,
            distance / size / reach + 0.5 * resized,
        )

    def _take(
        self,
        face: _Face,
        detection: Detection,
        look: np.ndarray | None,
        time: float,
        crowded: bool,
    ) -> None:
        unlike = face.difference(look)
        # One that looks as always is not covered, whoever is near.
        covered = crowded and (unlike is None or unlike > COVERED)
        face.motion.correct(detection.box, covered)
        face.seen, face.box = time, detection.box
        face.hits += 1
        # In a crowd the crop may show a part of somebody else.
        if look is None or crowded:
            return
        if face.looks is None:
            face.looks = look
        else:
            blend = (1 - LEARNING) * face.looks + LEARNING * look
            face.looks = blend / max(float(np.linalg.norm(blend)), 1e-6)
        face.last_look = look

    def _near_another(self, places: np.ndarray) -> np.ndarray:
        """Tell of each face whether another one, seen or lost, is predicted to overlap it."""
        if len(places) < 2:
            return np.zeros(len(places), bool)
        overlap = iou(places, places)
        np.fill_diagonal(overlap, 0)
        known = np.array([bool(face.id) for face in self._faces])
        return np.asarray((overlap[:, known] > 0.1).any(axis=1))

    def _report(
        self, detections: Sequence[Detection], owners: dict[int, _Face], time: float
    ) -> list[Track]:
        tracks = []
        for column in sorted(owners, key=lambda index: detections[index].box[0]):
            face = owners[column]
            if not face.id and face.hits >= self.settings.confirm_frames:
                self._count += 1
                face.id = f'face_{self._count}'
            if face.id:
                item = detections[column]
                tracks.append(
                    Track(face.id, item.box, item.score, item.landmarks, column, time - face.first)
                )
        return sorted(tracks, key=lambda track: -float(track.box[2] * track.box[3]))


def _pairs(cost: np.ndarray) -> list[tuple[int, int]]:
    """Match faces (rows) with detections (columns); both may stay alone, at a price.

    :param cost: (n, m), ``IMPOSSIBLE`` where they do not fit.
    """
    possible = cost < IMPOSSIBLE
    # What nothing else competes for needs no comparison of totals: nearly all pairs.
    sole = possible & (possible.sum(axis=0) == 1) & (possible.sum(axis=1) == 1)[:, None]
    pairs = [(int(row), int(column)) for row, column in np.argwhere(sole & (cost < NO_PAIR))]
    rows, columns = (np.flatnonzero((possible & ~sole).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return pairs
    # A new track costs something, too: else the least total could give a good pair up in order
    # to make two bad ones.
    size = len(rows) + len(columns)
    square = np.full((size, size), NO_PAIR / 2)
    square[: len(rows), : len(columns)] = cost[np.ix_(rows, columns)]
    square[len(rows) :, len(columns) :] = 0.0
    return pairs + [
        (int(rows[row]), int(columns[column]))
        for row, column in assign(square)
        if row < len(rows) and column < len(columns) and square[row, column] < IMPOSSIBLE
    ]


def _centres(boxes: np.ndarray) -> np.ndarray:
    """Return the centres (n, 2) of boxes (n, 4)."""
    return boxes[:, :2] + boxes[:, 2:] / 2


def _place(box: np.ndarray) -> np.ndarray:
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2, (box[2] + box[3]) / 2], np.float64)


def _nearness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distances of boxes' centres (n, m), in parts of the sum of their widths."""
    distance = np.linalg.norm(_centres(a)[:, None] - _centres(b)[None], axis=2)
    return distance / np.maximum(a[:, None, 2] + b[None, :, 2], 1.0)


def _overlapping(detections: Sequence[Detection]) -> np.ndarray:
    """Tell of each detection whether it overlaps another one: bool (n,)."""
    if len(detections) < 2:
        return np.zeros(len(detections), bool)
    boxes = np.stack([item.box for item in detections])
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return np.asarray((overlap > 0.05).any(axis=1))
