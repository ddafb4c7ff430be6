"""Train a :class:`SpeechNetwork` on cached spectra with a fixed schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from emotion_training.ser import nonspeech, spectral
from emotion_training.ser.corpora import CLASSES
from emotion_training.ser.draw import draw, placed, steps
from emotion_training.ser.network import Shape, SpeechNetwork, rebuild, views
from emotion_training.ser.spectra import Spectra

OUTPUTS = len(CLASSES) + 1
"""The classes of the corpora, and no speech."""

SHAPE = Shape()

RARE = 0.03
"""Share that a class a corpus lacks is given in its prior: absence teaches next to nothing."""


@dataclass(frozen=True)
class Recipe:
    """One training schedule; nothing in it is chosen on test speakers."""

    epochs: int = 14
    samples: int = 8000          # clips drawn per epoch
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.02
    frames: int = 96             # 3.07 s
    smoothing: float = 0.1
    mixup: float = 0.3           # share of batches mixed
    strength: float = 1.0
    noise: float | None = None   # share of clips with noise; None: follows the strength
    average: float = 0.995       # decay of the running average of the weights


def priors(data: Spectra, chosen: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Return each corpus' class shares among the chosen clips, float32 (classes,)."""
    result = {}
    for corpus in np.unique(data.corpora[chosen]):
        labels = data.labels[chosen][data.corpora[chosen] == corpus]
        if corpus == nonspeech.CORPUS:
            share = np.ones(classes)
        else:
            share = np.maximum(np.bincount(labels, minlength=classes) / len(labels), RARE)
            share[nonspeech.LABEL:] = 1.0 / len(CLASSES)
        result[str(corpus)] = share.astype(np.float32)
    return result


def fit(data: Spectra, chosen: np.ndarray, recipe: Recipe, seed: int,
        start: dict | None = None, enhancer: dict | None = None, shape: Shape = SHAPE,
        classes: int = OUTPUTS, weights: dict[str, float] | None = None,
        watch: Callable[[int, float, SpeechNetwork], None] | None = None) -> dict:
    """Train on the chosen clips and return the averaged network as a checkpoint.

    The loss is cross-entropy on logits shifted by the log share of each class in the clip's
    corpus (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021): a class a corpus
    lacks, or has more of, then says nothing about the corpus, and the unshifted logits are those
    of balanced classes.

    :param start: a checkpoint to begin from; its weights are copied.
    :param enhancer: state of the trained enhancer that a network without ``start`` sees through.
    :param watch: called after each epoch with epoch, mean loss and the averaged network.
    :return: ``{'network': description, 'state': state_dict}``.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    network = rebuild(start['network']) if start else SpeechNetwork(shape, classes)
    if start:
        network.load_state_dict(start['state'])
    elif enhancer:
        network.enhancer.load_state_dict(enhancer)
    network = network.to(memory_format=torch.channels_last).train()
    average = {name: value.detach().clone().float()
               for name, value in network.state_dict().items()}
    shifts = {name: torch.from_numpy(np.log(value))
              for name, value in priors(data, chosen, classes).items()}
    trained = [value for value in network.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(trained, recipe.rate, weight_decay=recipe.decay)
    per_epoch = steps(recipe.samples, chosen, recipe.batch)
    total, step = per_epoch * recipe.epochs, 0
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=total + 1, pct_start=0.15)
    for epoch in range(recipe.epochs):
        order = draw(data, chosen, (per_epoch + 1) * recipe.batch, rng, weights)
        losses = []
        for number in range(per_epoch):
            index = order[number * recipe.batch:(number + 1) * recipe.batch]
            level = placed(data, index, recipe.frames, rng)
            labels = torch.from_numpy(data.labels[index])
            shift = torch.stack([shifts[str(data.corpora[i])] for i in index])
            level = spectral.augment(level, generator, recipe.strength, recipe.noise)
            with torch.no_grad():
                with torch.autocast('cpu', torch.bfloat16):
                    cleaned = network.clean(level)
                image, weight = views(level, cleaned)
                image = spectral.mask(image, generator)
            target = functional.one_hot(labels, classes).float()
            if rng.random() < recipe.mixup:
                part = float(rng.beta(0.4, 0.4))
                other = torch.randperm(len(index), generator=generator)
                image = part * image + (1 - part) * image[other]
                weight = torch.maximum(weight, weight[other])
                target = part * target + (1 - part) * target[other]
                shift = part * shift + (1 - part) * shift[other]
            image = image.contiguous(memory_format=torch.channels_last)
            with torch.autocast('cpu', torch.bfloat16):
                embedding = network.embed_input(image, weight)
            logits = network.head(network.dropout(embedding.float()))
            loss = functional.cross_entropy(logits + shift, target,
                                            label_smoothing=recipe.smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 2.0)
            optimiser.step()
            schedule.step()
            step += 1
            decay = min(recipe.average, step / (step + 10.0))
            with torch.no_grad():
                for name, value in network.state_dict().items():
                    if value.dtype.is_floating_point:
                        average[name].lerp_(value.float(), 1.0 - decay)
                    else:
                        average[name] = value.clone()
            losses.append(float(loss.detach()))
        if watch is not None:
            watched = rebuild(network.describe())
            watched.load_state_dict(average)
            watch(epoch, float(np.mean(losses)), watched.eval())
    return {'network': network.describe(), 'state': average}


def restore(checkpoint: dict) -> SpeechNetwork:
    """Return the network of a checkpoint, ready to predict."""
    network = rebuild(checkpoint['network'])
    network.load_state_dict(checkpoint['state'])
    return network.eval()


def logits(network: SpeechNetwork, data: Spectra, chosen: np.ndarray, batch: int = 32
           ) -> np.ndarray:
    """Return the logits (n, classes) of clips at their own length (at least one second)."""
    levels = [data.level(i) for i in chosen]
    order = np.argsort([x.shape[1] for x in levels])
    result = np.zeros((len(chosen), network.head.out_features), np.float32)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        for begin in range(0, len(order), batch):
            part = order[begin:begin + batch]
            frames = max(32, max(levels[i].shape[1] for i in part))
            level = torch.from_numpy(np.stack([spectral.place(levels[i], frames) for i in part]))
            given = network(level)
            result[part] = (given[0] if isinstance(given, tuple) else given).float().numpy()
    return result
