# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one graph: each has its nodes, topics and frame under a name of its own.

In one process their FER nodes share one model, and faces that wait at the same time are one
batch (:mod:`emotion_perception.models.shared`). What is there once (fusion, applications, the
screen) follows the first camera.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import yaml

from emotion_bringup.node_setup import NodeSetup

NODES = ('camera_node', 'face_detector_node', 'fer_node')
"""What each camera has for itself."""

IMAGES = 'camera/image_raw'
_TOPICS = (
    IMAGES,
    'camera/camera_info',
    'emotion/detections',
    'emotion/faces',
    'emotion/face',
)


@dataclass(frozen=True)
class Cameras:
    """Cameras by name.

    :param sources: name -> source, as the ``source`` of ``camera_node``; the first one is what
        the rest of the graph follows.
    """

    sources: dict[str, str]

    @staticmethod
    def read(text: str) -> Cameras:
        """Read ``front,rear`` (camera 0 and camera 1) or ``{front: 2, rear: /dev/video4}``.

        :raises ValueError: if it is neither, or a name cannot be a ROS namespace.
        """
        if text.strip().startswith('{'):
            try:
                value = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError('it must be {NAME: SOURCE, ...}') from error
            sources = {str(name): str(source) for name, source in value.items()}
        else:
            names = [name.strip() for name in text.strip('[]').split(',')]
            sources = {name: str(number) for number, name in enumerate(names)}
            if len(sources) < len(names):
                raise ValueError('each camera needs a name of its own')
        for name in sources:
            if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*', name):
                raise ValueError(
                    f'{name!r} cannot name a camera: letters, digits and _, a letter first'
                )
        if not sources:
            raise ValueError('name at least one camera')
        return Cameras(sources)

    def spread(self, setups: Iterable[NodeSetup]) -> Iterator[NodeSetup]:
        """Give each camera its nodes; let the others follow the first camera."""
        first = next(iter(self.sources))
        for setup in setups:
            if setup.name in NODES:
                for name, source in self.sources.items():
                    own: dict[str, object] = {'source': source, 'frame_id': name}
                    parameters = {**setup.parameters, **(own if setup.name == NODES[0] else {})}
                    yield replace(setup, namespace=name, parameters=parameters)
            else:
                topics = {topic: setup.remappings.get(topic, topic) for topic in _TOPICS}
                followed = {topic: f'{first}/{target}' for topic, target in topics.items()}
                yield replace(setup, remappings={**setup.remappings, **followed})
