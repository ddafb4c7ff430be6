# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The link to the page, for people and for phones."""

from __future__ import annotations

import io
from urllib.parse import quote


def link(scheme: str, host: str, port: int, token: str = '') -> str:
    """Return the address to open.

    :param host: name or address.
    :param token: of :class:`~emotion_apps.web.access.Access`; empty for none.
    """
    name = f'[{host}]' if ':' in host else host
    query = f'?token={quote(token)}' if token else ''
    return f'{scheme}://{name}:{port}/{query}'


def qr_code(text: str) -> str:
    """Return a QR code of a text, drawn with half blocks for a dark terminal.

    :return: empty if the package ``qrcode`` is missing.
    """
    try:
        import qrcode
    except ImportError:
        return ''
    code = qrcode.QRCode(border=2, error_correction=qrcode.constants.ERROR_CORRECT_L)
    code.add_data(text)
    drawn = io.StringIO()
    code.print_ascii(out=drawn, invert=True)
    return drawn.getvalue()
