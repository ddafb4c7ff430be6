"""The training loop that every recipe runs through."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from emotion_training.common.files import (
    TrainingError,
    load_torch,
    save_json,
    save_torch,
    save_yaml,
)
from emotion_training.common.metrics import figures
from emotion_training.common.plots import save_curves
from emotion_training.fer.augment import BatchAugment, PhotoAugment
from emotion_training.fer.datasets import FaceSet
from emotion_training.fer.networks import FaceNet, torchvision_network
from emotion_training.fer.recipes import Phase, Recipe

_AHEAD = 4  # batches decoded before they are needed


def build_network(recipe: Recipe, classes: int, pretrained: bool = True) -> nn.Module:
    """Build the recipe's network for a number of classes.

    :param pretrained: start from the recipe's weights; else from random ones.
    """
    heads = len(recipe.head_weights)
    if recipe.network == 'facenet':
        return FaceNet(recipe.look.channels, classes, heads, recipe.stem, recipe.widths,
                       recipe.depths, recipe.dropout)
    if heads != 1:
        raise TrainingError(f'{recipe.network} has one head, but head_weights has {heads}')
    if recipe.look.channels != 3:
        raise TrainingError(f'{recipe.network} needs colour: rgb')
    return torchvision_network(recipe.network, classes,
                               recipe.weights if pretrained else 'none')


def soft_cross_entropy(logits: torch.Tensor, targets: torch.Tensor, recipe: Recipe,
                       class_weights: torch.Tensor | None) -> torch.Tensor:
    """Return the loss over all heads.

    :param logits: (n, heads * classes).
    :param targets: (n, heads, classes), rows as in :class:`FaceSet`.
    :param class_weights: (classes,) or ``None``.
    """
    count, heads, classes = targets.shape
    scores = functional.log_softmax(logits.float().view(count, heads, classes), dim=2)
    loss = scores.new_zeros(())
    for head, (weight, smoothing) in enumerate(zip(recipe.head_weights, recipe.smoothing)):
        target = targets[:, head]
        worth = target.sum(dim=1, keepdim=True)
        target = target * (1 - smoothing) + worth * smoothing / classes
        if class_weights is not None:
            target = target * class_weights
        # Divided by what the labels are worth together, as torch's weighted loss does.
        loss = loss - weight * (target * scores[:, head]).sum() / target.sum().clamp(min=1e-6)
    return loss


class MovingAverage:
    """Keep an exponential moving average of a network's weights.

    :param network: the network at the start.
    :param decay: share that is kept at each step, once warm.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's present weights and normalisation statistics."""
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mine, other in zip(self.network.state_dict().values(),
                               network.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.lerp_(other.to(mine.dtype), share)
            else:
                mine.copy_(other)


def epoch_order(faces: FaceSet, recipe: Recipe, generator: torch.Generator) -> list[int]:
    """Return the indices of one epoch in random order, balanced as the recipe says."""
    place = np.where(faces.truths[0] >= 0, faces.truths[0], faces.targets[:, 0].argmax(axis=1))
    if recipe.oversample:
        times = np.ones(len(faces.labels), int)
        for label, factor in recipe.oversample:
            times[faces.labels.index(label)] = factor
        repeated = torch.from_numpy(np.repeat(np.arange(len(faces)), times[place]))
        return repeated[torch.randperm(len(repeated), generator=generator)].tolist()
    if recipe.balance > 0:
        counts = np.bincount(place, minlength=len(faces.labels))
        weights = torch.from_numpy(counts[place].astype(np.float64) ** -recipe.balance)
        return torch.multinomial(weights, len(faces), True, generator=generator).tolist()
    return torch.randperm(len(faces), generator=generator).tolist()


def inverse_weights(faces: FaceSet) -> torch.Tensor:
    """Return n / (k n_class) for each class, from the labels as they are, float32 (k,)."""
    counts = np.bincount(faces.truths[0][faces.truths[0] >= 0], minlength=len(faces.labels))
    return torch.tensor(counts.sum() / (len(counts) * np.maximum(counts, 1)),
                        dtype=torch.float32)


@torch.no_grad()
def predict(network: nn.Module, recipe: Recipe, faces: FaceSet, device: torch.device,
            batch: int = 128) -> torch.Tensor:
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
    :raises TrainingError: if a split is empty, a class has no training picture, or the data set
        does not fit the recipe.
    """

    def __init__(self, recipe: Recipe, faces: FaceSet, folder: Path, device: str = 'auto',
                 workers: int = 2) -> None:
        self.recipe, self.folder, self.workers = recipe, Path(folder), workers
        self.train_set, self.valid_set = faces.of('train'), faces.of('valid')
        self._check(faces)
        cpu = device == 'cpu' or not torch.cuda.is_available()
        fast = torch.cpu._is_amx_tile_supported() if cpu else torch.cuda.is_bf16_supported()
        self.accelerator = Accelerator(cpu=cpu, mixed_precision='bf16' if fast else 'no')
        torch.manual_seed(recipe.seed)
        network = build_network(recipe, len(faces.labels))
        network = network.to(self.accelerator.device, memory_format=torch.channels_last)
        self.network = self.accelerator.prepare(network)
        self.average = MovingAverage(network, recipe.ema) if recipe.ema else None
        self.weights = None
        if recipe.class_weights == 'inverse':
            self.weights = inverse_weights(self.train_set).to(self.accelerator.device)
        self.data = {'name': faces.name, 'sha256': faces.digest, 'labels': list(faces.labels),
                     'counts': faces.counts()}
        self.history: list[dict[str, Any]] = []
        self.best, self.best_epoch, self.epoch = -math.inf, 0, 0
        self.optimizer, self.phase = self._start_phase(recipe.phases[0])

    def _check(self, faces: FaceSet) -> None:
        if len(faces.heads) < len(self.recipe.head_weights):
            raise TrainingError(f'the recipe has {len(self.recipe.head_weights)} heads, but '
                                f'{faces.name} has one label set; use head_weights of length 1')
        for split, part in (('training', self.train_set), ('validation', self.valid_set)):
            if not len(part):
                raise TrainingError(f'{faces.name} has no {split} pictures')
        counts = np.bincount(self.train_set.truths[0][self.train_set.truths[0] >= 0],
                             minlength=len(faces.labels))
        empty = [label for label, count in zip(faces.labels, counts) if not count]
        if empty:
            raise TrainingError(f'no training picture of {empty}: a network cannot learn a class '
                                'it never sees; add pictures or take other classes')
        strange = [label for label, _ in self.recipe.oversample if label not in faces.labels]
        if strange:
            raise TrainingError(f'the recipe oversamples {strange}, but the classes are '
                                f'{list(faces.labels)}')

    def _augmenter(self, phase: Phase) -> Callable[..., torch.Tensor]:
        if self.recipe.augment == 'batch':
            return BatchAugment(self.recipe.look, self.recipe.strength * phase.ease)
        if self.recipe.augment == 'photo':
            return PhotoAugment(self.recipe.look)
        return lambda images, generator: self.recipe.look.batch(images)

    def _start_phase(self, phase: Phase) -> tuple[torch.optim.Optimizer, Phase]:
        """Choose what is trained and make the phase's augmentation and optimizer."""
        self.augment = self._augmenter(phase)
        network = self.accelerator.unwrap_model(self.network)
        head = network.fc if hasattr(network, 'fc') else network.head
        network.requires_grad_(phase.trains == 'all')
        head.requires_grad_(True)
        decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
        others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
        groups = [{'params': decayed, 'weight_decay': self.recipe.weight_decay},
                  {'params': others, 'weight_decay': 0.0}]
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
            changed = sorted(key for key in {*before, *present}
                             if before.get(key) != present.get(key))
            if changed:
                detail = '; '.join(f'{key}: then {before.get(key)!r}, now {present.get(key)!r}'
                                   for key in changed)
                raise TrainingError(f'{self.folder} holds a run with another {part} ({detail}); '
                                    'give the same, or another --out')
        self.epoch = state['epoch']
        self.history, self.best = state['history'], state['best']
        self.best_epoch = state['best_epoch']
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
        while self.epoch < self.recipe.epochs and not self._out_of_patience():
            phase, place = self._phase_of(self.epoch)
            if place == 0 and self.epoch > 0:
                self.optimizer, self.phase = self._start_phase(phase)
            started = time.monotonic()
            train_loss = self._train_epoch(place)
            entry = {'epoch': self.epoch + 1, 'train_loss': train_loss, **self._validate(),
                     'seconds': round(time.monotonic() - started, 1)}
            self.history.append(entry)
            self.epoch += 1
            score = self._score(entry)
            if score > self.best:
                self.best, self.best_epoch = score, self.epoch
                if main:
                    save_torch(self.folder / self.recipe.output, self._kept().state_dict())
            if main:
                self._save_state()
                save_json(self.folder / 'history.json', self.history)
                save_curves(self.folder / 'curves.png', self.history, self.data['name'])
                tqdm.write(f'epoch {self.epoch}/{self.recipe.epochs}: '
                           f'loss {train_loss:.4f}, validation loss {entry["valid_loss"]:.4f}, '
                           f'accuracy {entry["accuracy"]:.4f}, macro-F1 {entry["macro_f1"]:.4f}'
                           f'{self._seconds(entry)}')
            self.accelerator.wait_for_everyone()
        return self.history[self.best_epoch - 1]

    def _save_sidecar(self) -> None:
        """Write the catalogue entry with which the runtime loads the weights by their path."""
        if self.recipe.network == 'facenet':
            return  # it goes to the runtime as ONNX, see emotion_training.fer.export
        look = self.recipe.look
        save_yaml((self.folder / self.recipe.output).with_suffix('.yaml'), {
            'task': 'fer', 'backend': 'torch', 'architecture': self.recipe.network,
            'labels': self.data['labels'],
            'input': {'size': look.size, 'colour': look.colour, 'mean': list(look.mean),
                      'std': list(look.std)}})

    @staticmethod
    def _seconds(entry: dict[str, Any]) -> str:
        extra = f', second head {entry["accuracy_2"]:.4f}' if 'accuracy_2' in entry else ''
        return f'{extra}, {entry["seconds"]:.0f} s'

    def _kept(self) -> nn.Module:
        """Return the network that is validated and saved."""
        if self.average is not None:
            return self.average.network
        return self.accelerator.unwrap_model(self.network)

    def _out_of_patience(self) -> bool:
        return 0 < self.recipe.patience <= self.epoch - self.best_epoch

    def _score(self, entry: dict[str, Any]) -> float:
        if self.recipe.monitor == 'loss':
            return -entry['valid_loss']
        if self.recipe.monitor == 'mean':
            return (entry['accuracy'] + entry['macro_f1']) / 2
        return entry[self.recipe.monitor]

    def _save_state(self) -> None:
        network = self.accelerator.unwrap_model(self.network)
        state = {'recipe': self.recipe.as_dict(), 'data': self.data, 'epoch': self.epoch,
                 'history': self.history, 'best': self.best, 'best_epoch': self.best_epoch,
                 'network': network.state_dict(), 'optimizer': self.optimizer.state_dict()}
        if self.average is not None:
            state['average'] = self.average.network.state_dict()
            state['average_steps'] = self.average.steps
        save_torch(self.folder / 'last.ckpt', state)

    def _train_epoch(self, place: int) -> float:
        """Run one epoch and return its mean loss.

        Every random choice follows from the seed and the epoch's number, so that a resumed run
        makes the choices that an uninterrupted one would have made.
        """
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        torch.manual_seed(self.recipe.seed * 100_003 + self.epoch * 101 + rank)
        shared = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.epoch)
        own = torch.Generator().manual_seed(self.recipe.seed * 7_919 + self.epoch * 131 + rank)
        order = epoch_order(self.train_set, self.recipe, shared)
        batches = [order[start:start + self.recipe.batch]
                   for start in range(0, len(order), self.recipe.batch)]
        if len(batches) > 1 and len(batches[-1]) < 2:
            batches.pop()  # batch normalisation needs two
        # All processes must take the same number of steps.
        batches = batches[:len(batches) - len(batches) % world or None] if world > 1 else batches
        mine = batches[rank::world]
        network = self.accelerator.unwrap_model(self.network)
        self.network.train()
        if self.phase.trains == 'head':
            network.eval()  # frozen features: their statistics stay as they were learnt
        total, device = 0.0, self.accelerator.device
        progress = tqdm(self._loaded(mine), total=len(mine), leave=False, mininterval=5,
                        desc=f'epoch {self.epoch + 1}/{self.recipe.epochs}',
                        disable=not self.accelerator.is_main_process)
        for step, (indices, images) in enumerate(progress):
            rate = self._rate((place + step / len(mine)) / self.phase.epochs)
            for group in self.optimizer.param_groups:
                group['lr'] = rate
            inputs = self.augment(images, own)
            targets = torch.from_numpy(
                self.train_set.targets[indices][:, :len(self.recipe.head_weights)])
            inputs, targets = self._mix(inputs, targets, own)
            inputs = inputs.to(device, memory_format=torch.channels_last)
            loss = soft_cross_entropy(self.network(inputs), targets.to(device), self.recipe,
                                      self.weights)
            self.accelerator.backward(loss)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            if self.average is not None:
                self.average.update(network)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingError(f'the loss became {value} in epoch {self.epoch + 1}: lower '
                                    'the learning rate')
            total += value
        return total / len(mine)

    def _rate(self, progress: float) -> float:
        """Return the learning rate at a share (0 to 1) of the phase."""
        if self.phase.schedule == 'constant':
            return self.phase.rate
        warm = 0.1
        if progress < warm:
            return self.phase.rate * (0.05 + 0.95 * progress / warm)
        return self.phase.rate * max(0.5 * (1 + math.cos(math.pi * (progress - warm)
                                                         / (1 - warm))), 1e-3)

    def _mix(self, inputs: torch.Tensor, targets: torch.Tensor,
             generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Blend the batch with itself in another order, in a share of the batches."""
        if torch.rand(1, generator=generator) >= self.recipe.mixup * self.phase.ease:
            return inputs, targets
        # Beta(0.4, 0.4) from the run's own generator (numpy's is not shared with torch).
        source = np.random.default_rng(int(torch.randint(2 ** 62, (1,), generator=generator)))
        share = float(source.beta(0.4, 0.4))
        other = torch.randperm(len(inputs), generator=generator)
        return inputs.lerp(inputs[other], share), targets.lerp(targets[other], share)

    def _loaded(self, batches: list[list[int]]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        """Yield each batch's indices and pictures, decoding ahead in threads."""
        if isinstance(self.train_set.pictures, np.ndarray):
            for indices in batches:
                yield indices, [self.train_set.picture(index) for index in indices]
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting = [[pool.submit(self.train_set.picture, index) for index in indices]
                       for indices in batches[:_AHEAD]]
            for number, indices in enumerate(batches):
                images = [future.result() for future in waiting.pop(0)]
                if number + _AHEAD < len(batches):
                    waiting.append([pool.submit(self.train_set.picture, index)
                                    for index in batches[number + _AHEAD]])
                yield indices, images

    def _validate(self) -> dict[str, float]:
        """Return the validation figures of the kept weights, by each head's own labels."""
        logits = predict(self._kept(), self.recipe, self.valid_set, self.accelerator.device)
        targets = torch.from_numpy(self.valid_set.targets[:, :len(self.recipe.head_weights)])
        entry = {'valid_loss': float(soft_cross_entropy(logits.flatten(1), targets, self.recipe,
                                                        None))}
        for head in range(len(self.recipe.head_weights)):
            truth = self.valid_set.truths[head]
            judged = truth >= 0
            if not judged.any():
                raise TrainingError(f'no validation picture has a {self.valid_set.heads[head]}')
            result = figures(logits[:, head].softmax(1).numpy()[judged], truth[judged])
            suffix = '' if head == 0 else f'_{head + 1}'
            entry.update({f'accuracy{suffix}': result.accuracy,
                          f'macro_f1{suffix}': result.macro_f1, f'uar{suffix}': result.uar})
        return entry
