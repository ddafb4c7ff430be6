# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How far it is, on one line of a terminal; a log gets a line now and then."""

from __future__ import annotations

import sys
import time

# Seconds between two lines.
_TERMINAL, _LOG = 0.25, 10.0


class Progress:
    """Shows a text that changes."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = time.monotonic()
        self._shown = False

    def show(self, text: str) -> None:
        """Show a text, unless one was shown just now."""
        now = time.monotonic()
        if now - self._last < (_TERMINAL if self._live else _LOG):
            return
        self._last, self._shown = now, True
        begin, end = ('\r\033[K', '') if self._live else ('', '\n')
        print(f'{begin}{text}', end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._live and self._shown:
            print(file=sys.stderr)


def duration(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, rest = divmod(seconds, 60)
    return f'{int(minutes)}:{rest:04.1f}'


def size(number: int) -> str:
    """Return a number of bytes in a unit that fits."""
    value, unit = float(number), 'B'
    for larger in ('KiB', 'MiB', 'GiB'):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f'{value:.1f} {unit}' if unit != 'B' else f'{number} B'
