"""The enhancer keeps the voice in front: it learns so on made mixtures, and stays in bounds."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_training.ser import fit, frontend, nonspeech
from emotion_training.ser.draw import placed
from emotion_training.ser.enhancer import DEEPEST_DB, Enhancer
from emotion_training.ser.enhancer_fit import (
    EnhancerRecipe,
    distance,
    fit_enhancer,
    mixtures,
)
from emotion_training.ser.network import Shape, SpeechNetwork
from emotion_training.ser.spectra import Spectra
from emotion_training.ser.spectral import interfere

RECIPE = EnhancerRecipe(epochs=4, samples=160, batch=16, frames=48)


def sounds(count: int, seed: int) -> Spectra:
    """Return made sounds that pass for speech: one after the other, they are all different."""
    data = nonspeech.make_spectra(count, seed)
    data.corpora = np.array(['made'] * count)
    return data


def levels(count: int, seed: int) -> torch.Tensor:
    return placed(sounds(count, seed), np.arange(count), RECIPE.frames,
                  np.random.default_rng(seed))


def test_it_learns_to_bring_mixtures_nearer_to_the_clip_alone():
    data = sounds(60, 1)
    state = fit_enhancer(data, np.arange(60), RECIPE, seed=0)
    enhancer = Enhancer()
    enhancer.load_state_dict(state)
    mixed, clean = mixtures(levels(32, 2), RECIPE, torch.Generator().manual_seed(0))
    with torch.no_grad():
        after = float(distance(enhancer.eval()(mixed), clean))
    assert after < 0.9 * float(distance(mixed, clean))


def test_it_only_lowers_and_by_a_bounded_amount():
    torch.manual_seed(0)
    level = levels(4, 3)
    with torch.no_grad():
        change = Enhancer().eval()(level) - level
    assert change.shape == level.shape
    assert change.max() <= 0
    assert change.min() >= -DEEPEST_DB


def test_interference_has_the_ratio_that_was_asked_for():
    power = torch.pow(10.0, levels(6, 4) * 0.1)
    ratio = torch.full((6,), 10.0)
    for babble in (0.0, 1.0):
        mixed = interfere(power, power, ratio, babble, torch.Generator().manual_seed(1))
        loud = power.mean(dim=1).sort(dim=1).values[:, RECIPE.frames // 2:].mean(dim=1)
        added = (mixed - power).mean(dim=(1, 2))
        assert torch.allclose(10 * torch.log10(loud / added), ratio, atol=0.05)


def test_the_speech_network_leaves_its_enhancer_as_it_was_trained():
    data = sounds(24, 5)
    data.labels[:] = np.arange(24) % 6
    state = fit_enhancer(data, np.arange(24), RECIPE, seed=0)
    recipe = fit.Recipe(epochs=1, batch=8, samples=24, frames=48)
    trained = fit.restore(fit.fit(data, np.arange(24), recipe, 0, enhancer=state))
    for name, value in trained.enhancer.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_cleaned_spectra_are_relative_to_their_own_maximum():
    network = SpeechNetwork(Shape(), fit.OUTPUTS).eval()
    with torch.no_grad():
        cleaned = network.clean(levels(3, 6))
    assert torch.equal(cleaned.amax(dim=(1, 2)), torch.zeros(3))
    assert cleaned.min() >= frontend.FLOOR_DB
