# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The floor: the same models, bare, in one process, on the same frames at the same pace."""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np

from emotion_perception.media.pictures import PictureReader
from emotion_perception.models import FaceEmotionRecognizer, ModelSettings, load_model
from emotion_perception.vision.align import align
from emotion_perception.vision.detect import DetectorSettings
from emotion_perception.vision.detectors import make_detector


def main(video: Path, seconds: float, fps: float) -> dict[str, float]:
    """Return the median and the 95th percentile of the time for one frame, milliseconds."""
    detector = make_detector(DetectorSettings())
    recognizer = FaceEmotionRecognizer(load_model('fer-default', 'fer', ModelSettings()))
    with PictureReader(video) as reader:
        frames = [item.image() for item in itertools.islice(reader, round(seconds * fps))]
    times = []
    start = time.monotonic()
    for i, frame in enumerate(frames):
        time.sleep(max(0.0, start + i / fps - time.monotonic()))
        begin = time.perf_counter()
        faces = detector.detect(frame)
        recognizer.predict([align(frame, face.landmarks[:3], 128) for face in faces])
        times.append(1000 * (time.perf_counter() - begin))
    steady = times[len(times) // 5 :]
    return {
        'p50': round(float(np.percentile(steady, 50)), 3),
        'p95': round(float(np.percentile(steady, 95)), 3),
    }


if __name__ == '__main__':
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))
