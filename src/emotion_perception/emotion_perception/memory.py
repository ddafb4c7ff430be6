# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give memory back to the system that large messages, pictures and models took.

What is freed in pieces glibc keeps until it is told to give it back (``malloc_trim``). It also
keeps a heap for each thread, up to eight for each core: a model that is loaded again comes from
another thread's, each of them grows once, and what is free at the end of any but the first stays.
One does: our threads wait for Python's lock, and rarely for a heap's. And a model leaves gaps in
a heap that the next one does not quite fit into.
The middleware's queues: :mod:`emotion_perception.ros.middleware`.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds between two times; each takes 1 to 9 ms.
_PAUSE = 10.0
# glibc's alone.
_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
_mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
# From glibc's <malloc.h>; see mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Weights of so many bytes have pages of their own. All else comes from the heap, as far as glibc
# allows it: pages of its own made a frame of 640 x 480 pixels 1.1 ms dearer (measured).
_WEIGHTS = 256 << 10
_USUAL = 32 << 20

# Whoever chooses for himself is left alone.
_CHOICES = (
    'MALLOC_ARENA_MAX',
    'MALLOC_MMAP_THRESHOLD_',
    'MALLOC_TRIM_THRESHOLD_',
    'GLIBC_TUNABLES',
)

_lock = threading.Lock()
_apart = 0
_next = 0.0


def one_heap() -> None:
    """Have the threads of this process share one heap.

    To be called before a second thread is made, that is before NumPy is imported: the heap that a
    thread has got is there for all that come later. Nothing is set where the environment chooses.
    """
    _set(_M_ARENA_MAX, 1)


@contextmanager
def apart() -> Iterator[None]:
    """Give what is large pages of its own, which go back when it is freed; for loading a model.

    It holds for all threads. Nothing is set where the environment chooses.
    """
    global _apart
    with _lock:
        _apart += 1
        _set(_M_MMAP_THRESHOLD, _WEIGHTS)
    try:
        yield
    finally:
        with _lock:
            _apart -= 1
            if not _apart:
                _set(_M_MMAP_THRESHOLD, _USUAL)
                _set(_M_TRIM_THRESHOLD, 2 * _USUAL)


def give_back() -> None:
    """Give freed memory back to the system, every ten seconds.

    To be called about once a second; any number of nodes in a process may.
    """
    global _next
    with _lock:
        now = time.monotonic()
        if _trim is not None and now >= _next:
            _next = now + _PAUSE
            _trim(0)


def _set(option: int, value: int) -> None:
    if _mallopt is not None and not any(name in os.environ for name in _CHOICES):
        _mallopt(option, value)
