# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who sends pictures and sound into the graph, and how they get there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_apps.web.clock import ClockMap, SampleClock
from emotion_apps.web.hub import EVERYWHERE, Client, Hub
from emotion_apps.web.jpeg import jpeg_size
from emotion_apps.web.limits import LARGEST_SIDE
from emotion_apps.web.player import Player
from emotion_apps.web.protocol import PictureIn, ProtocolError, SoundIn, encode
from emotion_apps.web.publisher import CodedPicture, Publisher
from emotion_apps.web.seat import Seat, Sender

SILENT = 1.5
"""Seconds without a picture, or sound, after which a browser that sends counts as silent."""


class Sending:
    """The one place of who sends. To be used in the server's event loop.

    :param notice: told in words whenever something changes, for the graph.
    """

    def __init__(self, hub: Hub, devices: Publisher, notice: Callable[[str], None]) -> None:
        self._hub = hub
        self._devices = devices
        self._notice = notice
        self._seat = Seat()
        self._samples = SampleClock()
        self._player: Player | None = None
        self._playing = ''
        self._told = ''
        self._sent = ''
        self._tell()

    @property
    def devices(self) -> Publisher:
        """Return what it publishes through."""
        return self._devices

    def claim(self, client: Client, key: str, camera: bool, microphone: bool) -> str:
        """Let a page send; return why not, or nothing."""
        camera = camera and self._devices.camera
        microphone = microphone and self._devices.microphone
        if not (self._devices.camera or self._devices.microphone):
            return 'this graph has a camera and a microphone of its own'
        why, before = self._seat.claim(
            client.number, key, client.label, camera, microphone, time.monotonic()
        )
        if why:
            return why
        old = self._hub.find(before) if before else None
        if old is not None:
            old.drop(4001, 'the same tab is connected again')
        self._samples = SampleClock()
        self._tell()
        return ''

    def release(self, client: Client) -> None:
        """Take in that a page stops sending."""
        if self._seat.release(client.number):
            self._stop_playing()
            self._tell()

    def lose(self, client: Client) -> None:
        """Take in that a page is gone."""
        if self._seat.lose(client.number, time.monotonic()):
            self._stop_playing()
            self._tell()

    def set_away(self, client: Client, away: bool) -> None:
        """Take in that a page sleeps, or is back."""
        if self._seat.set_away(client.number, away):
            self._tell()

    def look(self) -> None:
        """Let time pass: a place that was kept long enough is free again."""
        self._tell()

    def take_picture(self, client: Client, clock: ClockMap, picture: PictureIn) -> None:
        """Publish a picture of the page that sends; others' are left out.

        :raises ProtocolError: if it is no JPEG, or too large.
        """
        sender = self._seat.sender(time.monotonic())
        if sender is None or not self._seat.holds(client.number):
            return
        if not sender.camera or self._playing:
            return
        try:
            size = jpeg_size(picture.data)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
        if max(size) > LARGEST_SIDE:
            raise ProtocolError(
                f'a picture of {size[0]}x{size[1]} pixels; allowed are {LARGEST_SIDE}'
            )
        number = picture.number
        if not clock.known:
            self._taken(client, number, '')
            return
        taken = clock.to_local(picture.time)

        def done(stamp: str) -> None:
            self._hub.later(lambda: self._taken(client, number, stamp))

        self._devices.take_picture(CodedPicture(picture.data, taken, done))

    def take_sound(self, client: Client, clock: ClockMap, sound: SoundIn) -> None:
        """Publish a block of sound of the page that sends; others' are left out."""
        sender = self._seat.sender(time.monotonic())
        if sender is None or not self._seat.holds(client.number):
            return
        if not sender.microphone or self._playing:
            return
        if not clock.known:
            return
        handed_over = clock.to_local(sound.time)
        taken = self._samples.time(sound.first, sound.count, sound.rate, handed_over)
        self._devices.publish_sound(sound.data, sound.rate, sound.channels, taken)

    def play(self, client: Client, key: str, path: Path, name: str) -> str:
        """Play a file for a page; return why not, or nothing. The file is removed afterwards."""
        why = self.claim(client, key, True, True)
        if why:
            path.unlink(missing_ok=True)
            return why
        self._stop_playing()
        player = Player(path, self._devices, lambda trouble: self._ended(player, trouble))
        self._player, self._playing = player, name
        self._tell()
        player.start()
        return ''

    def close(self) -> None:
        """Stop playing, and remove the file."""
        if self._player is not None:
            self._player.join()

    def facts(self) -> dict[str, object]:
        """Return what the graph is told: who sends, and how well it goes."""
        devices = self._devices
        return {
            'sender': self._told,
            'camera': devices.camera,
            'microphone': devices.microphone,
            'size': devices.size,
            'pictures': devices.pictures,
            'pictures_replaced': devices.replaced,
            'blocks': devices.blocks,
        }

    def trouble(self) -> str:
        """Return what is missing while a browser stands in for a device; empty if nothing is."""
        devices = self._devices
        if not (devices.camera or devices.microphone):
            return ''
        now = time.monotonic()
        sender = self._seat.sender(now)
        if sender is None:
            return 'no browser sends: open the page and allow camera and microphone'
        if not sender.client:
            return f'{sender.label} is cut off'
        if sender.away:
            return f'the page of {sender.label} is hidden or asleep'
        if sender.camera and not self._playing and now - devices.last_picture > SILENT:
            return f'no pictures come from {sender.label}'
        if sender.microphone and not self._playing and now - devices.last_sound > SILENT:
            return f'no sound comes from {sender.label}'
        return ''

    def _ended(self, player: Player, trouble: str) -> None:
        def end() -> None:
            if self._player is not player:
                return
            self._player, self._playing = None, ''
            sender = self._seat.sender(time.monotonic())
            if sender is not None:
                client = self._hub.find(sender.client)
                self._seat.release(sender.client)
                if client is not None:
                    self._hub.tell(client, encode('played', trouble=trouble))
            self._tell()

        self._hub.later(end)

    def _stop_playing(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player, self._playing = None, ''

    def _taken(self, client: Client, number: int, stamp: str) -> None:
        self._hub.tell(client, encode('taken', number=number, stamp=stamp))

    def _tell(self) -> None:
        """Tell pages and graph who sends, if that changed."""
        sender = self._seat.sender(time.monotonic())
        words = _words(sender, self._playing)
        fields: dict[str, Any] = {'client': 0, 'label': '', 'words': words}
        if sender is not None:
            fields = {
                'client': sender.client,
                'label': sender.label,
                'camera': sender.camera,
                'microphone': sender.microphone,
                'away': sender.away,
                'lost': not sender.client,
                'playing': self._playing,
                'words': words,
            }
        text = encode('sender', **fields)
        if text != self._sent:
            self._sent = text
            self._hub.spread(EVERYWHERE, 'sender', text, keep=True)
        if words != self._told:
            self._told = words
            self._notice(words)


def _words(sender: Sender | None, playing: str) -> str:
    if sender is None:
        return 'nobody sends'
    if not sender.client:
        return f'{sender.label} is cut off'
    if playing:
        return f'{sender.label} plays {playing}'
    parts = [
        name for name, on in (('camera', sender.camera), ('microphone', sender.microphone)) if on
    ]
    return f'{sender.label} sends {" and ".join(parts)}' + (' (asleep)' if sender.away else '')
