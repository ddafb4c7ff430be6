# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What waits to be sent to one client: never more than it can take.

Results and states are worth only as much as they are new: of each kind only the newest waits. A
picture is sent only after the client has shown the ones before; for a client that lags the
others are dropped. What must not be lost (answers, the end of an utterance) waits in order, up
to a limit beyond which the client counts as gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable

EVENTS = 200
"""Messages in order that may wait."""
WINDOW = 2
"""Pictures of a place that may be under way: one travels while the other is drawn."""


class OutboxFullError(RuntimeError):
    """The client does not take what it is sent."""


class Outbox:
    """To be used in the server's event loop only."""

    def __init__(self) -> None:
        self._events: deque[str | bytes] = deque()
        self._newest: dict[Hashable, str] = {}
        self._pictures: dict[int, tuple[int, bytes]] = {}
        self._under_way: dict[int, deque[int]] = {}
        self._wake = asyncio.Event()
        self.dropped = 0
        """Pictures that a newer one replaced."""

    def put_event(self, message: str | bytes) -> None:
        """Send in order, without loss.

        :raises OutboxFullError: if too much waits.
        """
        if len(self._events) >= EVENTS:
            raise OutboxFullError(f'{EVENTS} messages wait')
        self._events.append(message)
        self._wake.set()

    def put_newest(self, key: Hashable, message: str) -> None:
        """Send unless something newer of the same key comes first."""
        self._newest[key] = message
        self._wake.set()

    def put_picture(self, place: int, number: int, message: bytes) -> None:
        """Send as soon as the client has shown the pictures before it, unless a newer comes."""
        if place in self._pictures:
            self.dropped += 1
        self._pictures[place] = (number, message)
        self._wake.set()

    def ready(self, place: int) -> bool:
        """Return whether a picture of a place would be sent at once."""
        return place not in self._pictures and len(self._under_way.get(place, ())) < WINDOW

    def seen(self, place: int, number: int) -> None:
        """Take note that the client has shown a picture (and so all before it)."""
        under_way = self._under_way.get(place)
        while under_way and under_way[0] <= number:
            under_way.popleft()
        self._wake.set()

    def forget(self, place: int) -> None:
        """Drop what waits of a place's pictures: the client does not watch it any more."""
        self._pictures.pop(place, None)
        self._under_way.pop(place, None)

    async def take(self) -> str | bytes:
        """Wait for the next message to send."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._newest:
                key = next(iter(self._newest))
                return self._newest.pop(key)
            for place, (number, message) in self._pictures.items():
                under_way = self._under_way.setdefault(place, deque())
                if len(under_way) < WINDOW:
                    under_way.append(number)
                    del self._pictures[place]
                    return message
            self._wake.clear()
            await self._wake.wait()
