# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure ``./emotion analyze`` with 1 and 2 workers beside the bare models, in one run.

``./emotion exec python benchmarks/analyze.py --json OUT``: some films of one and two faces with
speech are made and analysed. The floor is a loop that decodes, detects, aligns and asks the face
model, and hears the voice: no tracking, no fusion, no tables, one thread. It runs in one process
and in two at once, as the workers do, so that both meet the same machine: where two floors are not
twice as fast as one, two workers cannot be. All kinds run in turn, of each the best round counts.
Processes are started and models loaded before the clock is; how long that takes is given by
itself.

``--fer PYTHON`` sets the package ``fer`` beside it, by a Python that has it (``beside_fer.py``).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
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


def floor(paths: Sequence[Path], gate: Connection) -> None:
    """Run the bare models over films; answer with seconds of the processor, and faces.

    :param gate: tells that all is loaded, waits until it is told to go, and takes the answer.
    """
    cv2.setNumThreads(1)
    one = ModelSettings(threads=1)
    detector = make_detector()
    recognizer = FaceEmotionRecognizer(load_model('fer-default', 'fer', one))
    voices = VoiceEmotions(models=one)
    recognizer.predict([np.zeros((128, 128, 3), np.uint8)])
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    gate.send('ready')
    gate.recv()
    spent, faces = time.process_time(), 0
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
    gate.send((time.process_time() - spent, faces))


def floors(paths: Sequence[Path], count: int) -> dict[str, float]:
    """Run so many floors at once, each over its share of the films."""
    context = multiprocessing.get_context('spawn')
    gates, processes = [], []
    for number in range(count):
        gate, far = context.Pipe()
        processes.append(context.Process(target=floor, args=(paths[number::count], far)))
        processes[-1].start()
        gates.append(gate)
    for gate in gates:
        gate.recv()
    watch = Memory([process.pid or 0 for process in processes])
    began = time.perf_counter()
    for gate in gates:
        gate.send('go')
    answers = [gate.recv() for gate in gates]
    seconds = time.perf_counter() - began
    memory = watch.stop()
    for process in processes:
        process.join()
    return {
        'seconds': seconds,
        'cpu_seconds': sum(answer[0] for answer in answers),
        'faces': sum(answer[1] for answer in answers),
        'memory_mb': memory,
    }


class Memory:
    """Watches how much memory the largest of some processes takes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids, self._most = pids, 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self._most = max([self._most, *map(measure.rss_mb, self._pids)])

    def stop(self) -> float:
        """End; return the most that one of them took, MB."""
        self._done.set()
        self._thread.join()
        return self._most


class Watched(Pool):
    """Processes whose start is waited for, and whose processor time and memory are measured."""

    def __init__(self, job: Job, workers: int, first: Sequence[Recording]) -> None:
        began = time.perf_counter()
        super().__init__(job, workers)
        # Warm: a task each, which loads the models.
        for number in range(workers):
            self.start(Task(Kind.WHOLE, first[number]))
        left = workers
        while left:
            left -= len(self.wait(1.0))
        self.start_seconds = time.perf_counter() - began
        self._watch = Memory(self.pids)
        self.memory = 0.0
        self.cpu = -sum(map(measure.cpu_seconds, self.pids))

    def close(self) -> None:
        """End the workers, and the measurement."""
        self.cpu += sum(map(measure.cpu_seconds, self.pids))
        self.memory = self._watch.stop()
        super().close()


def analysis(paths: Sequence[Path], out: Path, workers: int, options: Options) -> dict[str, float]:
    """Analyse films with so many warm workers; return what :func:`floors` does, and the start."""
    warm, *recordings = find_recordings([str(path) for path in paths])
    job = Job(options, str(out), fingerprint(options))
    pool = Watched(job, workers, [warm] * workers)
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
        'start_seconds': pool.start_seconds,
    }


def beside(python: str, paths: Sequence[Path]) -> dict[str, float]:
    """Return what :func:`floors` does, of the package ``fer``: faces alone, in one thread."""
    script = Path(__file__).with_name('beside_fer.py')
    done = subprocess.run(
        [python, str(script), *map(str, paths)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, default=Path('out/analyze.json'))
    parser.add_argument('--films', type=int, default=8)
    parser.add_argument('--seconds', type=float, default=10.0, help='of each film')
    parser.add_argument('--rounds', type=int, default=3, help='the best of which counts')
    parser.add_argument('--fer', metavar='PYTHON', help='a Python that has the package fer')
    options = parser.parse_args()
    kinds: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # One more, which the workers get warm with.
        films(folder, 1, 1.0)
        (folder / 'film00.mp4').rename(folder / 'a.mp4')
        films(folder, options.films, options.seconds)
        warm, *paths = sorted(folder.glob('*.mp4'))
        plain, faces_only = Options(), Options(voice=False)

        def work(count: int, wanted: Options) -> dict[str, float]:
            with tempfile.TemporaryDirectory() as out:
                return analysis([warm, *paths], Path(out), count, wanted)

        runs: dict[str, Callable[[], dict[str, float]]] = {
            '1 floor': lambda: floors(paths, 1),
            '1 worker': lambda: work(1, plain),
            '2 floors': lambda: floors(paths, 2),
            '2 workers': lambda: work(2, plain),
        }
        if options.fer:
            runs['1 worker, faces'] = lambda: work(1, faces_only)
            runs['fer, faces'] = lambda: beside(options.fer, paths)
        # In turn, so that a busy minute meets them alike; of each the best round counts.
        for _ in tqdm(range(options.rounds)):
            for kind, go in runs.items():
                found = go()
                best = kinds.setdefault(kind, found)
                for key in ('seconds', 'cpu_seconds'):
                    best[key] = min(best[key], found[key])
    minutes = options.films * options.seconds / 60
    for found in kinds.values():
        found['faces_a_second'] = found['faces'] / found['seconds']
        found['film_minutes_a_minute'] = minutes / (found['seconds'] / 60)
        found['film_minutes_a_cpu_minute'] = minutes / (found['cpu_seconds'] / 60)
    floor_one, worker, floor_two, workers = (
        kinds[kind] for kind in ('1 floor', '1 worker', '2 floors', '2 workers')
    )
    ratios = {
        'one worker of one floor': floor_one['seconds'] / worker['seconds'],
        'two workers of two floors': floor_two['seconds'] / workers['seconds'],
        'two floors of one': floor_one['seconds'] / floor_two['seconds'],
        'two workers of one': worker['seconds'] / workers['seconds'],
        'one worker of one floor, processor': floor_one['cpu_seconds'] / worker['cpu_seconds'],
        'two workers of two floors, processor': (
            floor_two['cpu_seconds'] / workers['cpu_seconds']
        ),
    }
    if options.fer:
        ratios['one worker of fer, processor'] = (
            kinds['fer, faces']['cpu_seconds'] / kinds['1 worker, faces']['cpu_seconds']
        )
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
    print(f'{"":<16} faces/s   film min/min   film min/CPU min   MB a process')
    for kind, found in kinds.items():
        print(
            f'{kind:<16} {found["faces_a_second"]:7.0f} {found["film_minutes_a_minute"]:14.1f} '
            f'{found["film_minutes_a_cpu_minute"]:18.1f} {found["memory_mb"]:15.0f}'
        )
    for name, value in ratios.items():
        print(f'{name}: {value:.2f}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
