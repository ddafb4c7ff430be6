# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Threads that are used again: one at a time, whatever a job does, and nothing is held."""

from __future__ import annotations

import threading
import weakref

from emotion_perception.threads import Job


def test_one_job_after_another_takes_one_thread() -> None:
    seen: list[tuple[threading.Thread, str]] = []

    def note() -> None:
        thread = threading.current_thread()
        seen.append((thread, thread.name))

    for name in ('first', 'second', 'third'):
        Job(note, name).join()
    assert len({thread for thread, _ in seen}) == 1
    assert [name for _, name in seen] == ['first', 'second', 'third']


def test_jobs_at_the_same_time_have_threads_of_their_own() -> None:
    together = threading.Barrier(3)

    def meet() -> None:
        together.wait(30)

    jobs = [Job(meet, 'one of three') for _ in range(3)]
    for job in jobs:
        job.join()
    assert not together.broken


def test_what_a_job_raises_is_told_and_its_thread_goes_on(monkeypatch) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, 'excepthook', told.append)
    Job(lambda: [][0], 'bad').join()
    assert told[0].exc_type is IndexError
    assert told[0].thread is not None
    ran = threading.Event()
    Job(ran.set, 'good').join()
    assert ran.is_set()


def test_a_job_does_not_wait_for_itself() -> None:
    given: list[Job] = []
    ready, done = threading.Event(), threading.Event()

    def end() -> None:
        assert ready.wait(30)
        given[0].join()
        done.set()

    given.append(Job(end, 'itself'))
    ready.set()
    assert done.wait(30)


def test_a_thread_that_waits_holds_nothing_of_what_it_did() -> None:
    class Model:
        def run(self) -> None:
            """Do nothing."""

    model = Model()
    gone = threading.Event()
    weakref.finalize(model, gone.set)
    Job(model.run, 'with a model').join()
    del model
    assert gone.wait(30)
