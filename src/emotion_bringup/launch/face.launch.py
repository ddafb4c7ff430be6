# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Launch the graph of faces; ``--show-args`` lists its arguments."""

from launch import LaunchDescription

from emotion_bringup.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Return the graph of faces (see emotion_bringup/graphs.py)."""
    return describe('face')
