# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure the game: how fresh the bars are, and what the second player costs.

``./emotion exec python benchmarks/game_latency.py --json OUT``: the whole graph of the game in
one process on 640x480 pictures at 30 frames a second, with one person and with two in turn.
Of every frame: stamp to ``/emotion/game/state`` beside stamp to ``/emotion/face`` in the same
run, and beside the floor (the models alone). The mouths turn over now and then, as no real face
does so exactly: from the stamp of the first such picture to the first state whose bar has gone
half of the way is how fast the bars follow.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import measure
import numpy as np
import rclpy
import scene
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_bringup.graphs import GRAPHS, resolve
from emotion_bringup.process import GraphProcess
from emotion_msgs.msg import EmotionPrediction, GameState
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import array_to_image, to_seconds
from emotion_perception.vision.detect import DetectorSettings
from emotion_perception.vision.detectors import make_detector

HERE = Path(__file__).parent
CAMERA = 'camera/image_raw'
RULES = {'seconds': 120, 'countdown': 0.5, 'stable_seconds': 0.3}
# Seconds between two changes of the faces; a part of the frame time more each time, so that the
# changes do not always meet the same moment of the graph's own rhythm.
_HOLD = 0.81
_SETTLE = 0.3


def people(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return a second of swaying people, and the same with their mouths turned over.

    :param count: 1 or 2.
    """
    side = scene.WIDTH // 2
    detector = make_detector(DetectorSettings())
    plain, turned = [], []
    for picture in scene.portraits()[:count]:
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        face = detector.detect(picture)[0]
        x, y = face.landmarks[2]
        w, h = 0.28 * face.box[2], 0.16 * face.box[3]
        part = np.s_[round(y - h) : round(y + h), round(x - w) : round(x + w)]
        other = picture.copy()
        other[part] = other[part][::-1]
        plain.append(picture)
        turned.append(other)
    return _film(plain), _film(turned)


def _film(pictures: list[np.ndarray]) -> list[np.ndarray]:
    frames = []
    for index in range(scene.FPS):
        canvas = np.full((scene.HEIGHT, scene.WIDTH, 3), 96, np.uint8)
        for column, picture in enumerate(pictures):
            side = len(picture)
            angle = 2 * np.pi * (index / scene.FPS + column / 4)
            shift = np.array([[1, 0, 4 * np.cos(angle)], [0, 1, 4 * np.sin(angle)]], np.float32)
            top = (scene.HEIGHT - side) // 2
            canvas[top : top + side, column * side : (column + 1) * side] = cv2.warpAffine(
                picture, shift, (side, side), borderMode=cv2.BORDER_REPLICATE
            )
        frames.append(canvas)
    return frames


class Table(Node):
    """The people before the camera, and who watches the game."""

    def __init__(self, count: int) -> None:
        super().__init__('game_bench')
        self._films = people(count)
        self.faces: list[tuple[float, float]] = []
        self.states: list[tuple[float, float, float, float]] = []
        self.changes: list[float] = []
        self.phase = 0
        self._camera = BusPublisher(self, Image, CAMERA, qos.IMAGE)
        self.create_subscription(EmotionPrediction, 'emotion/face', self._on_face, qos.RESULT)
        self.create_subscription(GameState, 'emotion/game/state', self._on_state, qos.RESULT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """End the film."""
        self._stop.set()
        self._thread.join()
        super().destroy_node()

    def _publish(self) -> None:
        begin, index, film, turn = time.monotonic(), 0, 0, _HOLD
        while not self._stop.wait(max(0.0, begin + index / scene.FPS - time.monotonic())):
            stamp = self.get_clock().now().to_msg()
            if index / scene.FPS >= turn:
                film, turn = 1 - film, turn + _HOLD
                self.changes.append(to_seconds(stamp))
            picture = self._films[film][index % scene.FPS]
            self._camera.publish(array_to_image(picture, Header(stamp=stamp)))
            index += 1

    def _on_face(self, message: EmotionPrediction) -> None:
        self.faces.append((to_seconds(message.header.stamp), time.time()))

    def _on_state(self, message: GameState) -> None:
        self.phase = message.phase
        stamp = to_seconds(message.header.stamp)
        # A state without a new frame (the clock went on) says nothing about freshness.
        if not self.states or stamp > self.states[-1][0]:
            first, second = (player.live for player in message.players)
            self.states.append((stamp, time.time(), first, second))


def percentiles(seconds: np.ndarray) -> dict[str, float]:
    """Return median, 95th percentile and maximum in milliseconds."""
    values = 1000 * np.asarray(seconds)
    return {
        'p50': round(float(np.percentile(values, 50)), 2),
        'p95': round(float(np.percentile(values, 95)), 2),
        'max': round(float(values.max()), 2),
    }


def follow(states: np.ndarray, changes: list[float]) -> np.ndarray:
    """Return, for each change of each face, the seconds until its bar went half of the way.

    :param states: rows of stamp, arrival, live value of player 1 and of player 2, by stamp.
    :param changes: stamps of the first pictures after a change.
    """
    found = []
    for change, end in itertools.pairwise(changes):
        for column in (2, 3):
            stamp, live = states[:, 0], states[:, column]
            before = live[(stamp >= change - _SETTLE) & (stamp < change)]
            after = live[(stamp >= change + _SETTLE) & (stamp < end)]
            if len(before) < 3 or len(after) < 3:
                continue
            old, new = np.median(before), np.median(after)
            if not abs(new - old) > 0.05:
                continue
            rows = states[(stamp >= change) & (stamp < end)]
            gone = np.flatnonzero((rows[:, column] - old) / (new - old) >= 0.5)
            if len(gone):
                found.append(rows[gone[0], 1] - change)
    return np.array(found)


def run(count: int, seconds: float) -> dict[str, Any]:
    """Measure the graph of the game in this process with one or two people."""
    rclpy.init()
    values = {'camera_topic': CAMERA, 'window': 'off', 'game': json.dumps(RULES)}
    process = GraphProcess(resolve(GRAPHS['game'], values))
    table = Table(count)
    process.spin(table)
    wanted = GameState.ROUND if count == 2 else GameState.WAITING_PLAYERS
    deadline = time.monotonic() + 60
    while len(table.faces) < 2 * scene.FPS or table.phase != wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f'error: {len(table.faces)} faces, phase {table.phase} after 60 s')
        time.sleep(0.05)
    cpu, begin = measure.cpu_seconds(os.getpid()), time.time()
    time.sleep(seconds)
    cpu, end = measure.cpu_seconds(os.getpid()) - cpu, time.time()
    process.close()
    rclpy.try_shutdown()
    faces = np.array([row for row in table.faces if begin <= row[1] < end])
    states = np.array([row for row in table.states if begin <= row[1] < end])
    result: dict[str, Any] = {
        'people': count,
        'rate_hz': round(len(states) / (end - begin), 2),
        'cpu_percent': round(100 * cpu / (end - begin), 1),
        'face_ms': percentiles(faces[:, 1] - faces[:, 0]),
        'state_ms': percentiles(states[:, 1] - states[:, 0]),
    }
    steps = follow(states, [stamp for stamp in table.changes if begin <= stamp < end])
    if count == 2 and len(steps):
        result['follow_ms'] = {**percentiles(steps), 'changes': len(steps)}
    return result


def floor(count: int, seconds: float) -> dict[str, float]:
    """Return the time of the models alone on the same pictures, milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'people.avi'
        writer = cv2.VideoWriter(
            str(path), cv2.VideoWriter.fourcc(*'MJPG'), scene.FPS, (scene.WIDTH, scene.HEIGHT)
        )
        film = people(count)[0]
        for index in range(int(seconds * scene.FPS)):
            writer.write(film[index % scene.FPS])
        writer.release()
        return child('floor.py', str(path), str(seconds), str(scene.FPS))


def child(script: str, *arguments: str) -> Any:
    """Return what a fresh Python prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f'error: {script} failed; see above')
    return json.loads(done.stdout.strip().splitlines()[-1])


def describe(run: dict[str, Any]) -> str:
    """Return a run as a line."""
    text = (
        f'{run["people"]} people: floor {run["floor_ms"]["p50"]:.1f} ms, '
        f'face {run["face_ms"]["p50"]:.1f} (p95 {run["face_ms"]["p95"]:.1f}), '
        f'state {run["state_ms"]["p50"]:.1f} (p95 {run["state_ms"]["p95"]:.1f}) ms, '
        f'{run["rate_hz"]:.1f} Hz, {run["cpu_percent"]:.0f} % CPU'
    )
    if 'follow_ms' in run:
        text += '; bars follow in {p50:.1f} (p95 {p95:.1f}, max {max:.1f}) ms'.format(
            **run['follow_ms']
        )
    return text


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, help='file for the results')
    parser.add_argument('--seconds', type=float, default=15.0, help='of each measurement')
    parser.add_argument('--repeats', type=int, default=3, help='of one person and two')
    parser.add_argument('--people', type=int, choices=(1, 2), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.people:
        print(json.dumps(run(options.people, options.seconds)))
        return 0
    runs = []
    for _ in range(options.repeats):
        for count in (1, 2):
            row = child(
                Path(__file__).name, '--people', str(count), '--seconds', str(options.seconds)
            )
            runs.append({**row, 'floor_ms': floor(count, 8.0)})
            print(describe(runs[-1]))
    pairs = list(zip(runs[::2], runs[1::2]))
    result: dict[str, Any] = {
        'runs': runs,
        'two_to_one': {
            name: round(
                statistics.median(
                    two[key] / one[key] if part is None else two[key][part] / one[key][part]
                    for one, two in pairs
                ),
                3,
            )
            for name, key, part in (
                ('floor', 'floor_ms', 'p50'),
                ('latency', 'state_ms', 'p50'),
                ('cpu', 'cpu_percent', None),
            )
        },
    }
    print(
        'two people cost {latency:.2f} times the latency, {cpu:.2f} times the CPU time and '
        '{floor:.2f} times the floor of one'.format(**result['two_to_one'])
    )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
