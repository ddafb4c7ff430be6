# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run a recipe on a data set."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from tqdm import tqdm

from emotion_training.common.files import (
    TrainingError,
    load_torch,
    save_json,
    save_torch,
    save_yaml,
)
from emotion_training.common.loop import (
    Best,
    MovingAverage,
    decayed_apart,
    mixup,
    one_cycle,
    take_steps,
)
from emotion_training.common.metrics import figures
from emotion_training.common.plots import save_curves
from emotion_training.fer.augment import Chance
from emotion_training.fer.faceset import FaceSet
from emotion_training.fer.feed import Feed
from emotion_training.fer.losses import (
    Teachers,
    class_priors,
    distance_from,
    drawing_weights,
    epoch_order,
    inverse_weights,
    soft_cross_entropy,
)
from emotion_training.fer.mobilenet import MobileNet
from emotion_training.fer.networks import FaceNet, torchvision_network
from emotion_training.fer.recipes import Phase, Recipe

REST = 0.15
"""Last part of a phase, in which the pictures are distorted less if the recipe says so."""

PRIORS_STATED = ('facenet', 'mobilenet')
"""Networks that can be told how common the classes are."""

_SETTLED = 768
"""Pictures by which a network without batch normalisation gets its own."""


def build_network(recipe: Recipe, classes: int, pretrained: bool = True) -> nn.Module:
    """Build the recipe's network for a number of classes.

    :param pretrained: start from the recipe's weights; else from random ones.
    """
    heads = len(recipe.head_weights)
    if recipe.network == 'facenet':
        return FaceNet(
            recipe.look.channels,
            classes,
            heads,
            recipe.stem,
            recipe.widths,
            recipe.depths,
            recipe.dropout,
            recipe.excited,
            recipe.standardise,
            recipe.enlarge,
        )
    if recipe.network == 'mobilenet':
        if recipe.look.channels != 1:
            raise TrainingError('mobilenet needs colour: grey')
        network = MobileNet(classes, heads, recipe.dropout, recipe.side)
        if pretrained and recipe.weights != 'none':
            network.load_published(Path(recipe.weights))
        return network
    if heads != 1:
        raise TrainingError(f'{recipe.network} has one head, but head_weights has {heads}')
    if recipe.look.channels != 3:
        raise TrainingError(f'{recipe.network} needs colour: rgb')
    return torchvision_network(recipe.network, classes, recipe.weights if pretrained else 'none')


@torch.no_grad()
def predict(
    network: nn.Module, recipe: Recipe, faces: FaceSet, device: torch.device, batch: int = 128
) -> torch.Tensor:
    """Return the logits (n, heads, classes) of every picture, float32 on the CPU."""
    network.eval()
    outputs = []
    for start in range(0, len(faces), batch):
        images = [faces.picture(index) for index in range(start, min(start + batch, len(faces)))]
        inputs = recipe.look.batch(images).to(device, memory_format=torch.channels_last)
        outputs.append(network(inputs).float().cpu())
    return torch.cat(outputs).view(len(faces), len(recipe.head_weights), -1)


class Trainer:
    """Run a recipe on a data set, epoch by epoch, resumable and reproducible.

    Writes into ``folder``: ``recipe.yaml``, ``data.json``, ``history.json``, ``curves.png``,
    ``last.ckpt`` (everything that is needed to go on), and the best weights under the recipe's
    ``output`` name.

    :param recipe: what to do.
    :param faces: the data set, with a train and a validation split.
    :param folder: where the run lives.
    :param device: ``'auto'`` or ``'cpu'``.
    :param workers: threads that decode pictures.
    :param teachers: trained networks that judge what the network sees.
    :raises TrainingError: if a split is empty, a class has no training picture, or the data set
        does not fit the recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        faces: FaceSet,
        folder: Path,
        device: str = 'auto',
        workers: int = 2,
        teachers: Sequence[nn.Module] = (),
    ) -> None:
        self.recipe, self.folder = recipe, Path(folder)
        self.train_set, self.valid_set = faces.of('train'), faces.of('valid')
        self._check(faces)
        cpu = device == 'cpu' or not torch.cuda.is_available()
        fast = torch.cpu._is_amx_tile_supported() if cpu else torch.cuda.is_bf16_supported()
        self.accelerator = Accelerator(cpu=cpu, mixed_precision='bf16' if fast else 'no')
        torch.manual_seed(recipe.seed)
        # Any: torch's own annotations know no memory format, and Accelerate has none.
        network: Any = build_network(recipe, len(faces.labels))
        if recipe.adjust:
            network.state_priors(
                class_priors(self.train_set, drawing_weights(self.train_set, recipe.balance)),
                class_priors(self.train_set),
            )
        network = network.to(self.accelerator.device, memory_format=torch.channels_last)
        self.feed = Feed(self.train_set, recipe, self.accelerator.device, workers)
        if isinstance(network, MobileNet):
            network.settle(self._some_pictures(_SETTLED))
        self.network = self.accelerator.prepare(network)
        self.average = MovingAverage(network, recipe.ema) if recipe.ema else None
        self.weights = None
        if recipe.class_weights == 'inverse':
            self.weights = inverse_weights(self.train_set).to(self.accelerator.device)
        self.teachers = (
            Teachers([teacher.to(self.accelerator.device) for teacher in teachers])
            if teachers
            else None
        )
        self.data: dict[str, Any] = {
            'name': faces.name,
            'sha256': faces.digest,
            'labels': list(faces.labels),
            'counts': faces.counts(),
        }
        self.history: list[dict[str, Any]] = []
        self.best, self.epoch = Best(recipe.patience), 0
        self.optimizer, self.phase = self._start_phase(recipe.phases[0])

    def _check(self, faces: FaceSet) -> None:
        if len(faces.heads) < len(self.recipe.head_weights):
            raise TrainingError(
                f'the recipe has {len(self.recipe.head_weights)} heads, but '
                f'{faces.name} has one label set; use head_weights of length 1'
            )
        for split, part in (('training', self.train_set), ('validation', self.valid_set)):
            if not len(part):
                raise TrainingError(f'{faces.name} has no {split} pictures')
        counts = np.bincount(
            self.train_set.truths[0][self.train_set.truths[0] >= 0], minlength=len(faces.labels)
        )
        empty = [label for label, count in zip(faces.labels, counts) if not count]
        if empty:
            raise TrainingError(
                f'no training picture of {empty}: a network cannot learn a class '
                'it never sees; add pictures or take other classes'
            )
        if self.recipe.adjust and (
            self.recipe.network not in PRIORS_STATED or self.recipe.oversample
        ):
            raise TrainingError(
                f'adjust is for {" and ".join(PRIORS_STATED)}, balanced by `balance`'
            )
        strange = [label for label, _ in self.recipe.oversample if label not in faces.labels]
        if strange:
            raise TrainingError(
                f'the recipe oversamples {strange}, but the classes are {list(faces.labels)}'
            )

    def _some_pictures(self, count: int) -> torch.Tensor:
        """Return distorted training pictures, (count, channels, size, size)."""
        some = np.random.default_rng(self.recipe.seed).permutation(len(self.train_set))[:count]
        chance = Chance(self.recipe.seed, self.accelerator.device)
        return torch.cat([seen for _, seen in self.feed.batches([some.tolist()], [1.0], chance)])

    def _start_phase(self, phase: Phase) -> tuple[torch.optim.Optimizer, Phase]:
        """Choose what is trained and make the phase's optimizer."""
        network = self.accelerator.unwrap_model(self.network)
        head = network.fc if hasattr(network, 'fc') else network.head
        network.requires_grad_(phase.trains == 'all')
        head.requires_grad_(True)
        groups = decayed_apart(network, self.recipe.weight_decay, head, self.recipe.head_rate)
        optimizer: torch.optim.Optimizer
        if self.recipe.optimizer == 'sgd':
            optimizer = torch.optim.SGD(groups, lr=phase.rate, momentum=0.9, nesterov=True)
        else:
            kind = torch.optim.Adam if self.recipe.optimizer == 'adam' else torch.optim.AdamW
            optimizer = kind(groups, lr=phase.rate)
        return self.accelerator.prepare(optimizer), phase

    def _phase_of(self, epoch: int) -> tuple[Phase, int]:
        """Return the phase of an epoch (from 0) and the epoch's place in it."""
        for phase in self.recipe.phases:
            if epoch < phase.epochs:
                return phase, epoch
            epoch -= phase.epochs
        raise IndexError('past the last phase')

    def resume(self) -> None:
        """Go on from ``last.ckpt``.

        :raises TrainingError: if there is none, or it comes from another recipe or other data.
        """
        state = load_torch(self.folder / 'last.ckpt')
        mine = {'recipe': self.recipe.as_dict(), 'data': self.data}
        for part, present in mine.items():
            before = state[part]
            changed = sorted(
                key for key in {*before, *present} if before.get(key) != present.get(key)
            )
            if changed:
                detail = '; '.join(
                    f'{key}: then {before.get(key)!r}, now {present.get(key)!r}' for key in changed
                )
                raise TrainingError(
                    f'{self.folder} holds a run with another {part} ({detail}); '
                    'give the same, or another --out'
                )
        self.epoch = state['epoch']
        self.history = state['history']
        self.best.score, self.best.at = state['best'], state['best_epoch']
        network = self.accelerator.unwrap_model(self.network)
        network.load_state_dict(state['network'])
        if self.average is not None:
            self.average.network.load_state_dict(state['average'])
            self.average.steps = state['average_steps']
        if self.epoch < self.recipe.epochs:
            phase, place = self._phase_of(self.epoch)
            self.optimizer, self.phase = self._start_phase(phase)
            if place > 0:
                self.optimizer.load_state_dict(state['optimizer'])

    def run(self) -> dict[str, Any]:
        """Train to the end, or until patience is spent.

        :return: the history entry of the best epoch.
        """
        main = self.accelerator.is_main_process
        if main:
            save_yaml(self.folder / 'recipe.yaml', self.recipe.as_dict())
            save_json(self.folder / 'data.json', self.data)
            self._save_sidecar()
        while self.epoch < self.recipe.epochs and not self.best.is_past(self.epoch):
            phase, place = self._phase_of(self.epoch)
            if place == 0 and self.epoch > 0:
                self.optimizer, self.phase = self._start_phase(phase)
            started = time.monotonic()
            train_loss = self._train_epoch(place)
            entry = {
                'epoch': self.epoch + 1,
                'train_loss': train_loss,
                **self._validate(),
                'seconds': round(time.monotonic() - started, 1),
            }
            self.history.append(entry)
            self.epoch += 1
            if self.best.rises(self._score(entry), self.epoch) and main:
                save_torch(self.folder / self.recipe.output, self._kept().state_dict())
            if main:
                self._save_state()
                save_json(self.folder / 'history.json', self.history)
                save_curves(self.folder / 'curves.png', self.history, self.data['name'])
                tqdm.write(
                    f'epoch {self.epoch}/{self.recipe.epochs}: '
                    f'loss {train_loss:.4f}, validation loss {entry["valid_loss"]:.4f}, '
                    f'accuracy {entry["accuracy"]:.4f}, macro-F1 {entry["macro_f1"]:.4f}'
                    f'{self._seconds(entry)}'
                )
            self.accelerator.wait_for_everyone()
        return self.history[self.best.at - 1]

    def _save_sidecar(self) -> None:
        """Write the catalogue entry with which the runtime loads the weights by their path."""
        if self.recipe.network in PRIORS_STATED:
            return  # it goes to the runtime as ONNX, see emotion_training.fer.export
        look = self.recipe.look
        save_yaml(
            (self.folder / self.recipe.output).with_suffix('.yaml'),
            {
                'task': 'fer',
                'backend': 'torch',
                'architecture': self.recipe.network,
                'labels': self.data['labels'],
                'input': {
                    'size': look.size,
                    'colour': look.colour,
                    'mean': list(look.mean),
                    'std': list(look.std),
                },
            },
        )

    @staticmethod
    def _seconds(entry: dict[str, Any]) -> str:
        extra = f', second head {entry["accuracy_2"]:.4f}' if 'accuracy_2' in entry else ''
        return f'{extra}, {entry["seconds"]:.0f} s'

    def _kept(self) -> nn.Module:
        """Return the network that is validated and saved."""
        if self.average is not None:
            return self.average.network
        return self.accelerator.unwrap_model(self.network)

    def _score(self, entry: dict[str, Any]) -> float:
        if self.recipe.monitor == 'loss':
            return -entry['valid_loss']
        if self.recipe.monitor == 'last':
            return entry['epoch']
        if self.recipe.monitor == 'mean':
            return (entry['accuracy'] + entry['macro_f1']) / 2
        return entry[self.recipe.monitor]

    def _save_state(self) -> None:
        network = self.accelerator.unwrap_model(self.network)
        state = {
            'recipe': self.recipe.as_dict(),
            'data': self.data,
            'epoch': self.epoch,
            'history': self.history,
            'best': self.best.score,
            'best_epoch': self.best.at,
            'network': network.state_dict(),
            'optimizer': self.optimizer.state_dict(),
        }
        if self.average is not None:
            state['average'] = self.average.network.state_dict()
            state['average_steps'] = self.average.steps
        save_torch(self.folder / 'last.ckpt', state)

    def _train_epoch(self, place: int) -> float:
        """Run one epoch and return its mean loss.

        Every random choice follows from the seed and the epoch's number, so that a resumed run
        makes the choices that an uninterrupted one would have made.
        """
        rank = self.accelerator.process_index
        torch.manual_seed(self.recipe.seed * 100_003 + self.epoch * 101 + rank)
        chance = Chance(
            self.recipe.seed * 7_919 + self.epoch * 131 + rank, self.accelerator.device
        )
        mine = self._share_of_epoch()
        self.network.train()
        if self.phase.trains == 'head':
            # Frozen features: their statistics stay as they were learnt.
            self.accelerator.unwrap_model(self.network).eval()
        ease = [
            self._ease((place + step / len(mine)) / self.phase.epochs) for step in range(len(mine))
        ]
        progress = tqdm(
            self._batches(mine, ease, chance),
            total=len(mine),
            leave=False,
            mininterval=5,
            desc=f'epoch {self.epoch + 1}/{self.recipe.epochs}',
            disable=not self.accelerator.is_main_process,
        )
        return take_steps(
            self.accelerator.unwrap_model(self.network),
            progress,
            self._loss,
            self.optimizer,
            lambda step, group: (
                group['share'] * self._rate((place + step / len(mine)) / self.phase.epochs)
            ),
            self.average,
            self.recipe.clip,
            self.accelerator.backward,
        )

    def _share_of_epoch(self) -> list[list[int]]:
        """Return the batches that this process takes of the epoch."""
        world = self.accelerator.num_processes
        shared = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.epoch)
        order = epoch_order(self.train_set, self.recipe, shared)
        batches = [
            order[start : start + self.recipe.batch]
            for start in range(0, len(order), self.recipe.batch)
        ]
        if len(batches) > 1 and len(batches[-1]) < 2:
            batches.pop()  # batch normalisation needs two
        # All processes must take the same number of steps.
        batches = batches[: len(batches) - len(batches) % world or None] if world > 1 else batches
        return batches[self.accelerator.process_index :: world]

    def _batches(
        self, mine: list[list[int]], ease: list[float], chance: Chance
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield pictures and targets, blended in pairs where the recipe mixes."""
        device = self.accelerator.device
        seen = zip(ease, self.feed.batches(mine, ease, chance))
        for amount, (indices, images) in seen:
            targets = torch.from_numpy(
                self.train_set.targets[indices][:, : len(self.recipe.head_weights)]
            ).to(device)
            images, targets = mixup(chance.host, self.recipe.mixup * amount, images, targets)
            yield images.contiguous(memory_format=torch.channels_last), targets

    def _loss(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        images, targets = batch
        logits = self.network(images)
        if self.teachers is None:
            return soft_cross_entropy(logits, targets, self.recipe, self.weights)
        with self.accelerator.autocast():
            taught = self.teachers(images, self.accelerator.unwrap_model(self.network))
        share = self.recipe.taught
        return share * distance_from(taught, logits, self.recipe, targets.shape[2]) + (
            1 - share
        ) * soft_cross_entropy(logits, targets, self.recipe, self.weights)

    def _ease(self, progress: float) -> float:
        """Return what the augmentation is multiplied by at a share (0 to 1) of the phase."""
        return self.phase.ease * (self.phase.rest if progress >= 1 - REST else 1)

    def _rate(self, progress: float) -> float:
        """Return the learning rate at a share (0 to 1) of the phase."""
        if self.phase.schedule == 'constant':
            return self.phase.rate
        return self.phase.rate * one_cycle(progress, self.recipe.warm)

    def _validate(self) -> dict[str, float]:
        """Return the validation figures of the kept weights, by each head's own labels."""
        logits = predict(self._kept(), self.recipe, self.valid_set, self.accelerator.device)
        targets = torch.from_numpy(self.valid_set.targets[:, : len(self.recipe.head_weights)])
        entry = {
            'valid_loss': float(soft_cross_entropy(logits.flatten(1), targets, self.recipe, None))
        }
        for head in range(len(self.recipe.head_weights)):
            truth = self.valid_set.truths[head]
            judged = truth >= 0
            if not judged.any():
                raise TrainingError(f'no validation picture has a {self.valid_set.heads[head]}')
            result = figures(logits[:, head].softmax(1).numpy()[judged], truth[judged])
            suffix = '' if head == 0 else f'_{head + 1}'
            entry.update(
                {
                    f'accuracy{suffix}': result.accuracy,
                    f'macro_f1{suffix}': result.macro_f1,
                    f'uar{suffix}': result.uar,
                }
            )
        return entry
