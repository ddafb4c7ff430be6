# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How a speech model fares in noise, and through the lines and rooms that sound passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import SpeechEmotionRecognizer
from emotion_perception.models.balance import Mixture
from emotion_training.common.files import TrainingError
from emotion_training.ser import lines
from emotion_training.ser.answers import Answers, ask, judge, sessions
from emotion_training.ser.corpora import Clip
from emotion_training.ser.noise import noise_files
from emotion_training.ser.sound import read_sound

NOISES = ('white', 'babble', 'machine')
MACHINES = ('engine', 'vacuum', 'washing', 'helicopter', 'chainsaw', 'train', 'airplane', 'drill')
"""Words in the kinds of recorded noise that is machines."""

RATIOS = (20.0, 10.0, 0.0)
VOICES = 5
"""Other clips that sound together in babble."""


def add_noise(samples: np.ndarray, noise: np.ndarray, ratio: float) -> np.ndarray:
    """Return the sum of speech and noise at a signal-to-noise ratio in dB.

    The power of the speech is that of its louder half in blocks of 20 ms, so that pauses around
    it do not make the noise weaker. The sum is scaled down if it would clip.

    :param samples: float32 (n,).
    :param noise: float32, repeated or cut to n.
    """
    blocks = samples[: samples.size // 320 * 320].reshape(-1, 320)
    powers = np.sort((blocks**2).mean(axis=1)) if len(blocks) else np.array([0.0])
    speech = float(powers[len(powers) // 2 :].mean())
    noise = np.resize(noise, samples.size).astype(np.float32)
    scale = np.sqrt(speech / max(float((noise**2).mean()), 1e-12) * 10 ** (-ratio / 10))
    mixed = samples + np.float32(scale) * noise
    return mixed / max(1.0, float(np.abs(mixed).max(initial=0.0)))


def machine_noise(folder: Path | None) -> list[np.ndarray]:
    """Return the recordings of machines in a folder of noise; none without a folder."""
    return (
        []
        if folder is None
        else [
            read_sound(path)
            for path, kind in noise_files(folder)
            if any(word in kind for word in MACHINES)
        ]
    )


def make_noise(
    kind: str,
    sounds: Sequence[np.ndarray],
    clips: Sequence[Clip],
    index: int,
    rng: np.random.Generator,
    machines: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Return the noise for clip ``index``: white, a machine, or the babble of five other clips.

    Babble takes voices of other speakers where there are enough of them.

    :raises TrainingError: if there are too few clips for babble.
    """
    if kind == 'white':
        return rng.normal(size=sounds[index].size).astype(np.float32)
    if kind == 'machine':
        machine = machines[int(rng.integers(len(machines)))]
        start = int(rng.integers(machine.size))
        return np.resize(np.roll(machine, -start), sounds[index].size)
    others = [i for i in range(len(clips)) if clips[i].speaker != clips[index].speaker]
    if len(others) < VOICES:
        others = [i for i in range(len(clips)) if i != index]
    if len(others) < VOICES:
        raise TrainingError(
            f'babble needs {VOICES + 1} clips or more, the manifest has {len(clips)}'
        )
    return babble(sounds, others, sounds[index].size, rng)


def babble(
    sounds: Sequence[np.ndarray], others: Sequence[int], size: int, rng: np.random.Generator
) -> np.ndarray:
    """Return five of the voices together, equally loud, each from anywhere on; float32 (size,).

    :param others: indices of those to choose from, :data:`VOICES` at least.
    """
    mixed = np.zeros(size, np.float32)
    for other in rng.choice(others, VOICES, replace=False):
        voice = sounds[other] / max(float(np.sqrt((sounds[other] ** 2).mean())), 1e-6)
        mixed += np.resize(np.roll(voice, int(rng.integers(voice.size))), size)
    return mixed


def robustness(
    recognizer: SpeechEmotionRecognizer,
    clips: Sequence[Clip],
    truth: np.ndarray,
    mixture: Mixture,
    memory: int,
    noise: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Judge the model in noise and through the lines and rooms that sound passes.

    ``noise``: 20, 10 and 0 dB of white noise, babble and, where there is a folder of recorded
    noise, machines, with and without suppression. ``line``: the telephone band, Opus at
    12 kbit/s, a room of 0.5 s, an offset and a hum of 0.5 % of full scale. ``changed`` counts the
    answers that differ from those to the clips as they are.

    :param mixture: of classes, that is answered for.
    :param memory: utterances to remember of each speaker, anew in each condition.
    :raises TrainingError: if the noise suppression is missing.
    """
    from emotion_perception.audio.denoise import DenoiseError, denoise

    sounds = [read_sound(clip.path) for clip in clips]
    machines = machine_noise(noise)
    plain = _asked(recognizer, sounds, clips, memory)

    def figure(heard: Sequence[np.ndarray]) -> dict[str, Any]:
        answers = _asked(recognizer, heard, clips, memory)
        found = judge(answers, truth, mixture)
        return {
            'changed': int((_labels(answers) != _labels(plain)).sum()),
            **{name: found[name] for name in ('accuracy', 'uar', 'macro_f1', 'ece', 'abstained')},
        }

    noisy_rows, line_rows = [], []
    for kind in NOISES if machines else NOISES[:2]:
        for ratio in RATIOS:
            rng = np.random.default_rng(7)
            noisy = [
                add_noise(
                    sounds[index], make_noise(kind, sounds, clips, index, rng, machines), ratio
                )
                for index in range(len(clips))
            ]
            for suppress in (False, True):
                try:
                    heard = [denoise(sound) for sound in noisy] if suppress else noisy
                except DenoiseError as error:
                    raise TrainingError(str(error)) from error
                row = {
                    'noise': kind,
                    'snr_db': ratio,
                    'noise_suppression': suppress,
                    **figure(heard),
                }
                noisy_rows.append(row)
                say(
                    f'{kind} {ratio:g} dB{" suppressed" if suppress else ""}: '
                    f'UAR {row["uar"]:.3f}, {row["abstained"]} abstained'
                )
    rng = np.random.default_rng(7)
    for name, through in (
        ('telephone', lines.telephone),
        ('opus', lines.opus),
        ('room', lambda sound: lines.room(sound, rng)),
        ('offset', lines.offset),
        ('hum', lines.hum),
    ):
        row = {'line': name, **figure([through(sound) for sound in sounds])}
        line_rows.append(row)
        say(
            f'{name}: UAR {row["uar"]:.3f}, {row["abstained"]} abstained, '
            f'{row["changed"]} of {len(clips)} answers changed'
        )
    return {'noise': noisy_rows, 'line': line_rows}


def _asked(
    recognizer: SpeechEmotionRecognizer,
    sounds: Sequence[np.ndarray],
    clips: Sequence[Clip],
    memory: int,
) -> Answers:
    return ask(
        recognizer, [(sound, RATE) for sound in sounds], sessions(clips, recognizer.model, memory)
    )


def _labels(answers: Answers) -> np.ndarray:
    """Return the class of each answer, one more than the six for an abstention."""
    return np.where(answers.abstained, len(EMOTIONS), answers.probabilities.argmax(axis=1))
