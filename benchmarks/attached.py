# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What others do with a graph that runs: listen to all of ``interop_node``, record a bag."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import scene
import yaml
from client import Client

from emotion_bringup.bag.definitions import message_class
from emotion_bringup.bag.reader import BagReader
from emotion_perception.ros import qos
from emotion_perception.ros.timer import steady_timer

# Packages whose messages the outputs of interop_node have, beside pictures under /humans/; nothing
# else here publishes them.
_PACKAGES = ('visualization_msgs', 'foxglove_msgs', 'vision_msgs', 'hri_msgs', 'tf2_msgs')
_LOOK = 0.25
_PICTURES, _SOUND = '/camera/image_raw', '/audio/audio_stamped'


def calibrated(folder: Path) -> Path:
    """Write a file of parameters that give the camera a calibration, so that heads have frames."""
    focal, x, y = 600.0, scene.WIDTH / 2, scene.HEIGHT / 2
    matrix = [focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0]
    calibration = folder / 'calibration.yaml'
    calibration.write_text(
        yaml.safe_dump(
            {
                'image_width': scene.WIDTH,
                'image_height': scene.HEIGHT,
                'distortion_model': 'plumb_bob',
                'camera_matrix': {'rows': 3, 'cols': 3, 'data': matrix},
                'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0.0] * 5},
                'rectification_matrix': {
                    'rows': 3,
                    'cols': 3,
                    'data': [1.0, *[0.0, 0.0, 0.0, 1.0] * 2],
                },
                'projection_matrix': {
                    'rows': 3,
                    'cols': 4,
                    'data': [focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0],
                },
            }
        )
    )
    config = folder / 'config.yaml'
    parameters = {'camera_node': {'ros__parameters': {'calibration': str(calibration)}}}
    config.write_text(yaml.safe_dump(parameters))
    return config


def listen_to_tools(client: Client) -> Callable[[], dict[str, float]]:
    """Subscribe to every output of ``interop_node``, also to those that come up later.

    :return: gives how many messages a second came on each topic so far.
    """
    counts: dict[str, int] = {}
    begun = time.monotonic()

    def subscribe(topic: str, kind: str) -> None:
        def take(message: Any) -> None:
            counts[topic] += 1

        counts[topic] = 0
        client.node.create_subscription(message_class(kind), topic, take, qos.SENSOR)

    def look() -> None:
        for topic, kinds in client.node.get_topic_names_and_types():
            tool = kinds[0].partition('/')[0] in _PACKAGES or topic.startswith('/humans/')
            if tool and topic not in counts:
                subscribe(topic, kinds[0])

    steady_timer(client.node, _LOOK, look)

    def rates() -> dict[str, float]:
        passed = time.monotonic() - begun
        return {topic: round(count / passed, 1) for topic, count in sorted(counts.items())}

    return rates


def record(folder: Path, seconds: float, client: Client) -> dict[str, Any]:
    """Record pictures and sound of the graph that runs.

    :param folder: the new bag.
    :param client: that hears the graph.
    :return: what the recorder costs, and what is in the bag. ``dropped`` are pictures that the
        graph has answered and that are not in the bag.
    """
    start = str(Path(__file__).parents[1] / 'tools' / 'start.py')
    command = [sys.executable, start, 'emotion_bringup.bag', 'record', _PICTURES, _SOUND]
    process = subprocess.Popen([*command, '-o', str(folder), '-d', str(seconds + 2)])
    deadline = time.monotonic() + 60
    files: list[Path] = []
    while not (files and files[0].stat().st_size > 1 << 20):
        if time.monotonic() > deadline or process.poll() is not None:
            raise SystemExit('error: nothing was recorded; see the log above')
        time.sleep(0.02)
        files = list(folder.glob('*.mcap'))
    before, begun = measure.cpu_seconds(process.pid), time.monotonic()
    time.sleep(seconds)
    used, passed = measure.cpu_seconds(process.pid) - before, time.monotonic() - begun
    if process.wait(60):
        raise SystemExit('error: the recording failed; see the log above')
    bag = BagReader(folder)
    # A message begins with four bytes about its form, and then its stamp.
    stamps = [
        round((sec + nanosec * 1e-9) * 1e4)
        for sec, nanosec in (
            struct.unpack_from('<iI', item.data, 4) for item in bag.messages([_PICTURES])
        )
    ]
    answered = {round(stamp * 1e4) for stamp, _, _ in client.node.frames}
    span = {stamp for stamp in answered if stamps[0] <= stamp <= stamps[-1]}
    return {
        'cpu_percent': round(100 * used / passed, 1),
        'pictures': len(stamps),
        'dropped': len(span - set(stamps)),
        'blocks_of_sound': bag.topics[_SOUND].count,
        'megabytes': round(bag.size / 1e6, 1),
    }
