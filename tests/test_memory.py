# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Memory that large messages took is given back: by the middleware's queues, and by the heap."""

from __future__ import annotations

import array
import ctypes
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from campaign.usage import most_of, usage_of
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile

from emotion_msgs.msg import EmotionPrediction
from emotion_perception import memory
from support.client import RELIABLE

# What is started as a process: nodes, and graphs in one.
STARTED = [
    place
    for place in entry_points(group='console_scripts')
    if place.dist is not None and place.dist.name.startswith('emotion')
]
# Much more than it takes: a busy machine is no failure.
PATIENCE = 90.0
# Bytes of a message; so many wait in the queue of a topic.
LARGE, WAIT = 8 << 20, 10


@pytest.mark.timeout(300)
def test_a_queue_that_was_full_of_large_messages_is_small_again(processes, client) -> None:
    node = processes.node('fusion_node')
    spoken = client.watch('/diagnostics', DiagnosticArray, RELIABLE)
    spoken.wait(timeout=PATIENCE)
    publisher = client.publisher(
        'emotion/face', EmotionPrediction, QoSProfile(depth=3 * WAIT), timeout=PATIENCE
    )
    before = usage_of(node.pid).memory
    message = EmotionPrediction(embedding=array.array('f', bytes(LARGE)))
    for _ in range(3 * WAIT):
        publisher.publish(message)
    client.until(
        lambda: most_of(node.pid) > before + LARGE / 2**20, PATIENCE, 'the messages to arrive'
    )
    publisher.wait_for_all_acked()
    client.until(
        lambda: usage_of(node.pid).memory < before + 2.5 * LARGE / 2**20,
        PATIENCE,
        'the memory to be given back',
    )


def printed(program: str, *arguments: str) -> str:
    """Return what a program prints in a process of its own, with glibc's usual heaps."""
    environment = {key: value for key, value in os.environ.items() if key not in memory._CHOICES}
    return subprocess.run(
        [sys.executable, '-c', program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


# What a process had had for a minute was taken for what it needs.
_LONG = """
import os, sys
sys.path.insert(0, sys.argv[1])
from campaign.usage import usage_of
from emotion_perception import memory

def give_back():
    memory._next = 0.0
    memory.give_back()

blocks = [os.urandom(3000) for _ in range(2000)]
kept = blocks[::100]
for _ in range(20):
    give_back()
grown = usage_of(os.getpid()).own
del blocks
give_back()
assert len(kept) == 20
print(grown - usage_of(os.getpid()).own)
"""


def test_what_was_freed_goes_back_to_the_system_however_long_it_was_in_use() -> None:
    assert float(printed(_LONG, os.path.dirname(__file__))) > 4.0


# The process as it begins, and threads that each hold memory; glibc writes a list of its heaps.
_HEAPS = """
import ctypes, importlib, sys, threading

importlib.import_module(sys.argv[1])
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
all_have = threading.Barrier(12)

def take():
    libc.malloc(5000)
    all_have.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
file = ctypes.c_void_p(libc.fopen(b'/dev/stdout', b'w'))
libc.malloc_info(0, file)
libc.fflush(file)
"""


@pytest.mark.skipif(memory._mallopt is None, reason='heaps are counted in glibc only')
@pytest.mark.parametrize('module', sorted({place.value.partition(':')[0] for place in STARTED}))
def test_all_threads_of_a_process_share_one_heap(module: str) -> None:
    # Its second kept what was free at its end, and a ser_node's memory went up and down by 8 MB.
    assert printed(_HEAPS, module).count('<heap nr=') == 1


# Each works with OpenCV once; what is allocated is read from glibc before and after.
_WORKERS = """
import ctypes, gc, threading
import cv2, numpy as np
from emotion_perception.ros.worker import LatestWorker

class Allocated(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd',
        'usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost',
    )]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Allocated
picture = np.zeros((64, 64, 3), np.uint8)

def work(done):
    cv2.resize(picture, (32, 32))
    done.set()

def begin_and_end(times):
    for _ in range(times):
        done = threading.Event()
        worker = LatestWorker(work, print)
        worker.put(done)
        assert done.wait(60)
        worker.stop()
    gc.collect()
    return libc.mallinfo2().uordblks

before = begin_and_end(200)
print((begin_and_end(200) - before) / 200)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), 'mallinfo2'), reason='told by glibc 2.33 and newer only'
)
def test_a_worker_that_begins_and_ends_leaves_nothing_of_opencv_behind() -> None:
    # 870 bytes for each, when each had a thread of its own.
    assert float(printed(_WORKERS)) < 200.0


# Each large piece lies between two that stay.
_APART = """
import os, sys
sys.path.insert(0, sys.argv[1])
from campaign.usage import usage_of
from emotion_perception import memory

def model():
    return [(os.urandom(600 << 10), os.urandom(100 << 10)) for _ in range(50)]

bytes(20 << 20)  # Once something large was freed, all that is smaller comes from the heap.
before = usage_of(os.getpid()).own
with memory.apart():
    loaded = model()
kept = [small for _, small in loaded]
assert usage_of(os.getpid()).own > before + 30
del loaded
print(usage_of(os.getpid()).own - before)
"""


@pytest.mark.skipif(memory._mallopt is None, reason='glibc only')
def test_what_was_loaded_apart_goes_back_when_it_is_freed() -> None:
    # 5 MB are still in use. A fer_node grew by 5 MB while its model was loaded forty times.
    assert float(printed(_APART, os.path.dirname(__file__))) < 10.0


_FIRST_FACE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from campaign.usage import usage_of
from emotion_perception.vision.finder import FaceFinder
from support.faces import background, paste, portraits

scene = background().copy()
paste(scene, portraits()[0], 320, 240)
finder = FaceFinder()
finder.warm_up()
before = usage_of(os.getpid()).memory
found = [finder.find(scene, number / 30) for number in range(3)]
assert len(found[-1]) == 1
print(usage_of(os.getpid()).memory - before)
"""


def test_the_first_face_allocates_nothing_that_the_start_could_have() -> None:
    # It was 8 MB.
    assert float(printed(_FIRST_FACE, os.path.dirname(__file__))) < 4.0
