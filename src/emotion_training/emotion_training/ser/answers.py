# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What any speech model says to labelled clips, and how right it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import Model, SpeechEmotionRecognizer, VoiceMemory
from emotion_perception.models.balance import UNKNOWN_MIXTURE, Mixture, rebalance
from emotion_training.common.files import TrainingError
from emotion_training.common.metrics import calibration_error, figures, mixture_weights
from emotion_training.ser.corpora import Clip


@dataclass(frozen=True)
class Answers:
    """What a model said to a list of clips.

    :param probabilities: (n, 6) float32.
    :param abstained: bool (n,).
    :param processing: seconds the recogniser worked.
    :param duration: seconds of sound it heard.
    """

    probabilities: np.ndarray
    abstained: np.ndarray
    processing: float
    duration: float


def ask(
    recognizer: SpeechEmotionRecognizer,
    sounds: Iterable[tuple[np.ndarray, int]],
    memories: Sequence[VoiceMemory] = (),
) -> Answers:
    """Ask the recogniser about each (samples, rate).

    :param memories: what is remembered of the voice of each sound; empty to remember nothing.
    """
    probabilities, abstained, processing, duration = [], [], 0.0, 0.0
    for number, (samples, rate) in enumerate(sounds):
        recognizer.memory = memories[number] if memories else None
        begin = time.perf_counter()
        answer = recognizer.predict(samples, rate)
        processing += time.perf_counter() - begin
        duration += samples.size / rate
        probabilities.append(answer.probabilities)
        abstained.append(answer.abstained)
    return Answers(
        np.array(probabilities, np.float32).reshape(-1, len(EMOTIONS)),
        np.array(abstained, bool),
        processing,
        duration,
    )


def judge(
    answers: Answers, truth: np.ndarray, mixture: Mixture = UNKNOWN_MIXTURE
) -> dict[str, Any]:
    """Return the figures of answers; an abstention counts as an error.

    Classes without a clip are left out of the means. The calibration error is that of the
    answers given, for clips of the mixture that is answered for: those at hand are weighted
    accordingly. ``confusion`` has the six classes as rows (truth) and columns; abstentions
    stand in none of its columns, so a row may sum to less than its clips.
    """
    probabilities = rebalance(answers.probabilities, mixture.shares, mixture.balance)
    unknown = len(EMOTIONS)
    seven = np.zeros((len(truth), unknown + 1), np.float32)
    seven[:, :unknown] = probabilities
    seven[answers.abstained] = np.eye(unknown + 1, dtype=np.float32)[unknown]
    found = figures(seven, truth)
    given = ~answers.abstained
    per_class = {}
    for index, label in enumerate(EMOTIONS):
        support = int((truth == index).sum())
        per_class[label] = {
            'n': support,
            'recall': float(found.recall[index]) if support else None,
            'precision': float(found.precision[index]),
            'f1': float(found.f1[index]) if support else None,
            'abstained': int((answers.abstained & (truth == index)).sum()),
        }
    weights = None if mixture.prior is None else mixture_weights(truth[given], mixture.prior)
    error = calibration_error(probabilities[given], truth[given], weights=weights)
    return {
        'class_balance': None if mixture.shares is None else mixture.balance,
        'accuracy': found.accuracy,
        'uar': found.uar,
        'macro_f1': found.macro_f1,
        'ece': None if np.isnan(error) else error,
        'n': found.n,
        'abstained': int(answers.abstained.sum()),
        'real_time_factor': answers.processing / max(answers.duration, 1e-9),
        'per_class': per_class,
        'confusion': found.confusion[:unknown, :unknown].tolist(),
    }


def sessions(clips: Sequence[Clip], model: Model, size: int) -> list[VoiceMemory]:
    """Return a memory for each clip, one for each speaker; empty if nothing is to be remembered.

    :param size: utterances to remember.
    :raises TrainingError: if the model cannot make use of a memory.
    """
    if not size:
        return []
    if not model.profile:
        raise TrainingError(f'{model.name} cannot adapt to a voice: leave out --memory')
    memories = {clip.speaker: VoiceMemory(size) for clip in clips}
    return [memories[clip.speaker] for clip in clips]
