# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.emotions import EMOTIONS, LabelMap
from emotion_perception.models.balance import BALANCED, Mixture, class_shares, rebalance

RARE_FEAR = np.array([0.09, 0.03, 0.28, 0.34, 0.14, 0.12], np.float32)


def answers(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(6, 0.5), count).astype(np.float32)


def test_an_answer_that_only_knows_the_shares_becomes_uniform_when_balanced():
    np.testing.assert_allclose(
        rebalance(RARE_FEAR, RARE_FEAR, BALANCED), np.full(6, 1 / 6), rtol=1e-5
    )


@pytest.mark.parametrize('balance', [0.0, 0.3, 1.0])
def test_bayes_rule_gives_the_same_answer_whatever_the_mixture_of_training(balance):
    likelihood = answers(50)
    wanted = likelihood * Mixture(RARE_FEAR, balance).prior
    learnt = likelihood * RARE_FEAR
    np.testing.assert_allclose(
        rebalance(learnt / learnt.sum(axis=1, keepdims=True), RARE_FEAR, balance),
        wanted / wanted.sum(axis=1, keepdims=True),
        atol=1e-6,
    )


def test_there_and_back_is_the_same_answer():
    given = answers(50)
    there = rebalance(given, RARE_FEAR, 0.7, 0.2)
    np.testing.assert_allclose(rebalance(there, RARE_FEAR, 0.2, 0.7), given, atol=1e-6)
    np.testing.assert_allclose(there.sum(axis=1), 1, rtol=1e-5)


def test_the_rarer_class_gains_with_the_balance():
    given = np.array([0.1, 0.2, 0.0, 0.4, 0.1, 0.2], np.float32)
    fear = [rebalance(given, RARE_FEAR, balance)[1] for balance in (0.0, 0.25, 0.5, 1.0)]
    assert fear == sorted(fear) and fear[-1] > 0.5


def test_an_answer_of_unknown_shares_stays_as_it_is():
    given = answers(3)
    assert rebalance(given, None, BALANCED) is given
    assert Mixture().rebalance(given, BALANCED) is given
    assert Mixture().prior is None


def test_a_class_that_the_model_cannot_name_stays_impossible():
    shares = class_shares(LabelMap(('happy', 'sad')), (('happy', 3), ('sad', 1)))
    np.testing.assert_allclose(shares, [0, 0, 0.75, 0, 0.25, 0])
    balanced = rebalance(np.array([0, 0, 0.75, 0, 0.25, 0]), shares, BALANCED)
    np.testing.assert_allclose(balanced, [0, 0, 0.5, 0, 0.5, 0])
    np.testing.assert_allclose(Mixture(shares, BALANCED).prior, [0, 0, 0.5, 0, 0.5, 0])


def test_labels_of_one_class_are_added_and_dropped_ones_do_not_count():
    labels = LabelMap(('calm', 'neutral', 'happy', 'disgust'))
    shares = class_shares(labels, (('calm', 2), ('neutral', 1), ('happy', 1), ('disgust', 90)))
    np.testing.assert_allclose(
        shares[[EMOTIONS.index('Neutral'), EMOTIONS.index('Happy')]], [0.75, 0.25]
    )
    assert class_shares(labels, ()) is None


@pytest.mark.parametrize(
    ('shares', 'words'),
    [
        ((('happy', 1),), 'nothing of Sad'),
        ((('happy', 1), ('sad', 1), ('glee', 1)), 'glee'),
    ],
)
def test_shares_that_do_not_fit_the_labels_are_refused(shares, words):
    with pytest.raises(ValueError, match=words):
        class_shares(LabelMap(('happy', 'sad')), shares)
