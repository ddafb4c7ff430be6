# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C as an event, whatever the main thread does at that moment."""

from __future__ import annotations

import subprocess
import sys

# Each round ends by a signal that comes while the event is asked for as fast as can be, so that
# most of them find its lock held.
ROUNDS = """
import os, signal, threading
from emotion_bringup.bag.signals import stop_event

stop = stop_event()
for number in 20 * (signal.SIGINT, signal.SIGTERM):
    stop.clear()
    threading.Timer(0.005, os.kill, (os.getpid(), number)).start()
    while not stop.wait(0):
        pass
print('all heeded')
"""


def test_a_signal_is_heeded_while_the_event_is_waited_for() -> None:
    ended = subprocess.run(
        [sys.executable, '-c', ROUNDS], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (0, 'all heeded\n'), ended.stderr
