# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From blocks of sound in any format to voice activity and finished utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotion_perception.audio import snr
from emotion_perception.audio.denoise import Denoiser
from emotion_perception.audio.level import SILENCE, level
from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.resample import MonoResampler
from emotion_perception.audio.segment import EndedBy, Segment, Segmenter, SegmentSettings
from emotion_perception.audio.vad import Vad
from emotion_perception.media.samples import to_int16


@dataclass(frozen=True)
class Activity:
    """What one frame of the detector holds.

    :param time: acquisition time of its last sample, seconds.
    :param probability: of speech, 0 to 1.
    :param speaking: whether an utterance is under way.
    :param level: dB relative to full scale, -100 to 0.
    :param duration: of the frame, seconds; 0 for the last word after the sound stopped.
    """

    time: float
    probability: float
    speaking: bool
    level: float
    duration: float


@dataclass(frozen=True)
class Heard:
    """A finished utterance and its signal-to-noise ratio, dB (NaN if unknown)."""

    segment: Segment
    snr: float


def joined(events: Iterable[Activity | Heard], seconds: float) -> Iterator[Activity | Heard]:
    """Join frames in a row between which nothing begins or ends.

    What is joined has their mean probability, mean power, and length together.

    :param seconds: that a joined one holds at most.
    """
    row: list[Activity] = []
    for event in events:
        if row and not (
            isinstance(event, Activity)
            and event.speaking == row[0].speaking
            and sum(each.duration for each in row) + event.duration < seconds + 1e-6
        ):
            yield _joined(row)
            row = []
        if isinstance(event, Activity):
            row.append(event)
        else:
            yield event
    if row:
        yield _joined(row)


def _joined(row: Sequence[Activity]) -> Activity:
    if len(row) == 1:
        return row[0]
    powers = [10.0 ** (each.level / 10.0) for each in row]
    return replace(
        row[-1],
        probability=sum(each.probability for each in row) / len(row),
        level=10.0 * math.log10(sum(powers) / len(row)),
        duration=sum(each.duration for each in row),
    )


class Listener:
    """Brings sound to 16 kHz mono, asks the detector frame by frame, and cuts utterances.

    :param vad: the detector.
    :param settings: where utterances begin and end.
    :param denoiser: cleans what the detector hears, never the utterances themselves: what
        becomes of those is for the recogniser to choose.
    """

    # A stamp that is off by more than this, seconds, is a gap: drivers' stamps jitter, and a
    # block that was left out is no reason to cut a sentence.
    _GAP = 0.5

    def __init__(
        self, vad: Vad, settings: SegmentSettings | None = None, denoiser: Denoiser | None = None
    ) -> None:
        self._vad = vad
        self._denoiser = denoiser
        self._noise = snr.NoiseMeter()
        self.segmenter = Segmenter(settings)
        self._resampler: MonoResampler | None = None
        self._channels = 0
        self._end = 0.0
        self._probability = 0.0
        self._waiting = np.zeros(0, np.int16)
        self._clean = np.zeros(0, np.int16)

    @property
    def speaking(self) -> bool:
        """Return whether an utterance is under way."""
        return self.segmenter.speaking

    def hear(self, samples: np.ndarray, rate: int, time: float) -> list[Activity | Heard]:
        """Take in a block; return what its frames hold, and utterances as they end.

        A new format, or a gap before the block, ends the utterance under way.

        :param samples: (n, channels), int16 or float in -1..1.
        :param rate: samples per second and channel.
        :param time: acquisition time of the first sample, seconds.
        :raises AudioFormatError: if the rate cannot be right.
        """
        events: list[Activity | Heard] = []
        if (
            self._resampler is None
            or rate != self._resampler.rate
            or samples.shape[1] != self._channels
            or abs(time - self._end) > self._GAP
        ):
            events += self.stop(EndedBy.SOURCE)
            self._resampler = MonoResampler(rate)
            self._channels = samples.shape[1]
        self._end = time + len(samples) / rate
        mono = to_int16(self._resampler.push(samples))
        if self._denoiser is not None:
            self._clean = np.concatenate([self._clean, to_int16(self._denoiser.push(mono))])
        self._waiting = np.concatenate([self._waiting, mono])
        size = self._vad.frame_samples
        while self._waiting.size >= size:
            frame, self._waiting = self._waiting[:size], self._waiting[size:]
            late = self._resampler.delay + self._waiting.size / RATE
            events += self._frame(frame, self._end - late)
        return events

    def stop(self, ended_by: EndedBy) -> list[Activity | Heard]:
        """End the utterance under way, if any; forget the stream but not the background."""
        events: list[Activity | Heard] = []
        if self.speaking:
            segment = self.segmenter.flush(ended_by)
            if segment is not None:
                events.append(self._heard(segment))
            events.append(Activity(self._end, 0.0, False, SILENCE, 0.0))
        self.segmenter.flush(ended_by)
        self._vad.reset()
        if self._denoiser is not None:
            self._denoiser.reset()
        self._resampler = None
        self._probability = 0.0
        self._waiting = np.zeros(0, np.int16)
        self._clean = np.zeros(0, np.int16)
        return events

    def reset(self) -> None:
        """Forget the stream and the background: the next block belongs to another recording."""
        self.stop(EndedBy.REQUEST)
        self._noise = snr.NoiseMeter()

    def _frame(self, frame: np.ndarray, time: float) -> list[Activity | Heard]:
        """Judge one frame of int16 samples that ends at a time."""
        if self._denoiser is None:
            self._probability = self._vad.probability(frame)
        elif self._clean.size >= frame.size:
            # The clean sound lags by some 50 ms; the pre-roll is longer.
            clean, self._clean = self._clean[: frame.size], self._clean[frame.size :]
            self._probability = self._vad.probability(clean)
        segment = self.segmenter.push(frame, self._probability, time)
        events: list[Activity | Heard] = [
            Activity(time, self._probability, self.speaking, level(frame), frame.size / RATE)
        ]
        if segment is not None:
            events.append(self._heard(segment))
        if not self.speaking and self._probability < self.segmenter.settings.release:
            self._noise.update(frame)
        return events

    def _heard(self, segment: Segment) -> Heard:
        return Heard(segment, snr.estimate(segment.samples, self._noise.power))
