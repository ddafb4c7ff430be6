# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure the page: how fresh it is, what watchers cost, whether a slow one holds up the graph.

``./emotion exec python benchmarks/web_latency.py --json OUT`` (needs Chromium and playwright):

- ``latency_ms``: from a picture of the browser's camera to its faces drawn in the page, beside
  the floor (``web_floor.py``: the same models behind the barest page), in turn.
- ``watchers``: processor time of the whole graph with none, one and three pages that watch, in
  parts of a core. The pages are bare clients, so that no browser disturbs the measurement.
- ``lagging``: stamp to ``/emotion/face`` beside a client that never reads, and without one, in
  turn.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import measure
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from web_floor import FloorServer

sys.path.insert(0, str(Path(__file__).parents[1] / 'tests'))
from emotion_bringup.demo_media import make_film
from emotion_perception.media.pictures import PictureReader
from support.browser import missing, open_browser, write_film

_TICKS = os.sysconf('SC_CLK_TCK')
_SETTLE = 3.0


@contextlib.contextmanager
def graph(*arguments: str) -> Iterator[tuple[str, int]]:
    """Run a graph in a process of its own; give the page's address and the process."""
    start = str(Path(__file__).parents[1] / 'tools' / 'start.py')
    command = [sys.executable, start, 'emotion_bringup.runner', *arguments, 'web_port:=0']
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            found = re.search(r'open (http://\S+)', line)
            if found:
                break
        else:
            raise RuntimeError(''.join(lines))
        # Nobody reads the rest, and a full pipe would stop the graph.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def drawn(url: str, film: Path, seconds: float, button: str = '') -> list[float]:
    """Return the milliseconds from picture to result that a page measured itself."""
    with open_browser(film) as browser:
        page = browser.new_page()
        page.goto(url)
        if button:
            page.click(button)
        time.sleep(_SETTLE)
        page.evaluate("performance.clearMeasures('picture to result')")
        time.sleep(seconds)
        return page.evaluate(
            "performance.getEntriesByName('picture to result').map((item) => item.duration)"
        )


def percentiles(values: list[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile."""
    return {f'p{p}': round(float(np.percentile(values, p)), 1) for p in (50, 95, 99)} | {
        'count': len(values)
    }


def latency(film: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure the page and its floor in turn."""
    floor, page = [], []
    server = FloorServer()
    with graph('face', 'camera:=browser', 'window:=off') as (url, _):
        for _ in range(rounds):
            floor += drawn(f'http://127.0.0.1:{server.port}/', film, seconds)
            page += drawn(url, film, seconds, '#send')
    result: dict[str, Any] = {'floor': percentiles(floor), 'page': percentiles(page)}
    result['ratio_p50'] = round(result['page']['p50'] / result['floor']['p50'], 2)
    return result


class Watchers:
    """Bare pages that watch, in a thread of their own."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip('/')
        self._loop = asyncio.new_event_loop()
        self._tasks: list[concurrent.futures.Future[None]] = []
        self.pictures = 0
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, count: int) -> None:
        """Open pages."""
        self._tasks = [
            asyncio.run_coroutine_threadsafe(self._watch(), self._loop) for _ in range(count)
        ]

    def close(self) -> None:
        """Close all of them."""
        for task in self._tasks:
            task.cancel()

    async def _watch(self) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f'{self._url}/socket', origin=self._url, max_msg_size=0) as link,
        ):
            await link.send_str('{"type":"watch","places":{"0":true}}')
            async for message in link:
                if message.type == aiohttp.WSMsgType.BINARY:
                    self.pictures += 1
                    number = struct.unpack_from('<I', message.data, 4)[0]
                    await link.send_str(f'{{"type":"seen","place":0,"number":{number}}}')
                elif '"type":"clock"' in message.data:
                    number = json.loads(message.data)['number']
                    await link.send_str(
                        json.dumps({'type': 'clock', 'number': number, 'time': time.monotonic()})
                    )


def processor(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def watchers(url: str, pid: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure what pages that watch cost the graph, in parts of a core."""
    cores: dict[int, list[float]] = {0: [], 1: [], 3: []}
    rates: dict[int, list[float]] = {0: [], 1: [], 3: []}
    for _ in range(rounds):
        for count in cores:
            group = Watchers(url)
            group.open(count)
            time.sleep(_SETTLE)
            begun, used, pictures = time.monotonic(), processor(pid), group.pictures
            time.sleep(seconds)
            passed = time.monotonic() - begun
            cores[count].append((processor(pid) - used) / passed)
            rates[count].append((group.pictures - pictures) / passed / max(1, count))
            group.close()
            time.sleep(1.0)
    result = {
        str(count): {
            'cores': round(float(np.median(values)), 3),
            'pictures_hz': round(float(np.median(rates[count])), 1),
        }
        for count, values in cores.items()
    }
    more = result['3']['cores'] - result['1']['cores']
    return {**result, 'three_more_than_one': round(more, 3)}


def never_reads(url: str) -> socket.socket:
    """Return a connected page that takes nothing off its socket."""
    port = int(url.rstrip('/').rpartition(':')[2])
    link = socket.create_connection(('127.0.0.1', port))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host = f'127.0.0.1:{port}'
    link.sendall(
        f'GET /socket HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n'
        'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'.encode()
    )
    watch = b'{"type":"watch","places":{"0":true}}'
    time.sleep(0.2)
    link.sendall(bytes([0x81, 0x80 | len(watch)]) + bytes(4) + watch)
    return link


def lagging(url: str, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure stamp to /emotion/face with and without a client that never reads."""
    rclpy.init()
    client = measure.FaceClient()
    executor = SingleThreadedExecutor()
    executor.add_node(client)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    threading.Thread(target=spin, daemon=True).start()
    times: dict[str, list[float]] = {'without': [], 'with': []}
    group = Watchers(url)
    group.open(1)
    time.sleep(_SETTLE)
    for _ in range(rounds):
        for kind, values in times.items():
            link = never_reads(url) if kind == 'with' else None
            time.sleep(0.5)
            since = time.time()
            time.sleep(seconds)
            values += [1000 * (came - stamp) for stamp, came in client.faces if came >= since]
            if link is not None:
                link.close()
    group.close()
    executor.shutdown()
    client.destroy_node()
    rclpy.try_shutdown()
    result: dict[str, Any] = {kind: percentiles(values) for kind, values in times.items()}
    result['ratio_p99'] = round(result['with']['p99'] / result['without']['p99'], 3)
    return result


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, metavar='OUT')
    parser.add_argument('--seconds', type=float, default=12.0, help='of each measurement')
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    if missing():
        sys.exit(missing())
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, 'film.avi')
        make_film(film, 8.0)
        with PictureReader(film) as reader:
            frames = [item.image() for item in reader]
        coded = write_film(
            Path(folder, 'film.mjpeg'), lambda t: frames[round(t * 25) % len(frames)], 8.0
        )
        result: dict[str, Any] = {
            'load_average': os.getloadavg()[0],
            'latency_ms': latency(coded, options.seconds, options.rounds),
        }
        arguments = ('face', f'camera:={film}', 'loop:=true', 'window:=off', 'web:=true')
        with graph(*arguments) as (url, pid):
            result['watchers'] = watchers(url, pid, options.seconds, options.rounds)
            result['lagging'] = lagging(url, options.seconds, options.rounds)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
