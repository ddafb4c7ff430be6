# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: the page's files, its WebSocket, uploads and reports."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from emotion_apps.web import palette
from emotion_apps.web.access import COMMON_HEADERS, REPORT_HEADERS, Access
from emotion_apps.web.call import Call
from emotion_apps.web.hub import Hub
from emotion_apps.web.limits import LONGEST_PICTURE
from emotion_apps.web.player import SUFFIXES
from emotion_apps.web.sending import Sending
from emotion_apps.web.session import Session

STATIC = Path(__file__).parent / 'static'

# Seconds between two looks at whether a page is still there; half of it to answer.
_HEARTBEAT = 8.0
# So much waits in the system for a client at most, bytes: what waits there is old already.
_SEND_BUFFER = 256 * 1024
_START = 10.0
# Forms of a report: what a browser is told that they are.
_REPORT_KINDS = {'html': 'text/html', 'md': 'text/markdown', 'json': 'application/json'}
# Releases before 3.9 ask for this elsewhere, and do not wait.
_QUICK: dict[str, Any] = (
    {} if aiohttp.__version__.startswith('3.8.') else {'shutdown_timeout': 1.0}
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Report = Callable[[int, str], Awaitable[tuple[str, str]]]
"""Takes the number of a place and ``html`` or ``json``; returns content and what was wrong."""


class ServerError(RuntimeError):
    """The server cannot be started; the text says why."""


class Server:
    """Serves in a thread with an event loop of its own.

    :param access: who may talk to it.
    :param tls: its certificate, or ``None`` for plain HTTP.
    :param limits: called for the most pages at once, and the largest upload in bytes.
    """

    def __init__(
        self,
        access: Access,
        tls: ssl.SSLContext | None,
        limits: Callable[[], tuple[int, int]],
    ) -> None:
        self.access = access
        self._tls = tls
        self._limits = limits
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name='web', daemon=True)
        self._runner: web.AppRunner | None = None
        self._numbers = itertools.count(1)
        self.refused = 0
        """Requests that were refused."""
        self.port = 0
        """On which it listens."""

    def start(
        self,
        host: str,
        port: int,
        hub: Hub,
        sending: Sending,
        call: Call,
        report: Report,
        hello: dict[str, Any],
    ) -> None:
        """Begin to listen.

        :param hello: what every page is told first.
        :raises ServerError: if the address cannot be taken.
        """
        self._hub, self._sending, self._call = hub, sending, call
        self._report, self._hello = report, hello
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._listen(host, port), self.loop)
        try:
            self.port = future.result(_START)
        except OSError as error:
            raise ServerError(
                f'{host}:{port} cannot be listened on ({error.strerror or error}); another '
                'program may have it: choose another port with web_port:='
            ) from error

    def stop(self) -> None:
        """Send all pages away and end the thread."""
        if self._thread.is_alive():
            try:
                asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(_START)
            finally:
                self.loop.call_soon_threadsafe(self.loop.stop)
                self._thread.join(_START)
        if not self.loop.is_running():
            self.loop.close()

    async def _listen(self, host: str, port: int) -> int:
        application = web.Application(middlewares=[self._guard])
        application.router.add_get('/', self._page)
        application.router.add_get('/palette.css', self._palette)
        application.router.add_get('/socket', self._socket)
        application.router.add_get(
            '/report/{place:[0-9]{1,3}}.{form:html|md|json}', self._on_report
        )
        application.router.add_post('/play', self._play)
        application.router.add_static('/static', STATIC)
        # A page keeps its connection for long: the end of the server does not wait for it.
        self._runner = web.AppRunner(application, access_log=None, **_QUICK)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._tls)
        await site.start()
        return self._runner.addresses[0][1]

    async def _end(self) -> None:
        for client in self._hub.clients:
            client.drop(1001, 'the graph ends')
        if self._runner is not None:
            await self._runner.cleanup()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    # Before everything else.

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get('Host', '')
        why = self.access.refuse_host(host)
        if why:
            return self._refuse(why, 421)
        # A browser names the origin of whatever changes something, and of every WebSocket.
        if request.path == '/socket' or request.method not in ('GET', 'HEAD'):
            why = self.access.refuse_origin(request.headers.get('Origin', ''), host)
            if why:
                return self._refuse(why, 403)
        token = request.query.get('token', '')
        if request.path == '/' and token and self.access.token:
            return self._let_in(token)
        if not self.access.knows(request.cookies.get(self._cookie, '')):
            return self._refuse('open the link that was printed at the start, token included', 401)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.reason)
        if not response.prepared:
            for name, value in self.access.headers(host).items():
                response.headers.setdefault(name, value)
        return response

    @property
    def _cookie(self) -> str:
        # Cookies know no ports: two servers on one machine must not share it.
        return f'emotion-{self.port}'

    def _let_in(self, token: str) -> web.Response:
        """Turn the token in the link into a cookie, so that it does not stay in the address."""
        if not self.access.knows(token):
            return self._refuse('the token in the link is wrong', 401)
        response = web.Response(status=303, headers={'Location': '/', **COMMON_HEADERS})
        response.set_cookie(
            self._cookie, token, httponly=True, samesite='Strict', secure=self._tls is not None
        )
        return response

    def _refuse(self, why: str, status: int) -> web.Response:
        self.refused += 1
        return web.Response(
            status=status,
            text=f'{why}\n',
            headers={'Content-Security-Policy': "default-src 'none'", **COMMON_HEADERS},
        )

    # The page.

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / 'index.html')

    async def _palette(self, request: web.Request) -> web.Response:
        return web.Response(text=palette.css(), content_type='text/css')

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._hub.clients) >= self._limits()[0]:
            return self._refuse('too many pages are open', 503)
        _shrink(request)
        connection = web.WebSocketResponse(
            heartbeat=_HEARTBEAT, max_msg_size=LONGEST_PICTURE + 1, compress=False
        )
        await connection.prepare(request)
        number = next(self._numbers)
        transport = request.transport
        if transport is None:
            return connection  # It was closed in between.
        session = Session(
            number,
            f'browser {number} ({request.remote})',
            connection,
            transport.abort,
            self._hub,
            self._sending,
            self._call,
            self._hello,
        )
        await session.run()
        return connection

    async def _on_report(self, request: web.Request) -> web.Response:
        form = request.match_info['form']
        content, why = await self._report(int(request.match_info['place']), form)
        if why:
            return web.Response(status=404, text=f'{why}\n')
        headers = dict(REPORT_HEADERS)
        if 'download' in request.query:
            headers['Content-Disposition'] = f'attachment; filename="interview.{form}"'
        kind = _REPORT_KINDS[form]
        return web.Response(text=content, content_type=kind, charset='utf-8', headers=headers)

    # Files to play.

    async def _play(self, request: web.Request) -> web.Response:
        most = self._limits()[1]
        number = request.query.get('client', '')
        client = self._hub.find(int(number)) if number.isdecimal() else None
        if client is None:
            return web.Response(status=400, text='open the page first\n')
        # The name is for people to read; nothing on the disk is called so.
        name = re.sub(r'[^\w .()+-]', '_', request.query.get('name', ''))[-80:]
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            return web.Response(
                status=415,
                text=f'{suffix or name} cannot be played; known: {" ".join(SUFFIXES)}\n',
            )
        if (request.content_length or 0) > most:
            return _too_large(most)
        with tempfile.NamedTemporaryFile(prefix='emotion_', suffix=suffix, delete=False) as file:
            path = Path(file.name)
            try:
                size = 0
                async for block in request.content.iter_chunked(1 << 18):
                    size += len(block)
                    if size > most:
                        path.unlink()
                        return _too_large(most)
                    await asyncio.to_thread(file.write, block)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        why = self._sending.play(client, request.query.get('key', '')[:100], path, name)
        return web.Response(status=409 if why else 202, text=f'{why}\n')


def _too_large(most: int) -> web.Response:
    return web.Response(
        status=413, text=f'larger than {most // 1_000_000} MB (parameter upload_megabytes)\n'
    )


def _shrink(request: web.Request) -> None:
    """Let little wait in the system's buffers, and send at once."""
    connection = request.transport.get_extra_info('socket') if request.transport else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
