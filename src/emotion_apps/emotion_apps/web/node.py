# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``web_node``: the page, for every browser that may open it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from emotion_apps.web import protocol
from emotion_apps.web.access import Access, is_loopback
from emotion_apps.web.address import link, qr_code
from emotion_apps.web.call import CallError
from emotion_apps.web.certificate import CertificateError, addresses
from emotion_apps.web.graph.applications import APPLICATIONS
from emotion_apps.web.graph.bridge import Bridge
from emotion_apps.web.graph.devices import Devices
from emotion_apps.web.graph.health import Health
from emotion_apps.web.graph.places import Places
from emotion_apps.web.graph.procedures import Procedures
from emotion_apps.web.graph.remote import Remote
from emotion_apps.web.hub import Client, Hub
from emotion_apps.web.player import SUFFIXES
from emotion_apps.web.secure import AccessError, secure
from emotion_apps.web.sending import Sending
from emotion_apps.web.server import Server, ServerError
from emotion_apps.web.settings import WebSettings
from emotion_msgs.srv import GetReport
from emotion_perception.emotions import EMOTIONS
from emotion_perception.ros import main as ros_main
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.parameters import ConfigurationError, Parameters
from emotion_perception.ros.report import Reporter

# Seconds between two looks at the graph.
_LOOK = 1.0


class WebNode(Node):
    """Serve the page; a browser may be camera and microphone.

    Subscribes to what a page watches, and to nothing while none is open.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('web_node', **arguments)
        self._options = Parameters(self, WebSettings)
        settings = self._options.value
        self._report = Reporter(self)
        try:
            access, tls, fingerprint = secure(settings)
        except (AccessError, CertificateError) as error:
            raise ConfigurationError(f'web_node: {error}') from error
        self._server = Server(
            access,
            tls,
            lambda: (self._options.value.clients, self._options.value.upload_megabytes * 10**6),
        )
        self._bridge = Bridge(self)
        self._hub = Hub(
            self._server.loop, lambda places: self._bridge.run(lambda: self._watch(places))
        )
        self._devices = Devices(self, settings, self._report.warn)
        self._sending = Sending(self._hub, self._devices, self._on_sender)
        self._health = Health(self, self._hub)
        self._places = Places(self, self._hub, self._report, lambda: self._options.value)
        self._diagnostics = Diagnostics(self, self._facts)
        self._remote = Remote(self._bridge, self._health.error_of)
        self._procedures = Procedures(
            self._bridge, self._remote, self._places.nodes, self._places.post
        )
        self.create_timer(_LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        # Requests that make no sense are the business of who sends them.
        logging.getLogger('aiohttp.server').setLevel(logging.CRITICAL)
        try:
            self._server.start(
                settings.host,
                settings.port,
                self._hub,
                self._sending,
                self._call,
                self._get_report,
                {
                    'version': protocol.VERSION,
                    'emotions': EMOTIONS,
                    'camera': self._devices.camera,
                    'microphone': self._devices.microphone,
                    'upload': settings.upload_megabytes,
                    'suffixes': SUFFIXES,
                    'services': {name: app.services for name, app in APPLICATIONS.items()},
                },
            )
        except ServerError as error:
            self._server.stop()
            raise ConfigurationError(f'web_node: {error}') from error
        self._announce(access, fingerprint)

    @property
    def url(self) -> str:
        """Return the address to open on this machine, token included."""
        access = self._server.access
        host = self._options.value.host
        return link(access.scheme, addresses(host)[0], self._server.port, access.token)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._server.port

    @property
    def pages(self) -> tuple[Client, ...]:
        """Return the pages that are open."""
        return self._hub.clients

    def destroy_node(self) -> None:
        """Send all pages away, and stop listening to the graph."""
        self._sending.close()
        self._server.stop()
        self._places.watch(set())
        self._devices.destroy()
        self._bridge.destroy()
        super().destroy_node()

    # At the start.

    def _announce(self, access: Access, fingerprint: str) -> None:
        self.get_logger().info(f'open {self.url}')
        if fingerprint:
            self.get_logger().info(f'the certificate was made for this run; SHA-256 {fingerprint}')
        if not is_loopback(self._options.value.host):
            print(qr_code(self.url), flush=True)

    # What the graph has.

    def _look(self) -> None:
        """Look for places, applications and nodes that came or went."""
        open_pages = bool(self._hub.clients)
        self._health.look(open_pages)
        if open_pages:
            self._places.look()
            self._health.post()
        self._hub.later(self._sending.look)
        trouble = self._sending.trouble()
        if trouble:
            self._diagnostics.warn(trouble)
        else:
            self._diagnostics.ok()

    def _watch(self, numbers: set[int]) -> None:
        self._places.watch(numbers)
        self._look()

    # Diagnostics.

    def _facts(self) -> dict[str, object]:
        return {
            'pages': len(self._hub.clients),
            'pictures_dropped': self._hub.dropped,
            'refused': self._server.refused,
            **self._sending.facts(),
        }

    def _on_sender(self, words: str) -> None:
        """Tell the graph at once who sends; called in the server's loop."""
        self.get_logger().info(words)
        self._bridge.run(self._announce_sender)

    def _announce_sender(self) -> None:
        trouble = self._sending.trouble()
        if trouble:
            self._diagnostics.warn(trouble)
        else:
            self._diagnostics.ok()
        self._diagnostics.publish()

    # What a page asks for.

    async def _call(self, place: int, name: str, values: dict[str, Any]) -> Any:
        return await self._procedures.run(self._places.prefix(place), name, values)

    async def _get_report(self, place: int, form: str) -> tuple[str, str]:
        node = APPLICATIONS['interview'].node
        try:
            answer = await self._bridge.call(
                GetReport, f'{self._places.prefix(place)}{node}/report', GetReport.Request()
            )
        except CallError as error:
            return '', str(error)
        if not answer.success:
            return '', answer.message
        return {'html': answer.html, 'md': answer.markdown, 'json': answer.json}[form], ''


def main(args: Sequence[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(WebNode, args)


if __name__ == '__main__':
    main()
