# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Quality of service of each kind of topic, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

# Pictures are too large for Fast DDS's shared-memory segment and travel as many fragments: best
# effort loses most of them, reliable loses none. Depth 1: only the newest counts.
IMAGE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)

# What a camera offers: a few pictures may wait for who wants every one of them, a recorder.
CAMERA = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE
)

# What drivers send beside pictures, offered in whichever way.
SENSOR = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)

# Results for each frame, and everything small.
RESULT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE
)

# Utterances: each is answered, also those of many microphones, or of a recording played fast.
UTTERANCE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE
)

# Sound: every block counts; a second or two may wait.
AUDIO = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE
)

# States and descriptions: who comes late gets the last one.
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
