# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Threads that are used again.

OpenCV keeps 0.9 kB for each thread that ever called it (measured with 5.0), in pieces that hold
whole pages of what is freed around them. What begins and ends with a node's activation, or with a
browser that comes and goes, takes its thread from here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

_lock = threading.Lock()
_idle: list[_Thread] = []


class Job:
    """Something that runs in a thread, which the next takes when it has ended.

    The process does not wait for it at its end. What it raises is told as of any thread
    (``threading.excepthook``).

    :param run: called once.
    :param name: of the thread meanwhile.
    """

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self._run = run
        self.name = name
        self._ended = threading.Event()
        with _lock:
            self._thread = _idle.pop() if _idle else _Thread()
        self._thread.jobs.put(self)

    def join(self) -> None:
        """Wait until it has ended; from within itself, do not."""
        if threading.current_thread() is not self._thread:
            self._ended.wait()

    def work(self, thread: _Thread) -> None:
        """Run in a thread; to be called by that."""
        try:
            self._run()
        except BaseException as error:
            told = threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
            threading.excepthook(told)
        finally:
            with _lock:
                _idle.append(thread)
            self._ended.set()


class _Thread(threading.Thread):
    """Runs one job after another."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.start()

    def run(self) -> None:
        """Wait for jobs, for ever."""
        while True:
            self._take(self.jobs.get())

    def _take(self, job: Job) -> None:
        # A function of its own: while the thread waits nothing holds the job, nor its model.
        self.name = job.name
        job.work(self)
