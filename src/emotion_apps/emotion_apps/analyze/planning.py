# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How long a recording is, whether it is done already, and where it is cut."""

from __future__ import annotations

import math
from pathlib import Path

from emotion_apps.analyze.fetching import stamp_of
from emotion_apps.analyze.recordings import Recording
from emotion_apps.analyze.results import Results
from emotion_apps.analyze.sampler import Sampler
from emotion_apps.analyze.tasks import Job, Piece, Plan
from emotion_perception.media.container import measured_seconds, probe
from emotion_perception.media.index import index_pictures
from emotion_perception.storage import sha256_of

# A recording is cut if it is longer than so many pieces.
_WORTH_CUTTING = 2.0


def make_plan(recording: Recording, path: Path, job: Job, results: Results) -> Plan:
    """Return what is to be done for a recording.

    :param path: where its content is.
    :raises MediaError: if it cannot be read.
    """
    known = results.known(recording)
    content = ''
    if known is not None and known['setup'] == job.setup:
        stamp = stamp_of(recording)
        if known['stamp'] != stamp:
            content = sha256_of(path)
        if known['stamp'] == stamp or known['sha256'] == content:
            return Plan(known['seconds'] or 0.0, done=known)
    if recording.is_picture:
        return Plan(0.0)
    contents = probe(path)
    seconds = measured_seconds(path, contents)
    if not math.isfinite(seconds):
        seconds = 0.0
    options = job.options
    pieces: tuple[Piece, ...] = ()
    if options.faces and contents.pictures and seconds > _WORTH_CUTTING * options.piece:
        pieces = _cut(path, job)
    if not pieces:
        return Plan(seconds, content=content)
    listen = options.voice and bool(contents.sounds)
    return Plan(seconds, None, pieces, listen, content or sha256_of(path))


def _cut(path: Path, job: Job) -> tuple[Piece, ...]:
    """Return the pieces of a film; none if it stays whole."""
    index = index_pictures(path)
    spans = index.pieces(job.options.piece)
    if len(spans) < 2:
        return ()
    sampler = Sampler(job.options.every, index)
    return tuple(Piece(begin, end, sampler.part(begin, end)) for begin, end in spans)
