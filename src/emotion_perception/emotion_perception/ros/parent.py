# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""End with the launch that started this process, however that ends.

``launch`` interrupts its processes when it is interrupted itself; where it is terminated or killed
(``kill PID``, a service that stops, a crash) it leaves them behind, and says so. A camera and
a microphone that nobody knows of any more must not stay on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

PARENT = 'EMOTION_PARENT'
"""Environment variable: the process that this one ends with."""

# From Linux's <sys/prctl.h>; see prctl(2).
_PR_SET_PDEATHSIG = 1


def end_with_me() -> dict[str, str]:
    """Return the environment that makes a node's process end with the present one."""
    return {PARENT: str(os.getpid())}


def end_with_parent(environment: Mapping[str, str] = os.environ) -> None:
    """Have this process interrupted when its parent dies, where :func:`end_with_me` asks for it.

    Only Linux knows how; and only the process itself is meant, not what it starts.
    """
    parent = environment.get(PARENT, '')
    if sys.platform != 'linux' or parent != str(os.getppid()):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    if parent != str(os.getppid()):  # It died meanwhile.
        raise SystemExit(0)
