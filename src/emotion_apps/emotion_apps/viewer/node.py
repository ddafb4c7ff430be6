# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``view_node``: draw what is perceived, and the state of cycle, game or interview."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from emotion_apps.view.feed import SceneFeed
from emotion_apps.view.screen import Screen
from emotion_apps.viewer.display import Display
from emotion_apps.viewer.screens import SCREENS
from emotion_apps.viewer.settings import ViewSettings
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    VoiceActivity,
)
from emotion_perception.ros import main as ros_main
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher, BusSubscription
from emotion_perception.ros.convert import array_to_image, array_to_jpeg, to_seconds
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.limits import header_of
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.sources import AnySubscription, picture_ways
from emotion_perception.ros.stamps import Stamps
from emotion_perception.ros.timer import steady_timer
from emotion_perception.ros.worker import LatestWorker

# Seconds between two looks at whether anybody watches.
_LOOK = 0.25
# A screen on which nothing changes is drawn anew after so many seconds, for who comes late.
_REFRESH = 1.0


class ViewNode(Node):
    """Publish ``emotion/view`` and ``emotion/view/compressed``, and show a window.

    It listens to the camera and draws only while somebody watches. The stamp of a screen is that
    of the frame it shows; its ``frame_id`` is the name of the screen and of what it shows, for
    instance ``multimodal/LISTENING``.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('view_node', **arguments)
        self._options = Parameters(self, ViewSettings)
        self._report = Reporter(self)
        self._feed = SceneFeed(self._report.warn)
        self._stamps = Stamps(self, 'camera/image_raw')
        self._screens: dict[str, Screen] = {name: kind() for name, kind in SCREENS.items()}
        self._lock = threading.Lock()
        self._drawn: tuple[str, np.ndarray] | None = None
        self._last = (-1, '', 0.0)
        size = self._settings.width, self._settings.height
        log = self.get_logger()
        self._display = Display(self._settings.window, size, log.info, log.warning)
        self._inputs: list[Any] = []
        self._image: AnySubscription | None = None
        self._camera = picture_ways(self, 'camera/image_raw')
        self._detections: BusSubscription | None = None
        self._diagnostics = Diagnostics(self, self._facts)
        self._publisher = BusPublisher(self, Image, 'emotion/view', qos.IMAGE)
        self._compressed = self.create_publisher(
            CompressedImage, 'emotion/view/compressed', qos.IMAGE
        )
        for screen in self._screens.values():
            if screen.kind is not None:
                self.create_subscription(
                    screen.kind, screen.topic, self._taker(screen), qos.LATCHED
                )
        self._worker: LatestWorker[str] = LatestWorker(self._draw, self._on_failure, 'view')
        self._timer = steady_timer(self, 1 / self._settings.rate, self._on_time)
        self._timer.cancel()
        steady_timer(self, _LOOK, self._look)

    def destroy_node(self) -> None:
        """Stop drawing, and close the window."""
        self._worker.stop()
        if self._image is not None:
            self._rest()
        self._publisher.destroy()
        self._display.close()
        super().destroy_node()

    @property
    def shows_window(self) -> bool:
        """Whether a window is open."""
        return self._display.open

    @property
    def _settings(self) -> ViewSettings:
        return self._options.value

    def _taker(self, screen: Screen) -> Any:
        """Return the callback of a screen's state topic."""

        def take(message: Any) -> None:
            try:
                screen.take(message, self._feed)
                self._feed.changes += 1
            except ValueError as error:
                self._report.warn('state', f'a state on {screen.topic} was left out: {error}')

        return take

    def _facts(self) -> dict[str, object]:
        return {
            'screen': self._screen(),
            'watched': self._image is not None,
            'warnings': self._report.warnings,
        }

    # Whether anybody watches.

    def _look(self) -> None:
        """Begin or end to listen and to draw."""
        watched = (
            self._display.possible
            or self._publisher.wanted
            or self._compressed.get_subscription_count() > 0
        )
        if watched and self._image is None:
            self._listen()
        elif not watched and self._image is not None:
            self._rest()
        if watched:
            self._choose_boxes()

    def _listen(self) -> None:
        feed = self._feed
        self._pictures = self._diagnostics.watch_any(self._camera, 'pictures')
        self._image = AnySubscription(self, self._camera, self._on_picture)
        self._inputs = [
            self.create_subscription(kind, topic, callback, qos.RESULT)
            for kind, topic, callback in (
                (EmotionPredictionArray, 'emotion/faces', feed.on_faces),
                (VoiceActivity, 'emotion/voice_activity', feed.on_voice_activity),
                (EmotionPrediction, 'emotion/voice', feed.on_reading),
                (EmotionPrediction, 'emotion/fused', feed.on_reading),
            )
        ]
        self._timer.reset()

    def _on_picture(self, message: Image) -> None:
        self._pictures.came()
        self._feed.on_picture(message, self._stamps.time(message.header.stamp))

    def _rest(self) -> None:
        self._timer.cancel()
        self._diagnostics.leave(self._pictures)
        if self._image is not None:
            self._image.destroy()
            self._image = None
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []
        if self._detections is not None:
            self._detections.destroy()
            self._detections = None
        self._feed.forget_pictures()

    def _choose_boxes(self) -> None:
        """Take bare detections, which bring their crops along, only where no emotions come."""
        bare = self.count_publishers('emotion/faces') == 0
        if bare and self._detections is None:
            self._detections = BusSubscription(
                self, FaceArray, 'emotion/detections', self._feed.on_detections
            )
        elif not bare and self._detections is not None:
            self._detections.destroy()
            self._detections = None

    # Drawing.

    def _screen(self) -> str:
        chosen = self._settings.screen
        return next(
            name
            for name, screen in self._screens.items()
            if name == chosen or (chosen == 'auto' and screen.active)
        )

    def _on_time(self) -> None:
        name = self._screen()
        now = self.get_clock().now().nanoseconds * 1e-9
        changes, shown, when = self._last
        if (
            changes != self._feed.changes
            or shown != name
            or self._screens[name].moving
            or not 0 <= now - when < _REFRESH
        ):
            self._last = (self._feed.changes, name, now)
            self._worker.put(name)
        if self._display.possible:
            self._show()

    def _draw(self, name: str) -> None:
        """Draw a screen and send it; called in the worker's thread."""
        screen = self._screens[name]
        newest, phase = self._feed.newest(), screen.phase
        image = screen.draw((self._settings.width, self._settings.height), self._feed)
        with self._lock:
            self._drawn = (screen.title, image)
        stamp = header_of(newest.header).stamp if newest else self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=f'{name}/{phase}')
        if self._publisher.wanted:
            self._publisher.publish(array_to_image(image, header))
        if self._compressed.get_subscription_count():
            self._compressed.publish(array_to_jpeg(image, header, self._settings.jpeg_quality))
        self._diagnostics.tick(
            self.get_clock().now().nanoseconds * 1e-9 - to_seconds(header.stamp)
        )

    def _on_failure(self, error: Exception) -> None:
        self._report.warn('draw', f'a screen was left out: {type(error).__name__}: {error}')

    def _show(self) -> None:
        """Show the newest screen in the window; always in the executor's thread."""
        with self._lock:
            if self._drawn is None:
                return
            title, image = self._drawn
        self._display.show(title, image)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(ViewNode, args)
