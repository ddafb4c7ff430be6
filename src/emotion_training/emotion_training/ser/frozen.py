# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Features of an encoder that stays as it is, computed once and kept on disk.

Each pass over the clips is one reading of them: the first as they are, the others changed, all
clips of a speaker by the same room and line, as in a session.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from emotion_perception.audio import steady
from emotion_perception.audio.pcm import RATE
from emotion_perception.storage import whole
from emotion_training.ser.augment import Augmenter
from emotion_training.ser.batches import Player
from emotion_training.ser.export import open_pooled
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import VoiceModel

PASSES = 3
"""Readings of every clip."""

_BATCH = 16


def frozen_features(
    model: VoiceModel,
    data: Sounds,
    augmenter: Augmenter,
    cache: Path,
    made_of: str,
    say: Callable[[str], None],
    device: str = 'cpu',
) -> np.ndarray:
    """Return the pooled values of every clip in every pass, float16 (passes, n, d).

    :param made_of: what the features depend on besides the clips: encoder and augmentation.
    :param cache: folder that keeps them.
    """
    digest = sha256(f'{made_of} {PASSES}'.encode())
    for name in data.names.tolist():
        digest.update(name.encode())
    path = Path(cache) / f'features_{digest.hexdigest()[:16]}.npy'
    if path.is_file():
        say(f'features of the frozen encoder: taken from {path}')
        return np.load(path, mmap_mode='r')
    found = np.zeros((PASSES, len(data), model.width), np.float16)
    torch.manual_seed(0)
    speaker_of = np.unique(data.speakers, return_inverse=True)[1]
    plain = None if device != 'cpu' else open_pooled(model)
    for number in range(PASSES):
        say(f'features of the frozen encoder: pass {number + 1} of {PASSES}')
        player = Player(data, device, augmenter if number else None)
        # Clips of a speaker together, by length within: they share a batch and its line.
        order = np.lexsort((data.lengths, speaker_of))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            if number == 0 and plain is not None:
                for row in rows.tolist():
                    found[0, row] = plain(steady.steady(data.clip(row), RATE))
                continue
            seconds = float(data.lengths[rows].max()) / RATE * 1.1
            sound = (
                player.play(rows, round(seconds, 1), speaker_of[rows])
                if number
                else player.plain(rows)
            )
            if plain is not None:
                found[number, rows] = [plain(row) for row in sound.numpy()]
                continue
            with torch.inference_mode(), torch.autocast('cuda', torch.bfloat16):
                found[number, rows] = model.eval().pooled(sound).half().cpu().numpy()
    with whole(path) as part:
        np.save(part, found)
    return found
