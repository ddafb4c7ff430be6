# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Progress over all recordings: how much is done, how fast, and what remains."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

# Without a terminal a line is written so often at most, seconds.
_PERIOD = 10.0


class Progress:
    """Tells on the standard error output how far an analysis is.

    :param count: recordings in all.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._known = self._finished = self._failed = 0
        self._total = self._done = 0.0
        self._began = time.monotonic()
        self._told = self._began
        self._bar = tqdm(
            total=0.0, bar_format='{percentage:3.0f}%|{bar:20}| {desc}', disable=None, leave=False
        )

    def found(self, seconds: float) -> None:
        """Note that a recording's length is known; 0 for one that takes no time."""
        self._known += 1
        self._total += seconds

    def done(self, seconds: float, finished: bool = False) -> None:
        """Note that so much is analysed, and maybe that with it a recording is finished."""
        self._done += seconds
        self._finished += finished

    def failed(self, name: str, reason: str) -> None:
        """Note that a recording cannot be analysed."""
        self._failed += 1
        self.say(f'{name}: {reason}')

    def say(self, text: str) -> None:
        """Tell something between the lines of progress."""
        tqdm.write(text, file=sys.stderr)

    def tick(self, workers: int) -> None:
        """Show the state."""
        text = self.line(workers)
        if not self._bar.disable:
            self._bar.total = max(self._total, 1e-9)
            self._bar.n = min(self._done, self._bar.total)
            self._bar.set_description_str(text)
        elif time.monotonic() - self._told >= _PERIOD:
            self._told = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def line(self, workers: int) -> str:
        """Return the state in one line."""
        spent = max(time.monotonic() - self._began, 1e-9)
        rate = self._done / spent
        parts = [f'{self._finished} of {self._count} recordings']
        if self._failed:
            parts.append(f'{self._failed} failed')
        parts.append(f'{workers} worker{"s" * (workers != 1)}')
        if rate > 0:
            parts.append(f'{rate:.1f} min of recording a minute')
            if self._known + self._failed >= self._count:
                parts.append(f'{_duration((self._total - self._done) / rate)} left')
        return ', '.join(parts)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def _duration(seconds: float) -> str:
    """Return a time in words: 40 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f'{max(0.0, seconds):.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes} min' if minutes < 90 else f'{minutes // 60} h {minutes % 60} min'
