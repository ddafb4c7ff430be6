# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The outputs whose messages are installed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from rclpy.node import Node

from emotion_perception.ros.interop.output import Output

# Package of the messages, the module that needs it, and the output that it has.
_OUTPUTS = (
    ('visualization_msgs', 'markers', 'Markers'),
    ('foxglove_msgs', 'annotations', 'Annotations'),
    ('vision_msgs', 'detections', 'Detections'),
    ('hri_msgs', 'humans', 'Humans'),
    ('tf2_msgs', 'head_frames', 'HeadFrames'),
)


@dataclass(frozen=True)
class Found:
    """What can be said here.

    :param outputs: by the package of their messages.
    :param missing: packages that are not installed.
    """

    outputs: dict[str, Output]
    missing: list[str]


def make_outputs(node: Node) -> Found:
    """Make the outputs whose messages are installed."""
    found = Found({}, [])
    for package, module, name in _OUTPUTS:
        if not installed(package):
            found.missing.append(package)
            continue
        kind = getattr(importlib.import_module(f'{__package__}.{module}'), name)
        found.outputs[package] = kind(node)
    return found


def installed(package: str) -> bool:
    """Whether the messages of a package can be imported."""
    try:
        importlib.import_module(f'{package}.msg')
    except ImportError:
        return False
    return True
