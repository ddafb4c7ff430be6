# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Cuts a stream of frames into utterances. Pure: samples and times in, utterances out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.settings import Settings, setting


class EndedBy(IntEnum):
    """Why an utterance ended; the values equal the constants of ``emotion_msgs/Utterance``."""

    SILENCE = 0
    MAXIMUM = 1
    SOURCE = 2
    REQUEST = 3


@dataclass(frozen=True)
class Segment:
    """One finished stretch of speech.

    :param samples: int16 (n,), mono, 16 kHz; pre-roll and post-roll included.
    :param end: acquisition time of the last sample, seconds.
    :param speech_seconds: from the first frame with speech to the last one.
    """

    samples: np.ndarray
    end: float
    ended_by: EndedBy
    speech_seconds: float

    @property
    def start(self) -> float:
        """Return the acquisition time of the first sample, seconds."""
        return self.end - self.samples.size / RATE


LONGEST = 120.0
"""Seconds of sound that are held and judged in one piece, at most."""

# Audio, seconds, that is looked at to decide that speech begins, and the share of it that must be
# speech: clicks and coughs are shorter.
ONSET = 0.16
ONSET_SHARE = 0.6
# Silence, seconds, that is kept at the end of an utterance (at most the hangover).
POST_ROLL = 0.2
# Once speech is under way, a frame below this part of the threshold is silence.
RELEASE = 0.7


@dataclass(frozen=True)
class SegmentSettings(Settings):
    """Where an utterance begins and where it ends."""

    threshold: float = setting(
        0.5, 'Probability at which a frame counts as speech.', low=0.01, high=0.99, live=True
    )
    pre_roll: float = setting(
        0.3, 'Seconds kept from before the first frame with speech.', low=0.0, high=5.0, live=True
    )
    hangover: float = setting(
        0.6, 'Seconds of silence that end an utterance.', low=0.05, high=10.0, live=True
    )
    minimum: float = setting(
        0.3,
        'Seconds from the first frame with speech to the last below which an utterance is '
        'dropped.',
        low=0.0,
        high=60.0,
        live=True,
    )
    maximum: float = setting(
        10.0,
        'Seconds of audio at which an utterance is cut; speech goes on in the next one.',
        low=0.5,
        high=LONGEST,
        live=True,
    )

    def check(self) -> None:
        """Check that an utterance may be longer than it must be."""
        if self.maximum <= self.pre_roll + self.minimum:
            raise ValueError(
                f'maximum is {self.maximum}; it must be more than pre_roll and '
                f'minimum together ({self.pre_roll + self.minimum:g})'
            )

    @property
    def release(self) -> float:
        """Return the probability below which a frame is silence once speech is under way."""
        return self.threshold * RELEASE


class Segmenter:
    """Finds utterances in frames and their speech probabilities.

    An utterance begins when enough of the last moment is speech (:data:`ONSET_SHARE` of
    :data:`ONSET`), ends when ``hangover`` seconds are not, and is cut at ``maximum``. Frames must
    follow one another without gaps; call :meth:`flush` at a gap.
    """

    def __init__(self, settings: SegmentSettings | None = None) -> None:
        self.settings = settings or SegmentSettings()
        self.dropped = 0
        """How many utterances were shorter than the minimum."""
        self._before: deque[tuple[np.ndarray, bool]] = deque()
        self._kept = 0
        self._speaking = False
        self._frames: list[np.ndarray] = []
        self._length = 0
        # Samples before the first frame with speech, and after the last one so far.
        self._lead = 0
        self._silence = 0
        self._time = 0.0

    @property
    def speaking(self) -> bool:
        """Return whether an utterance is under way (the hangover belongs to it)."""
        return self._speaking

    def push(self, frame: np.ndarray, probability: float, time: float) -> Segment | None:
        """Take in the next frame; return the utterance that it finishes, or ``None``.

        :param frame: int16 (n,); it is kept, not copied.
        :param probability: of speech in it, 0 to 1.
        :param time: acquisition time of its last sample, seconds.
        """
        self._time = time
        if not self._speaking:
            self._wait(frame, probability)
            return None
        self._take(frame, probability >= self.settings.release)
        if self._silence >= self._samples(self.settings.hangover):
            return self._finish(EndedBy.SILENCE)
        if self._length >= self._samples(self.settings.maximum):
            return self._cut()
        return None

    def flush(self, ended_by: EndedBy) -> Segment | None:
        """End what is under way, forget what was before; return the utterance if long enough."""
        segment = self._finish(ended_by) if self._speaking else None
        self._before.clear()
        self._kept = 0
        return segment

    def _wait(self, frame: np.ndarray, probability: float) -> None:
        """Keep the frame as pre-roll and look whether speech begins with it."""
        speech = probability >= self.settings.threshold
        self._before.append((frame, speech))
        self._kept += frame.size
        onset = self._samples(ONSET)
        room = max(self._samples(self.settings.pre_roll) + onset, frame.size)
        while self._kept - self._before[0][0].size >= room:
            self._kept -= self._before.popleft()[0].size
        if not speech:
            return
        window = spoken = 0
        first = len(self._before)
        for index in range(len(self._before) - 1, -1, -1):
            if window >= onset and window > 0:
                break
            kept, is_speech = self._before[index]
            window += kept.size
            if is_speech:
                spoken += kept.size
                first = index
        if window >= onset and spoken >= ONSET_SHARE * window:
            self._begin(first)

    def _begin(self, first: int) -> None:
        """Start an utterance at the frame ``first`` of those kept, with the pre-roll before it."""
        frames = list(self._before)
        pre_roll = self._samples(self.settings.pre_roll)
        start, length = first, 0
        while start > 0 and length + frames[start - 1][0].size <= pre_roll:
            start -= 1
            length += frames[start][0].size
        self._before.clear()
        self._kept = 0
        self._speaking = True
        for index in range(start, len(frames)):
            frame, speech = frames[index]
            if index < first:
                self._frames.append(frame)
                self._length += frame.size
            else:
                self._take(frame, speech)
        self._lead = length

    def _take(self, frame: np.ndarray, speech: bool) -> None:
        """Add a frame to the utterance."""
        self._frames.append(frame)
        self._length += frame.size
        self._silence = 0 if speech else self._silence + frame.size

    def _finish(self, ended_by: EndedBy) -> Segment | None:
        """End the utterance: cut the silence after it, and drop it if it is too short."""
        spoken = self._length - self._lead - self._silence
        cut = max(0, self._silence - self._samples(POST_ROLL))
        frames, end = self._frames, self._time - cut / RATE
        self._clear()
        if spoken < max(1, self._samples(self.settings.minimum)):
            # What a cut leaves over may be nothing but silence: then nothing was dropped.
            self.dropped += spoken > 0
            return None
        samples = np.concatenate(frames)
        return Segment(samples[: samples.size - cut], end, ended_by, spoken / RATE)

    def _cut(self) -> Segment | None:
        """End the utterance at its maximum; the next one goes on where it stopped."""
        segment = self._finish(EndedBy.MAXIMUM)
        self._speaking = True
        return segment

    def _clear(self) -> None:
        self._speaking = False
        self._frames = []
        self._length = self._lead = self._silence = 0
        self._time = 0.0

    @staticmethod
    def _samples(seconds: float) -> int:
        return round(seconds * RATE)
