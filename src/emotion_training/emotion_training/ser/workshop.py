# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What every stage of a speech training shares: the sound, the schedule, finished models."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from emotion_training.common.files import TrainingError, load_torch, save_torch
from emotion_training.ser import fit
from emotion_training.ser.augment import Augmenter
from emotion_training.ser.batches import class_shares
from emotion_training.ser.eight_bits import pack, unpack
from emotion_training.ser.encoders import load_encoder
from emotion_training.ser.fit import Recipe
from emotion_training.ser.frozen import frozen_features
from emotion_training.ser.noise import joined
from emotion_training.ser.sounds import Say, Sounds
from emotion_training.ser.voice import VoiceModel

FOLDS = 5
"""Of protocol P3."""

FULL = Recipe()

EVENED = 0.5
"""How much of the unevenness of the classes in training is taken out of the answers: of 0, 1/4,
1/2, 3/4 and 1 the best for RAVDESS by a model that never heard it, and for two corpora of P3."""


@dataclass(frozen=True)
class Workshop:
    """What every stage of a run shares.

    :param encoder: name of the pretrained encoder.
    :param data: the clips of speech.
    :param silence: recorded and made sound without speech.
    :param out: folder of checkpoints and figures.
    :param scale: of the number of steps (tests take small ones).
    :param full: schedule of a training on all corpora.
    """

    encoder: str
    data: Sounds
    silence: Sounds
    out: Path
    say: Say
    device: str = 'cpu'
    scale: float = 1.0
    full: Recipe = FULL

    def stage(
        self, name: str, chosen: np.ndarray, recipe: Recipe, seed: int, fold: int = -1
    ) -> VoiceModel:
        """Return the model of a stage, training it unless it lies in ``out`` already.

        :param chosen: indices of the clips that it is trained on.
        :param fold: of the sounds without speech that it must not hear, -1 for none.
        """
        recipe = replace(recipe, steps=max(2, round(recipe.steps * self.scale)))
        made_of = {
            'encoder': self.encoder,
            'recipe': asdict(recipe),
            'seed': seed,
            'clips': len(chosen),
            'speakers': sorted(set(self.data.speakers[chosen].tolist())),
        }
        path = Path(self.out) / f'{name}.pt'
        torch.manual_seed(seed)  # of the new head
        model = VoiceModel(load_encoder(self.encoder))
        if path.is_file():
            checkpoint = load_torch(path)
            if checkpoint['made_of'] == made_of:
                self.say(f'{name}: taken from {path}')
                model.load_state_dict(unpack(checkpoint['state']), strict=False)
                return model.eval()
            self.say(f'{name}: {path} was made by other settings; training again')
        quiet = np.flatnonzero(noise_fold(self.silence) != fold)
        whole = joined(self.data, self.silence)
        model = fit.fit(
            model,
            whole,
            np.concatenate((chosen, quiet + len(self.data))),
            recipe,
            seed,
            self.backgrounds(fold),
            lambda step, loss: self.say(f'{name}: step {step}/{recipe.steps}, loss {loss:.3f}'),
            self.device,
            self._features(model, whole, recipe),
        )
        model = model.to('cpu')
        packed = pack(model.state_dict())
        save_torch(path, {'made_of': made_of, 'state': packed})
        # What is judged is what is kept: weights in eight bits.
        model.load_state_dict(unpack(packed), strict=False)
        return model.eval()

    def _features(self, model: VoiceModel, whole: Sounds, recipe: Recipe) -> np.ndarray | None:
        """Return the features of a frozen encoder; ``None`` if it is tuned."""
        if recipe.encoder_rate:
            return None
        noise = self.backgrounds()
        return frozen_features(
            model,
            whole,
            Augmenter(noise, self.device, 0, recipe.strength),
            Path(self.out) / 'cache',
            f'{self.encoder} {recipe.strength} {sha256(noise.tobytes()).hexdigest()}',
            self.say,
            self.device,
        )

    def backgrounds(self, fold: int = -1) -> np.ndarray:
        """Return recorded sound without speech, float32 (n,), but for that of a fold."""
        recorded = self.silence.speakers != 'nonspeech/made'
        rows = np.flatnonzero(recorded & (noise_fold(self.silence) != fold))
        return np.concatenate(
            [np.zeros(0, np.float32), *(self.silence.clip(row) for row in rows.tolist())]
        )

    def embeddings(self, model: VoiceModel, rows: np.ndarray) -> torch.Tensor:
        """Return the standardised embeddings of clips."""
        return fit.embeddings(model, self.data, rows, self.device)


def evened(model: VoiceModel, data: Sounds, chosen: np.ndarray) -> VoiceModel:
    """Return the model with :data:`EVENED` of the log share of each class taken off its logit.

    Surprise, which only some corpora have, would be named too rarely, and Neutral, into which
    Calm goes, too often.
    """
    share = class_shares(data, chosen)
    order = [0, 1, 2, 3, 4, 5, None, 3, None]
    shift = np.array(
        [0.0 if place is None else EVENED * np.log(share[place]) for place in order], np.float32
    )
    with torch.no_grad():
        # Of the two without a place in the six only their mean over the rest moves.
        shift[[6, 8]] = shift[:6].mean()
        model.head.last.bias.sub_(torch.from_numpy(shift))
    return model


def evened_shares(data: Sounds, chosen: np.ndarray) -> list[float]:
    """Return the mixture of the six classes that an evened model answers for."""
    left = np.array(class_shares(data, chosen)) ** (1 - EVENED)
    return [float(share) for share in left / left.sum()]


def noise_fold(silence: Sounds) -> np.ndarray:
    """Return a fold of P3 for each sound without speech: pieces of one recording share it."""
    return np.array([sum(name.encode()) % FOLDS for name in silence.names.tolist()])


def without(shop: Workshop, corpus: str) -> VoiceModel:
    """Return a model that never heard a corpus; without RAVDESS it is the base of P1 and P2."""
    others = np.flatnonzero(shop.data.corpora != corpus)
    if not others.size:
        raise TrainingError(f'no corpus besides {corpus} to train on first')
    return shop.stage(f'without_{corpus}', others, shop.full, 0)
