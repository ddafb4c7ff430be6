# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""End a process that computes for long without any of its nodes' executors going on.

Where a large message has not arrived whole, Fast DDS 2.14.5 can try without end to read it, within
one ``take``, while it holds the lock that what is missing would need; rclpy keeps Python's lock
meanwhile, so that no thread of Python runs again. Seen with a face detector that was started
beside a camera on an overloaded machine. Whoever starts it once more (``respawn:=true``) has a
working one.

So the kernel is asked to count: if the process has used so much processor time since an executor
last ran a timer, SIGPROF writes where each thread is and ends it. A process that waits, is stopped
or is starved uses no time.
"""

from __future__ import annotations

import faulthandler
import signal

# Seconds of processor time, of all threads: far more than the largest message takes.
_MOST = 20.0
# Its number: Python's own may be gone.
_STDERR = 2

_watching = False


def watch() -> None:
    """Begin: from now on the process ends once :func:`alive` is not called for too long.

    To be called in the main thread. Nothing is counted before the first call of :func:`alive`.
    """
    global _watching
    # After the traceback the signal's own action follows: the end.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.register(signal.SIGPROF, file=_STDERR, chain=True)
    _watching = True


def alive() -> None:
    """Count anew; to be called about once a second by an executor."""
    if _watching:
        signal.setitimer(signal.ITIMER_PROF, _MOST)


def pause() -> None:
    """Count nothing until the next :func:`alive`: a model is loaded, say."""
    if _watching:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def rest() -> None:
    """End the watch: the executors end."""
    global _watching
    pause()
    _watching = False
