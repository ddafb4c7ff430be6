# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who plays: two people among the faces of a picture, lost and recognised, and their scores.

The score belongs to the person (the track of the face), not to the place in the picture. Times
are seconds of the game's own clock, which knows no jumps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import Sighting
from emotion_perception.emotions import EMOTIONS, Emotion

# A face that the detector misses for a few frames has not left: shorter gaps than this (seconds)
# do not break the stretch over which a face counts as steadily seen.
_FLICKER = 0.3

# A frame that is so many times later than usual is a picture that stands still.
_LATE = 3.0
# Seconds that a player who was lost must be seen again before the game goes on.
_RETURN = 0.5


@dataclass
class Player:
    """What the game knows about one person.

    :param track: id of the face.
    :param centre: where it was seen last, pixels from the left.
    :param sighting: the face as it is seen now, ``None`` if it is not.
    :param missing: seconds since it was seen.
    :param others: tracks seen in one frame together with this person: none of them can be this
        person.
    """

    track: str
    centre: float
    sighting: Sighting | None = None
    missing: float = 0.0
    others: set[str] = field(default_factory=set)
    score: int = 0
    best: float = math.nan
    best_target: Emotion | None = None
    best_stamp: int = 0
    _total: float = 0.0
    _neutral_total: np.ndarray = field(default_factory=lambda: np.zeros(len(EMOTIONS)))
    _neutral_frames: int = 0

    def begin_round(self) -> None:
        """Count from zero."""
        self._total = 0.0

    def count(self, value: float, target: Emotion, stamp: int) -> None:
        """Count a frame of a round, with the probability of the target."""
        self._total += value
        if not value <= self.best:
            self.best, self.best_target, self.best_stamp = value, target, stamp

    def count_neutral(self, probabilities: np.ndarray) -> None:
        """Count a frame of the countdown: the neutral face."""
        self._neutral_total = self._neutral_total + probabilities
        self._neutral_frames += 1

    def neutral(self, target: Emotion) -> float:
        """Return the probability of the target in the neutral face, or NaN if unmeasured.

        For the target Neutral there is none: the neutral face is what the round asks for.
        """
        if not self._neutral_frames or target == Emotion.NEUTRAL:
            return math.nan
        return float(self._neutral_total[target] / self._neutral_frames)

    def mean(self, frames: int, baseline: float) -> float:
        """Return the mean over the frames of a round, NaN before the first.

        :param baseline: what is subtracted, NaN for nothing.
        """
        if not frames:
            return math.nan
        mean = self._total / frames
        return mean if math.isnan(baseline) else max(0.0, mean - baseline)


@dataclass
class _Seen:
    """Since when, and when last, a track was seen."""

    first: float
    last: float


class Players:
    """The faces before the camera, and the two people among them who play.

    :ivar players: player 1 and player 2; empty before they were chosen.
    """

    def __init__(self, settings: GameSettings) -> None:
        self.settings = settings
        self.players: list[Player] = []
        self._time = 0.0
        # When the newest frame came, and the usual time between two frames.
        self._frame_time = 0.0
        self._interval = 0.0
        self._seen: dict[str, _Seen] = {}
        self._present: dict[str, Sighting] = {}

    @property
    def faces(self) -> int:
        """Return how many faces the newest frame shows."""
        return len(self._present)

    def age(self, passed: float) -> None:
        """Let time pass; who is not seen for longer than the grace time is out of sight."""
        self._time += passed
        for player in self.players:
            player.missing += passed
            if self._is_lost(player):
                player.sighting = None

    def see(self, faces: Sequence[Sighting], *, recognise: bool) -> None:
        """Take a frame, and find the players in it.

        :param recognise: whether a new track may be a player who was lost.
        """
        self._interval += 0.2 * (self._time - self._frame_time - self._interval)
        self._frame_time = self._time
        self._present = {face.track: face for face in faces}
        self._watch()
        self._find(recognise)

    def choose(self) -> bool:
        """Make the outer two of the steady faces the players, if there are two."""
        steady = [
            face
            for face in self._present.values()
            if self._steady(face.track, self.settings.stable_seconds)
        ]
        if len(steady) < 2:
            return False
        steady.sort(key=lambda face: face.centre)
        self.players = [Player(face.track, face.centre, face) for face in (steady[0], steady[-1])]
        self._find(recognise=False)
        return True

    def forget(self) -> None:
        """Let the players go; who is in the picture is still known."""
        self.players = []

    def swap_places(self) -> bool:
        """Make the leftmost player number 1 again; return whether places were changed."""
        first, second = self.players
        if first.centre <= second.centre:
            return False
        self.players = [second, first]
        return True

    def lost(self) -> bool:
        """Say whether a player has been out of sight for longer than the grace time."""
        return any(self._is_lost(player) for player in self.players)

    def back(self) -> bool:
        """Say whether both players are seen again, and for long enough to go on."""
        return all(
            player.sighting is not None and self._steady(player.track, _RETURN)
            for player in self.players
        )

    def away(self) -> list[int]:
        """Return the numbers of the players who are not seen."""
        return [number for number, player in enumerate(self.players, 1) if player.sighting is None]

    def others(self) -> tuple[str, ...]:
        """Return the tracks of those who are seen but do not play."""
        if not self.players:
            return ()
        tracks = {player.track for player in self.players}
        return tuple(sorted(track for track in self._present if track not in tracks))

    def _is_lost(self, player: Player) -> bool:
        grace = self.settings.grace_seconds
        if player.track in self._present:
            # Seen in the newest frame: only a picture that stands still can have lost this
            # player, and on a slow machine the next frame may take longer than the grace time.
            grace = max(grace, _LATE * self._interval)
        return player.missing > grace

    def _watch(self) -> None:
        """Note since when each face has been seen without a gap."""
        # A face missing from this frame is forgotten once the gap is no flicker any more. Gaps
        # between frames do not count: a slow camera is not a face that comes and goes.
        self._seen = {
            track: seen
            for track, seen in self._seen.items()
            if track in self._present or self._time - seen.last <= _FLICKER
        }
        for track in self._present:
            self._seen.setdefault(track, _Seen(self._time, self._time)).last = self._time

    def _steady(self, track: str, seconds: float) -> bool:
        """Say whether a face is in the newest frame and has been seen for ``seconds``.

        Time counts from frame to frame, so that a picture that stands still proves nothing.
        """
        seen = self._seen.get(track)
        return track in self._present and seen is not None and seen.last - seen.first >= seconds

    def _find(self, recognise: bool) -> None:
        """Find the players in the newest frame, by track, else by the place they left."""
        if recognise:
            self._recognise()
        for player in self.players:
            face = self._present.get(player.track)
            player.sighting = face
            if face is not None:
                player.missing = 0.0
                player.centre = face.centre
                player.others.update(track for track in self._present if track != player.track)

    def _recognise(self) -> None:
        """Give a lost player's place to the one new face that can be that player.

        After a long loss the tracker gives a person a new id. A face qualifies if it is steadily
        seen, was never seen in one frame with the lost player, and stands on the side of the
        other player where the lost one stood. Where two could be meant, nobody is chosen.
        """
        lost = [player for player in self.players if player.track not in self._present]
        tracks = {player.track for player in self.players}
        new = [
            face
            for face in self._present.values()
            if face.track not in tracks
            and self._steady(face.track, _RETURN)
            and not any(face.track in player.others for player in lost)
        ]
        if len(lost) == 1:
            missing = lost[0]
            other = next(player for player in self.players if player is not missing)
            left = missing.centre < other.centre
            here = self._present[other.track].centre
            new = [face for face in new if (face.centre < here) == left]
        if lost and len(new) == len(lost):
            # Left to right: a place in the picture is all that tells two strangers apart.
            lost.sort(key=lambda player: player.centre)
            for player, face in zip(lost, sorted(new, key=lambda face: face.centre)):
                player.track = face.track
