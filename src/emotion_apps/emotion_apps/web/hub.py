# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""All pages that are open, and what goes out to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from emotion_apps.web import protocol
from emotion_apps.web.outbox import Outbox, OutboxFullError

EVERYWHERE = -1
"""As a place: for all pages, whatever they watch."""


class Client(Protocol):
    """A page that is connected."""

    number: int
    label: str
    outbox: Outbox
    watching: dict[int, bool]
    """Places that it watches: whether with pictures."""
    recording: bool
    """Whether it wants the sound of utterances."""

    def drop(self, code: int, reason: str) -> None:
        """Close the connection."""


class Hub:
    """Hands each message to the pages that watch its place.

    All methods belong to the server's event loop, save :meth:`post`, :meth:`post_picture`,
    :meth:`wants_picture` and :meth:`wants_sound`, which any thread may call.

    :param loop: of the server.
    :param on_watch: called with the places that are watched, after they changed.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_watch: Callable[[set[int]], None]
    ) -> None:
        self._loop = loop
        self._on_watch = on_watch
        # Replaced as a whole, so that other threads can look without a lock.
        self._clients: tuple[Client, ...] = ()
        self._kept: dict[tuple[int, str], str] = {}
        self._watched: set[int] = set()
        self._number = 0

    @property
    def clients(self) -> tuple[Client, ...]:
        """Return the pages that are connected."""
        return self._clients

    @property
    def dropped(self) -> int:
        """Return how many pictures the present pages were not sent because they lag."""
        return sum(client.outbox.dropped for client in self._clients)

    def add(self, client: Client) -> None:
        """Take a page in, and tell it what holds everywhere."""
        self._clients = (*self._clients, client)
        self._tell_kept(client, EVERYWHERE)

    def remove(self, client: Client) -> None:
        """Let a page go."""
        self._clients = tuple(other for other in self._clients if other is not client)
        self._watch_anew()

    def find(self, number: int) -> Client | None:
        """Return the page of a number, if it is connected."""
        return next((client for client in self._clients if client.number == number), None)

    def watch(self, client: Client, places: dict[int, bool]) -> None:
        """Take note of what a page watches, and tell it what is known of it."""
        before, client.watching = client.watching, places
        for place in before:
            if not places.get(place):
                client.outbox.forget(place)
        for place in places:
            if place not in before:
                self._tell_kept(client, place)
        self._watch_anew()

    def spread(self, place: int, key: str, text: str, *, keep: bool = False) -> None:
        """Send a message of which only the newest counts to all who watch its place.

        :param keep: whether pages that come later are told it too.
        """
        if keep:
            self._kept[place, key] = text
        for client in self._clients:
            if place == EVERYWHERE or place in client.watching:
                client.outbox.put_newest((place, key), text)

    def spread_utterance(self, place: int, rate: int, samples: bytes) -> None:
        """Send the sound of an utterance to all who record."""
        message = protocol.pack_utterance(place, rate, samples)
        for client in self._clients:
            if client.recording and place in client.watching:
                self.tell(client, message)

    def tell(self, client: Client, message: str | bytes) -> None:
        """Send a message that must not be lost to one page; one that does not read goes."""
        try:
            client.outbox.put_event(message)
        except OutboxFullError as error:
            client.drop(1008, f'too slow: {error}')

    def spread_picture(
        self, place: int, stamp: tuple[int, int], size: tuple[int, int], jpeg: bytes
    ) -> None:
        """Send a picture to all who watch its place and have shown the last ones."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        message = protocol.pack_picture(place, self._number, stamp, size, jpeg)
        for client in self._clients:
            if client.watching.get(place):
                client.outbox.put_picture(place, self._number, message)

    def forget(self, place: int, key: str) -> None:
        """Tell pages that come later nothing of a kind any more."""
        self._kept.pop((place, key), None)

    # From any thread.

    def post(self, place: int, key: str, text: str, *, keep: bool = False) -> None:
        """Have :meth:`spread` called in the loop."""
        self.later(lambda: self.spread(place, key, text, keep=keep))

    def later(self, function: Callable[[], None]) -> None:
        """Have a function called in the loop; nothing happens once that is closed."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def wants_picture(self, place: int) -> bool:
        """Return whether a page would be sent a picture of a place at once."""
        return any(
            client.watching.get(place) and client.outbox.ready(place) for client in self._clients
        )

    def wants_sound(self, place: int) -> bool:
        """Return whether a page wants the sound of a place's utterances."""
        return any(client.recording and place in client.watching for client in self._clients)

    def _tell_kept(self, client: Client, place: int) -> None:
        for (where, key), text in self._kept.items():
            if where == place:
                client.outbox.put_newest((where, key), text)

    def _watch_anew(self) -> None:
        watched = {place for client in self._clients for place in client.watching}
        if watched != self._watched:
            self._watched = watched
            self._on_watch(watched)
