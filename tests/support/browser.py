# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A real browser, Debian's Chromium: a film is its camera, a recording its microphone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from emotion_bringup.demo_media import Voice
from emotion_perception.media.samples import to_int16
from emotion_perception.media.wav import write_wav

FILM_RATE = 20
"""Frames a second at which Chromium plays a file of JPEGs, about."""

_FLAGS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--autoplay-policy=no-user-gesture-required',
)


def find_chromium() -> str:
    """Return the path of Chromium, or an empty text."""
    return shutil.which('chromium') or shutil.which('chromium-browser') or ''


def missing() -> str:
    """Return what is missing for tests in a browser, in words; empty if nothing is."""
    if not find_chromium():
        return 'needs Chromium: apt-get install chromium'
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return 'needs playwright: pip install playwright'
    return ''


def write_film(path: Path, frame: Callable[[float], np.ndarray], seconds: float) -> Path:
    """Write a film as Chromium's fake camera takes it: JPEGs one after the other (``.mjpeg``).

    :param frame: gives the picture (BGR) at a time.
    """
    with open(path, 'wb') as file:
        for number in range(round(seconds * FILM_RATE)):
            picture = frame(number / FILM_RATE)
            file.write(cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


def write_sound(path: Path, voice: Voice, pause: float = 1.5) -> Path:
    """Write what the fake microphone plays in a loop: a voice, and pauses of a quiet room.

    :param pause: seconds between two utterances; whoever waits for one never waits for long.
    """
    quiet = np.zeros(round(pause / 2 * voice.rate), np.float32)
    sound = np.concatenate([quiet, voice.samples * (0.6 / np.abs(voice.samples).max()), quiet])
    sound += np.random.default_rng(0).normal(0.0, 6e-4, sound.size).astype(np.float32)
    write_wav(path, to_int16(sound), voice.rate)
    return path


@contextmanager
def open_browser(
    film: Path | None = None, sound: Path | None = None, flags: Sequence[str] = ()
) -> Iterator[Any]:
    """Give a Playwright browser, and close it.

    :param film: ``.mjpeg``, played in a loop; without one the browser has no camera.
    :param sound: ``.wav``, played in a loop.
    """
    from playwright.sync_api import sync_playwright

    devices = ['--use-fake-ui-for-media-stream']
    if film is not None:
        devices += [
            '--use-fake-device-for-media-stream',
            f'--use-file-for-fake-video-capture={film}',
        ]
    if sound is not None:
        devices += [f'--use-file-for-fake-audio-capture={sound}']
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=find_chromium(), headless=True, args=[*_FLAGS, *devices, *flags]
        )
        try:
            yield browser
        finally:
            browser.close()
