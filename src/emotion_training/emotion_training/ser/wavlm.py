# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The reports' first recipe: WavLM fine-tuned as a six-class sequence classifier.

Chen et al., "WavLM", IEEE JSTSP 16(6), 2022. It hears the same sound as the default and learns at
the same kind of pace: the new layers first, then the transformer gently; its convolutions stay as
they are. The loss is cross-entropy weighted by inverse class frequency; the checkpoint with the
best macro-F1 on held-out speakers is kept, as a Transformers directory ``wavlm_ser_model/`` and
the same weights in ``wavlm_ser_model.pth``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models.catalog import SpeechInput
from emotion_perception.models.speech import prepare
from emotion_training.common.files import TrainingError, save_json, save_torch
from emotion_training.common.loop import Best
from emotion_training.common.metrics import figures
from emotion_training.ser.augment import Augmenter
from emotion_training.ser.batches import Player
from emotion_training.ser.encoders import HiddenStates, loading, normalised
from emotion_training.ser.pace import Pace, learn, seeded
from emotion_training.ser.splits import held_out
from emotion_training.ser.voice import six_labels
from emotion_training.ser.workshop import Workshop

NAME = 'wavlm_ser_model'
INPUT = SpeechInput(long='centre', pad_seconds=0.5)


@dataclass(frozen=True)
class WavlmRecipe(Pace):
    """How WavLM is fine-tuned.

    :param pooling: over time: mean, mean_std or attention.
    :param epochs: passes over the clips; after each the model is judged.
    :param batch: clips a step.
    :param seconds: longer clips are cut at random in training.
    """

    head_rate: float = 2e-4
    encoder_rate: float = 2e-5
    depth_decay: float = 1.0
    decay: float = 0.01
    pooling: str = 'mean'
    epochs: int = 10
    batch: int = 16
    seconds: float = 6.0


class Classifier:
    """A WavLM that takes waveforms at 16 kHz as they are levelled.

    :param name: folder or hub id of a WavLM.
    :param changes: to its configuration.
    :raises TrainingError: if it is neither a folder nor in reach of the hub, or no WavLM.
    """

    def __init__(self, name: str, **changes: Any) -> None:
        from emotion_perception.models.transformers_backend import import_transformers

        transformers = import_transformers()
        from emotion_perception.models.wavlm_pooling import PooledWavLM

        with loading(name) as local:
            config = transformers.AutoConfig.from_pretrained(name, local_files_only=local)
            config.update(changes)
            if config.model_type != 'wavlm':
                raise TrainingError(
                    f'{name} is a {config.model_type} model, no WavLM; `--recipe default` takes '
                    'encoders of other families, too'
                )
            self.extractor = transformers.AutoFeatureExtractor.from_pretrained(
                name, local_files_only=local
            )
            self.model: Any = PooledWavLM.from_pretrained(
                name, config=config, local_files_only=local, ignore_mismatched_sizes=True
            )

    def heard(self, sound: torch.Tensor) -> torch.Tensor:
        """Return waveforms (n, samples) as the model wants them."""
        return normalised(sound) if self.extractor.do_normalize else sound

    def save(self, folder: Path) -> None:
        """Write a Transformers directory, and its weights again as ``FOLDER.pth``."""
        self.model.save_pretrained(folder)
        self.extractor.save_pretrained(folder)
        save_torch(
            folder.with_name(folder.name + '.pth'),
            {name: value.cpu() for name, value in self.model.state_dict().items()},
        )


def train_wavlm(shop: Workshop, recipe: WavlmRecipe, seed: int = 0) -> Path:
    """Fine-tune on clips of the six classes and save the best checkpoint.

    :return: the directory ``wavlm_ser_model``; ``wavlm_history.json`` beside it holds the loss and
        figures of each epoch.
    :raises TrainingError: if there are too few clips or the start cannot be loaded.
    """
    data, device, out = shop.data, shop.device, Path(shop.out)
    truth = six_labels(data.labels)
    train, valid = held_out(data, np.flatnonzero(truth >= 0), shop.say)
    rng = seeded(seed)
    classifier = Classifier(
        shop.encoder,
        num_labels=len(EMOTIONS),
        id2label=dict(enumerate(EMOTIONS)),
        label2id={label: index for index, label in enumerate(EMOTIONS)},
        pooling=recipe.pooling,
    )
    model = classifier.model.to(device)
    balance = _inverse(truth[train]).to(device)
    player = Player(data, device, Augmenter(shop.backgrounds(), device, seed))

    def batches() -> Iterator[np.ndarray]:
        while True:
            order = rng.permutation(train)
            yield from np.split(order, range(recipe.batch, len(order), recipe.batch))

    def loss(rows: np.ndarray) -> torch.Tensor:
        seconds = min(recipe.seconds, float(data.lengths[rows].max()) / RATE)
        # Few lengths, as in the default's batches.
        sound = player.play(rows, math.ceil(2 * seconds) / 2, np.arange(len(rows)))
        logits = model(classifier.heard(sound)).logits.float()
        return functional.cross_entropy(
            logits, torch.from_numpy(truth[rows]).to(device), weight=balance
        )

    each = -(-len(train) // recipe.batch)
    history: list[dict[str, Any]] = []
    best = Best()

    def judged(step: int, loss: float) -> None:
        model.eval()
        probabilities = np.stack([_probabilities(classifier, data.clip(row)) for row in valid])
        model.train()
        found = figures(probabilities, truth[valid])
        history.append(
            {
                'epoch': step // each,
                'train_loss': loss,
                'accuracy': found.accuracy,
                'uar': found.uar,
                'macro_f1': found.macro_f1,
            }
        )
        shop.say(
            f'epoch {step // each}/{recipe.epochs}: loss {loss:.3f}, macro-F1 {found.macro_f1:.3f}'
        )
        if best.rises(found.macro_f1, step // each):
            classifier.save(out / NAME)
        save_json(
            out / 'wavlm_history.json',
            {
                'encoder': shop.encoder,
                'recipe': asdict(recipe),
                'best_macro_f1': best.score,
                'history': history,
                'validation_speakers': sorted(set(data.speakers[valid].tolist())),
            },
        )

    learn(
        model,
        [value for name, value in model.named_parameters() if not name.startswith('wavlm.')],
        HiddenStates(model.wavlm, False).depths(),
        recipe,
        recipe.epochs * each,
        batches(),
        loss,
        device,
        every=each,
        watch=judged,
    )
    shop.say(f'written: {out / NAME} and {NAME}.pth, best macro-F1 {best.score:.3f}')
    return out / NAME


def _inverse(labels: np.ndarray) -> torch.Tensor:
    """Return the inverse frequency of each class, of mean 1 over those that are there."""
    count = np.bincount(labels, minlength=len(EMOTIONS))
    inverse = np.where(count > 0, len(labels) / np.maximum(count, 1), 0.0)
    return torch.tensor(inverse / inverse[count > 0].mean(), dtype=torch.float32)


def _probabilities(classifier: Classifier, clip: np.ndarray) -> np.ndarray:
    """Return what the runtime would make of a clip, (6,)."""
    sound = torch.from_numpy(prepare(clip, RATE, INPUT)).to(classifier.model.device)
    with torch.inference_mode():
        return softmax(classifier.model(classifier.heard(sound)).logits[0].cpu().numpy())
