# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a client of the graph sees, and what the graph costs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_seconds

_TICKS = os.sysconf('SC_CLK_TCK')


class FaceClient(Node):
    """Note when each result came; ``idle`` counts empty results too."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('bench_client', **arguments)
        self.faces: list[tuple[float, float]] = []
        self.frames: list[tuple[float, float, int]] = []
        self.create_subscription(EmotionPrediction, 'emotion/face', self._on_face, qos.RESULT)
        self.create_subscription(
            EmotionPredictionArray, 'emotion/faces', self._on_faces, qos.RESULT
        )

    def _on_face(self, message: EmotionPrediction) -> None:
        self.faces.append((to_seconds(message.header.stamp), time.time()))

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        self.frames.append(
            (to_seconds(message.header.stamp), time.time(), len(message.predictions))
        )

    def results(self, start: float, end: float, fps: float) -> dict[str, Any]:
        """Return the figures of what came between two times.

        ``latency_ms``: stamp to arrival of /emotion/face; ``age_ms``: how old the newest result
        is at any time; ``dropped``: frames without a result; ``growth``: median latency of the
        last third divided by that of the first.
        """

        def percentiles(values: np.ndarray) -> dict[str, float]:
            return {f'p{p}': round(float(np.percentile(values, p)), 3) for p in (50, 95, 99)}

        frames = [f for f in self.frames if start <= f[1] < end]
        result: dict[str, Any] = {'rate_hz': round(len(frames) / (end - start), 2)}
        if frames:
            result['faces_found'] = round(float(np.mean([f[2] for f in frames])), 2)
        came = np.array([f for f in self.faces if start <= f[1] < end])
        if len(came) > 10:
            latency = 1000 * (came[:, 1] - came[:, 0])
            moments = np.arange(came[0, 1], came[-1, 1], 0.005)
            newest = came[np.searchsorted(came[:, 1], moments, side='right') - 1, 0]
            third = len(latency) // 3
            gaps = np.diff(came[:, 0]) * fps
            result |= {
                'latency_ms': percentiles(latency),
                'latency_max_ms': round(float(latency.max()), 3),
                'age_ms': percentiles(1000 * (moments - newest)),
                'dropped': int(np.maximum(np.round(gaps) - 1, 0).sum()),
                'growth': round(
                    float(np.median(latency[-third:]) / np.median(latency[:third])), 3
                ),
            }
        return result


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, seconds."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, megabytes (10^6 bytes)."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS'):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process, megabytes (10^6 bytes).

    What it shares with other processes counts in parts: the sum over processes is what they cost.
    """
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
