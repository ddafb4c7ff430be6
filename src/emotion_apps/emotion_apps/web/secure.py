# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who may open the page, and over which connection: from the settings."""

from __future__ import annotations

import ssl

from emotion_apps.web.access import Access, is_loopback, new_token
from emotion_apps.web.certificate import load, own_names, self_signed
from emotion_apps.web.settings import SELF_SIGNED, WebSettings


class AccessError(Exception):
    """The settings would open to others what browsers do not let them use."""


def secure(settings: WebSettings) -> tuple[Access, ssl.SSLContext | None, str]:
    """Return the rules of access, the TLS context, and the fingerprint of a certificate made now.

    :raises AccessError: if others can reach the host and there is no certificate.
    :raises CertificateError: if the certificate cannot be used.
    """
    others = not is_loopback(settings.host)
    if others and not settings.certificate:
        raise AccessError(
            f'host {settings.host} can be reached by others, and browsers give camera and '
            'microphone to secure pages only: give certificate (and key), or '
            f'certificate:={SELF_SIGNED}'
        )
    tls, fingerprint = None, ''
    if settings.certificate == SELF_SIGNED:
        tls, fingerprint = self_signed([*own_names(settings.host), *settings.names])
    elif settings.certificate:
        tls = load(settings.certificate, settings.key)
    token = settings.token or new_token() if others else settings.token
    access = Access(settings.host, secure=tls is not None, token=token, names=settings.names)
    return access, tls, fingerprint
