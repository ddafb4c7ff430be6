# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A window on the desktop, where there is one."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np

# The keys that close a window: q and Escape.
_CLOSE = (ord('q'), 27)


class WindowError(RuntimeError):
    """No window can be shown; the text says why."""


# Opens a window and goes; where the display does not answer, the toolkit ends the process.
_PROBE = 'import cv2; cv2.namedWindow("display?"); cv2.waitKey(1); cv2.destroyAllWindows()'
_PROBE_SECONDS = 30.0


def check_display() -> None:
    """Make sure that a window could be shown.

    It is tried in a process of its own: Qt ends the process whose display does not answer.

    :raises WindowError: if there is no display, if it does not answer, or if OpenCV was built
        without windows.
    """
    if sys.platform == 'linux' and not (
        os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    ):
        raise WindowError('no display: neither DISPLAY nor WAYLAND_DISPLAY is set')
    if 'NONE' in _gui():
        raise WindowError(
            'this OpenCV was built without windows (opencv-python-headless): '
            'install opencv-python in its place'
        )
    try:
        done = subprocess.run(
            [sys.executable, '-I', '-c', _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WindowError(f'the display does not answer within {_PROBE_SECONDS:g} s') from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if 'display' in line.lower()]
        why = lines[0].strip() if lines else f'exit code {done.returncode}'
        raise WindowError(f'the display cannot be used: {why}')


class Window:
    """One window; always to be used from the same thread.

    :param title: in its bar.
    :param size: width and height at first, pixels; the user may change them.
    :raises WindowError: if it cannot be opened.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self.title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(title, *size)
        except cv2.error as error:
            raise WindowError(f'the window cannot be opened: {error.err}') from error

    def show(self, image: np.ndarray) -> bool:
        """Show a picture (BGR) and look at the keys.

        :return: whether the window is still open; the user closes it by its cross, q or Escape.
        """
        cv2.imshow(self.title, image)
        if cv2.waitKey(1) & 0xFF in _CLOSE:
            return False
        return cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Close it; closing twice is fine."""
        try:
            cv2.destroyWindow(self.title)
            cv2.waitKey(1)
        except cv2.error:
            pass  # the user was quicker


def _gui() -> str:
    """Return what OpenCV shows windows with (``'QT5'``, ``'GTK3'``, ...), or ``'NONE'``."""
    for line in cv2.getBuildInformation().splitlines():
        if line.strip().startswith('GUI:'):
            return line.split(':', 1)[1].strip() or 'NONE'
    return ''
