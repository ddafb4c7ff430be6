# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The rules of the game that can be set."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.game.targets import emotions_of
from emotion_perception.settings import Settings, part, setting


@dataclass(frozen=True)
class GameSettings(Settings):
    """Rules of the game."""

    rounds: int = setting(5, 'Rounds of a game.', low=1, high=30, live=True)
    seconds: float = setting(8.0, 'Seconds of a round.', low=1.0, high=120.0, live=True)
    targets: tuple[str, ...] = setting(
        ('Happy', 'Surprise', 'Sad', 'Angry', 'Fear'),
        'Emotions that a round can ask for.',
        live=True,
    )
    seed: int = setting(
        -1,
        'Order of the targets: the same seed gives the same order; '
        'negative for another order in each game.',
        low=-1,
        live=True,
    )
    countdown: float = setting(
        3.0, 'Seconds of the countdown before each round.', low=0.5, high=30.0, live=True
    )
    result_seconds: float = setting(
        4.0, 'Seconds that the result of a round is shown.', low=0.2, high=60.0, live=True
    )
    final_seconds: float = setting(
        15.0,
        'Seconds that the final screen is shown; 0 keeps it until the next start.',
        low=0.0,
        high=600.0,
        live=True,
    )
    stable_seconds: float = setting(
        1.0,
        'Seconds that two faces must be seen before they become the players.',
        low=0.0,
        high=10.0,
        live=True,
    )
    grace_seconds: float = setting(
        1.0,
        'Seconds that a player may be out of sight before the round pauses.',
        low=0.1,
        high=10.0,
        live=True,
    )
    abandon_seconds: float = setting(
        20.0,
        'Seconds of a pause after which the game is given up.',
        low=1.0,
        high=600.0,
        live=True,
    )
    patience: float = setting(
        120.0,
        'Seconds that a game asked for by an action goal waits for its players; 0 waits for ever.',
        low=0.0,
        high=3600.0,
        live=True,
    )
    minimum_frames: int = setting(
        10,
        'Frames with both players that a fair round needs; with fewer it is played again.',
        low=1,
        high=1000,
        live=True,
    )
    baseline: bool = setting(
        False,
        "Subtract each player's neutral face, measured in the "
        'countdown, so that a face that always looks a little angry has no '
        'head start.',
        live=True,
    )
    autostart: bool = setting(
        True,
        'Wait for players at once and again after each game; else '
        'only after start or an action goal.',
        live=True,
    )

    def check(self) -> None:
        """Check what must hold between the values."""
        emotions_of(self.targets)


@dataclass(frozen=True)
class GameNodeSettings(Settings):
    """Settings of the node."""

    rules: GameSettings = part(GameSettings, prefix='')
    sounds: bool = setting(
        False, "Play sounds for countdown and results through the system's player."
    )
