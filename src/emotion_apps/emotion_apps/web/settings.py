# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Settings of the server."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.settings import Settings, setting

SELF_SIGNED = 'self-signed'
"""As ``certificate``: make one for this run."""


@dataclass(frozen=True)
class WebSettings(Settings):
    """Settings of the node."""

    host: str = setting(
        '127.0.0.1',
        'Address to listen on; one that others can reach needs a certificate, because browsers '
        'give camera and microphone to secure pages only.',
    )
    port: int = setting(8080, 'Port to listen on; 0 takes any free one.', low=0, high=65535)
    certificate: str = setting(
        '',
        f'PEM file of the TLS certificate (and its chain); {SELF_SIGNED} makes one for this run, '
        'which browsers warn of.',
    )
    key: str = setting('', "PEM file of the certificate's private key; empty if it is in there.")
    token: str = setting(
        '', 'What a link from elsewhere carries; empty makes one. On loopback none is asked for.'
    )
    names: tuple[str, ...] = setting(
        ('localhost',),
        'Names that the server is reached by besides its addresses, for instance that of a proxy.',
    )
    camera: bool = setting(
        False, "Publish a browser's pictures on camera/image_raw, as a camera's driver would."
    )
    microphone: bool = setting(
        False, "Publish a browser's sound on audio/audio_stamped, as a microphone's driver would."
    )
    camera_frame_id: str = setting('camera', "Frame that a browser's pictures are stamped with.")
    microphone_frame_id: str = setting(
        'microphone', "Frame that a browser's sound is stamped with."
    )
    clients: int = setting(16, 'Most pages open at once.', low=1, high=1000)
    picture_rate: float = setting(
        30.0, 'Most pictures a second that a page is sent.', low=1.0, high=120.0, live=True
    )
    picture_width: int = setting(
        960, 'Wider pictures are scaled down for the page, pixels.', low=160, high=3840, live=True
    )
    picture_quality: int = setting(
        75, 'JPEG quality of the pictures for the page, per cent.', low=10, high=100, live=True
    )
    upload_megabytes: int = setting(
        500,
        'Largest film or sound file that can be played from a browser, megabytes; 0 for none.',
        low=0,
        high=100_000,
        live=True,
    )
