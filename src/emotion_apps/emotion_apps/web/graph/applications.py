# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The applications that a page can show and play, by the topics and services they are known by."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_msgs.msg import GameState, InterviewState, MultimodalState


@dataclass(frozen=True)
class Application:
    """An application of a place.

    :param node: its node.
    :param topic: of its latched state.
    :param kind: type of the state.
    :param services: what the page may call of ``~/...`` (std_srvs/Trigger).
    """

    node: str
    topic: str
    kind: type
    services: tuple[str, ...]


APPLICATIONS = {
    'multimodal': Application(
        'orchestrator_node',
        'emotion/multimodal/state',
        MultimodalState,
        ('start', 'stop', 'reset', 'cancel'),
    ),
    'game': Application('game_node', 'emotion/game/state', GameState, ('start', 'stop', 'reset')),
    'interview': Application(
        'interview_node',
        'emotion/interview/state',
        InterviewState,
        ('start', 'next', 'stop', 'reset'),
    ),
}
