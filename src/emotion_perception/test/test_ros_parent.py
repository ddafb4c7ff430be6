# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A process that ends with the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from emotion_perception.ros.parent import PARENT, end_with_me, end_with_parent

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='only Linux knows how')

CHILD = """
import signal, sys
from emotion_perception.ros.parent import end_with_parent
end_with_parent()
print('ready', flush=True)
signal.pause()
"""
# A launch: it starts a node, says which, and waits for it.
LAUNCH = f"""
import os, subprocess, sys
from emotion_perception.ros.parent import end_with_me
environment = {{**os.environ, **end_with_me()}}
child = subprocess.Popen(
    [sys.executable, '-c', {CHILD!r}], env=environment, stdout=subprocess.PIPE
)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_it_is_interrupted_however_its_parent_dies(number: signal.Signals) -> None:
    launch = subprocess.Popen([sys.executable, '-c', LAUNCH], stdout=subprocess.PIPE, text=True)
    assert launch.stdout is not None
    with launch:
        child = psutil.Process(int(launch.stdout.readline()))
        launch.send_signal(number)
    assert psutil.wait_procs([child], timeout=60)[1] == []


def test_nobody_else_is_bound_to_anything() -> None:
    # Started by hand, or by something that a launch started: the tests themselves go on.
    end_with_parent({})
    end_with_parent({PARENT: '1' if os.getppid() != 1 else '2'})
    assert end_with_me() == {PARENT: str(os.getpid())}
