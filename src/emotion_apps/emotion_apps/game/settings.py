# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The settings of ``game_node``, without ROS."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.game.game import GameSettings
from emotion_perception.settings import Settings, part, setting


@dataclass(frozen=True)
class GameNodeSettings(Settings):
    """Settings of the node."""

    rules: GameSettings = part(GameSettings, prefix='')
    sounds: bool = setting(
        False, "Play sounds for countdown and results through the system's player."
    )
