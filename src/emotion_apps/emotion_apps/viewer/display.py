# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The window of the view, where there may be one: opened, renamed with the screen, closed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emotion_apps.view.window import Window, WindowError, check_display


class Display:
    """Shows pictures in a window; always from one thread.

    :param wanted: ``auto`` (where there is a display), ``on`` or ``off``.
    :param size: width and height of the window, pixels.
    :param info: told that no window is shown any more, and why.
    :param warn: told that a wanted window cannot be shown, and why.
    :ivar possible: whether a window is shown, or may be.
    """

    def __init__(
        self,
        wanted: str,
        size: tuple[int, int],
        info: Callable[[str], object],
        warn: Callable[[str], object],
    ) -> None:
        self._size, self._info = size, info
        self._window: Window | None = None
        self.possible = wanted != 'off'
        if self.possible:
            try:
                check_display()
            except WindowError as error:
                self.possible = False
                (warn if wanted == 'on' else info)(f'no window: {error}')

    @property
    def open(self) -> bool:
        """Whether a window is open."""
        return self._window is not None

    def show(self, title: str, image: np.ndarray) -> None:
        """Show a picture; a window with another title is replaced."""
        if self._window is not None and self._window.title != title:
            self.close()
        try:
            if self._window is None:
                self._window = Window(title, self._size)
            if not self._window.show(image):
                self._give_up('the window was closed')
        except WindowError as error:
            self._give_up(f'no window: {error}')

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _give_up(self, why: str) -> None:
        self._info(why)
        self.possible = False
        self.close()
