# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where sound comes from: a microphone, a file, a folder of files, a film, or a stream.

Every source gives blocks of int16 samples at its own rate, with the time at which the first
sample was acquired. Files are paced in real time: to what follows, they are a microphone.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

from emotion_perception.audio.microphone import Microphone
from emotion_perception.audio.playback import FileSource, StreamSource
from emotion_perception.audio.source import AudioSource, SourceSettings
from emotion_perception.media.files import is_stream


def open_source(
    settings: SourceSettings,
    clock: Callable[[], float] = time.time,
    warn: Callable[[str], None] = warnings.warn,
) -> AudioSource:
    """Return the source that the settings name, open.

    :param clock: gives the present time in seconds, for the stamps.
    :param warn: told of trouble that the source survives.
    :raises MediaError: if it cannot be opened.
    """
    if settings.source == 'microphone':
        return Microphone(settings, clock, warn)
    if is_stream(settings.source):
        return StreamSource(settings, clock, warn)
    return FileSource(settings, clock, warn)
