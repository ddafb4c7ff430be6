# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure ``./emotion analyze`` with 1 and 2 workers beside the bare models, in one run.

``./emotion exec python benchmarks/analyze.py --json OUT``: some films of one and two faces with
speech are made and analysed. The floor is a loop that decodes, detects, aligns and asks the face
model, and hears the voice: no tracking, no fusion, no tables, one process, one thread. Machines
are shared and differ: read the ratios. Those of processor time hold on a busy machine too; those
of the clock do not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import measure
import numpy as np
import scene
from tqdm import tqdm

from emotion_apps.analyze.options import Options
from emotion_apps.analyze.perception import fingerprint
from emotion_apps.analyze.pool import Pool
from emotion_apps.analyze.progress import Progress
from emotion_apps.analyze.recordings import Recording, find_recordings
from emotion_apps.analyze.report import write_report
from emotion_apps.analyze.run import Run
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tasks import Job, Kind, Task
from emotion_bringup.demo_media import find_voice
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.samples import to_int16
from emotion_perception.media.sound import SoundReader
from emotion_perception.media.wav import write_wav
from emotion_perception.models import FaceEmotionRecognizer, ModelSettings, load_model
from emotion_perception.vision.align import align
from emotion_perception.vision.detectors import make_detector
from emotion_perception.voice_emotions import VoiceEmotions


def films(folder: Path, count: int, seconds: float) -> None:
    """Write films of one and two faces in H.264, in each a voice that is heard time and again."""
    voice = find_voice()
    pause = np.zeros(round(1.2 * voice.rate), np.float32)
    once = np.concatenate([pause, voice.samples])
    sound = np.tile(once, round(seconds * voice.rate / len(once)) + 1)
    write_wav(folder / 'voice.wav', to_int16(sound[: round(seconds * voice.rate)]), voice.rate)
    for faces in (1, 2):
        scene.write(folder / f'{faces}.avi', faces, seconds)
    for number in range(count):
        command = ['ffmpeg', '-y', '-v', 'error', '-i', str(folder / f'{1 + number % 2}.avi')]
        command += ['-i', str(folder / 'voice.wav'), '-shortest', '-preset', 'veryfast']
        subprocess.run([*command, str(folder / f'film{number:02d}.mp4')], check=True)
    for name in ('1.avi', '2.avi', 'voice.wav'):
        (folder / name).unlink()


def floor(paths: Sequence[Path]) -> dict[str, float]:
    """Run the bare models over films; return seconds of the clock and the processor, and faces."""
    cv2.setNumThreads(1)
    one = ModelSettings(threads=1)
    detector = make_detector()
    recognizer = FaceEmotionRecognizer(load_model('fer-default', 'fer', one))
    voices = VoiceEmotions(models=one)
    # Loading is no part of it.
    recognizer.predict([np.zeros((128, 128, 3), np.uint8)])
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    began, spent, faces = time.perf_counter(), time.process_time(), 0
    for path in paths:
        with PictureReader(path) as reader:
            for picture in reader:
                image = picture.image()
                found = detector.detect(image)
                recognizer.predict([align(image, face.landmarks[:3], 128) for face in found])
                faces += len(found)
        voices.reset()
        with SoundReader(path, whole=True) as sound:
            for chunk in sound:
                voices.hear(chunk.samples, chunk.rate, chunk.time)
        voices.stop()
    return {
        'seconds': time.perf_counter() - began,
        'cpu_seconds': time.process_time() - spent,
        'faces': faces,
    }


class Watched(Pool):
    """Processes whose start is waited for, and whose processor time and memory are measured."""

    def __init__(self, job: Job, workers: int, first: Sequence[Recording]) -> None:
        super().__init__(job, workers)
        # Warm: a task each, which loads the models.
        for number in range(workers):
            self.start(Task(Kind.WHOLE, first[number]))
        left = workers
        while left:
            left -= len(self.wait(1.0))
        self.memory = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self.cpu = -sum(map(measure.cpu_seconds, self.pids))

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            for pid in self.pids:
                self.memory = max(self.memory, measure.rss_mb(pid))

    def close(self) -> None:
        """End the workers, and the measurement."""
        self.cpu += sum(map(measure.cpu_seconds, self.pids))
        self._done.set()
        self._thread.join()
        super().close()


def analysis(paths: Sequence[Path], out: Path, workers: int, piece: float) -> dict[str, float]:
    """Analyse films with so many warm workers; return what :func:`floor` does, and memory."""
    options = Options(piece=piece)
    recordings = find_recordings([str(path) for path in paths])
    job = Job(options, str(out), fingerprint(options))
    pool = Watched(job, workers, recordings)
    for item in recordings[:workers]:
        # What the workers warmed up with is done again.
        Store(job.out).remove(f'summaries/{item.id}.json')
    began, own = time.perf_counter(), time.process_time()
    outcome = Run(recordings, pool, Progress(len(recordings))).go()
    seconds = time.perf_counter() - began
    pool.close()
    summary = write_report(Store(str(out)), job, recordings, outcome)
    return {
        'seconds': seconds,
        'cpu_seconds': pool.cpu + time.process_time() - own,
        'faces': summary['totals']['faces'],
        'memory_mb': pool.memory,
    }


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, default=Path('out/analyze.json'))
    parser.add_argument('--films', type=int, default=8)
    parser.add_argument('--seconds', type=float, default=10.0, help='of each film')
    parser.add_argument('--rounds', type=int, default=2, help='the best of which counts')
    options = parser.parse_args()
    kinds: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films(folder, options.films, options.seconds)
        paths = sorted(folder.glob('*.mp4'))
        # In turn, so that a busy minute meets them alike; of each the best round counts.
        for number in tqdm(range(options.rounds)):
            for kind in ('floor', '1 worker', '2 workers'):
                if kind == 'floor':
                    found = floor(paths)
                else:
                    out = folder / f'{kind} {number}'
                    found = analysis(paths, out, int(kind[0]), options.seconds)
                best = kinds.setdefault(kind, found)
                for key in ('seconds', 'cpu_seconds'):
                    best[key] = min(best[key], found[key])
    minutes = options.films * options.seconds / 60
    for found in kinds.values():
        found['faces_a_second'] = found['faces'] / found['seconds']
        found['film_minutes_a_minute'] = minutes / (found['seconds'] / 60)
        found['film_minutes_a_cpu_minute'] = minutes / (found['cpu_seconds'] / 60)
    bare, one, two = (kinds[kind] for kind in ('floor', '1 worker', '2 workers'))
    ratios = {
        'one_worker_of_floor': bare['seconds'] / one['seconds'],
        'one_worker_of_floor_cpu': bare['cpu_seconds'] / one['cpu_seconds'],
        'two_workers_of_one': one['seconds'] / two['seconds'],
        'two_workers_of_one_cpu': 2 * one['cpu_seconds'] / two['cpu_seconds'],
    }
    result = {
        'films': options.films,
        'film_seconds': options.seconds,
        'cpus': len(os.sched_getaffinity(0)),
        'load': os.getloadavg(),
        **kinds,
        'ratios': ratios,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + '\n')
    print(f'{"":<10} faces/s   film min/min   film min/CPU min   MB per worker')
    for kind, found in kinds.items():
        print(
            f'{kind:<10} {found["faces_a_second"]:7.0f} {found["film_minutes_a_minute"]:14.1f} '
            f'{found["film_minutes_a_cpu_minute"]:18.1f} {found.get("memory_mb", 0):15.0f}'
        )
    for name, value in ratios.items():
        print(f'{name}: {value:.2f}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
