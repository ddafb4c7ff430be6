# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Picture and sound of one film, played by two sources of a process, begin as one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

# A source joins another one that began at most so long ago, seconds.
LATEST = 2.0

_lock = threading.Lock()
_playing: dict[tuple[Path, str], Playback] = {}


@dataclass(frozen=True, eq=False)
class Playback:
    """A film that is being played.

    :param kind: ``'picture'`` or ``'sound'``.
    :param start: when its beginning was due, seconds on :func:`time.monotonic`'s clock.
    """

    path: Path
    kind: str
    start: float

    def end(self) -> None:
        """Say that it is played no longer."""
        with _lock:
            if _playing.get((self.path, self.kind)) is self:
                del _playing[self.path, self.kind]


def begin(path: Path, kind: str, now: float) -> Playback:
    """Begin to play one side of a film: now, or together with the other side if that just began.

    :param now: :func:`time.monotonic`.
    """
    path = path.resolve()
    other = 'sound' if kind == 'picture' else 'picture'
    with _lock:
        start = now
        playing = _playing.get((path, other))
        if playing is not None and 0 <= now - playing.start <= LATEST:
            start = playing.start
        _playing[path, kind] = Playback(path, kind, start)
        return _playing[path, kind]
