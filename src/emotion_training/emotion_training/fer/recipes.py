# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recipes: everything that decides a training run besides the data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emotion_training.common.files import TrainingError
from emotion_training.fer.augment import Look

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own rate.

    :param epochs: how many.
    :param rate: learning rate; the peak, for ``'onecycle'``.
    :param trains: ``'head'`` (the last layer alone) or ``'all'``.
    :param schedule: ``'constant'``, or ``'onecycle'``: a linear warm-up, then half a cosine.
    :param ease: multiplies the recipe's augmentation strength and mixup in this phase.
    :param rest: multiplies them once more in the last 15 % of it: the weights come to rest on
        pictures as they are.
    """

    epochs: int
    rate: float
    trains: str = 'all'
    schedule: str = 'constant'
    ease: float = 1.0
    rest: float = 1.0

    def __post_init__(self) -> None:
        if self.trains not in ('all', 'head') or self.schedule not in ('constant', 'onecycle'):
            raise TrainingError(
                f'a phase trains all or head, constant or onecycle, not '
                f'{self.trains}, {self.schedule}'
            )
        if self.epochs < 1:
            raise TrainingError(f'a phase of {self.epochs} epochs')


@dataclass(frozen=True)
class Recipe:
    """A training configuration; saved beside the weights it made.

    :param network: ``'facenet'``, ``'mobilenet'`` (a teacher alone) or a torchvision ResNet.
    :param classes: ``'six'``, or ``'own'`` for the data set's labels.
    :param look: what the network sees.
    :param phases: in order.
    :param optimizer: ``'adam'``, ``'adamw'`` or ``'sgd'`` (Nesterov, momentum 0.9).
    :param batch: pictures a step.
    :param weight_decay: not applied to biases and normalisation.
    :param augment: ``'batch'`` (:class:`BatchAugment`), ``'photo'`` (:class:`PhotoAugment`)
        or ``'none'``.
    :param strength: of the batch augmentation.
    :param gentle: share of the pictures that it distorts half as much: strong distortion makes
        a network robust and blind to what is only hinted at. For pictures held in memory.
    :param mixup: share of batches whose pictures are blended in pairs (H. Zhang et al., ICLR
        2018, with Beta(0.4, 0.4)).
    :param head_weights: of each label set in the loss; its length is the number of heads.
    :param smoothing: label smoothing of each head.
    :param class_weights: ``'none'`` or ``'inverse'`` (weighted cross-entropy: n / (k n_class)).
    :param oversample: class -> how often each of its pictures stands in an epoch.
    :param balance: draws a class with n pictures in proportion to n ** (1 - balance); 0 keeps
        the data set's own shares, 1 makes all classes equal.
    :param ema: decay of the moving average of the weights that is validated and kept; 0: none.
    :param dropout: before the head (``facenet`` and ``mobilenet``).
    :param widths: of the stages (``facenet`` only).
    :param depths: of the stages (``facenet`` only).
    :param stem: channels at full resolution (``facenet`` only).
    :param excited: stages that weigh their channels, from the last on (``facenet`` only).
    :param standardise: each picture first (``facenet`` only).
    :param enlarge: the picture before the first layer (``facenet`` only).
    :param side: pixels that pictures are enlarged to first (``mobilenet`` only).
    :param adjust: add the log shares of the classes to the logits instead of learning them
        (``facenet`` and ``mobilenet``).
    :param detectors: whose framing of the faces is trained for, beside the pictures' own.
    :param taught: share of the loss that is the distance from the teachers' answers to the same
        distorted pictures (L. Beyer et al., "Knowledge distillation: a good teacher is patient
        and consistent", CVPR 2022); of use with ``--teacher`` alone.
    :param clip: largest norm of the gradient; 0 for no limit.
    :param warm: share of a phase of schedule onecycle that warms up.
    :param patience: epochs without improvement after which training stops; 0: never.
    :param monitor: ``'accuracy'``, ``'macro_f1'``, ``'loss'`` or ``'mean'`` (of accuracy and
        macro-F1), on the validation split; or ``'last'``: the end of the schedule counts.
    :param head_rate: what the learning rate of the last layer is multiplied by.
    :param weights: initial weights, as :func:`torchvision_network` takes them; for
        ``mobilenet`` the ``.json`` file of a TensorFlow.js graph model.
    :param output: file name of the best weights.
    :param seed: of every random choice.
    """

    network: str
    look: Look
    phases: tuple[Phase, ...]
    classes: str = 'six'
    optimizer: str = 'adam'
    batch: int = 32
    weight_decay: float = 0.0
    augment: str = 'photo'
    strength: float = 1.0
    gentle: float = 0.0
    mixup: float = 0.0
    head_weights: tuple[float, ...] = (1.0,)
    smoothing: tuple[float, ...] = (0.0,)
    class_weights: str = 'none'
    oversample: tuple[tuple[str, int], ...] = ()
    balance: float = 0.0
    ema: float = 0.0
    dropout: float = 0.0
    widths: tuple[int, ...] = (64, 128, 256)
    depths: tuple[int, ...] = (1, 2, 1)
    stem: int = 32
    excited: int = 8
    standardise: bool = False
    enlarge: int = 1
    side: int = 160
    adjust: bool = False
    detectors: tuple[str, ...] = ()
    taught: float = 0.0
    clip: float = 0.0
    warm: float = 0.1
    patience: int = 0
    monitor: str = 'macro_f1'
    head_rate: float = 1.0
    weights: str = 'none'
    output: str = 'best.pth'
    seed: int = 1

    def __post_init__(self) -> None:
        choices = {
            'classes': ('six', 'own'),
            'optimizer': ('adam', 'adamw', 'sgd'),
            'augment': ('batch', 'photo', 'none'),
            'class_weights': ('none', 'inverse'),
            'monitor': ('accuracy', 'macro_f1', 'loss', 'mean', 'last'),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise TrainingError(f'{name} is {getattr(self, name)!r}; allowed: {allowed}')
        if not self.phases:
            raise TrainingError('a recipe needs at least one phase')
        if len(self.smoothing) != len(self.head_weights):
            raise TrainingError('smoothing and head_weights need one value for each head')

    @property
    def epochs(self) -> int:
        """Return the length of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for YAML and checkpoints."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """Read what :meth:`as_dict` made.

        :raises TrainingError: naming a key that no recipe has or a value that is missing.
        """
        known = {item.name for item in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise TrainingError(f'a recipe has no {unknown}; it has {sorted(known)}')
        try:
            parts = {key: _frozen(value) for key, value in values.items()}
            parts['look'] = Look(**{key: _frozen(value) for key, value in values['look'].items()})
            parts['phases'] = tuple(Phase(**phase) for phase in values['phases'])
            return cls(**parts)
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f'not a recipe: {error}') from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


_PHOTO = Look(224, 'rgb', IMAGENET_MEAN, IMAGENET_STD)

# What the embedded network and its teachers have in common.
_EMBEDDED = Recipe(
    network='facenet',
    look=Look(48, 'grey', (0.5,), (0.25,)),
    phases=(Phase(1, 0.1),),
    optimizer='sgd',
    weight_decay=5e-4,
    augment='batch',
    mixup=0.4,
    head_weights=(1.0, 0.7),
    smoothing=(0.0, 0.1),
    balance=0.5,
    ema=0.999,
    standardise=True,
    adjust=True,
    detectors=('blazeface', 'yunet'),
    clip=5.0,
    warm=0.05,
    monitor='last',
)

RECIPES: dict[str, Recipe] = {
    # The small default: FER+ votes and FER2013 labels over shared features, taught by the two
    # below (--teacher). Meant for a GPU: minutes there, days on a CPU.
    'embedded': dataclasses.replace(
        _EMBEDDED,
        phases=(Phase(115, 0.25, 'all', 'onecycle', rest=0.5),),
        batch=512,
        head_weights=(1.0, 0.8),
        widths=(64, 192, 384),
        depths=(2, 3, 3),
        stem=32,
        excited=1,
        dropout=0.1,
        strength=0.85,
        gentle=0.5,
        taught=0.75,
        seed=404,
    ),
    'teacher-wide': dataclasses.replace(
        _EMBEDDED,
        phases=(Phase(73, 0.15, 'all', 'onecycle', rest=0.5),),
        batch=256,
        widths=(128, 256, 512),
        depths=(2, 3, 3),
        stem=64,
        dropout=0.2,
        strength=0.85,
        gentle=0.33,
        seed=101,
    ),
    # Starts from what tells people apart: --weights FILE.json, see MobileNet.
    'teacher-known': dataclasses.replace(
        _EMBEDDED,
        network='mobilenet',
        side=208,
        phases=(Phase(23, 0.03, 'all', 'onecycle', rest=0.5),),
        batch=256,
        weight_decay=3e-4,
        head_weights=(1.0, 1.0),
        head_rate=3.0,
        dropout=0.3,
        strength=0.7,
        gentle=0.5,
        warm=0.08,
        seed=202,
    ),
    # The course report on RAF-DB: six classes, two phases, weighted loss, oversampling.
    'rafdb-resnet50': Recipe(
        network='resnet50',
        look=_PHOTO,
        weights='imagenet',
        phases=(Phase(10, 1e-3, 'head'), Phase(35, 1e-4, 'all')),
        optimizer='adam',
        batch=32,
        class_weights='inverse',
        oversample=(('Fear', 5), ('Angry', 3), ('Sad', 2)),
        output='rafdb_resnet50_6classes_weighted.pth',
    ),
    # The course report on AffectNet: eight classes, stops after three epochs without progress.
    'affectnet-resnet18': Recipe(
        network='resnet18',
        look=_PHOTO,
        weights='imagenet',
        classes='own',
        phases=(Phase(30, 1e-4, 'all'),),
        optimizer='adam',
        batch=32,
        patience=3,
        monitor='accuracy',
        output='affectnet_resnet18_8classes.pth',
    ),
}


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name, or from a YAML file.

    :raises TrainingError: if there is neither.
    """
    if name in RECIPES:
        return RECIPES[name]
    path = Path(name)
    if not path.is_file():
        raise TrainingError(
            f'no recipe {name!r}; there are {sorted(RECIPES)}, or give a YAML '
            'file like the recipe.yaml that every run saves'
        )
    values = yaml.safe_load(path.read_text(encoding='utf-8'))
    if not isinstance(values, dict):
        raise TrainingError(f'{path} is not a recipe')
    return Recipe.from_dict(values)
