# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give memory back that large messages took: the middleware's queues, and the C library's heap.

By rmw_fastrtps's own choice (``PREALLOCATED_WITH_REALLOC``) Fast DDS keeps, for each place in a
topic's queue, room for the largest message that was ever there: twenty blocks of 20 MB that wait
in a queue of a hundred are 400 MB for as long as the subscription lives. With ``DYNAMIC`` a
message's memory goes with the message. What is freed in pieces glibc keeps until it is told to
give it back (``malloc_trim``).

https://fast-dds.docs.eprosima.com/en/latest/fastdds/dds_layer/core/policy/eprosimaExtensions.html
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from importlib.resources import files

from emotion_perception.ros.distributions import FASTDDS_PROFILES

# Whoever chooses for himself is left alone.
_CHOICES = (
    'FASTDDS_DEFAULT_PROFILES_FILE',
    'FASTRTPS_DEFAULT_PROFILES_FILE',
    'RMW_FASTRTPS_USE_QOS_FROM_XML',
    'RMW_FASTRTPS_PUBLICATION_MODE',
)
# So much more than it was, bytes, is a reason to ask; seconds between two times; after so many the
# process is taken to need what it has.
_MUCH = 1 << 20
_PAUSE = 5.0
_OFTEN = 12
_PAGE = os.sysconf('SC_PAGE_SIZE')
# glibc's alone.
_trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)

_lock = threading.Lock()
_settled = 0
_asked = 0
_next = 0.0


def bound_queues() -> None:
    """Let queues hold no more than what waits in them; call it before rclpy is initialised."""
    if any(name in os.environ for name in _CHOICES):
        return
    # By one name: Fast DDS reads the files of both, and complains of a profile that comes twice.
    os.environ[FASTDDS_PROFILES] = str(files('emotion_perception').joinpath('ros/fastdds.xml'))
    os.environ['RMW_FASTRTPS_USE_QOS_FROM_XML'] = '1'


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
