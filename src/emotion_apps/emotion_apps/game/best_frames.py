# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Each player's best moment of the game as a picture: in memory only, gone with the game."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from emotion_apps.game.states import GameState, PlayerState

# Part of the picture around the face, in face heights, and its height in pixels.
_WIDTH, _HEIGHT, _PIXELS = 2.4, 2.6, 360


class BestFrames:
    """Keep what the players looked like at their best.

    A best moment that is no longer in the state is let go, and with it its picture.
    """

    def __init__(self) -> None:
        # (stamp of the moment, track of the player) -> portrait.
        self._kept: dict[tuple[int, str], np.ndarray] = {}
        self._players: tuple[PlayerState, ...] = ()

    def add_state(self, state: GameState, frame_at: Callable[[int], np.ndarray | None]) -> None:
        """Cut the portraits of best moments that are new in this state.

        :param frame_at: gives the frame (h, w, 3) BGR uint8 that was taken at a time
            (nanoseconds), or the nearest one that is still known, or ``None``.
        """
        kept = {}
        for number, player in enumerate(state.players):
            if not player.best_stamp:
                continue
            portrait = self._kept.get((player.best_stamp, player.track))
            if portrait is None:
                portrait = self._carried(number, player)
            if portrait is None and player.present:
                frame = frame_at(player.best_stamp)
                portrait = None if frame is None else _cut(frame, player.box)
            if portrait is not None:
                kept[player.best_stamp, player.track] = portrait
        self._kept = kept
        self._players = state.players

    def portraits(self, state: GameState) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return the best moments (h, w, 3) of player 1 and player 2, ``None`` if not known."""
        first, second = (
            self._kept.get((player.best_stamp, player.track)) for player in state.players
        )
        return first, second

    def _carried(self, number: int, player: PlayerState) -> np.ndarray | None:
        """Return the portrait of a player whose track was changed after a long loss."""
        if number >= len(self._players):
            return None
        before = self._players[number]
        if before.best_stamp != player.best_stamp:
            return None
        return self._kept.get((before.best_stamp, before.track))


def _cut(frame: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray | None:
    """Return the part of a frame around a face, ``None`` if there is no face."""
    x, y, width, height = box
    if width <= 0 or height <= 0:
        return None
    # Moved inside the picture rather than cut.
    high = min(_HEIGHT * height, frame.shape[0])
    wide = min(_WIDTH * height, frame.shape[1])
    left = round(min(max(0.0, x + width / 2 - wide / 2), frame.shape[1] - wide))
    top = round(min(max(0.0, y + height / 2 - high / 2), frame.shape[0] - high))
    part = frame[top : top + round(high), left : left + round(wide)]
    scale = _PIXELS / part.shape[0]
    return cv2.resize(
        part,
        (max(1, round(part.shape[1] * scale)), _PIXELS),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
    )
