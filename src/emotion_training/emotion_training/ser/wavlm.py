# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The reports' first recipe: WavLM fine-tuned as a six-class sequence classifier.

Chen et al., "WavLM", IEEE JSTSP 16(6), 2022. The convolutional feature encoder stays frozen; the
loss is cross-entropy weighted by inverse class frequency; the checkpoint with the best macro-F1 on
held-out speakers is kept, as a Transformers directory ``wavlm_ser_model/`` and the same weights in
``wavlm_ser_model.pth``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models.catalog import SpeechInput
from emotion_perception.models.speech import prepare
from emotion_training.common.files import TrainingError, save_json, save_torch, save_yaml
from emotion_training.common.metrics import figures
from emotion_training.ser.corpora import Clip
from emotion_training.ser.protocols import Say
from emotion_training.ser.sound import read_native
from emotion_training.ser.splits import check_disjoint, random_split, speaker_folds

NAME = 'wavlm_ser_model'
INPUT = SpeechInput(max_seconds=10.0, long='centre')


@dataclass(frozen=True)
class WavlmRecipe:
    """How WavLM is fine-tuned."""

    start: str = 'microsoft/wavlm-base'
    pooling: str = 'mean'  # mean, mean_std, attention
    epochs: int = 10
    batch: int = 8
    accumulate: int = 2  # batches per optimiser step
    rate: float = 2e-5  # of the transformer; the new layers learn ten times faster
    warmup: float = 0.1
    folds: int = 10  # one of so many parts of the speakers validates
    seconds: float = 6.0  # longer clips are cut at random in training


def train_wavlm(
    clips: Sequence[Clip], out: Path, recipe: WavlmRecipe, say: Say, seed: int = 0
) -> Path:
    """Fine-tune on clips of the six classes and save the best checkpoint.

    :return: the directory ``wavlm_ser_model``; ``wavlm_history.json`` beside it holds the loss and
        figures of each epoch.
    :raises TrainingError: if there are too few clips or the start cannot be loaded.
    """
    clips = [clip for clip in clips if clip.label in EMOTIONS or clip.label == 'Calm']
    if len(clips) < 4:
        raise TrainingError(f'{len(clips)} clips of sound of the six classes are too few')
    truth = np.array(
        [EMOTIONS.index('Neutral' if clip.label == 'Calm' else clip.label) for clip in clips]
    )
    train, valid = _split(clips, recipe.folds, seed, say)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model, extractor = load_start(recipe)
    model.freeze_feature_encoder()
    model.to(device)
    count = np.bincount(truth[train], minlength=len(EMOTIONS))
    inverse = np.where(count > 0, len(train) / np.maximum(count, 1), 0.0)
    balance = torch.tensor(inverse / inverse[count > 0].mean(), dtype=torch.float32, device=device)
    new: list[torch.nn.Parameter] = []
    old: list[torch.nn.Parameter] = []
    for name, value in model.named_parameters():
        if value.requires_grad:
            (old if name.startswith('wavlm.') else new).append(value)
    optimiser = torch.optim.AdamW(
        [{'params': old, 'lr': recipe.rate}, {'params': new, 'lr': 10 * recipe.rate}],
        weight_decay=0.01,
    )
    batches = -(-len(train) // recipe.batch)
    total = max(1, recipe.epochs * -(-batches // recipe.accumulate))
    warm = max(1, round(total * recipe.warmup))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.0, (total - step) / total))
    )
    history, best, folder = [], -1.0, Path(out) / NAME
    for epoch in range(recipe.epochs):
        model.train()
        order, losses = rng.permutation(train), []
        for number in range(batches):
            rows = order[number * recipe.batch : (number + 1) * recipe.batch]
            sounds = [_cut(_sound(clips[row]), recipe.seconds, rng) for row in rows]
            logits = model(**_inputs(extractor, sounds, device)).logits
            loss = functional.cross_entropy(
                logits, torch.tensor(truth[rows], device=device), weight=balance
            )
            (loss / recipe.accumulate).backward()
            if (number + 1) % recipe.accumulate == 0 or number + 1 == batches:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
            losses.append(float(loss.detach()))
        found = figures(
            _predict(model, extractor, [clips[row] for row in valid.tolist()], device),
            truth[valid],
        )
        history.append(
            {
                'epoch': epoch + 1,
                'train_loss': float(np.mean(losses)),
                'accuracy': found.accuracy,
                'uar': found.uar,
                'macro_f1': found.macro_f1,
            }
        )
        say(
            f'epoch {epoch + 1}/{recipe.epochs}: loss {np.mean(losses):.3f}, '
            f'macro-F1 {found.macro_f1:.3f}'
        )
        if found.macro_f1 > best:
            best = found.macro_f1
            save_model(model, extractor, folder)
        save_json(
            Path(out) / 'wavlm_history.json',
            {
                'recipe': asdict(recipe),
                'best_macro_f1': best,
                'history': history,
                'validation_speakers': sorted({clips[row].speaker for row in valid}),
            },
        )
    say(f'written: {folder} and {folder}.pth, best macro-F1 {best:.3f}')
    return folder


def load_start(recipe: WavlmRecipe) -> tuple[Any, Any]:
    """Return the pretrained model with a new head of six outputs, and its feature extractor.

    :raises TrainingError: if it is neither a directory nor in reach of the hub.
    """
    _import_transformers()
    from transformers import AutoConfig, AutoFeatureExtractor

    from emotion_perception.models.wavlm_pooling import PooledWavLM

    try:
        config = AutoConfig.from_pretrained(
            recipe.start,
            num_labels=len(EMOTIONS),
            id2label=dict(enumerate(EMOTIONS)),
            label2id={label: index for index, label in enumerate(EMOTIONS)},
        )
        config.pooling = recipe.pooling
        extractor = AutoFeatureExtractor.from_pretrained(recipe.start)
        model = PooledWavLM.from_pretrained(
            recipe.start, config=config, ignore_mismatched_sizes=True
        )
    except (OSError, ValueError) as error:
        raise TrainingError(
            f'{recipe.start}: cannot be loaded ({" ".join(str(error).split())}); '
            'give a directory written by save_pretrained with --wavlm'
        ) from error
    return model, extractor


def save_model(model: Any, extractor: Any, folder: Path) -> None:
    """Write a Transformers directory, and its weights again as ``FOLDER.pth``."""
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    save_torch(
        folder.with_name(folder.name + '.pth'),
        {name: value.cpu() for name, value in model.state_dict().items()},
    )


class WavlmHead:
    """The classifier of a saved WavLM model; see :class:`emotion_training.ser.adapt.Head`.

    :param folder: written by :func:`train_wavlm`.
    """

    def __init__(self, folder: Path) -> None:
        _import_transformers()
        from transformers import AutoFeatureExtractor

        from emotion_perception.models.wavlm_pooling import PooledWavLM

        self._model = PooledWavLM.from_pretrained(folder).eval()
        if [
            self._model.config.id2label[index] for index in range(self._model.config.num_labels)
        ] != list(EMOTIONS):
            raise TrainingError(f'{folder}: its classes are not {list(EMOTIONS)}')
        self._extractor = AutoFeatureExtractor.from_pretrained(folder)
        self.weight = self._model.classifier.weight.detach().numpy().copy()
        self.bias = self._model.classifier.bias.detach().numpy().copy()

    def listen(self, clips: Sequence[np.ndarray]) -> None:
        """Take nothing in: this model knows no voices."""

    def embed(self, pieces: np.ndarray) -> np.ndarray:
        """Return the mean pooled vector (d,) of the pieces (k, samples) of one clip."""
        with torch.inference_mode():
            inputs = _inputs(self._extractor, list(pieces), 'cpu')
            return self._model.embed(**inputs).mean(dim=0).numpy()

    def logits(
        self, embedding: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Return the six logits (n, 6) of embeddings (n, d)."""
        return functional.linear(embedding, weight, bias)

    def save(
        self, path: Path, weight: np.ndarray, bias: np.ndarray, entry: dict[str, Any]
    ) -> None:
        """Write the model with another head as a directory, its ``.pth`` and its sidecar."""
        with torch.no_grad():
            self._model.classifier.weight.copy_(torch.from_numpy(weight))
            self._model.classifier.bias.copy_(torch.from_numpy(bias))
        save_model(self._model, self._extractor, path)
        save_yaml(path.with_name(path.name + '.yaml'), entry)


def _import_transformers() -> None:
    """Import torchvision the way that works with builds that lack its compiled operators."""
    from emotion_perception.models.torch_compat import import_torchvision

    try:
        import_torchvision()
    except ImportError:
        pass  # Transformers does without it
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _split(
    clips: Sequence[Clip], folds: int, seed: int, say: Say
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (train, validation): MELD's own parts stay, the rest by speaker.

    MELD's speakers stand in its train and dev parts alike, so there its own parts are kept and
    the speakers are not disjoint.
    """
    speakers = np.array([clip.speaker for clip in clips])
    parts = np.array([clip.part for clip in clips])
    own = parts == ''
    valid = parts == 'dev'
    keep = parts != 'test'
    if own.any():
        rows = np.flatnonzero(own)
        names = np.unique(speakers[rows])
        if len(names) > 1:
            corpora = np.array([clips[row].corpus for row in rows.tolist()])
            fold = speaker_folds(speakers[rows], corpora, min(folds, len(names)), seed)
            valid[rows] = fold == 0
            check_disjoint(speakers, rows[fold != 0], rows[fold == 0])
        else:
            say('one speaker only: validating on other clips of the same voice')
            valid[rows[random_split(len(rows), 0.2, seed)[1]]] = True
    train = np.flatnonzero(keep & ~valid)
    valid = np.flatnonzero(keep & valid)
    if not len(train) or not len(valid):
        raise TrainingError('the clips do not give both a training and a validation part')
    return train, valid


def _sound(clip: Clip) -> np.ndarray:
    samples, rate = read_native(clip.path)
    return prepare(samples, rate, INPUT)[0]


def _cut(samples: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    longest = round(seconds * INPUT.rate)
    if samples.size <= longest:
        return np.pad(samples, (0, max(0, INPUT.rate // 2 - samples.size)))
    start = int(rng.integers(samples.size - longest + 1))
    return samples[start : start + longest]


def _inputs(extractor: Any, sounds: list[np.ndarray], device: str) -> dict[str, Any]:
    batch = extractor(sounds, sampling_rate=INPUT.rate, padding=True, return_tensors='pt')
    return {name: value.to(device) for name, value in batch.items()}


def _predict(
    model: torch.nn.Module, extractor: Any, clips: Sequence[Clip], device: str
) -> np.ndarray:
    model.eval()
    rows = []
    with torch.inference_mode():
        for clip in clips:
            sound = _sound(clip)
            sound = np.pad(sound, (0, max(0, INPUT.rate // 2 - sound.size)))
            rows.append(model(**_inputs(extractor, [sound], device)).logits[0].cpu().numpy())
    return softmax(np.stack(rows))
