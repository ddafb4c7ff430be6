# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

from emotion_apps.analyze.executor import FAREWELL, Executor
from emotion_apps.analyze.tasks import Answer, Job, Task


class Pool(Executor):
    """One process for each of some workers.

    Each has a pipe of its own, so that it is known whose task died with it.

    :param job: what holds for all recordings.
    :param workers: how many.
    """

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._workers = [_Process(job) for _ in range(workers)]

    @property
    def free(self) -> int:
        """Return how many tasks would begin at once."""
        return sum(worker.task is None for worker in self._workers)

    @property
    def size(self) -> int:
        """Return how many workers there are."""
        return len(self._workers)

    @property
    def pids(self) -> list[int]:
        """Return the processes."""
        return [worker.process.pid for worker in self._workers]

    def start(self, task: Task) -> None:
        """Give a task to a free worker."""
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task = task
        try:
            worker.connection.send(task)
        except OSError:
            pass  # It died just now; the next wait tells.

    def wait(self, seconds: float) -> list[Answer]:
        """Return what was answered."""
        ready = set(wait([worker.connection for worker in self._workers], seconds))
        answers = []
        for place, worker in enumerate(self._workers):
            if worker.connection not in ready:
                continue
            try:
                answer: Answer = worker.connection.recv()
            except (EOFError, OSError):
                worker.process.join()
                if worker.task is not None:
                    reason = _reason(worker.process.exitcode)
                    answers.append(Answer(worker.task, error=reason, lost=True))
                worker.connection.close()
                self._workers[place] = _Process(self._job)
                continue
            worker.task = None
            answers.append(answer)
        return answers

    def close(self) -> None:
        """End all workers, whatever they do."""
        for worker in self._workers:
            # One that is free leaves by itself, and takes with it what it had fetched.
            worker.connection.close()
            if worker.task is not None:
                worker.process.kill()
        until = time.monotonic() + FAREWELL
        for worker in self._workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            worker.process.kill()
            worker.process.join()


class _Process:
    """A worker process, the near end of its pipe, and what it does."""

    def __init__(self, job: Job) -> None:
        # A fork would take threads and locks of the libraries along.
        context = multiprocessing.get_context('spawn')
        self.connection, far = context.Pipe()
        self.process: Any = context.Process(target=_serve, args=(far, job), daemon=True)
        self.process.start()
        far.close()
        self.task: Task | None = None


def _serve(connection: Connection, job: Job) -> None:
    # Ctrl-C reaches all processes of a terminal: the first one says what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A lock among processes, as tqdm makes it in libraries, is left behind by a worker that is
    # killed, and Python complains of it to the user.
    tqdm.set_lock(threading.RLock())
    from emotion_apps.analyze.worker import Worker

    worker = Worker(job)
    try:
        while True:
            connection.send(worker.perform(connection.recv()))
    except (EOFError, OSError):
        pass  # The one who gave the work is gone.
    worker.close()
    # Not by way of the interpreter's end, which some model libraries do not survive.
    os._exit(0)


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ': out of memory?' if name == 'SIGKILL' else ': a decoder that crashed?'
        return f'the worker was ended by {name}{hint}'
    return f'the worker ended by itself ({code})'
