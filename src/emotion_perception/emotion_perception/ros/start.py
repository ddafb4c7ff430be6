# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How a node that loads a model starts: the settings that all of them have. Without ROS."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.settings import Settings, setting


@dataclass(frozen=True)
class StartSettings(Settings):
    """Base of the settings of the nodes that load a model."""

    autostart: bool = setting(
        True,
        'Configure at the start, and activate whenever configured; '
        'false leaves both to a lifecycle manager.',
    )
    enabled: bool = setting(True, 'Work; the service ~/enable sets it too.', live=True)
