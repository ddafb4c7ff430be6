# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure the real graph: latency, rate, drops, memory and CPU time, beside the floor.

``./emotion bench --json OUT``: for 1, 2, 4 and 8 faces (and none), in one process and in
separate ones, on a paced 640x480 video of 30 frames a second; then the default graph as a launch
starts it (see launched.py). Machines differ and are shared:
read the ratios, whose two sides were measured in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure
import rclpy
import scene
from client import Client
from tqdm import tqdm

from emotion_bringup.graphs import GRAPHS, resolve
from emotion_bringup.process import GraphProcess, executable

HERE = Path(__file__).parent
ARGUMENTS = {'loop': 'true', 'rate': str(scene.FPS), 'window': 'off'}


def watch(
    client: measure.FaceClient,
    seconds: float,
    processes: dict[str, int],
) -> dict[str, Any]:
    """Measure for so many seconds, once results come; processes are name -> pid."""
    deadline = time.monotonic() + 60
    while len(client.frames) < 2 * scene.FPS:
        if time.monotonic() > deadline:
            raise SystemExit('error: no result on /emotion/faces within 60 s; see the log above')
        time.sleep(0.05)
    before = {name: measure.cpu_seconds(pid) for name, pid in processes.items()}
    start = time.time()
    time.sleep(seconds)
    end = time.time()
    result = client.results(start, end, scene.FPS)
    result['cpu_percent'] = {
        name: round(100 * (measure.cpu_seconds(pid) - before[name]) / (end - start), 1)
        for name, pid in processes.items()
    }
    memory = {name: round(measure.rss_mb(pid), 1) for name, pid in processes.items()}
    result['rss_mb'] = round(sum(memory.values()), 1)
    result['rss_mb_per_process'] = memory
    return result


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that ends with us."""
    return subprocess.Popen(list(command), start_new_session=True)


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes, in order and for sure."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def single(video: Path, seconds: float) -> dict[str, Any]:
    """Measure the face graph in this process, with the client in it."""
    rclpy.init()
    graph = GraphProcess(resolve(GRAPHS['face'], {'camera': str(video), **ARGUMENTS}))
    client = measure.FaceClient()
    graph.spin(client)
    result = watch(client, seconds, {'process': os.getpid()})
    graph.close()
    rclpy.try_shutdown()
    return result


def separate(video: Path, seconds: float) -> dict[str, Any]:
    """Measure the face graph, a process for each node."""
    processes = {}
    for setup in resolve(GRAPHS['face'], {'camera': str(video), **ARGUMENTS}):
        command = [str(executable(setup.package, setup.name)), '--ros-args']
        for key, value in setup.parameters.items():
            command += ['-p', f'{key}:={json.dumps(value)}']
        processes[setup.name] = start(command)
    try:
        with Client() as client:
            return watch(client.node, seconds, {name: p.pid for name, p in processes.items()})
    finally:
        stop(list(processes.values()))


def transport(faces: int, seconds: float) -> dict[str, float]:
    """Measure the same messages without any work, milliseconds."""
    processes = [
        start([sys.executable, str(HERE / 'transport.py'), part, str(faces), str(scene.FPS)])
        for part in ('fer', 'detector', 'source')
    ]
    try:
        with Client() as client:
            return watch(client.node, seconds, {})['latency_ms']
    finally:
        stop(processes)


def launched(folder: Path, seconds: float) -> dict[str, Any]:
    """Measure the default graph as a launch starts it, beside the floor."""
    result = child(str(HERE / 'launched.py'), str(folder), str(seconds))
    floor = child(str(HERE / 'floor.py'), str(folder / '1.avi'), '8', str(scene.FPS))

    def p50(name: str) -> float:
        return max(heard['latency_ms']['p50'] for heard in result[name]['heard'])

    return {
        'mode': 'launched',
        'floor_ms': floor['p50'],
        'times_floor': round(p50('multimodal') / floor['p50'], 3),
        'times_one_camera': round(p50('two_cameras') / p50('one_camera'), 3),
        **result,
    }


def child(*arguments: str) -> Any:
    """Return what a fresh Python prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f'error: {" ".join(arguments)} failed; see above')
    return json.loads(done.stdout.strip().splitlines()[-1])


def plot(entries: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw latency against the number of faces, beside floor and transport."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4.5), layout='constrained')
    counts = sorted({e['faces'] for e in entries if e['faces']})
    for mode, colour in (('single', '#0072B2'), ('processes', '#D55E00')):
        rows = {e['faces']: e for e in entries if e['mode'] == mode and e['faces']}
        if not rows:
            continue
        axis.plot(
            counts,
            [rows[n]['latency_ms']['p50'] for n in counts],
            'o-',
            color=colour,
            label=f'{mode}, median',
        )
        axis.plot(
            counts,
            [rows[n]['latency_ms']['p95'] for n in counts],
            'o:',
            color=colour,
            label=f'{mode}, 95 %',
        )
    rows = {e['faces']: e for e in entries if e['faces']}
    axis.plot(
        counts,
        [rows[n]['floor_ms'] for n in counts],
        's-',
        color='black',
        label='floor: the models alone',
    )
    if any('transport_ms' in e for e in rows.values()):
        axis.plot(
            counts,
            [rows[n]['floor_ms'] + rows[n].get('transport_ms', 0) for n in counts],
            's--',
            color='grey',
            label='floor + bare transport',
        )
    axis.set(
        xlabel='faces',
        ylabel='frame stamp to /emotion/face, ms',
        xticks=counts,
        title='Latency, 640x480 at 30 frames a second',
    )
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=120)


def main() -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(prog='./emotion bench', description=__doc__.splitlines()[0])
    parser.add_argument(
        '--json',
        type=Path,
        default=Path('out/bench.json'),
        help='file for the results (default: %(default)s)',
    )
    parser.add_argument('--plot', type=Path, help='PNG; beside the JSON file by default')
    parser.add_argument(
        '--faces', type=int, nargs='+', default=[0, 1, 2, 4, 8], choices=sorted(scene._GRID)
    )
    parser.add_argument(
        '--modes', nargs='+', default=['single', 'processes'], choices=['single', 'processes']
    )
    parser.add_argument('--seconds', type=float, default=15.0, help='of each measurement')
    parser.add_argument('--child', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(single(Path(options.child), options.seconds)))
        return 0
    entries: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=len(options.faces) * len(options.modes), unit='run') as bar,
    ):
        for faces in options.faces:
            video = Path(folder) / f'{faces}.avi'
            scene.write(video, faces, 8.0)
            floor = child(str(HERE / 'floor.py'), str(video), '8', str(scene.FPS))
            for mode in options.modes:
                bar.set_description(f'{faces} faces, {mode}')
                if mode == 'single':
                    result = child(
                        __file__,
                        '--json',
                        str(options.json),
                        '--child',
                        str(video),
                        '--seconds',
                        str(options.seconds),
                    )
                else:
                    result = separate(video, options.seconds)
                entry = {
                    'mode': mode,
                    'faces': faces,
                    'cpus': os.cpu_count(),
                    'python': platform.python_version(),
                    'floor_ms': floor['p50'],
                    'floor_p95_ms': floor['p95'],
                    **result,
                }
                if faces:
                    bare = transport(faces, max(5.0, options.seconds / 3))
                    entry['transport_ms'] = bare['p50']
                    entry['times_floor'] = round(result['latency_ms']['p50'] / floor['p50'], 3)
                entries.append(entry)
                bar.update()
        outside = launched(Path(folder), options.seconds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([*entries, outside], indent=1) + '\n')
    picture = options.plot or options.json.with_suffix('.png')
    if any(entry['faces'] for entry in entries):
        plot(entries, picture)
    print(f'{"mode":<10} faces   p50   p95   p99  floor  transport    Hz  drop  MB   CPU %')
    for e in entries:
        latency = e.get('latency_ms', {})
        print(
            f'{e["mode"]:<10} {e["faces"]:>5} '
            + ' '.join(f'{latency.get(p, float("nan")):5.1f}' for p in ('p50', 'p95', 'p99'))
            + f'  {e["floor_ms"]:5.1f}      {e.get("transport_ms", float("nan")):5.1f} '
            f'{e["rate_hz"]:5.1f} {e.get("dropped", 0):5d} {e["rss_mb"]:4.0f}  '
            f'{sum(e["cpu_percent"].values()):5.1f}'
        )
    print('\nas a launch starts it, seen from outside')
    for name in ('multimodal', 'idle', 'idle_face', 'one_camera', 'two_cameras'):
        e = outside[name]
        late = [heard.get('latency_ms', {}).get('p50', float('nan')) for heard in e['heard']]
        print(
            f'{name:<12} p50 {" ".join(f"{each:5.1f}" for each in late)}  '
            f'CPU {e["cpu_percent"]:5.1f} %  PSS {e["pss_mb"]:4.0f} MB'
        )
    for name in ('times_floor', 'times_one_camera', 'start_seconds', 'interop', 'record'):
        print(f'{name:<20} {outside[name]}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
