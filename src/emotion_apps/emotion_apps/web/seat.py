# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who sends camera and microphone: one browser at a time, the others watch."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

GRACE = 30.0
"""Seconds for which a browser that was cut off is remembered as the one that sends."""


@dataclass
class Sender:
    """The one that sends.

    :param client: number of its connection; 0 while it is cut off.
    :param key: its secret, by which it is known again.
    :param label: for the others to read.
    :param camera: whether it sends pictures.
    :param microphone: whether it sends sound.
    :param away: whether its tab is hidden or asleep.
    :param until: while it is cut off, the time until it is remembered.
    """

    client: int
    key: str
    label: str
    camera: bool
    microphone: bool
    away: bool = False
    until: float = 0.0


class Seat:
    """The one place of who sends. Time is passed in: steady, seconds."""

    def __init__(self) -> None:
        self._sender: Sender | None = None

    def sender(self, now: float) -> Sender | None:
        """Return who sends, or may come back to; ``None`` if nobody."""
        sender = self._sender
        if sender is not None and not sender.client and now >= sender.until:
            self._sender = None
        return self._sender

    def claim(
        self, client: int, key: str, label: str, camera: bool, microphone: bool, now: float
    ) -> tuple[str, int]:
        """Take the place.

        Who holds it may change what it sends, and takes it along to a new connection. The place
        of one that is cut off is anybody's: it can come back only while nobody else came.

        :return: why not ('' if taken), and the connection that it was taken along from (or 0).
        """
        if not (camera or microphone):
            return 'neither camera nor microphone', 0
        holder = self.sender(now)
        same = (
            holder is not None
            and bool(key)
            and hmac.compare_digest(holder.key.encode(), key.encode())
        )
        if holder is not None and holder.client and not same:
            return f'{holder.label} sends already', 0
        before = holder.client if holder is not None and holder.client != client else 0
        self._sender = Sender(client, key, label, camera, microphone)
        return '', before

    def release(self, client: int) -> bool:
        """Give the place up; return whether this client held it."""
        held = self.holds(client)
        if held:
            self._sender = None
        return held

    def lose(self, client: int, now: float) -> bool:
        """Take note that a connection was lost; return whether it was the sender's."""
        sender = self._sender
        if sender is None or not self.holds(client):
            return False
        sender.client = 0
        sender.until = now + GRACE
        return True

    def set_away(self, client: int, away: bool) -> bool:
        """Take note that the sender's tab sleeps or is back; return whether that is news."""
        sender = self._sender
        if sender is None or not self.holds(client) or sender.away == away:
            return False
        sender.away = away
        return True

    def holds(self, client: int) -> bool:
        """Return whether a client is the one that sends."""
        return self._sender is not None and self._sender.client == client != 0
