# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the server.

A page of somebody else's must not reach it through the user's browser: neither from another
origin (cross-site WebSocket hijacking; WebSockets know no same-origin policy) nor under a name
of its own that it has pointed here (DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Sequence

_HOST = re.compile(r'^(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?$')
_LOCAL = ('localhost', '127.0.0.1', '::1')


class Access:
    """The rules for one server.

    :param host: address that it is bound to.
    :param secure: whether it speaks TLS.
    :param token: what a link from elsewhere has to carry; empty on loopback.
    :param names: further names that it is reached by, of a proxy for instance.
    """

    def __init__(
        self, host: str, *, secure: bool, token: str = '', names: Sequence[str] = ()
    ) -> None:
        self.scheme = 'https' if secure else 'http'
        self.token = token
        self._open = not is_loopback(host)
        self._names = {name.lower().strip('[]') for name in (*names, *_LOCAL)}
        if self._open:
            own = socket.gethostname().lower()
            self._names |= {own, own.partition('.')[0] + '.local', host.lower()}

    def refuse_host(self, header: str) -> str:
        """Return why a request with this ``Host`` is refused; empty if it is not.

        Any port will do: a tunnel ends at another one. By number this machine cannot be rebound.
        """
        match = _HOST.match(header.lower())
        if match is None:
            return 'the Host header is missing or wrong'
        name = match['name'].strip('[]')
        if name in self._names or (self._open and _is_address(name)):
            return ''
        return f'this server is not {name}: open it by its address, or start it with web_names'

    def refuse_origin(self, origin: str, host: str) -> str:
        """Return why a request from a page of this ``Origin`` is refused; empty if it is not.

        A proxy may speak TLS for this server: then the page's scheme is ``https`` all the same.

        :param host: the request's ``Host`` header, already checked.
        """
        if origin.lower() in (f'{scheme}://{host.lower()}' for scheme in {self.scheme, 'https'}):
            return ''
        return 'a page of another origin may not talk to this server'

    def knows(self, token: str) -> bool:
        """Return whether a token lets in; any does where none is asked for."""
        return not self.token or hmac.compare_digest(token.encode(), self.token.encode())

    def headers(self, host: str) -> dict[str, str]:
        """Return the headers that go with every answer.

        :param host: the request's ``Host`` header, already checked.
        """
        sockets = f'wss://{host}' if self.scheme == 'https' else f'ws://{host} wss://{host}'
        policy = {
            'default-src': "'none'",
            'script-src': "'self'",
            'style-src': "'self'",
            'img-src': "'self' blob:",
            'media-src': "'self' blob:",
            # Safari does not count WebSockets among 'self'.
            'connect-src': f"'self' {sockets}",
            'manifest-src': "'self'",
            'frame-src': "'self'",
            'worker-src': "'self'",
            'base-uri': "'none'",
            'form-action': "'none'",
            'frame-ancestors': "'none'",
        }
        return {
            'Content-Security-Policy': '; '.join(
                f'{key} {value}' for key, value in policy.items()
            ),
            **COMMON_HEADERS,
        }


COMMON_HEADERS = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(self), microphone=(self), geolocation=()',
    'Cache-Control': 'no-store',
}

REPORT_HEADERS = {
    # A document of its own, with styles inside and no script at all.
    'Content-Security-Policy': (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    **COMMON_HEADERS,
}


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    if host.lower() == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host.strip('[]')).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """Return a token that cannot be guessed (144 bits)."""
    return secrets.token_urlsafe(18)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
