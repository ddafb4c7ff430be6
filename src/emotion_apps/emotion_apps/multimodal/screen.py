# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screen of the multimodal cycle."""

from __future__ import annotations

import time

import numpy as np

from emotion_apps.multimodal.drawing import draw_multimodal, portrait
from emotion_apps.multimodal.messages import to_snapshot
from emotion_apps.multimodal.states import Phase, Snapshot, with_time_left
from emotion_apps.view.draw import Canvas
from emotion_apps.view.feed import SceneFeed
from emotion_apps.view.perception import draw_perception
from emotion_msgs.msg import MultimodalState


class MultimodalScreen:
    """The multimodal cycle."""

    title, topic, kind = 'Multimodal System', 'emotion/multimodal/state', MultimodalState

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._came = 0.0
        self._locked: tuple[int, np.ndarray | None] = (0, None)
        self._spoken: list[float] = []

    @property
    def active(self) -> bool:
        """Whether an orchestrator has spoken."""
        return self._snapshot is not None

    @property
    def phase(self) -> str:
        """Return the phase of the cycle; empty before the first state."""
        return self._snapshot.phase.name if self._snapshot else ''

    @property
    def moving(self) -> bool:
        """Whether a countdown runs."""
        return self._snapshot is not None and self._snapshot.remaining > 0

    def take(self, message: MultimodalState, feed: SceneFeed) -> None:
        """Take a state of the cycle."""
        snapshot = to_snapshot(message)
        if snapshot.phase == Phase.WAITING_FACE:
            self._spoken = []
        self._snapshot, self._came = snapshot, time.monotonic()

    def draw(self, size: tuple[int, int], feed: SceneFeed) -> np.ndarray:
        """Draw the phase of the cycle."""
        canvas = Canvas(*size)
        snapshot = self._snapshot
        scene = feed.scene(feed.read(feed.newest()))
        if snapshot is None:
            draw_perception(canvas, scene)
            return canvas.image
        if snapshot.phase == Phase.LISTENING and snapshot.speaking:
            self._spoken = (self._spoken + list(scene.levels[-2:]))[-400:]
        draw_multimodal(
            canvas,
            scene,
            with_time_left(snapshot, time.monotonic() - self._came),
            self._portrait(snapshot, feed),
            self._spoken,
        )
        return canvas.image

    def _portrait(self, snapshot: Snapshot, feed: SceneFeed) -> np.ndarray | None:
        """Return the locked face, cut out once in each cycle, from the frame that was locked."""
        if snapshot.phase == Phase.WAITING_FACE or snapshot.face is None:
            return None
        if self._locked[0] != snapshot.cycle or self._locked[1] is None:
            picture = (
                feed.picture_at(snapshot.face.stamp) if snapshot.phase == Phase.LISTENING else None
            )
            cut = None if picture is None else portrait(picture, snapshot.face.region)
            self._locked = (snapshot.cycle, cut)
        return self._locked[1]
