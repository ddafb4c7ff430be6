# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 nodes: one a module."""

from emotion_perception.memory import one_heap

# Before anything that makes threads is imported.
one_heap()
