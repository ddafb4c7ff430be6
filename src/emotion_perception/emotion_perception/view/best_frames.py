"""Each player's best moment of the game as a picture: in memory only, gone with the game."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np

from emotion_perception.interaction.game import GameState, PlayerState

# Frames to remember: the state about a frame follows it by a few frames at most.
_RECENT = 15
# How far (nanoseconds) another frame may be from the best moment if that one was not drawn: the
# nearest is taken, a frame or two away where the machine keeps up.
_NEAR = 700_000_000
# Part of the picture around the face, in face sizes, and its height in pixels.
_WIDTH, _HEIGHT, _PIXELS = 2.4, 2.6, 360


class BestFrames:
    """Keep what the players looked like at their best.

    Give it every frame and every state; frames older than about half a second are let go, and so
    is a best moment that is no longer in the state.
    """

    def __init__(self) -> None:
        self._recent: OrderedDict[int, np.ndarray] = OrderedDict()
        # (stamp of the moment, track of the player) -> portrait.
        self._kept: dict[tuple[int, str], np.ndarray] = {}
        self._players: tuple[PlayerState, ...] = ()

    def add_frame(self, stamp: int, frame: np.ndarray) -> None:
        """Remember a frame for a while.

        :param stamp: its acquisition time, nanoseconds.
        :param frame: (h, w, 3) BGR uint8; not copied, so it must not be changed.
        """
        self._recent[stamp] = frame
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def add_state(self, state: GameState) -> None:
        """Cut the portraits of best moments that are new in this state."""
        kept = {}
        for number, player in enumerate(state.players):
            if not player.best_stamp:
                continue
            portrait = self._kept.get((player.best_stamp, player.track))
            if portrait is None:
                portrait = self._carried(number, player)
            if portrait is None and player.present:
                portrait = self._cut(player)
            if portrait is not None:
                kept[player.best_stamp, player.track] = portrait
        self._kept = kept
        self._players = state.players

    def portraits(self, state: GameState) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return the best moments (h, w, 3) of player 1 and player 2, ``None`` if not known."""
        first, second = (self._kept.get((player.best_stamp, player.track))
                         for player in state.players)
        return first, second

    def _carried(self, number: int, player: PlayerState) -> np.ndarray | None:
        """Return the portrait of a player whose track was changed after a long loss."""
        if number >= len(self._players):
            return None
        before = self._players[number]
        if before.best_stamp != player.best_stamp:
            return None
        return self._kept.get((before.best_stamp, before.track))

    def _cut(self, player: PlayerState) -> np.ndarray | None:
        if not self._recent or player.box[2] <= 0 or player.box[3] <= 0:
            return None
        stamp = min(self._recent, key=lambda known: abs(known - player.best_stamp))
        if abs(stamp - player.best_stamp) > _NEAR:
            return None
        frame = self._recent[stamp]
        x, y, width, height = player.box
        # Square-ish round the middle of the face, moved inside the picture rather than cut.
        high = min(_HEIGHT * height, frame.shape[0])
        wide = min(_WIDTH * height, frame.shape[1])
        left = round(min(max(0.0, x + width / 2 - wide / 2), frame.shape[1] - wide))
        top = round(min(max(0.0, y + height / 2 - high / 2), frame.shape[0] - high))
        part = frame[top:top + round(high), left:left + round(wide)]
        scale = _PIXELS / part.shape[0]
        return cv2.resize(part, (max(1, round(part.shape[1] * scale)), _PIXELS),
                          interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
