# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Launch the perception graph; ``--show-args`` lists its arguments."""

from launch import LaunchDescription

from emotion_bringup.launching import describe


def generate_launch_description() -> LaunchDescription:
    """Return the perception graph (see emotion_bringup/graphs.py)."""
    return describe('perception')
