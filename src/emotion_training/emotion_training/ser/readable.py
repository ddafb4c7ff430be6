# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Clips that can be read, found before a run begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from emotion_training.common.files import TrainingError
from emotion_training.common.leftout import LeftOut
from emotion_training.ser.corpora import Clip
from emotion_training.ser.sound import read_native


def readable(clips: Sequence[Clip], say: Callable[[str], None], threads: int = 2) -> list[Clip]:
    """Decode every clip; return those that could be, and say which are left out.

    :raises NothingLeftError: if none remains.
    """

    def reason(clip: Clip) -> str:
        try:
            samples, _ = read_native(clip.path)
        except TrainingError as error:
            return str(error)
        return '' if len(samples) else f'{clip.path} holds no sample'

    out = LeftOut('clips', say)
    kept = []
    with ThreadPoolExecutor(threads) as pool:
        for clip, text in zip(clips, pool.map(reason, clips)):
            if text:
                out.add(text)
            else:
                kept.append(clip)
    out.close(len(kept))
    return kept
