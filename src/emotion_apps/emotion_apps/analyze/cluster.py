# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Workers of a Ray cluster: one warm actor a core, on however many machines there are.

Source: P. Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018.
"""

from __future__ import annotations

import os
import time
from typing import Any

from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.executor import FAREWELL, Executor
from emotion_apps.analyze.tasks import Answer, Job, Task

# Machines come and go: how many cores there are is asked so often, seconds.
_LOOK = 2.0


class Cluster(Executor):
    """Actors that each hold the models; one that dies, or whose machine does, is replaced.

    :param job: what holds for all recordings.
    :param address: of the cluster, as :func:`ray.init` takes it; ``local`` starts one here.
    :param workers: at most so many; 0 for one a core, as machines come and go.
    :raises AnalyzeError: if Ray is not installed, or there is no cluster.
    """

    def __init__(self, job: Job, address: str, workers: int = 0) -> None:
        try:
            import ray
        except ImportError as error:
            raise AnalyzeError(
                'a cluster needs Ray: run `./emotion setup --analyze`, or leave --address away'
            ) from error
        self._ray: Any = ray
        self._workers, self._local = workers, address == 'local'
        # Nobody outside is told that Ray is in use.
        os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
        self._joined = not ray.is_initialized()
        try:
            if self._joined and self._local:
                # The results say what happened: no dashboard, no lines of each worker.
                ray.init(include_dashboard=False, log_to_driver=False, num_cpus=workers or None)
            elif self._joined:
                ray.init(address=address, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise AnalyzeError(f'no Ray cluster at {address}: {error}') from error
        self._job = ray.put(job)
        self._kind: Any = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._looked = -_LOOK
        self._fit()

    @property
    def free(self) -> int:
        """Return how many tasks would begin at once."""
        return len(self._idle)

    @property
    def size(self) -> int:
        """Return how many workers there are."""
        return len(self._idle) + len(self._busy)

    def start(self, task: Task) -> None:
        """Give a task to a free worker."""
        actor = self._idle.pop()
        self._busy[actor.perform.remote(task)] = (actor, task)

    def wait(self, seconds: float) -> list[Answer]:
        """Return what was answered."""
        self._fit()
        waiting = [*self._starting, *self._busy]
        if not waiting:
            time.sleep(min(seconds, _LOOK))
            return []
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=seconds)
        answers = []
        for reference in ready:
            if reference in self._starting:
                actor = self._starting.pop(reference)
                try:
                    self._ray.get(reference)
                    self._idle.append(actor)
                except self._ray.exceptions.RayError:
                    pass  # It died at once; another one is made while there are cores.
                continue
            actor, task = self._busy.pop(reference)
            try:
                answers.append(self._ray.get(reference))
                self._idle.append(actor)
            except self._ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()[0]
                answers.append(
                    Answer(task, error=f'a worker of the cluster died: {reason}', lost=True)
                )
                self._looked = -_LOOK
        return answers

    def close(self) -> None:
        """End all workers, whatever they do; leave the cluster, or end the one that was begun."""
        # Those without a task take with them what they had fetched.
        leaving = [actor.close.remote() for actor in self._idle]
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=FAREWELL)
        busy = [actor for actor, _ in self._busy.values()]
        for actor in [*self._starting.values(), *busy, *self._idle]:
            self._ray.kill(actor)
        if self._joined:
            self._ray.shutdown()

    def _fit(self) -> None:
        """Have as many workers as there are cores."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        cores = int(self._ray.cluster_resources().get('CPU', 0))
        wanted = min(cores, self._workers) if self._workers else cores
        # An idle one that died tells when it is given work.
        for _ in range(wanted - self.size - len(self._starting)):
            actor = self._kind.remote(self._job)
            self._starting[actor.ready.remote()] = actor
        # One that has not begun may be slow, on a busy machine for minutes; it is given up only
        # where its core is gone.
        while self._starting and self.size + len(self._starting) > wanted:
            _, actor = self._starting.popitem()
            self._ray.kill(actor)


class _Actor:
    """A worker in a process of the cluster."""

    def __init__(self, job: Job) -> None:
        from emotion_apps.analyze.worker import Worker

        self._worker = Worker(job)

    def ready(self) -> bool:
        """Tell that it has begun."""
        return True

    def place(self) -> tuple[str, int]:
        """Return the cluster's id of this worker's machine, and its process there."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    def perform(self, task: Task) -> Answer:
        """Do a task."""
        return self._worker.perform(task)

    def close(self) -> None:
        """Clear up."""
        self._worker.close()
