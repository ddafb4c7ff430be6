# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The applications of emotion perception: cycle, game, interview, screens."""

from emotion_perception.memory import one_heap

# Before anything that makes threads is imported.
one_heap()
