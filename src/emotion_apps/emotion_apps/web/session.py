# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One page's connection, from its greeting to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from emotion_apps.web import protocol
from emotion_apps.web.call import Call, CallError
from emotion_apps.web.clock import ClockMap
from emotion_apps.web.hub import Hub
from emotion_apps.web.limits import BYTES, MESSAGES, MISTAKES, Bucket
from emotion_apps.web.outbox import Outbox
from emotion_apps.web.protocol import PictureIn, ProtocolError
from emotion_apps.web.sending import Sending

# Seconds between two looks at the page's clock: often at first, until it is known well.
_CLOCK_FAST, _CLOCK_SLOW, _CLOCK_FIRST = 0.2, 2.0, 10
# A page that took nothing for so long, seconds, is gone.
_STALLED = 10.0
# Procedures that one page may have under way.
_CALLS = 8
# Questions after the clock that may wait for their answers.
_QUESTIONS = 16


class Session:
    """A page that is connected: the :class:`~emotion_apps.web.hub.Client` of the hub.

    :param number: by which it is known.
    :param label: for others to read.
    :param abort: ends the connection without a word.
    :param hello: what it is told first.
    """

    def __init__(
        self,
        number: int,
        label: str,
        socket: web.WebSocketResponse,
        abort: Callable[[], None],
        hub: Hub,
        sending: Sending,
        call: Call,
        hello: dict[str, Any],
    ) -> None:
        self.number = number
        self.label = label
        self.outbox = Outbox()
        self.watching: dict[int, bool] = {}
        self.recording = False
        self._socket = socket
        self._abort = abort
        self._hub = hub
        self._sending = sending
        self._call = call
        self._hello = hello
        self._clock = ClockMap()
        self._questions: dict[int, float] = {}
        self._messages = Bucket(*MESSAGES)
        self._bytes = Bucket(*BYTES)
        self._mistakes = 0
        self._calls: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Talk to the page until it goes."""
        self._hub.add(self)
        self._hub.tell(
            self, protocol.encode('hello', number=self.number, label=self.label, **self._hello)
        )
        tasks = [asyncio.ensure_future(self._send()), asyncio.ensure_future(self._ask_clock())]
        try:
            await self._receive()
        finally:
            self._hub.remove(self)
            self._sending.lose(self)
            for task in (*tasks, *self._calls):
                task.cancel()
            await asyncio.gather(*tasks, *self._calls, return_exceptions=True)

    def drop(self, code: int, reason: str) -> None:
        """Close the connection, and do not wait long for the page to agree."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        try:
            await asyncio.wait_for(
                self._socket.close(code=code, message=reason.encode()[:120]), timeout=2.0
            )
        except asyncio.TimeoutError:
            pass
        finally:
            # One that does not read does not hear that it is over, either.
            self._abort()

    # Out.

    async def _send(self) -> None:
        while True:
            message = await self.outbox.take()
            if isinstance(message, str):
                sent = self._socket.send_str(message)
            else:
                sent = self._socket.send_bytes(message)
            try:
                await asyncio.wait_for(sent, _STALLED)
            except asyncio.TimeoutError:
                self.drop(WSCloseCode.POLICY_VIOLATION, 'too slow: nothing was read')
                return
            except (ConnectionError, RuntimeError):
                return  # It is gone; the receiving side sees that too.

    async def _ask_clock(self) -> None:
        for number in range(2**31):
            while len(self._questions) >= _QUESTIONS:
                del self._questions[next(iter(self._questions))]
            # When it really goes out is not known; behind pictures it may wait a little. Such
            # round trips are long, and count for little.
            self._questions[number] = time.monotonic()
            self.outbox.put_newest('clock', protocol.encode('clock', number=number))
            await asyncio.sleep(_CLOCK_FAST if number < _CLOCK_FIRST else _CLOCK_SLOW)

    # In.

    async def _receive(self) -> None:
        async for message in self._socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            now = time.monotonic()
            size = len(message.data)
            if not self._messages.take(1, now) or not self._bytes.take(size, now):
                self.drop(WSCloseCode.POLICY_VIOLATION, 'too much at once')
                return
            try:
                if message.type == WSMsgType.TEXT:
                    self._on_text(protocol.parse_text(message.data), now)
                else:
                    self._on_binary(protocol.parse_binary(message.data))
            except ProtocolError as error:
                self._mistakes += 1
                if self._mistakes >= MISTAKES:
                    self.drop(WSCloseCode.POLICY_VIOLATION, f'too many mistakes: {error}')
                    return
                self._hub.tell(self, protocol.encode('mistake', message=str(error)))

    def _on_binary(self, message: Any) -> None:
        if isinstance(message, PictureIn):
            self._sending.take_picture(self, self._clock, message)
        else:
            self._sending.take_sound(self, self._clock, message)

    def _on_text(self, message: dict[str, Any], now: float) -> None:
        kind = message['type']
        if kind == 'clock':
            sent = self._questions.pop(message['number'], None)
            if sent is not None:
                self._clock.add(sent, message['time'], now)
        elif kind == 'seen':
            self.outbox.seen(message['place'], message['number'])
        elif kind == 'watch':
            self._watch(message['places'], message.get('recording', False))
        elif kind == 'claim':
            why = self._sending.claim(
                self, message['key'], message['camera'], message['microphone']
            )
            self._reply(message['id'], not why, why)
        elif kind == 'release':
            self._sending.release(self)
            self._reply(message['id'], True, '')
        elif kind == 'away':
            self._sending.set_away(self, message['away'])
        elif len(self._calls) >= _CALLS:
            self._reply(message['id'], False, 'too much is under way')
        else:
            task = asyncio.ensure_future(self._carry_out(message))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _watch(self, places: dict[str, Any], recording: bool) -> None:
        chosen = {}
        for place, pictures in places.items():
            if not place.isdecimal() or not isinstance(pictures, bool) or int(place) > 255:
                raise ProtocolError('watch: numbers of places, each with true or false')
            chosen[int(place)] = pictures
        self.recording = recording
        self._hub.watch(self, chosen)

    async def _carry_out(self, message: dict[str, Any]) -> None:
        try:
            data = await self._call(message['place'], message['name'], message.get('values', {}))
        except CallError as error:
            self._reply(message['id'], False, str(error))
        else:
            self._reply(message['id'], True, '', data)

    def _reply(self, number: int, success: bool, why: str, data: Any = None) -> None:
        self._hub.tell(
            self, protocol.encode('reply', id=number, success=success, message=why, data=data)
        )
