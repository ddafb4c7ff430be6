# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Processes find each other soon, though one that begins misses the others' first answers."""

from __future__ import annotations

import itertools
import socket
import statistics
import time
from collections import defaultdict

# DDSI-RTPS 2.5, 9.6.2.3: the port for discovery of a participant, by domain and number. A process
# that keeps to this machine says to all of the first 32 that it is there.
LAST = 31
# Announcements of a start, a tenth of a second apart.
FIRST = 6


def port_of(domain: int, participant: int) -> int:
    return 7400 + 250 * domain + 10 + 2 * participant


def test_a_process_says_every_second_that_it_is_there(processes) -> None:
    times: dict[object, list[float]] = defaultdict(list)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(('127.0.0.1', port_of(processes.domain, LAST)))
        ear.settimeout(90.0)
        processes.node('fusion_node')
        while max(map(len, times.values()), default=0) < FIRST + 4:
            _, sender = ear.recvfrom(1 << 16)
            times[sender].append(time.monotonic())
    heard = max(times.values(), key=len)
    # Fast DDS by itself: three seconds.
    gaps = [b - a for a, b in itertools.pairwise(heard[FIRST:])]
    assert 0.5 < statistics.median(gaps) < 2.0
