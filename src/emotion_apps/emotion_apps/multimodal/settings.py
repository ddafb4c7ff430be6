# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The settings of ``orchestrator_node``, without ROS."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.multimodal.cycle import MultimodalSettings
from emotion_perception.settings import setting


@dataclass(frozen=True)
class OrchestratorSettings(MultimodalSettings):
    """Settings of the node."""

    autostart: bool = setting(
        True,
        'Run one cycle after the other from the start; false waits for ~/start or for a '
        'goal of emotion/detect.',
    )
