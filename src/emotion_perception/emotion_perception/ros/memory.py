# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give memory back to the system that large messages, pictures and models took.

What is freed in pieces glibc keeps until it is told to give it back (``malloc_trim``). It also
keeps a heap for each thread, up to eight for each core: a model that is loaded again comes from
another thread's, and each of them grows once. Two do: our threads wait for Python's lock, and
rarely for a heap's. The middleware's queues: :mod:`emotion_perception.ros.middleware`.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time

# Seconds between two times; each takes 1 to 9 ms.
_PAUSE = 10.0
# glibc's alone.
_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
_mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
# From glibc's <malloc.h>; see mallopt(3).
_M_ARENA_MAX = -8
_HEAPS = 2

_lock = threading.Lock()
_next = 0.0


def few_heaps() -> None:
    """Have the threads of this process share two heaps, where the environment says no number.

    To be called before most of the threads are made.
    """
    if _mallopt is not None and 'MALLOC_ARENA_MAX' not in os.environ:
        _mallopt(_M_ARENA_MAX, _HEAPS)


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
