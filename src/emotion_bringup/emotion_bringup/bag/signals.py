# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C as an event, for work that is brought to its end in order."""

from __future__ import annotations

import queue
import signal
import threading


def stop_event() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set from now on.

    The handler does not set it itself. It runs in the main thread, between any two of its steps,
    also while that thread holds the event's own lock in ``wait``: it would wait for itself, for
    ever. ``SimpleQueue.put`` is made to be called there.
    """
    stop = threading.Event()
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def heed() -> None:
        while True:
            signals.get()
            stop.set()

    threading.Thread(target=heed, name='signals', daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: signals.put(received))
    return stop
