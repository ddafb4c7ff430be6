# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The course of an analysis: what is done when, what is tried again, what is done already."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.executor import Executor
from emotion_apps.analyze.progress import Progress
from emotion_apps.analyze.recordings import Recording
from emotion_apps.analyze.tasks import Answer, Kind, Plan, Task

# A task over which so many workers died is the reason of it.
_ATTEMPTS = 3
# Seconds between two looks at the clock while nothing comes.
_WAIT = 1.0

# What comes first: all must be known before the longest can be; joining frees memory and disk.
_ORDER = (Kind.INSPECT, Kind.JOIN, Kind.LISTEN, Kind.LOOK, Kind.WHOLE)


@dataclass
class Outcome:
    """What became of the recordings, by their ids.

    :param summaries: of those that were analysed, now or before.
    :param earlier: ids of those that had been analysed before.
    :param failures: why others could not be.
    """

    summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    earlier: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)


class Run:
    """Gives the tasks of some recordings to an executor, the longest recordings first.

    :param recordings: to analyse.
    :param progress: is told what happens.
    """

    def __init__(
        self, recordings: Sequence[Recording], executor: Executor, progress: Progress
    ) -> None:
        self._executor = executor
        self._progress = progress
        self._order = itertools.count()
        self._ready: list[tuple[int, float, int, Task]] = []
        self._waiting: dict[str, tuple[Plan, int]] = {}
        self._lengths: dict[str, float] = {}
        self._attempts: dict[tuple[str, Kind, int], int] = {}
        self._recordings = recordings
        self.outcome = Outcome()

    def go(self) -> Outcome:
        """Do everything.

        :raises AnalyzeError: if nothing more can be done: a model is missing, the disk is full.
        """
        for recording in self._recordings:
            self._add(Task(Kind.INSPECT, recording))
        under_way = 0
        while self._ready or under_way:
            while self._ready and self._executor.free:
                self._executor.start(heapq.heappop(self._ready)[-1])
                under_way += 1
            answers = self._executor.wait(_WAIT)
            under_way -= len(answers)
            for answer in answers:
                self._take(answer)
            self._progress.tick(self._executor.size)
        return self.outcome

    def _add(self, task: Task) -> None:
        kind = _ORDER.index(task.kind)
        # Whole recordings and pieces are one kind of work: the longest recordings first, so that
        # none is left to one worker in the end, and all of one together, so that few are begun.
        rank = min(kind, _ORDER.index(Kind.LISTEN))
        length = self._lengths.get(task.recording.id, 0.0)
        heapq.heappush(self._ready, (rank, -length, next(self._order), task))

    def _take(self, answer: Answer) -> None:
        task = answer.task
        if answer.fatal:
            raise AnalyzeError(answer.error)
        if task.recording.id in self.outcome.failures:
            return  # Another piece of it failed.
        if answer.lost:
            key = (task.recording.id, task.kind, task.number)
            self._attempts[key] = self._attempts.get(key, 0) + 1
            if self._attempts[key] < _ATTEMPTS:
                self._progress.say(f'{task.recording.name}: {answer.error}; trying again')
                self._add(task)
            else:
                self._fail(task, f'{answer.error}; {_ATTEMPTS} times')
        elif answer.error:
            self._fail(task, answer.error)
        elif task.kind is Kind.INSPECT:
            self._plan(task, answer.result)
        elif task.kind in (Kind.WHOLE, Kind.JOIN):
            self.outcome.summaries[task.recording.id] = answer.result
            self._progress.done(task.seconds if task.kind is Kind.WHOLE else 0.0, finished=True)
        else:
            self._progress.done(task.seconds)
            self._piece_done(task)

    def _plan(self, task: Task, plan: Plan) -> None:
        recording = task.recording
        if plan.done is not None:
            self.outcome.summaries[recording.id] = plan.done
            self.outcome.earlier.add(recording.id)
            self._progress.found(0.0)
            self._progress.done(0.0, finished=True)
            return
        self._progress.found(plan.seconds)
        self._lengths[recording.id] = plan.seconds
        if not plan.pieces:
            self._add(Task(Kind.WHOLE, recording, plan.seconds, content=plan.content))
            return
        self._waiting[recording.id] = (plan, len(plan.pieces) + plan.listen)
        if plan.listen:
            # No progress by itself: the film's seconds are those of its pieces.
            self._add(Task(Kind.LISTEN, recording, content=plan.content))
        for number, piece in enumerate(plan.pieces):
            seconds = max(0.0, min(piece.end, plan.seconds) - max(piece.begin, 0.0))
            self._add(Task(Kind.LOOK, recording, seconds, number, piece, plan.content))

    def _piece_done(self, task: Task) -> None:
        plan, left = self._waiting[task.recording.id]
        self._waiting[task.recording.id] = (plan, left - 1)
        if left == 1:
            del self._waiting[task.recording.id]
            count = len(plan.pieces)
            self._add(Task(Kind.JOIN, task.recording, number=count, content=plan.content))

    def _fail(self, task: Task, reason: str) -> None:
        # Whoever lists failures names the recording himself.
        reason = reason.removeprefix(f'{task.recording.name} ')
        self.outcome.failures[task.recording.id] = reason
        self._progress.failed(task.recording.name, reason)
