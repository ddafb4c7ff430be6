# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What does the tasks: workers of this machine, or of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod

from emotion_apps.analyze.tasks import Answer, Task

FAREWELL = 5.0
"""So many seconds may workers without a task take to end."""


class Executor(ABC):
    """Workers that each do one task at a time."""

    @property
    @abstractmethod
    def free(self) -> int:
        """Return how many tasks would begin at once."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Return how many workers there are."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Give a task to a free worker."""

    @abstractmethod
    def wait(self, seconds: float) -> list[Answer]:
        """Return what was answered, as soon as there is anything; nothing after so long.

        A worker that died has lost its task; another one takes its place.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers, whatever they do."""
