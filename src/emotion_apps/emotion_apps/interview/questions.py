# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The questions of a mock interview, and the language of its answers, from a YAML file."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from emotion_perception.words.language import Language, language, plain

_MOST_BYTES = 1_000_000
"""Of a file: a list of questions is no book."""

_MOST_SECONDS = 3600.0
"""Of an answer."""

_MOST_CHARACTERS = 1000
"""Of a question: more cannot be shown on a screen, nor spoken."""

_MOST_WORDS = 100
"""Of a list of words, and characters of each."""

_MOST_HOURS = 24
"""Of a recording."""

LANGUAGE = 'en'
"""Of the answers, if the file names none."""


class QuestionError(ValueError):
    """A question file cannot be used; the text names the file and what is wrong."""


@dataclass(frozen=True)
class Question:
    """One question.

    :param text: as shown.
    :param seconds: longest answer; 0 leaves it to the interview's settings.
    :param key_words: words that the answer might name.
    :param at: when it is asked in a recording, seconds from its beginning; NaN if that is not
        known.
    """

    text: str
    seconds: float = 0.0
    key_words: tuple[str, ...] = ()
    at: float = field(default=math.nan, compare=False)


@dataclass(frozen=True)
class QuestionList:
    """The questions of an interview.

    :param language: of the answers, with its fillers.
    """

    questions: tuple[Question, ...]
    language: Language

    @property
    def timed(self) -> bool:
        """Return whether it is known when each question is asked in a recording."""
        return not any(math.isnan(question.at) for question in self.questions)


def load_questions(path: str | Path) -> QuestionList:
    """Read a file of the form ``questions: [text, {text: ..., seconds: 60}, ...]``.

    Beside ``questions`` it may hold ``language`` (a code as ``en``) and ``fillers`` (a list of
    words for each language); a question also ``key_words`` (a list) and ``at`` (seconds, or
    minutes and seconds as ``2:05``).

    :raises QuestionError: if the file is missing, no YAML, empty, or of another form.
    """
    path = Path(path).expanduser()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise QuestionError(f'{path}: larger than {_MOST_BYTES} bytes')
        content = yaml.safe_load(path.read_text(encoding='utf-8-sig'))
    except FileNotFoundError:
        raise QuestionError(f'{path}: there is no such file') from None
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f'{path}: {error}') from None
    except yaml.YAMLError as error:
        raise QuestionError(f'{path}: not YAML: {error}') from None
    items = content.get('questions') if isinstance(content, dict) else content
    if not isinstance(items, list) or not items:
        raise QuestionError(f'{path}: there must be a list "questions" with at least one')
    unknown = set(content if isinstance(content, dict) else ()) - {
        'questions', 'language', 'fillers',
    }  # fmt: skip
    if unknown:
        raise QuestionError(f'{path}: there is an unknown key {min(map(str, unknown))!r}')
    questions = tuple(_question(path, number, item) for number, item in enumerate(items, 1))
    _check_times(path, questions)
    return QuestionList(questions, _language(path, content if isinstance(content, dict) else {}))


def default_questions() -> QuestionList:
    """Return questions that most interviews begin with."""
    questions = tuple(
        Question(text)
        for text in (
            'Tell me about yourself.',
            'What was a hard problem that you solved, and how?',
            'Tell me about a time when you disagreed with somebody in your team.',
            'What would you like to learn in the next year?',
            'Why does this position interest you?',
        )
    )
    return QuestionList(questions, language(LANGUAGE))


def _question(path: Path, number: int, item: object) -> Question:
    if isinstance(item, str):
        item = {'text': item}
    if (
        not isinstance(item, dict)
        or not isinstance(item.get('text'), str)
        or not item['text'].strip()
    ):
        raise QuestionError(f'{path}: question {number} has no text')
    unknown = set(item) - {'text', 'seconds', 'key_words', 'at'}
    if unknown:
        raise QuestionError(
            f'{path}: question {number} has an unknown key {min(map(str, unknown))!r}'
        )
    seconds = item.get('seconds', 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise QuestionError(
            f'{path}: question {number}: seconds is {seconds!r}; it must be a number, 0 or more'
        )
    if not seconds <= _MOST_SECONDS:
        raise QuestionError(
            f'{path}: question {number}: seconds is {seconds!r}; at most {_MOST_SECONDS}'
        )
    return Question(
        _text(path, number, item['text'].strip()),
        float(seconds),
        _words(f'{path}: question {number}: key_words', item.get('key_words', [])),
        _at(path, number, item['at']) if 'at' in item else math.nan,
    )


def _at(path: Path, number: int, value: object) -> float:
    """Return a time in seconds; YAML reads ``2:05`` as 125 by itself, ``0:05`` as a text."""
    seconds = math.nan
    if isinstance(value, str) and re.fullmatch(r'(\d+:)?\d{1,2}:\d{2}(\.\d+)?', value):
        seconds = 0.0
        for part in value.split(':'):
            seconds = 60.0 * seconds + float(part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    if not 0 <= seconds <= 3600.0 * _MOST_HOURS:
        raise QuestionError(
            f'{path}: question {number}: at is {value!r}; it must be seconds, or minutes and '
            f'seconds as 2:05, up to {_MOST_HOURS} hours'
        )
    return seconds


def _check_times(path: Path, questions: tuple[Question, ...]) -> None:
    """Refuse times of which some are missing, or that do not rise."""
    times = [question.at for question in questions]
    known = [time for time in times if not math.isnan(time)]
    if known and len(known) < len(times):
        number = next(i for i, time in enumerate(times, 1) if math.isnan(time))
        raise QuestionError(
            f'{path}: question {number} has no time (at), and others have: give all or none'
        )
    for number, (before, after) in enumerate(itertools.pairwise(known), 2):
        if not after > before:
            raise QuestionError(
                f'{path}: question {number}: at is {after:g} s; it must be after the question '
                f'before ({before:g} s)'
            )


def _language(path: Path, content: Mapping[object, object]) -> Language:
    """Return the language of the answers, with the fillers that the file gives it."""
    code = content.get('language', LANGUAGE)
    # YAML reads the code of Norwegian as a negation.
    code = 'no' if code is False else code
    if not isinstance(code, str) or not re.fullmatch(r'[a-z]{2,3}', code):
        raise QuestionError(
            f'{path}: language is {code!r}; it must be a code of two or three small letters, for '
            'instance en'
        )
    given = content.get('fillers', {})
    if not isinstance(given, dict):
        raise QuestionError(f'{path}: fillers must be a list of words for each language')
    lists = {name: _words(f'{path}: fillers: {name}', words) for name, words in given.items()}
    known = language(code)
    return known.with_fillers(lists[code]) if code in lists else known


def _words(what: str, items: object) -> tuple[str, ...]:
    """Return a list of words or phrases, or refuse it.

    :param what: the list, as a message names it.
    """
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise QuestionError(f'{what} must be a list of words')
    if len(items) > _MOST_WORDS:
        raise QuestionError(f'{what}: {len(items)} words; at most {_MOST_WORDS}')
    for item in items:
        if len(item) > _MOST_WORDS or not plain(item):
            raise QuestionError(
                f'{what}: {item[:50]!r} is no word, or longer than {_MOST_WORDS} characters'
            )
    return tuple(' '.join(_clean(what, item).split()) for item in items)


def _text(path: Path, number: int, text: str) -> str:
    """Return a question that can be shown, spoken, published and written, or refuse it."""
    text = _clean(f'{path}: question {number}', text)
    if len(text) > _MOST_CHARACTERS:
        raise QuestionError(
            f'{path}: question {number} has {len(text)} characters; at most {_MOST_CHARACTERS}'
        )
    return text


def _clean(what: str, text: str) -> str:
    """Return a text without half characters and control characters, or refuse it."""
    try:
        # An emoji escaped as in JSON ("\\ud83d\\ude00") comes as two halves: join them.
        text = text.encode('utf-16', 'surrogatepass').decode('utf-16')
    except UnicodeDecodeError:
        raise QuestionError(f'{what} has half of a character (a lone surrogate)') from None
    control = next(
        (sign for sign in text if unicodedata.category(sign) == 'Cc' and sign not in '\n\t'), ''
    )
    if control:
        raise QuestionError(f'{what} has the control character U+{ord(control):04X}')
    return text
