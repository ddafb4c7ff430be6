# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Take from a running graph what it stands on, and see whether it goes on.

::

    ./emotion exec python tests/campaign/faults.py
    ./emotion exec python tests/campaign/faults.py --only killed

Each check says what happened, with figures; one that needs root, ``ros2 launch`` or a tmpfs says
so where they are not to be had.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pytest
from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

from campaign.strange import Stranger
from emotion_bringup.demo_media import find_voice, make_sound
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    MultimodalState,
    Utterance,
    VoiceActivity,
)
from emotion_perception.ros.convert import to_stamp
from emotion_perception.ros.middleware import use_profile
from support.client import LATCHED, RELIABLE, Client, Watch
from support.domain import claim_domain
from support.faces import background, paste, portraits, write_video
from support.models import face_model
from support.processes import Process, ProcessGroup, executable

# Much more than it takes: a busy machine is no failure.
PATIENCE = 120.0
RATE = 10.0

FEEDS: dict[str, tuple[str, type, str, type]] = {
    'face_detector_node': ('camera/image_raw', Image, 'emotion/detections', FaceArray),
    'fer_node': ('emotion/detections', FaceArray, 'emotion/faces', EmotionPredictionArray),
    'vad_node': (
        'audio/audio_stamped',
        AudioDataStamped,
        'emotion/voice_activity',
        VoiceActivity,
    ),
    'ser_node': ('emotion/utterance', Utterance, 'emotion/voice', EmotionPrediction),
    'fusion_node': ('emotion/face', EmotionPrediction, 'emotion/fused', EmotionPrediction),
}
"""Of a node: what it is given, and what it makes of it."""


class Missing(Exception):
    """A check cannot be made here; the text says what it needs."""


class Bench:
    """Processes of one check, who speaks to them, and who feeds them ten times a second."""

    def __init__(self, folder: Path) -> None:
        domain, self._holder = claim_domain()
        self.folder = folder
        self.group = ProcessGroup(folder, domain)
        self.client = Client(domain, self.group.check, 'faults')
        self.stranger = Stranger(1)
        self.clock: Callable[[], float] = time.time
        self._stop = threading.Event()
        self._feeds: list[threading.Thread] = []

    def feed(self, node: str, pause: float | None = None) -> Watch:
        """Give a node what it lives on, in a thread; return what it says.

        :param pause: seconds between two messages; as a rule a tenth, and between two utterances
            one.
        """
        topic, kind, answer, answered = FEEDS[node]
        watch = self.client.watch(f'/{answer}', answered, RELIABLE)
        if kind is AudioDataStamped:
            info = self.client.node.create_publisher(AudioInfo, '/audio/audio_info', LATCHED)
            info.publish(self.stranger.info(0.0))
        publisher = self.client.node.create_publisher(kind, f'/{topic}', QoSProfile(depth=1))
        stranger = Stranger(2)
        if pause is None:
            pause = 1.0 if kind is Utterance else 1 / RATE

        def run() -> None:
            while not self._stop.wait(pause):
                now = self.clock()
                message = stranger.spoken(now) if kind is Utterance else stranger.usual(kind, now)
                publisher.publish(message)

        thread = threading.Thread(target=run, daemon=True)
        self._feeds.append(thread)
        thread.start()
        return watch

    def pair(self, node: str, **more: Any) -> tuple[Process, Watch]:
        """Start a node, feed it, and wait until it answers."""
        process = self.group.node(node, **more)
        watch = self.feed(node)
        watch.wait(timeout=PATIENCE)
        return process, watch

    def back(self, watch: Watch, since: float | None = None) -> float:
        """Wait for the next answer; return the seconds since a moment (by default, now)."""
        begin = time.monotonic() if since is None else since
        watch.clear()
        watch.wait(timeout=PATIENCE)
        return time.monotonic() - begin

    def close(self) -> None:
        """End everything."""
        self._stop.set()
        for thread in self._feeds:
            thread.join()
        self.group.stop()
        self.client.close()
        if self._holder is not None:
            self._holder.close()


def stopped(bench: Bench) -> str:
    """Freeze each node for five seconds (SIGSTOP), and let it go on."""
    found = []
    for name in FEEDS:
        process, watch = bench.pair(name)
        process.signal(signal.SIGSTOP)
        time.sleep(5.0)
        process.signal(signal.SIGCONT)
        seconds = bench.back(watch)
        late = watch.messages[-1].header.stamp
        age = bench.clock() - (late.sec + 1e-9 * late.nanosec)
        found.append(f'{name} {seconds:.1f} s (stamp {age:.1f} s old)')
    return 'the next answer after: ' + ', '.join(found)


def killed(bench: Bench) -> str:
    """Kill each node of the multimodal graph (SIGKILL) under ``ros2 launch``, respawn:=true."""
    if shutil.which('ros2') is None:
        raise Missing('needs ros2 launch')
    picture = background().copy()
    paste(picture, portraits()[0], 320, 240)
    film = write_video(bench.folder / 'film.avi', [picture] * 60, rate=15.0)
    sound = bench.folder / 'voice.wav'
    make_sound(sound, find_voice())
    launch = bench.group.start(
        *('ros2', 'launch', 'emotion_bringup', 'multimodal.launch.py'),
        *('composed:=false', 'respawn:=true', 'loop:=true', 'window:=off'),
        *(f'camera:={film}', f'microphone:={sound}'),
    )
    answers = {
        name: bench.client.watch(f'/{FEEDS[name][2]}', FEEDS[name][3], RELIABLE)
        for name in ('face_detector_node', 'fer_node', 'vad_node', 'fusion_node')
    }
    answers['orchestrator_node'] = bench.client.watch(
        '/emotion/multimodal/state', MultimodalState, LATCHED
    )
    answers['view_node'] = bench.client.watch('/emotion/view/compressed', CompressedImage)
    answers['camera_node'] = bench.client.watch('/camera/image_raw', Image)
    answers['microphone_node'] = bench.client.watch('/audio/audio_stamped', AudioDataStamped)
    # Who waits for somebody to speak would measure that.
    answers['ser_node'] = bench.feed('ser_node', pause=0.2)
    for watch in answers.values():
        watch.wait(timeout=PATIENCE)
    found: dict[str, float] = {}
    for name in sorted(answers):
        pid = _pid_of(launch.pid, name)
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)  # What was on its way is not the new one's.
        found[name] = bench.back(answers[name], begin)
        assert _pid_of(launch.pid, name) != pid
    slow = {name: seconds for name, seconds in found.items() if seconds > 3.0}
    text = ', '.join(f'{name} {seconds:.1f} s' for name, seconds in found.items())
    return f'output again after: {text}' + (f'; over 3 s: {sorted(slow)}' if slow else '')


def clock(bench: Bench) -> str:
    """Set the clock of a simulation forward and back, and stop it."""
    times = {'now': 1000.0, 'speed': 1.0}
    ticks = bench.client.node.create_publisher(Clock, '/clock', QoSProfile(depth=1))
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.02):
            times['now'] += 0.02 * times['speed']
            ticks.publish(Clock(clock=to_stamp(times['now'])))

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    bench.clock = lambda: times['now']
    try:
        watches = {}
        for name in ('face_detector_node', 'fer_node', 'fusion_node', 'vad_node'):
            _, watches[name] = bench.pair(name, use_sim_time=True)
        spoken = bench.client.watch('/diagnostics', DiagnosticArray, RELIABLE)
        found = []
        for what, change in (
            ('forward by 1000 s', {'now': 3000.0}),
            ('back by 2500 s', {'now': 500.0}),
            ('back by 0.5 s', None),
            ('frozen', {'speed': 0.0}),
        ):
            times.update(change or {'now': times['now'] - 0.5})
            most = max(bench.back(watch) for watch in watches.values())
            bench.back(spoken)
            found.append(f'{what}: all answer within {most:.1f} s')
        return '; '.join(found)
    finally:
        ended.set()
        thread.join()


def weights(bench: Bench) -> str:
    """Overwrite a model's file while it works, and bring it back."""
    path = face_model(bench.folder)
    good = path.read_bytes()
    process, watch = bench.pair('fer_node', model=str(path))
    path.write_bytes(b'nonsense' * 1000)
    bench.back(watch)
    client = bench.client
    for label in ('deactivate', 'cleanup'):
        assert client.transition('/fer_node', label)
    assert not client.transition('/fer_node', 'configure'), 'nonsense was loaded'
    said = process.output()
    assert str(path) in said, said[-2000:]
    path.write_bytes(good)
    assert client.transition('/fer_node', 'configure')
    seconds = bench.back(watch)
    return (
        'the model in memory goes on; configured anew, the node names the file and stays '
        f'unconfigured; with the file back it answers {seconds:.1f} s after it is configured'
    )


def full_disk(bench: Bench) -> str:
    """Let an interview end on a disk of one megabyte without room."""
    with _mounted(bench.folder / 'disk', '1m') as disk:
        filler = disk / 'filler'
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(1 << 20))
        interview = bench.group.node('interview_node', out=str(disk / 'report'), autostart=False)
        for name in ('start', 'stop'):
            assert bench.client.call(Trigger, f'/interview_node/{name}', timeout=PATIENCE).success
        said = interview.wait_for_output('the report is not saved', PATIENCE)
        assert 'No space left on device' in said, said[-2000:]
        assert not list(disk.rglob('interview.*')), 'half a report'
        filler.unlink()
        page = disk / 'report' / 'interview.html'
        bench.client.until(page.exists, PATIENCE, 'the report, now that there is room')
        return (
            'no file of the report, an error with its name; saved by itself as soon as there was '
            f'room ({page.stat().st_size / 1e3:.0f} kB)'
        )


def small_shm(bench: Bench) -> str:
    """Run a node whose ``/dev/shm`` holds 64 kB."""
    if os.geteuid() or shutil.which('unshare') is None:
        raise Missing('needs root and unshare')
    node = bench.group.start(
        'unshare',
        '--mount',
        'sh',
        '-c',
        f'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec {executable("face_detector_node")}',
        name='face_detector_node',
    )
    try:
        watch = bench.feed('face_detector_node')
        watch.wait(timeout=PATIENCE)
    except AssertionError:
        if 'permission denied' in node.output():
            raise Missing('needs a mount name space') from None
        raise
    begin, before = time.monotonic(), len(watch.messages)
    bench.client.until(lambda: time.monotonic() > begin + 5, 10)
    return f'{(len(watch.messages) - before) / 5:.1f} answers a second, of {RATE:g} pictures'


def few_files(bench: Bench) -> str:
    """Start each node with 64 file descriptors."""
    found = []
    for name in FEEDS:
        bench.group.start(
            'sh', '-c', f'ulimit -n 64; exec {executable(name)}', name=name, may_end=True
        )
        found.append(f'{name} {bench.back(bench.feed(name)):.1f} s')
    return 'all work; first answer after: ' + ', '.join(found)


def namesakes(bench: Bench) -> str:
    """Start two nodes of one name."""
    first, watch = bench.pair('fer_node')
    second = bench.group.node('fer_node')
    for process in (first, second):
        process.wait_for_output('2 nodes are named /fer_node', PATIENCE)
    bench.back(watch)
    second.stop()
    bench.back(watch)
    return 'both say so and go on'


def forty_faces(bench: Bench) -> str:
    """Send forty faces in each frame."""
    bench.group.node('fer_node')
    watch = bench.client.watch('/emotion/faces', EmotionPredictionArray, RELIABLE)
    publisher = bench.client.publisher(
        '/emotion/detections', FaceArray, QoSProfile(depth=1), timeout=PATIENCE
    )
    faces = [bench.stranger.face(time.time(), 128) for _ in range(40)]
    for number, face in enumerate(faces):
        face.id = f'face_{number}'
    message = FaceArray(faces=faces, image_width=640, image_height=480)
    end = time.monotonic() + PATIENCE
    while len(watch.messages) < 30:
        message.header.stamp = to_stamp(time.time())
        publisher.publish(message)
        bench.group.check()
        assert time.monotonic() < end, f'{len(watch.messages)} answers'
        time.sleep(1 / RATE)
    late = sorted(
        arrived - (item.header.stamp.sec + 1e-9 * item.header.stamp.nanosec)
        for item, arrived in zip(watch.messages, watch.times)
    )
    assert all(len(item.predictions) == 40 for item in watch.messages)
    return f'each is read; {1000 * late[len(late) // 2]:.0f} ms from the stamp to the answer'


def many_subscribers(bench: Bench) -> str:
    """Let two hundred subscriptions, of ten processes, listen to one node."""
    process, watch = bench.pair('fer_node')
    code = (
        'import rclpy, sys\n'
        'from emotion_msgs.msg import EmotionPredictionArray as A\n'
        'rclpy.init(); n = rclpy.create_node(sys.argv[1])\n'
        's = [n.create_subscription(A, "/emotion/faces", lambda m: None, 10) for _ in range(20)]\n'
        'rclpy.spin(n)\n'
    )
    for number in range(10):
        bench.group.start(sys.executable, '-c', code, f'listener_{number}', may_end=True)
    bench.client.until(
        lambda: bench.client.node.count_subscribers('/emotion/faces') >= 200, PATIENCE
    )
    begin, before = time.monotonic(), len(watch.messages)
    bench.client.until(lambda: time.monotonic() > begin + 5, 10)
    rate = (len(watch.messages) - before) / 5
    assert process.running
    return f'{rate:.1f} answers a second, of {RATE:g} frames'


CHECKS = {
    check.__name__: check
    for check in (
        stopped,
        killed,
        clock,
        weights,
        full_disk,
        small_shm,
        few_files,
        namesakes,
        forty_faces,
        many_subscribers,
    )
}
"""By name."""


@contextlib.contextmanager
def _mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount a tmpfs of a size.

    :raises Missing: if that is not to be had.
    """
    folder.mkdir()
    command = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        raise Missing('needs root and a tmpfs')
    try:
        yield folder
    finally:
        subprocess.run(['umount', '-l', str(folder)], check=True)


def _pid_of(launch: int, name: str) -> int:
    """Return the process of a node that a launch started."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        children = Path(f'/proc/{launch}/task/{launch}/children').read_text().split()
        for child in children:
            with contextlib.suppress(OSError):
                words = Path(f'/proc/{child}/cmdline').read_bytes().split(b'\0')
                if any(Path(word.decode()).name == name for word in words[:3]):
                    return int(child)
        time.sleep(0.05)
    raise AssertionError(f'ros2 launch has no process {name}')


def check(name: str, folder: Path) -> dict[str, str]:
    """Run one; return what happened, what failed, or what was missing."""
    bench = Bench(folder)
    try:
        return {'fault': name, 'happened': CHECKS[name](bench)}
    except (Missing, pytest.skip.Exception) as error:
        return {'fault': name, 'missing': str(error)}
    except AssertionError as error:
        return {'fault': name, 'failed': f'{error}\n{bench.group.logs(1000)}'[:4000]}
    finally:
        bench.close()


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--only', nargs='+', choices=sorted(CHECKS), default=list(CHECKS))
    parser.add_argument('--json', type=Path, help='where the report goes, too')
    parser.add_argument('--logs', type=Path, help='folder for the logs of the nodes')
    options = parser.parse_args()
    # Listen as the graph's own processes do, which find each other sooner (ros/fastdds.xml).
    use_profile()
    rows = []
    with contextlib.ExitStack() as stack:
        folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in options.only:
            rows.append(check(name, folder / name))
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    return 1 if any('failed' in row for row in rows) else 0


if __name__ == '__main__':
    sys.exit(main())
