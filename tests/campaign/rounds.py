# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Questions to every node of a graph: who has answered has worked on what came before."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from rcl_interfaces.srv import GetParameters

from support.client import Client

SILENT = 60.0
"""Seconds without a word or an answer after which a node hangs."""


class Rounds:
    """Asks every node something, round after round, and waits for the answers.

    A node answers between two messages of each topic: as long as few rounds are open, little
    waits in its queues.

    :param names: of the nodes.
    """

    def __init__(self, client: Client, names: list[str]) -> None:
        self._clients = {
            name: client.node.create_client(GetParameters, f'/{name}/get_parameters')
            for name in names
        }
        for name, asked in self._clients.items():
            client.until(asked.service_is_ready, 60, f'the parameters of {name}')
        self._changed = threading.Condition()
        self._open: deque[set[str]] = deque()

    def ask(self) -> None:
        """Begin a round."""
        missing = set(self._clients)
        self._open.append(missing)
        for name, client in self._clients.items():
            future = client.call_async(GetParameters.Request(names=['use_sim_time']))
            future.add_done_callback(partial(self._answered, missing, name))

    def wait(self, most: int, check: Callable[[], None]) -> None:
        """Wait until at most so many rounds are open.

        :param check: called meanwhile, about once a second.
        :raises AssertionError: if a node does not answer.
        """
        begin = time.monotonic()
        while len(self._open) > most:
            with self._changed:
                if self._changed.wait_for(lambda: not self._open[0], 1.0):
                    self._open.popleft()
                    begin = time.monotonic()
                    continue
                names = ' and '.join(sorted(self._open[0]))
            check()
            assert time.monotonic() < begin + SILENT, f'{names} did not answer for {SILENT:g} s'

    def _answered(self, missing: set[str], name: str, _: object) -> None:
        with self._changed:
            missing.discard(name)
            self._changed.notify_all()
