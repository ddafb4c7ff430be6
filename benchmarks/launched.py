# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The graph as a launch starts it, one process of its own, seen from outside.

``launched.py FOLDER SECONDS`` prints JSON: what the default multimodal graph costs and how late
``/emotion/face`` is, how soon it comes after the start, what it costs where nobody is and nobody
speaks, what a second camera adds, and what others add: tools that listen to ``interop_node``, and
a recording of pictures and sound.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attached
import measure
import numpy as np
import scene
from client import Client

from emotion_bringup.demo_media import Voice, find_voice, make_sound
from emotion_bringup.process import executable

STARTS = 5
# Seconds after the first results until the detector knows that nobody is there, and all is loaded.
_SETTLED = 3.0


@contextlib.contextmanager
def graph(name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a graph as a launch does; end it as Ctrl-C does.

    :raises SystemExit: if it does not end quietly.
    """
    command = [str(executable('emotion_bringup', 'graph')), '--graph', name]
    process = subprocess.Popen([*command, *arguments], start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code:
        raise SystemExit(f'error: the graph {name} ended with {code}')


def await_first(items: list[Any], count: int = 1) -> None:
    """Wait until a client has heard so much.

    :raises SystemExit: after a minute.
    """
    deadline = time.monotonic() + 60
    while len(items) < count:
        if time.monotonic() > deadline:
            raise SystemExit('error: no result within 60 s; see the log above')
        time.sleep(0.002)


def cost(
    process: subprocess.Popen[bytes], clients: list[Client], seconds: float
) -> dict[str, Any]:
    """Return what a graph costs while it runs, and what each client hears."""
    for client in clients:
        await_first(client.node.frames, 2 * scene.FPS)
    time.sleep(_SETTLED)
    before, start = measure.cpu_seconds(process.pid), time.time()
    time.sleep(seconds)
    end = time.time()
    return {
        'cpu_percent': round(100 * (measure.cpu_seconds(process.pid) - before) / (end - start), 1),
        'pss_mb': round(measure.pss_mb(process.pid), 1),
        'heard': [client.node.results(start, end, scene.FPS) for client in clients],
    }


def first_face(*arguments: str) -> float:
    """Return the seconds from the start of the process to the first ``/emotion/face``."""
    with Client() as client:
        begin = time.time()
        with graph('multimodal', *arguments):
            await_first(client.node.faces)
    return client.node.faces[0][1] - begin


def main(folder: Path, seconds: float) -> dict[str, Any]:
    """Measure everything."""
    # As on a machine where this was started before, whatever the caller keeps Python from writing.
    os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
    os.environ['PYTHONPYCACHEPREFIX'] = str(folder / 'bytecode')
    voice, silence = folder / 'voice.wav', folder / 'silence.wav'
    make_sound(voice, find_voice())
    make_sound(silence, Voice(np.zeros(8 * 48000, np.float32), 48000, 'nobody'))
    films = {}
    for faces in (0, 1):
        films[faces] = folder / f'{faces}.avi'
        scene.write(films[faces], faces, 8.0)
    common = ['loop:=true', f'rate:={scene.FPS}', 'window:=off']
    both = [*common, f'camera:={films[1]}', f'microphone:={voice}']
    result: dict[str, Any] = {}
    with graph('multimodal', *both) as process, Client() as client:
        result['multimodal'] = cost(process, [client], seconds)
    idle = [*common, f'camera:={films[0]}', f'microphone:={silence}']
    with graph('multimodal', *idle) as process, Client() as client:
        result['idle'] = cost(process, [client], seconds)
    with graph('face', *common, f'camera:={films[0]}') as process, Client() as client:
        result['idle_face'] = cost(process, [client], seconds)
    starts = [first_face(*both) for _ in range(STARTS)]
    result['start_seconds'] = {
        'median': round(statistics.median(starts), 2),
        'all': [round(each, 2) for each in starts],
    }
    alone = [*common, 'view:=false']
    with graph('face', *alone, f'camera:={films[1]}') as process, Client() as client:
        result['one_camera'] = cost(process, [client], seconds)
    cameras = f'cameras:={{front: {films[1]}, rear: {films[1]}}}'
    with graph('face', *alone, cameras) as process, Client('front') as a, Client('rear') as b:
        result['two_cameras'] = cost(process, [a, b], seconds)
    config = attached.calibrated(folder)
    tools = [*alone, f'camera:={films[1]}', 'interop:=true', f'config:={config}']
    with graph('face', *tools) as process, Client() as client:
        quiet = cost(process, [client], seconds)
        topics = attached.listen_to_tools(client)
        heard = cost(process, [client], seconds)
    result['interop'] = {
        'cpu_added': round(heard['cpu_percent'] - quiet['cpu_percent'], 1),
        'topics': topics(),
    }
    with graph('multimodal', *both, 'view:=false') as process, Client() as client:
        await_first(client.node.frames, 2 * scene.FPS)
        result['record'] = attached.record(folder / 'bag', seconds, client)
    return result


if __name__ == '__main__':
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]))))
