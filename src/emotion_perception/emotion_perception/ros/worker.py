# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A thread that always works on the newest item."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from emotion_perception.threads import Job

T = TypeVar('T')


class LatestWorker(Generic[T]):
    """Run a function on the newest item that was put; items it had no time for are dropped.

    A slow function lowers the rate; it never adds delay, and it never blocks who puts.

    :param function: called in the worker's thread with one item.
    :param on_error: called in the worker's thread with what the function raised; the worker
        goes on with the next item.
    :param name: of the thread.
    """

    def __init__(
        self,
        function: Callable[[T], None],
        on_error: Callable[[Exception], None],
        name: str = 'worker',
    ) -> None:
        self._function = function
        self._on_error = on_error
        self._condition = threading.Condition()
        self._item: T | None = None
        self._stopped = False
        self.dropped = 0
        """Items that a newer one replaced before they were worked on."""
        self._job = Job(self._run, name)

    def put(self, item: T) -> None:
        """Make this the next item; it replaces one that waits."""
        with self._condition:
            if self._stopped:
                return
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._condition.notify()

    def stop(self) -> None:
        """End after the item it works on; what waits is dropped."""
        with self._condition:
            self._stopped = True
            self._item = None
            self._condition.notify()
        self._job.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while (item := self._item) is None and not self._stopped:
                    self._condition.wait()
                self._item = None
            if item is None:
                return
            try:
                self._function(item)
            except Exception as error:
                self._on_error(error)
