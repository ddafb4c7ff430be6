# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""One model for all who want it, and one batch for all who want it now."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from emotion_perception.models import ModelSettings
from emotion_perception.models.backend import Outputs
from emotion_perception.models.shared import Joined, share_model


class Slow:
    """Gives each row back as its scores; the first call waits until it is let go."""

    device = 'cpu'

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.entered = threading.Event()
        self.go = threading.Event()

    def run(self, batch: np.ndarray) -> Outputs:
        self.sizes.append(len(batch))
        self.entered.set()
        assert self.go.wait(60)
        if np.isnan(batch).any():
            raise ValueError('a batch cannot be read')
        return Outputs(batch * 2, valence=batch[:, 0])


def waiting(joined: Joined, count: int) -> None:
    """Wait until that many requests have gathered."""
    while len(joined._waiting) < count:
        threading.Event().wait(0.005)


def test_what_gathers_while_the_model_is_busy_is_the_next_batch() -> None:
    backend = Slow()
    joined = Joined(backend)
    batches = [np.full((size, 3), size, np.float32) for size in (1, 2, 3)]
    answers: dict[int, Outputs] = {}

    def ask(index: int) -> None:
        answers[index] = joined.run(batches[index])

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(3)]
    threads[0].start()
    assert backend.entered.wait(60)
    for count, thread in enumerate(threads[1:], 1):
        thread.start()
        waiting(joined, count)
    backend.go.set()
    for thread in threads:
        thread.join(60)
    assert backend.sizes == [1, 5]
    for index, batch in enumerate(batches):
        np.testing.assert_array_equal(answers[index].scores, 2 * batch)
        np.testing.assert_array_equal(answers[index].valence, batch[:, 0])
        assert answers[index].embedding is None


def test_a_failure_reaches_whoever_asked_and_the_next_one_is_served() -> None:
    backend = Slow()
    backend.go.set()
    joined = Joined(backend)
    with pytest.raises(ValueError, match='cannot be read'):
        joined.run(np.full((1, 3), np.nan, np.float32))
    assert joined.run(np.ones((2, 3), np.float32)).scores.shape == (2, 3)


def test_a_model_is_loaded_once_and_freed_with_its_last_user() -> None:
    settings = ModelSettings(threads=1)
    first = share_model('', 'fer', settings)
    assert share_model('', 'fer', settings) is first
    assert share_model('', 'fer', ModelSettings(threads=2)) is not first
    before = id(first.backend)
    kept = first.backend
    del first
    gc.collect()
    assert id(share_model('', 'fer', settings).backend) != before
    assert kept is not None
