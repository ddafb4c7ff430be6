# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a session makes known of a voice: profiles to judge a network that adapts to it.

Nothing here looks at the label of the clip that is judged, and no profile holds that clip.
"""

from __future__ import annotations

import numpy as np
import torch

from emotion_perception.models.voice_memory import SESSION
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.voice import Profile

NEUTRAL = (3, 7)
"""Labels Neutral and Calm."""

SESSIONS = {
    'session': f'the clips of a speaker one after the other, each with the last {SESSION} before',
    'three': '3 other clips of the speaker',
    'ten': '10 other clips of the speaker',
    'thirty': '30 other clips of the speaker',
    'neutral': '10 neutral clips of the speaker',
    'mixed': '20 clips, each of some speaker of the same corpus',
    'wrong': '20 clips of another speaker of the same corpus',
}
"""How a profile comes about, by name."""


def profiles(
    kind: str, data: Sounds, values: torch.Tensor, rows: np.ndarray, seed: int = 0
) -> Profile:
    """Return a profile for each clip.

    :param kind: one of :data:`SESSIONS`.
    :param values: standardised embeddings of the clips, float32 (m, d).
    :param rows: the clips (m,); all clips of their speakers, and only those, are drawn from.
    :return: utterances (m, 1), mean (m, d) and deviation (m, d).
    """
    rng = np.random.default_rng(seed)
    embeddings = values.numpy()
    speakers, corpora = data.speakers[rows], data.corpora[rows]
    neutral = np.isin(data.labels[rows], NEUTRAL)
    of_speaker = {
        speaker: rng.permutation(np.flatnonzero(speakers == speaker))
        for speaker in np.unique(speakers)
    }
    of_corpus = {corpus: np.unique(speakers[corpora == corpus]) for corpus in np.unique(corpora)}
    place = {
        int(index): number for clips in of_speaker.values() for number, index in enumerate(clips)
    }
    count = np.zeros((len(rows), 1), np.float32)
    mean = np.zeros((len(rows), embeddings.shape[1]), np.float32)
    deviation = np.zeros_like(mean)
    sizes = {'three': 3, 'ten': 10, 'thirty': 30}
    for index in range(len(rows)):
        own = of_speaker[speakers[index]]
        if kind == 'session':
            heard = own[max(0, place[index] - SESSION) : place[index]]
        elif kind in ('wrong', 'mixed'):
            others = [name for name in of_corpus[corpora[index]] if name != speakers[index]]
            some = rng.choice(others, 1 if kind == 'wrong' else 20).tolist() if others else []
            heard = (
                np.concatenate([rng.choice(of_speaker[name], 20 // len(some)) for name in some])
                if some
                else own[:0]
            )
        else:
            own = own[own != index]
            if kind == 'neutral':
                own = own[neutral[own]]
            size = min(sizes.get(kind, 10), len(own))
            heard = rng.choice(own, size, replace=False) if size else own
        count[index] = len(heard)
        if len(heard):
            mean[index] = embeddings[heard].mean(axis=0)
            deviation[index] = embeddings[heard].std(axis=0)
    return torch.from_numpy(count), torch.from_numpy(mean), torch.from_numpy(deviation)
