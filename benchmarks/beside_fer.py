# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run the package ``fer`` over films, as its README shows it, and say what that cost.

For ``analyze.py --fer PYTHON``, by a Python of its own: ``pip install fer`` with TensorFlow and an
OpenCV below 5, which has the cascades that it finds faces with.
"""

import importlib
import json
import logging
import resource
import sys
import time

import cv2

logging.disable(logging.INFO)
cv2.setNumThreads(1)
# By name: the environment that this file is checked in has neither.
threading = importlib.import_module('tensorflow').config.threading
threading.set_intra_op_parallelism_threads(1)
threading.set_inter_op_parallelism_threads(1)
detector = importlib.import_module('fer.fer').FER()


def faces_of(path: str) -> int:
    """Return how many faces it judges in a film."""
    film, count = cv2.VideoCapture(path), 0
    while True:
        read, picture = film.read()
        if not read:
            return count
        count += len(detector.detect_emotions(picture))


if __name__ == '__main__':
    faces_of(sys.argv[1])  # The first pictures cost more.
    began, spent = time.perf_counter(), time.process_time()
    faces = sum(map(faces_of, sys.argv[1:]))
    print(
        json.dumps(
            {
                'seconds': time.perf_counter() - began,
                'cpu_seconds': time.process_time() - spent,
                'faces': faces,
                'memory_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )
