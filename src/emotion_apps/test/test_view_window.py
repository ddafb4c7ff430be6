# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The window: shown where it can be, and one clear reason where it cannot."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotion_apps.view import window
from emotion_apps.view.window import Window, WindowError, check_display

needs_windows = pytest.mark.skipif(
    'NONE' in window._gui(), reason='needs an OpenCV with windows (opencv-python)'
)


@pytest.fixture
def no_display(monkeypatch) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)


@pytest.fixture
def display(monkeypatch, no_display, tmp_path) -> Iterator[str]:
    """Give a display without a screen."""
    if shutil.which('Xvfb') is None:
        pytest.skip('needs Xvfb (Debian package xvfb)')
    chosen = tmp_path / 'display'
    with chosen.open('w') as file:
        server = subprocess.Popen(
            ['Xvfb', '-displayfd', '1', '-screen', '0', '1400x900x24'],
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
    end = time.monotonic() + 20
    while not chosen.read_text().strip():
        assert server.poll() is None
        assert time.monotonic() < end, 'Xvfb does not start'
        time.sleep(0.02)
    name = f':{chosen.read_text().strip()}'
    monkeypatch.setenv('DISPLAY', name)
    yield name
    server.terminate()
    server.wait()
    Path(f'/tmp/.X{name[1:]}-lock').unlink(missing_ok=True)


def test_without_a_display_the_reason_names_the_variables(no_display):
    with pytest.raises(WindowError, match='neither DISPLAY nor WAYLAND_DISPLAY is set'):
        check_display()


def test_an_opencv_without_windows_is_named_with_the_package_to_install(monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(window, '_gui', lambda: 'NONE')
    with pytest.raises(WindowError, match='install opencv-python'):
        check_display()


@needs_windows
def test_a_display_that_does_not_answer_is_an_error_and_not_the_end_of_the_process(
    monkeypatch, no_display
):
    monkeypatch.setenv('DISPLAY', ':987')
    with pytest.raises(WindowError, match='cannot be used'):
        check_display()


@needs_windows
def test_a_window_shows_pictures_until_it_is_closed(display):
    check_display()
    shown = Window('test', (640, 360))
    assert all(shown.show(np.full((360, 640, 3), grey, np.uint8)) for grey in (0, 128, 255))
    shown.close()
    shown.close()
