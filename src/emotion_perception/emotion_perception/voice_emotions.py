# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From sound to utterances and what they express, in one object."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emotion_perception.audio.denoise import Denoiser, denoise
from emotion_perception.audio.listener import Activity, Heard, Listener
from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.resample import to_mono16k
from emotion_perception.audio.segment import EndedBy, SegmentSettings
from emotion_perception.audio.vad import VadSettings
from emotion_perception.audio.vads import make_vad
from emotion_perception.emotions import UNKNOWN_LABEL, Emotion
from emotion_perception.models import (
    ModelSettings,
    SpeechEmotion,
    SpeechEmotionRecognizer,
    load_model,
)
from emotion_perception.models.balance import BalanceSettings
from emotion_perception.models.voice_memory import MemorySettings, memory_for


class VoiceReader:
    """Recognise utterances that were cut already, getting to know the voice on the way.

    :param model: a name of the catalogue, a path, or a hub id; empty for the embedded default.
    :param models: where the model runs and where its files are kept.
    :param memory: how much of the voice is remembered, where the model can make use of it.
    :param noise_suppression: ``off`` or ``rnnoise``: what cleans an utterance before the model
        hears it.
    :param class_balance: mixture of classes to answer for: 0 as in the training data, 1 all
        equally common, or between.
    :raises ModelError: if the model cannot be used; the message says what to do.
    :raises DenoiseError: if noise suppression is asked for and missing.
    """

    def __init__(
        self,
        model: str = '',
        models: ModelSettings | None = None,
        memory: MemorySettings | None = None,
        noise_suppression: str = 'off',
        class_balance: float = BalanceSettings.class_balance,
    ) -> None:
        clean = noise_suppression == 'rnnoise'
        if clean:
            Denoiser()
        loaded = load_model(model, 'ser', models)
        self.recognizer = SpeechEmotionRecognizer(
            loaded,
            memory_for(loaded.profile, memory or MemorySettings()),
            class_balance,
            _cleaned if clean else None,
        )

    def read(self, samples: np.ndarray, rate: int, time: float) -> SpeechEmotion:
        """Return the emotion of one utterance; it may abstain, and then says why.

        :param samples: mono (n,), int16, or float in -1..1.
        :param rate: of the samples, Hz.
        :param time: of the utterance, seconds: after a long silence the voice is forgotten.
        :raises ValueError: if samples or rate are impossible.
        """
        if self.recognizer.memory is not None:
            self.recognizer.memory.hear(time)
        return self.recognizer.predict(samples, rate)


def _cleaned(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    return denoise(to_mono16k(samples, rate)), RATE


@dataclass(frozen=True)
class VoiceEmotion:
    """One utterance and what it expresses.

    :param start: of its first sample, seconds.
    :param end: of its last sample, seconds.
    :param samples: int16 (n,), mono, 16 kHz.
    :param snr: signal-to-noise ratio, dB; NaN if unknown.
    :param reading: the emotion with all probabilities, or an abstention with its reason.
    """

    start: float
    end: float
    samples: np.ndarray
    snr: float
    reading: SpeechEmotion

    @property
    def emotion(self) -> Emotion | None:
        """Return the class; ``None`` where the model abstained (``reading.reason`` says why)."""
        if self.reading.abstained:
            return None
        return Emotion(int(self.reading.probabilities.argmax()))

    @property
    def label(self) -> str:
        """Return the name of the class, for instance ``'Happy'``; ``'Unknown'`` for none."""
        return UNKNOWN_LABEL if self.emotion is None else self.emotion.label

    @property
    def confidence(self) -> float:
        """Return the probability of the label, 0 to 1; NaN where the model abstained."""
        return math.nan if self.reading.abstained else float(self.reading.probabilities.max())

    @property
    def probabilities(self) -> np.ndarray:
        """Return the probabilities, (6,) float32; uniform where the model abstained."""
        return self.reading.probabilities


class VoiceEmotions:
    """Find the utterances in sound and say what each expresses.

    ::

        voices = VoiceEmotions()
        samples, rate = read_sound('talk.wav')
        for utterance in voices.recording(samples, rate):
            print(utterance.start, utterance.end, utterance.label, utterance.probabilities)

    :param model: a name of the catalogue, a path, or a hub id; empty for the embedded default.
    :param vad: which detector finds speech.
    :param segment: where utterances begin and end.
    :param models: where the model runs and where its files are kept.
    :param memory: how much of the voice is remembered.
    :param noise_suppression: ``off`` or ``rnnoise``.
    :param class_balance: mixture of classes to answer for: 0 as in the training data, 1 all
        equally common, or between.
    :raises ModelError: if the model cannot be used; the message says what to do.
    :raises VadError: if the speech detector cannot be made; so does this one.
    """

    # Seconds of sound that the listener takes at once.
    _BLOCK = 0.1

    def __init__(
        self,
        model: str = '',
        *,
        vad: VadSettings | None = None,
        segment: SegmentSettings | None = None,
        models: ModelSettings | None = None,
        memory: MemorySettings | None = None,
        noise_suppression: str = 'off',
        class_balance: float = BalanceSettings.class_balance,
    ) -> None:
        self.listener = Listener(make_vad(vad or VadSettings()), segment)
        self.reader = VoiceReader(model, models, memory, noise_suppression, class_balance)

    def recording(self, samples: np.ndarray, rate: int) -> list[VoiceEmotion]:
        """Return the utterances of a whole recording of one voice, in order.

        What was heard before is forgotten first; times count from the recording's beginning.

        :param samples: (n,) mono or (n, channels), int16, or float in -1..1.
        :param rate: samples per second and channel.
        :raises AudioFormatError: if the rate cannot be right.
        """
        self.reset()
        size = max(1, round(self._BLOCK * rate))
        found: list[VoiceEmotion] = []
        for start in range(0, len(samples), size):
            found += self.hear(samples[start : start + size], rate, start / rate)
        return found + self.stop()

    def hear(self, samples: np.ndarray, rate: int, time: float) -> list[VoiceEmotion]:
        """Take in the next block of a stream; return the utterances that ended in it.

        :param samples: (n,) mono or (n, channels), int16, or float in -1..1.
        :param rate: samples per second and channel.
        :param time: acquisition time of the first sample, seconds.
        :raises AudioFormatError: if the rate cannot be right.
        """
        block = samples[:, None] if samples.ndim == 1 else samples
        return self._read(self.listener.hear(block, rate, time))

    def stop(self) -> list[VoiceEmotion]:
        """End the stream; return the utterance that was under way, if there was one."""
        return self._read(self.listener.stop(EndedBy.SOURCE))

    def reset(self) -> None:
        """Forget the stream, its background, and the voice."""
        self.listener.reset()
        if self.reader.recognizer.memory is not None:
            self.reader.recognizer.memory.clear()

    def _read(self, events: Iterable[Activity | Heard]) -> list[VoiceEmotion]:
        found = []
        for event in events:
            if isinstance(event, Heard):
                segment = event.segment
                reading = self.reader.read(segment.samples, RATE, segment.end)
                found.append(
                    VoiceEmotion(segment.start, segment.end, segment.samples, event.snr, reading)
                )
        return found
