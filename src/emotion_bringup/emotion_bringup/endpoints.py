# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What each node says to the graph and hears of it: topics, services and actions.

For whoever has to know before a node runs, as a security policy has to; tests/test_policy.py
holds it against the running nodes. Names are as in the nodes' code: relative to the namespace,
``~/`` for a node's own, absolute with ``/`` in front; ``*`` stands for any part of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from emotion_bringup.graphs import SETTINGS
from emotion_perception.ros.start import StartSettings


@dataclass(frozen=True)
class Endpoints:
    """Names by what a node does with them.

    :param publishes: topics.
    :param subscribes: topics.
    :param serves: services that it offers.
    :param requests: services that it calls.
    :param executes: actions that it offers.
    :param calls: actions that it calls.
    """

    publishes: frozenset[str] = frozenset()
    subscribes: frozenset[str] = frozenset()
    serves: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    executes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()

    def __or__(self, other: Endpoints) -> Endpoints:
        """Return what either has."""
        both = (getattr(self, f.name) | getattr(other, f.name) for f in fields(Endpoints))
        return Endpoints(*both)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _results(text: str) -> frozenset[str]:
    return frozenset(f'emotion/{name}' for name in text.split())


def _private(text: str) -> frozenset[str]:
    return frozenset(f'~/{name}' for name in text.split())


_PARAMETERS = 'describe_parameters get_parameters list_parameters set_parameters'

EVERY_NODE = Endpoints(
    publishes=_names('/rosout /parameter_events /diagnostics'),
    serves=_private(
        f'{_PARAMETERS} get_parameter_types set_parameters_atomically get_type_description'
    ),
)
"""What rclpy gives every node, and our diagnostics."""

LIFECYCLE = Endpoints(
    publishes=_private('transition_event'),
    serves=_private(
        'change_state get_state get_available_states get_available_transitions '
        'get_transition_graph enable'
    ),
)
"""What a node with a life cycle adds."""

# A driver may publish either raw or compressed pictures, sound with stamps or without.
_PICTURES = _names('camera/image_raw camera/image_raw/compressed')
_SOUND = _names('audio/audio audio/audio_stamped audio/audio_info')
_READINGS = _results('faces voice_activity voice fused')
_STATES = _results('multimodal/state game/state interview/state')

_OF: Mapping[str, Endpoints] = {
    'camera_node': Endpoints(publishes=_names('camera/image_raw camera/camera_info')),
    'face_detector_node': Endpoints(publishes=_results('detections'), subscribes=_PICTURES),
    'fer_node': Endpoints(
        publishes=_results('face faces'),
        subscribes=_results('detections'),
    ),
    'microphone_node': Endpoints(publishes=_SOUND),
    'vad_node': Endpoints(
        publishes=_results('voice_activity utterance'),
        subscribes=_SOUND,
    ),
    'ser_node': Endpoints(
        publishes=_results('voice'),
        subscribes=_results('utterance'),
        serves=_private('forget'),
    ),
    'fusion_node': Endpoints(
        publishes=_results('fused'),
        subscribes=_results('face voice'),
    ),
    'orchestrator_node': Endpoints(
        publishes=_results('multimodal/state'),
        subscribes=_results('face utterance') | _READINGS,
        serves=_private('start stop reset cancel'),
        executes=_results('detect'),
    ),
    'game_node': Endpoints(
        publishes=_results('game/state'),
        subscribes=_results('faces'),
        serves=_private('start stop reset'),
        executes=_results('game/play'),
    ),
    'interview_node': Endpoints(
        publishes=_results('interview/state'),
        subscribes=_results('detections face voice fused voice_activity utterance'),
        serves=_private('start next stop reset report'),
    ),
    'view_node': Endpoints(
        publishes=_results('view view/compressed'),
        subscribes=_PICTURES | _results('detections') | _READINGS | _STATES,
    ),
    'interop_node': Endpoints(
        publishes=_results('annotations markers faces/detections_2d')
        | _names('/tf /humans/faces/* /humans/voices/*'),
        subscribes=_results('detections faces voice_activity') | _names('camera/camera_info'),
    ),
    # A page shows every place and plays every application; as camera and microphone of the graph
    # it publishes, too.
    'web_node': Endpoints(
        publishes=_names('camera/image_raw') | _SOUND,
        subscribes=_PICTURES
        | _results('detections utterance')
        | _READINGS
        | _STATES
        | _names('/diagnostics'),
        calls=_results('detect game/play'),
    ),
}


def endpoints(name: str) -> Endpoints:
    """Return what a node of the graphs says and hears.

    :param name: of its executable.
    """
    found = EVERY_NODE | _OF[name]
    return found | LIFECYCLE if issubclass(SETTINGS[name], StartSettings) else found


def asked_of(name: str) -> frozenset[str]:
    """Return the services (``~/...``) of a node that a page may call."""
    wanted = _private(
        f'{_PARAMETERS} change_state get_state enable start next stop reset cancel report'
    )
    return endpoints(name).serves & wanted
