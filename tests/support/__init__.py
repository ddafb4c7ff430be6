# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Whole-graph tests: real nodes in real processes, and a client that waits for what they say.

The fixtures (see :mod:`support.fixtures`) are there for every test of the repository::

    def test_a_face_in_the_film_reaches_the_face_topic(processes, client, media):
        processes.node('camera_node', source=str(media('one_face_pexels.mp4')))
        processes.node('face_detector_node')
        processes.node('fer_node')
        faces = client.watch('emotion/face', EmotionPrediction)
        prediction = faces.wait(lambda message: message.confidence > 0, timeout=30)

A process that dies while a test waits fails the test at once, and the end of every process's log
stands in the report of a failed test.
"""

from support.client import Client, Goal, Watch
from support.domain import claim_domain
from support.processes import Process, ProcessGroup

__all__ = ['Client', 'Goal', 'Process', 'ProcessGroup', 'Watch', 'claim_domain']
