# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Measure the transcription: errors a word, fillers found, errors of the words' times.

``./emotion exec python benchmarks/words.py --speech FOLDER --json OUT``: over clips of CREMA-D
and RAVDESS, whose sentences are known, and over sentences of espeak-ng with and without fillers.
FOLDER holds ``crema_d`` and ``ravdess``; without it only espeak-ng speaks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from emotion_perception.audio.resample import to_mono16k
from emotion_perception.media.samples import to_int16
from emotion_perception.words.fluency import Kind, falters
from emotion_perception.words.language import language, plain
from emotion_perception.words.transcriber import Transcriber, Word
from emotion_perception.words.whisper import Whisper

CREMA_D = {
    'IEO': "It's eleven o'clock", 'TIE': 'That is exactly what happened',
    'IOM': "I'm on my way to the meeting", 'IWW': 'I wonder what this is about',
    'TAI': 'The airplane is almost full', 'MTI': 'Maybe tomorrow it will be cold',
    'IWL': 'I would like a new alarm clock', 'ITH': "I think I have a doctor's appointment",
    'DFA': "Don't forget a jacket", 'ITS': "I think I've seen this before",
    'TSI': 'The surface is slick', 'WSI': "We'll stop in a couple of minutes",
}  # fmt: skip
RAVDESS = {'01': 'Kids are talking by the door', '02': 'Dogs are sitting by the door'}
SENTENCES = (
    'I led a team of four people and we built a new payment system for small shops.',
    'My last project was hard because the deadline was short and the requirements changed.',
    'I moved to another city and learned a lot about databases and about people.',
    'When we disagreed I asked everybody to write down what they were afraid of.',
    'Next year I would like to learn how to plan the work of a larger group.',
)
FALTERING = (
    ('Um, I led a team of four people, and we, uh, we built a new payment system.', 2),
    ('My last project was, uh, hard, because, um, the deadline was short.', 2),
    ('I moved to another city, um, and learned a lot about databases.', 1),
    ('When we disagreed, uh, I asked everybody, um, what they were afraid of.', 2),
    ('Um, next year I would like to, uh, learn how to plan.', 2),
)
VOICES = ('en-us', 'en-gb', 'en-us+f3', 'en-gb+m4')
SAME = {'11': 'eleven', "o'clock": "o'clock", 'okay': 'ok', '4': 'four'}


def tokens(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    return [SAME.get(word, word) for word in re.split(r'[\s-]+', plain(text)) if word]


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to put in, take out or exchange (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


def clips(folder: Path, count: int) -> Iterator[tuple[str, Path, str]]:
    """Yield corpus, file and sentence: for each corpus a random choice, the same every time."""
    for corpus, pattern in (('crema_d', '*.opus'), ('ravdess', '*.flac')):
        files = sorted((folder / corpus).glob(pattern))
        for path in sorted(random.Random(0).sample(files, min(count, len(files)))):
            if corpus == 'crema_d':
                yield corpus, path, CREMA_D[path.stem.split('_')[1]]
            else:
                yield corpus, path, RAVDESS[path.stem.split('-')[4]]


def read(path: Path) -> np.ndarray:
    """Return a file's sound as int16 at 16 kHz, with half a second of silence on both sides."""
    samples, rate = soundfile.read(path, dtype='float32', always_2d=True)
    return np.pad(to_int16(to_mono16k(samples, rate)), 8000)


def speak(text: str, voice: str, rate: int, folder: Path) -> np.ndarray:
    """Return what espeak-ng says."""
    path = folder / 'spoken.wav'
    subprocess.run(
        ['espeak-ng', '-v', voice, '-s', str(rate), '-w', str(path), '--', text], check=True
    )
    return read(path)


class Tally:
    """Adds up what was said and what was heard."""

    def __init__(self) -> None:
        self.said = self.wrong = self.clips = self.right = 0
        self.seconds = self.spent = 0.0

    def take(self, transcriber: Transcriber, samples: np.ndarray, text: str) -> tuple[Word, ...]:
        """Transcribe a clip whose words are known."""
        begun = time.perf_counter()
        words = transcriber.words(samples, 0.0)
        self.spent += time.perf_counter() - begun
        self.seconds += samples.size / 16000
        said, heard = tokens(text), tokens(' '.join(word.text for word in words))
        wrong = errors(said, heard)
        self.said += len(said)
        self.wrong += wrong
        self.clips += 1
        self.right += not wrong
        return words

    def figures(self) -> dict[str, float]:
        """Return the word-error rate and what it was measured on."""
        return {
            'clips': self.clips,
            'words': self.said,
            'word_error_rate': round(self.wrong / self.said, 3),
            'clips_without_error': round(self.right / self.clips, 3),
            'seconds_of_work_a_clip': round(self.spent / self.clips, 2),
            'times_real_time': round(self.seconds / self.spent, 2),
        }


def corpora(transcriber: Transcriber, folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Return the word-error rate of each corpus."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for corpus, path, text in clips(folder, count):
        tallies[corpus].take(transcriber, read(path), text)
    return {corpus: tally.figures() for corpus, tally in tallies.items()}


def synthetic(transcriber: Transcriber, folder: Path) -> dict[str, dict[str, float]]:
    """Return the word-error rate on espeak-ng, and how many of its fillers are found."""
    fluent, faltering = Tally(), Tally()
    said = found = 0
    for voice in VOICES:
        for text in SENTENCES:
            fluent.take(transcriber, speak(text, voice, 150, folder), text)
        for text, fillers in FALTERING:
            words = faltering.take(transcriber, speak(text, voice, 150, folder), text)
            heard = [f for f in falters(words, language('en')) if f.kind is Kind.FILLER]
            said += fillers
            found += min(fillers, len(heard))
    return {
        'espeak-ng': fluent.figures(),
        'espeak-ng, with fillers': {
            **faltering.figures(),
            'fillers_said': said,
            'fillers_found': found,
        },
    }


def times(transcriber: Transcriber, folder: Path) -> dict[str, float]:
    """Return how far off the words' times are, on words put together with known gaps."""
    starts, pauses = [], []
    for voice, text in itertools.product(VOICES, SENTENCES):
        parts, begins, at = [], [], 0.5
        for number, word in enumerate(text.rstrip('.').split()):
            sound = speak(word, voice, 150, folder)
            loud = np.flatnonzero(np.abs(sound.astype(int)) > 300)
            sound = sound[loud[0] : loud[-1] + 1]
            gap = 0.8 if number == 6 else 0.05
            begins.append(at + gap)
            parts += [np.zeros(round(gap * 16000), np.int16), sound]
            at += gap + sound.size / 16000
        words = transcriber.words(np.pad(np.concatenate(parts), 8000), 0.0)
        # Where a word was misheard its neighbours cannot be matched.
        if tokens(' '.join(word.text for word in words)) != tokens(text):
            continue
        starts += [word.start - begin for word, begin in zip(words, begins)]
        pauses.append(words[6].start - words[5].end)
    return {
        'words': len(starts),
        'start_error_median_s': round(float(np.median(np.abs(starts))), 3),
        'start_error_p95_s': round(float(np.percentile(np.abs(starts), 95)), 3),
        'pause_of_0.8_s_measured_as': round(float(np.median(pauses)), 3),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--speech', type=Path, help='folder with crema_d and ravdess')
    parser.add_argument('--clips', type=int, default=300, help='of each corpus')
    parser.add_argument('--model', default='', help='folder or name; default: Whisper tiny.en')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args(arguments)
    whisper = Whisper(options.model, language('en'), options.threads)
    unprompted = Whisper(options.model, language('en').with_fillers(()), options.threads)
    figures: dict[str, object] = {'model': whisper.name}
    with tempfile.TemporaryDirectory() as folder:
        figures.update(synthetic(whisper, Path(folder)))
        figures['without the prompt'] = synthetic(unprompted, Path(folder))
        figures['times'] = times(whisper, Path(folder))
    if options.speech:
        figures.update(corpora(whisper, options.speech, options.clips))
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
