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

# So much more than it was, bytes, is a reason to ask; seconds between two times; after so many the
# process is taken to need what it has.
_MUCH = 1 << 20
_PAUSE = 5.0
_OFTEN = 12
_PAGE = os.sysconf('SC_PAGE_SIZE')
# glibc's alone.
_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
_options = getattr(ctypes.CDLL(None), 'mallopt', None)
# From glibc's <malloc.h>; see mallopt(3).
_M_ARENA_MAX = -8
_HEAPS = 2

_lock = threading.Lock()
_settled = 0
_asked = 0
_next = 0.0


def few_heaps() -> None:
    """Have the threads of this process share two heaps, where the environment says no number.

    To be called before most of the threads are made.
    """
    if _options is not None and 'MALLOC_ARENA_MAX' not in os.environ:
        _options(_M_ARENA_MAX, _HEAPS)


def give_back() -> None:
    """Give freed memory back to the system where the process has grown; costs nothing else.

    To be called about once a second; any number of nodes in a process may.
    """
    global _settled, _next, _asked
    with _lock:
        now = time.monotonic()
        if _trim is None or now < _next:
            return
        _next = now + _PAUSE
        if _resident() > _settled + _MUCH:
            # What is in use now may be freed later: it is asked again for a while.
            _trim(0)
            _asked += 1
            if _asked < _OFTEN:
                return
        _settled, _asked = _resident(), 0


def _resident() -> int:
    with open('/proc/self/statm', 'rb') as file:
        return int(file.read().split()[1]) * _PAGE
