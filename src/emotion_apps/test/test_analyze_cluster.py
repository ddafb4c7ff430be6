# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recordings on a Ray cluster of several nodes, one of which is lost on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('ray', reason='needs Ray: ./emotion setup --analyze')
pytest.importorskip('pyarrow', reason='needs pyarrow: ./emotion setup --analyze')

import ray

from emotion_apps.analyze.cluster import Cluster
from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.options import Options
from emotion_apps.analyze.perception import fingerprint
from emotion_apps.analyze.tasks import Job, Kind, Task
from support.analysis import analyse, damaged_transcriber, talking_film
from support.sounds import real_voice


def test_no_cluster_is_said_with_what_to_do(tmp_path: Path, monkeypatch) -> None:
    """The first test here: as long as there is a cluster on this machine, ``auto`` finds it."""
    # Nor one that somebody's killed program left a note of.
    monkeypatch.setenv('RAY_TMPDIR', str(tmp_path))
    options = Options(voice=False)
    with pytest.raises(AnalyzeError, match='no Ray cluster at auto'):
        Cluster(Job(options, 'out', fingerprint(options)), 'auto')


@pytest.fixture(scope='module')
def nodes() -> Iterator[Any]:
    """Give a cluster of three machines of one core: a head without work, and two that work."""
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAY_USAGE_STATS_ENABLED', '0')
        given = {'num_cpus': 0, 'include_dashboard': False}
        nodes = Nodes(initialize_head=True, head_node_args=given)
        nodes.add_node(num_cpus=1)
        nodes.add_node(num_cpus=1)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.mark.timeout(400)
def test_a_transcriber_that_cannot_be_loaded_ends_the_analysis(nodes, tmp_path: Path) -> None:
    pytest.importorskip('faster_whisper', reason='needs ./emotion setup --transcript')
    options = damaged_transcriber(tmp_path / 'model')
    with pytest.raises(AnalyzeError, match=r'transcription model .* cannot be loaded'):
        analyse([real_voice()], tmp_path / 'out', options, lambda job: Cluster(job, nodes.address))


@pytest.mark.timeout(400)
def test_a_killed_worker_and_a_lost_machine_lose_nothing_and_do_nothing_twice(
    nodes, tmp_path: Path
) -> None:
    film = talking_film(tmp_path / 'walk.mp4', 5.0, (0.4, 3.2))
    options = Options(piece=1.0)
    here = analyse([film], tmp_path / 'here', options)
    answered: list[tuple[Kind, int]] = []
    lost: list[Task] = []

    class Watched(Cluster):
        """Kills the worker that begins the first piece, and the machine of the next one."""

        def start(self, task: Task) -> None:
            if task.kind is not Kind.LOOK or len(lost) >= 2 or task in lost:
                super().start(task)
                return
            node, process = ray.get(self._idle[-1].place.remote())
            super().start(task)
            lost.append(task)
            if len(lost) == 1:
                os.kill(process, signal.SIGKILL)
            else:
                gone = next(item for item in nodes.worker_nodes if item.node_id == node)
                nodes.remove_node(gone, allow_graceful=False)

        def wait(self, seconds: float):
            answers = super().wait(seconds)
            answered.extend((a.task.kind, a.task.number) for a in answers if not a.lost)
            return answers

    found = analyse([film], tmp_path / 'out', options, lambda job: Watched(job, nodes.address))
    assert len(lost) == 2
    assert not found.outcome.failures
    assert found.table('faces') == here.table('faces')
    assert found.table('utterances') == here.table('utterances')
    # What was lost was done once more by others, and nothing else was.
    assert sorted(answered, key=str) == sorted(
        ((task.kind, task.number) for task in here.tasks), key=str
    )
    assert not list((tmp_path / 'out').rglob('*.part*'))
