# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is wanted of each recording."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from emotion_perception.models.balance import BalanceSettings
from emotion_perception.models.model import DEFAULTS

FORMAT = 1
"""Of the results: one that was written in another one is made anew."""


@dataclass(frozen=True)
class Every:
    """Which pictures of a film are looked at: every n-th, or one in so many seconds.

    :param pictures: 1 for all.
    :param seconds: 0 to go by the number of pictures.
    """

    pictures: int = 1
    seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Every:
        """Return what ``5`` (every fifth picture) or ``0.2s`` (five a second) means.

        :raises ValueError: if it means nothing.
        """
        if match := re.fullmatch(r'(\d+(?:\.\d+)?|\.\d+)\s*s', text.strip()):
            if not 0.001 <= float(match[1]) <= 3600:
                raise ValueError(f'--every {text}: 0.001s to 3600s are possible')
            return cls(seconds=float(match[1]))
        if not re.fullmatch(r'[1-9]\d{0,8}', text.strip()):
            raise ValueError(
                f'--every {text}: give a number of pictures, as 5, or seconds, as 0.2s'
            )
        return cls(pictures=int(text))


@dataclass(frozen=True)
class Options:
    """What is looked at and listened to, and with which models.

    :param fer: model of faces: a name of the catalogue, a path or a hub id.
    :param ser: model of voices, likewise.
    :param class_balance: mixture of classes to answer for, 0 to 1.
    :param transcript: write down the words of each utterance, too.
    :param transcript_model: for that: folder, name or hub id; empty for Whisper tiny.en.
    :param language: what is spoken, as ISO 639-1 has it.
    :param film: write a film with what was found drawn into it.
    :param piece: seconds of a film that are one piece of work; results do not depend on it.
    """

    every: Every = Every()
    faces: bool = True
    voice: bool = True
    fer: str = DEFAULTS['fer']
    ser: str = DEFAULTS['ser']
    class_balance: float = BalanceSettings.class_balance
    transcript: bool = False
    transcript_model: str = ''
    language: str = 'en'
    film: bool = False
    piece: float = 60.0

    def described(self) -> dict[str, Any]:
        """Return what the results depend on, for JSON."""
        found = asdict(self)
        del found['piece']
        return found


def setup_digest(options: Options, models: Mapping[str, Mapping[str, str]]) -> str:
    """Return a digest of everything but the recording that its results depend on.

    :param models: name and sha256 of each model.
    """
    text = json.dumps([FORMAT, options.described(), models], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
