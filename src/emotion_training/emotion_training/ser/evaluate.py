# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion eval ser``: judge any speech model on a manifest, in silence and in noise."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import (
    Model,
    ModelError,
    ModelSettings,
    SpeechEmotionRecognizer,
    VoiceMemory,
    load_model,
)
from emotion_perception.models.balance import (
    BALANCED,
    NATURAL,
    UNKNOWN_MIXTURE,
    BalanceSettings,
    Mixture,
    rebalance,
)
from emotion_training.common.files import TrainingError, save_json
from emotion_training.common.metrics import calibration_error, figures, mixture_weights
from emotion_training.common.plots import save_confusion
from emotion_training.ser import lines
from emotion_training.ser.corpora import Clip, read_manifest
from emotion_training.ser.noise import noise_files
from emotion_training.ser.readable import readable
from emotion_training.ser.sound import read_native, read_sound

NOISES = ('white', 'babble', 'machine')
MACHINES = ('engine', 'vacuum', 'washing', 'helicopter', 'chainsaw', 'train', 'airplane', 'drill')
"""Words in the kinds of recorded noise that is machines."""

RATIOS = (20.0, 10.0, 0.0)
VOICES = 5
"""Other clips that sound together in babble."""


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
    babble = np.zeros(sounds[index].size, np.float32)
    for other in rng.choice(others, VOICES, replace=False):
        voice = sounds[other] / max(float(np.sqrt((sounds[other] ** 2).mean())), 1e-6)
        babble += np.resize(np.roll(voice, int(rng.integers(voice.size))), babble.size)
    return babble


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


def evaluate(
    manifest: Path,
    model: str,
    threads: int,
    with_noise: bool,
    memory: int,
    class_balance: float,
    say: Callable[[str], None],
    noise: Path | None = None,
) -> dict[str, Any]:
    """Return the figures of a model on a manifest.

    :param memory: utterances to remember of each speaker, who speak in the manifest's order.
    :param class_balance: mixture of classes that the main figures answer for; they stand again
        under ``natural`` and ``balanced`` for those two.
    :param noise: folder of recorded noise, for machines among the noises.
    :raises TrainingError: for a manifest or file that cannot be used.
    :raises ModelError: for a model that cannot be loaded.
    """
    clips = read_manifest(manifest)
    kept = [clip for clip in clips if clip.label in EMOTIONS or clip.label == 'Calm']
    if len(kept) < len(clips):
        say(f'{len(clips) - len(kept)} clips of a class outside the six are left out')
    if not kept:
        raise TrainingError(f'{manifest}: no clip of one of the six classes')
    kept = readable(kept, say)
    truth = np.array(
        [EMOTIONS.index('Neutral' if clip.label == 'Calm' else clip.label) for clip in kept]
    )
    recognizer = SpeechEmotionRecognizer(
        load_model(model, 'ser', ModelSettings(threads=threads)), class_balance=NATURAL
    )
    shares = recognizer.model.shares
    answers = ask(
        recognizer,
        (read_native(clip.path, say=say) for clip in kept),
        sessions(kept, recognizer.model, memory),
    )
    result = {
        'model': recognizer.model.name,
        'manifest': str(manifest),
        **judge(answers, truth, Mixture(shares, class_balance)),
        'natural': judge(answers, truth, Mixture(shares, NATURAL)),
        'balanced': judge(answers, truth, Mixture(shares, BALANCED)),
        'left_out': len(clips) - len(kept),
        'memory': memory,
    }
    if with_noise:
        result['robustness'] = robustness(
            recognizer, kept, truth, Mixture(shares, class_balance), memory, noise, say
        )
    return result


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion eval ser', description='Judge a speech emotion model on labelled clips.'
    )
    made.add_argument(
        '--manifest',
        type=Path,
        required=True,
        metavar='CSV',
        help='columns path and label, optionally speaker',
    )
    made.add_argument(
        '--model',
        default='ser-default',
        metavar='NAME',
        help='catalogue name, file or directory (default: the embedded one)',
    )
    made.add_argument('--json', type=Path, required=True, metavar='OUT')
    made.add_argument(
        '--png', type=Path, metavar='OUT', help='confusion matrix (default: beside the JSON)'
    )
    made.add_argument(
        '--robustness',
        action='store_true',
        help='also at 20, 10 and 0 dB of noise, with and without suppression, '
        'through telephone, codec and room, with offset and with hum',
    )
    made.add_argument(
        '--noise',
        type=Path,
        metavar='DIR',
        help='recorded noise, for machines among the noises of --robustness',
    )
    made.add_argument(
        '--memory',
        type=int,
        default=0,
        metavar='N',
        help='adapt to each speaker by the last N of the clips before (column '
        'speaker), as ser_node does with parameter memory; default: 0, each clip '
        'by itself',
    )
    made.add_argument(
        '--class-balance',
        type=float,
        default=BalanceSettings.class_balance,
        metavar='T',
        help='mixture of classes that the main figures answer for, 0 '
        "(of the training data) to 1 (all equally common); default: the graph's, "
        '%(default)s',
    )
    made.add_argument('--threads', type=int, default=2)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    options = parser().parse_args(argv)
    if not NATURAL <= options.class_balance <= BALANCED:
        parser().error(f'--class-balance is {options.class_balance}; it must be 0 to 1')
    try:
        result = evaluate(
            options.manifest,
            options.model,
            options.threads,
            options.robustness,
            options.memory,
            options.class_balance,
            lambda line: print(line, flush=True),
            options.noise,
        )
        save_json(options.json, result)
        save_confusion(
            options.png or options.json.with_suffix('.png'),
            np.array(result['confusion']),
            EMOTIONS,
            f'{result["model"]} on {options.manifest.name}: '
            f'UAR {result["uar"]:.3f}, n {result["n"]}',
        )
    except (TrainingError, ModelError) as error:
        print(f'error: {error}', file=sys.stderr)
        return getattr(error, 'code', TrainingError.code)
    for words, found in (
        ('natural', result['natural']),
        ('', result),
        ('balanced', result['balanced']),
    ):
        balance = found['class_balance']
        if (balance is None and words != 'natural') or (
            balance in (NATURAL, BALANCED) and not words
        ):
            continue
        ece = 'none' if found['ece'] is None else f'{found["ece"]:.4f}'
        print(
            f'class balance {"unknown" if balance is None else f"{balance:g}"}: accuracy '
            f'{found["accuracy"]:.4f}, UAR {found["uar"]:.4f}, macro-F1 '
            f'{found["macro_f1"]:.4f}, ECE {ece}'
        )
    print(
        f'{result["model"]}: n {result["n"]}, {result["abstained"]} abstained, real-time factor '
        f'{result["real_time_factor"]:.4f}; written to {options.json}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
