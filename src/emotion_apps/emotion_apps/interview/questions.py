# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The questions of a mock interview, from a YAML file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import yaml

_MOST_BYTES = 1_000_000
"""Of a file: a list of questions is no book."""

_MOST_SECONDS = 3600.0
"""Of an answer."""

_MOST_CHARACTERS = 1000
"""Of a question: more cannot be shown on a screen, nor spoken."""


class QuestionError(ValueError):
    """A question file cannot be used; the text names the file and what is wrong."""


@dataclass(frozen=True)
class Question:
    """One question.

    :param text: as shown.
    :param seconds: longest answer; 0 leaves it to the interview's settings.
    """

    text: str
    seconds: float = 0.0


def load_questions(path: str | Path) -> tuple[Question, ...]:
    """Read a file of the form ``questions: [text, {text: ..., seconds: 60}, ...]``.

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
    return tuple(_question(path, number, item) for number, item in enumerate(items, 1))


def default_questions() -> tuple[Question, ...]:
    """Return questions that most interviews begin with."""
    return tuple(
        Question(text)
        for text in (
            'Tell me about yourself.',
            'What was a hard problem that you solved, and how?',
            'Tell me about a time when you disagreed with somebody in your team.',
            'What would you like to learn in the next year?',
            'Why does this position interest you?',
        )
    )


def _question(path: Path, number: int, item: object) -> Question:
    if isinstance(item, str):
        item = {'text': item}
    if (
        not isinstance(item, dict)
        or not isinstance(item.get('text'), str)
        or not item['text'].strip()
    ):
        raise QuestionError(f'{path}: question {number} has no text')
    unknown = set(item) - {'text', 'seconds'}
    if unknown:
        raise QuestionError(f'{path}: question {number} has an unknown key {sorted(unknown)[0]!r}')
    seconds = item.get('seconds', 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise QuestionError(
            f'{path}: question {number}: seconds is {seconds!r}; it must be a number, 0 or more'
        )
    if not seconds <= _MOST_SECONDS:
        raise QuestionError(
            f'{path}: question {number}: seconds is {seconds!r}; at most {_MOST_SECONDS}'
        )
    return Question(_text(path, number, item['text'].strip()), float(seconds))


def _text(path: Path, number: int, text: str) -> str:
    """Return a text that can be shown, spoken, published and written, or refuse it."""
    try:
        # An emoji escaped as in JSON ("\\ud83d\\ude00") comes as two halves: join them.
        text = text.encode('utf-16', 'surrogatepass').decode('utf-16')
    except UnicodeDecodeError:
        raise QuestionError(
            f'{path}: question {number} has half of a character (a lone surrogate)'
        ) from None
    control = next(
        (sign for sign in text if unicodedata.category(sign) == 'Cc' and sign not in '\n\t'), ''
    )
    if control:
        raise QuestionError(
            f'{path}: question {number} has the control character U+{ord(control):04X}'
        )
    if len(text) > _MOST_CHARACTERS:
        raise QuestionError(
            f'{path}: question {number} has {len(text)} characters; at most {_MOST_CHARACTERS}'
        )
    return text
