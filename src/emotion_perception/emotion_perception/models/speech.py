# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From one utterance to probabilities of the six classes, or an explicit abstention."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from emotion_perception.audio.segment import LONGEST
from emotion_perception.audio.steady import high_pass, speech_power, steady
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models.balance import (
    UNKNOWN_MIXTURE,
    BalanceSettings,
    Mixture,
    rebalance,
)
from emotion_perception.models.catalog import SpeechInput
from emotion_perception.models.errors import ModelError
from emotion_perception.models.model import Model
from emotion_perception.models.voice_memory import VoiceMemory

# Pieces that sound of any length is judged by, at most.
_MOST_PIECES = 10


@dataclass(frozen=True)
class SpeechEmotion:
    """What one utterance shows.

    :param probabilities: (6,) float32 in the order of ``EMOTIONS``; uniform if abstained.
    :param abstained: whether the answer is Unknown.
    :param reason: why it abstained, as a phrase for users; empty otherwise.
    :param valence: -1..1, NaN where the model gives none.
    :param arousal: -1..1, NaN where the model gives none.
    :param embedding: (d,) float32, the mean over the pieces of a long utterance; (0,) where the
        model gives none or abstained.
    :param mixture: for which mixture of classes the probabilities answer.
    """

    probabilities: np.ndarray
    abstained: bool = False
    reason: str = ''
    valence: float = math.nan
    arousal: float = math.nan
    embedding: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    mixture: Mixture = UNKNOWN_MIXTURE


class SpeechEmotionRecognizer:
    """Runs a speech model on whole utterances.

    :param model: of task ``ser``.
    :param memory: what is remembered of the voice; every answer that is given adds to it. By
        default each utterance is judged by itself.
    :param class_balance: mixture of classes to answer for, 0 (natural) to 1 (all equally common);
        may be set at any time.
    :param clean: called with samples and their rate before the model hears them; returns both.
    :ivar input: what the model wants of sound.
    :raises ModelError: if the model is not for speech, or cannot make use of a memory.
    """

    def __init__(
        self,
        model: Model,
        memory: VoiceMemory | None = None,
        class_balance: float = BalanceSettings.class_balance,
        clean: Callable[[np.ndarray, int], tuple[np.ndarray, int]] | None = None,
    ) -> None:
        if model.entry.speech is None:
            raise ModelError(f'model {model.name} is not for speech')
        if memory is not None and not model.profile:
            raise ModelError(
                f'model {model.name} cannot adapt to a voice (its file has no input '
                '`profile`): set memory.utterances to 0, or take ser-default'
            )
        self.model = model
        self.input = model.entry.speech
        self.memory = memory
        self.class_balance = class_balance
        self._clean = clean

    def predict(self, samples: np.ndarray, rate: int) -> SpeechEmotion:
        """Return the emotion of an utterance.

        Sound that is empty, too short, silent, clipped or not finite, and an answer less
        confident than the entry's threshold, give an abstention with a reason. Sound longer
        than the entry's ``max_seconds`` is handled by its rule ``long``. What is longer than any
        utterance of the voice activity detector (:data:`LONGEST`) is judged by pieces of that
        length, spread evenly over it, and answered by their mean: so neither its memory nor its
        time grows without end.

        :param samples: mono (n,), float32 or float64 in -1..1, or int16.
        :param rate: of the samples, Hz.
        :raises ValueError: if the samples have another type or shape, or the rate is not
            positive.
        """
        if not rate > 0:
            raise ValueError(f'a sampling rate of {rate} Hz is impossible')
        as_float(samples[:0])
        longest = round(LONGEST * rate)
        if len(samples) <= longest:
            return self._judge(samples, rate)
        count = min(math.ceil(len(samples) / longest), _MOST_PIECES)
        starts = np.linspace(0, len(samples) - longest, count).round().astype(int)
        pieces = [self._judge(samples[start : start + longest], rate) for start in starts]
        said = [piece for piece in pieces if not piece.abstained]
        if not said:
            return pieces[0]
        return SpeechEmotion(
            np.asarray(np.mean([piece.probabilities for piece in said], axis=0), np.float32),
            valence=float(np.mean([piece.valence for piece in said])),
            arousal=float(np.mean([piece.arousal for piece in said])),
            embedding=np.asarray(np.mean([piece.embedding for piece in said], axis=0), np.float32),
            mixture=said[0].mixture,
        )

    def _judge(self, samples: np.ndarray, rate: int) -> SpeechEmotion:
        """Return the emotion of a stretch of sound that is not too long for the memory."""
        speech, rules = self.input, self.model.entry.abstain
        if self._clean is not None and samples.size:
            samples, rate = self._clean(samples, rate)
        waveform = as_float(samples)
        if not np.isfinite(waveform).all():
            return _abstention('the sound holds values that are not finite')
        if waveform.size == 0:
            return _abstention('the sound is empty')
        seconds = waveform.size / rate
        if seconds < speech.min_seconds:
            return _abstention(
                f'{seconds:.2f} s of sound are too short, {speech.min_seconds:.2f} s are needed'
            )
        magnitude = np.abs(waveform)
        peak = float(magnitude.max())
        silent = 10 ** (rules.min_peak_db / 20)
        if peak < silent:
            return _abstention('the sound is silent')
        clipped = float((magnitude >= 0.999).mean())
        if clipped > rules.max_clipped:
            return _abstention(f'{clipped:.0%} of the sound is clipped: lower the microphone gain')
        # Without offset and hum less may be left; peaks of speech stand some 12 dB above it.
        if speech_power(high_pass(waveform, rate), rate) < (silent / 4) ** 2:
            return _abstention('the sound holds nothing but an offset or a low hum')
        known = None if self.memory is None else self.memory.profile()
        prediction = self.model.predict(prepare(waveform, rate, speech), known)
        probabilities = prediction.probabilities.mean(axis=0)
        best = float(probabilities.max())
        if best < rules.min_confidence:
            name = EMOTIONS[int(probabilities.argmax())]
            return _abstention(f'the model is unsure: {name} at {best:.0%}')
        embedding = prediction.embedding.mean(axis=0)
        if self.memory is not None:
            self.memory.add(embedding)
        # Whether it knows at all does not depend on the mixture that is asked for.
        mixture = Mixture(self.model.shares, self.class_balance)
        return SpeechEmotion(
            rebalance(probabilities, mixture.shares, mixture.balance),
            valence=float(prediction.valence.mean()),
            arousal=float(prediction.arousal.mean()),
            embedding=embedding,
            mixture=mixture,
        )


def as_float(samples: np.ndarray) -> np.ndarray:
    """Return mono samples as float32 in -1..1.

    :raises ValueError: if they are not one-dimensional, or neither floating-point nor int16.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f'speech must be mono of shape (n,), not {samples.shape}')
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    if samples.dtype.kind != 'f':
        raise ValueError(f'speech must be float or int16, not {samples.dtype}')
    return samples.astype(np.float32, copy=False)


def prepare(waveform: np.ndarray, rate: int, speech: SpeechInput) -> np.ndarray:
    """Bring an utterance into the form that a model takes.

    Whatever the model, it hears sound without offset and hum, levelled by its speech; see
    :mod:`emotion_perception.audio.steady`.

    Training uses this function too, so that both hear the same sound.

    :param waveform: float32 (n,), not empty.
    :param rate: of the waveform, Hz.
    :param speech: the model's input.
    :return: (pieces, samples) float32 at the model's rate.
    """
    if rate != speech.rate:
        import soxr

        waveform = soxr.resample(waveform, rate, speech.rate)
    waveform = steady(waveform, speech.rate)
    if speech.peak_normalise:
        peak = float(np.abs(waveform).max(initial=0.0))
        if peak > 0:
            waveform = waveform / np.float32(peak)
    longest = max(1, round(speech.max_seconds * speech.rate))
    if waveform.size > longest and speech.long == 'centre':
        start = (waveform.size - longest) // 2
        pieces = waveform[None, start : start + longest]
    elif waveform.size > longest:
        count = math.ceil(waveform.size / longest)
        starts = np.linspace(0, waveform.size - longest, count).round().astype(int)
        pieces = np.stack([waveform[start : start + longest] for start in starts])
    else:
        pieces = waveform[None]
    if speech.standardise:
        mean = pieces.mean(axis=1, keepdims=True)
        deviation = np.sqrt(pieces.var(axis=1, keepdims=True) + 1e-7)
        pieces = (pieces - mean) / deviation
    missing = round(speech.pad_seconds * speech.rate) - pieces.shape[1]
    if missing > 0:
        pieces = np.pad(pieces, ((0, 0), (0, missing)))
    return np.ascontiguousarray(pieces, np.float32)


def _abstention(reason: str) -> SpeechEmotion:
    uniform = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)
    return SpeechEmotion(uniform, abstained=True, reason=reason)
